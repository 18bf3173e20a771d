/* What the harness needs from a machine. One folder in ports/ implements all of it. */
#ifndef TCML_PORT_H
#define TCML_PORT_H

#include <stdint.h>

typedef enum {
  TCML_UNIT_NANOSECONDS = 0,
  TCML_UNIT_CYCLES = 1,
  TCML_UNIT_INSTRUCTIONS = 2
} tcml_time_unit;

typedef enum {
  TCML_RESET_UNKNOWN = 0,
  TCML_RESET_POWER_ON = 1,
  TCML_RESET_PIN = 2,
  TCML_RESET_SOFTWARE = 3,
  TCML_RESET_WATCHDOG = 4
} tcml_reset_reason;

typedef struct {
  tcml_time_unit unit;  /* what tcml_port_clock_units() counts */
  uint32_t timer_hz;    /* of those units per second */
  uint32_t resolution;  /* smallest difference that the clock can show, in units */
  uint32_t clock_hz;    /* of the core */
} tcml_port_info;

extern const tcml_port_info tcml_port;

/* Clock tree, serial port, timer. Called once, before anything else. */
void tcml_port_init(void);

/* Waits for the next byte from the host. -1 if the wait ended without one; the caller tries again.
 * This is the one wait without a limit: it is the idle state, and any byte ends it. */
int tcml_port_read(void);

/* Sends bytes. Gives up, and drops them, if the host or wire does not take them in time. */
void tcml_port_write(const uint8_t *data, uint32_t size_bytes);

/* An interval runs from the return of clock_start() to the entry of clock_stop(): a clock may need
 * any time for itself between these moments. Both give a stamp whose meaning only the port knows;
 * later stamps are greater. clock_units() turns a pair into `tcml_port.unit`s; it is apart because
 * its divisions take a varying time, which must not fall into the interval. */
uint64_t tcml_port_clock_start(void);
uint64_t tcml_port_clock_stop(void);
uint64_t tcml_port_clock_units(uint64_t start, uint64_t stop);

/* The stack that the harness runs on: lowest and one past the highest address. */
void tcml_port_stack(uintptr_t *low, uintptr_t *high);

uint32_t tcml_port_core_id(void); /* Arm CPUID register; 0 where there is none */
tcml_reset_reason tcml_port_reset_reason(void);

/* Restarts the machine. Memory in .noinit keeps its contents. */
#if defined(__GNUC__)
__attribute__((noreturn))
#endif
void tcml_port_reset(void);

#endif
