/* QEMU mps2-an385, -an386, -an500 (Arm DAI 0385, 0386, 0500): addresses of UART0 and TIMER0. */
#ifndef TCML_MACHINE_H
#define TCML_MACHINE_H

#include "armv7m.h"

#define TCML_UART_BASE 0x40004000u
#define TCML_UART_RX_IRQ 0u

/* CMSDK APB timer 0: 32 bits, counts down, 25 MHz. SysTick would wrap after 0.7 s, and counting
 * its wraps needs an interrupt in the middle of what is measured. */
#define TCML_TIMER_BASE 0x40000000u
#define TCML_TIMER_COUNTER (TCML_TIMER_BASE + 0x04u)
#define TCML_TIMER_COUNTS_DOWN 1

/* 40 instructions per tick, and one. */
#define TCML_VERNIER_INSTRUCTIONS 41

static inline void tcml_machine_timer_start(void) {
  TCML_REGISTER(TCML_TIMER_BASE + 0x08u) = 0xFFFFFFFFu; /* RELOAD */
  TCML_REGISTER(TCML_TIMER_BASE + 0x04u) = 0xFFFFFFFFu; /* VALUE */
  TCML_REGISTER(TCML_TIMER_BASE + 0x00u) = 1u;          /* CTRL: enable */
}

#endif
