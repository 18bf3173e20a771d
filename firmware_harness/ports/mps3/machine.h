/* QEMU mps3-an547 (Arm DAI 0547, SSE-300): addresses of UART0 and the system counter, secure. */
#ifndef TCML_MACHINE_H
#define TCML_MACHINE_H

#include "armv7m.h"

#define TCML_UART_BASE 0x59303000u
#define TCML_UART_RX_IRQ 33u

/* System counter: 64 bits, of which the lower 32 are used; counts up, 32 MHz. */
#define TCML_COUNTER_CONTROL 0x58100000u
#define TCML_TIMER_COUNTER (TCML_COUNTER_CONTROL + 0x08u)
#define TCML_TIMER_COUNTS_DOWN 0

/* 31.25 instructions per tick, and 0.75. */
#define TCML_VERNIER_INSTRUCTIONS 32

static inline void tcml_machine_timer_start(void) {
  TCML_REGISTER(TCML_COUNTER_CONTROL + 0x00u) = 1u; /* CNTCR: enable */
}

#endif
