#ifndef TCML_HARNESS_MAIN_H
#define TCML_HARNESS_MAIN_H

/* The whole firmware: sets everything up and serves the host for ever. The startup code calls it
 * once per start of the machine; all state is set up anew each time. */
#if defined(__GNUC__)
__attribute__((noreturn))
#endif
void tcml_harness_main(void);

#endif
