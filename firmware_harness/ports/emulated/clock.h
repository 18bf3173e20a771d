#ifndef TCML_EMULATED_CLOCK_H
#define TCML_EMULATED_CLOCK_H

#include <stdint.h>

void tcml_clock_init(void);

/* The port's own time in timer ticks, for time limits; wraps. */
uint32_t tcml_clock_ticks(void);

#endif
