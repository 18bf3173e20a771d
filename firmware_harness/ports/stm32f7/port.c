/* The port for the real STM32F746 on a Nucleo-144 board (RM0385): 216 MHz, both caches and the ART
 * accelerator on, USART3 on PD8 and PD9 (the ST-LINK's virtual COM port), DWT cycle counter.
 *
 * The cycle counter has 32 bits: an interval may last up to 19 s.
 */
#include "tcml_port.h"

#include "armv7m.h"
#include "cache.h"
#include "clock_tree.h"
#include "registers.h"

#define WRITE_LIMIT_POLLS 1000000u /* some 50 ms; a byte takes 87 us at 115,200 baud */

const tcml_port_info tcml_port = {TCML_UNIT_CYCLES, TCML_CLOCK_HZ, 1u, TCML_CLOCK_HZ};

static uint64_t cycles_so_far;
static tcml_reset_reason reset_reason;

static tcml_reset_reason read_reset_reason(void) {
  const uint32_t flags = RCC_CSR;
  RCC_CSR = flags | RCC_CSR_CLEAR;
  if ((flags & RCC_CSR_WATCHDOGS) != 0u) {
    return TCML_RESET_WATCHDOG;
  }
  if ((flags & RCC_CSR_SOFTWARE) != 0u) {
    return TCML_RESET_SOFTWARE;
  }
  if ((flags & RCC_CSR_POWER) != 0u) {
    return TCML_RESET_POWER_ON;
  }
  return (flags & RCC_CSR_PIN) != 0u ? TCML_RESET_PIN : TCML_RESET_UNKNOWN;
}

static void start_uart(void) {
  RCC_AHB1ENR |= RCC_AHB1ENR_GPIOD;
  RCC_APB1ENR |= RCC_APB1ENR_USART3;
  (void)RCC_APB1ENR; /* two bus cycles until the clock runs */
  GPIOD_MODER = (GPIOD_MODER & ~(0xFu << 16)) | (0xAu << 16); /* PD8, PD9: alternate function */
  GPIOD_AFRH = (GPIOD_AFRH & ~0xFFu) | 0x77u;                 /* AF7: USART3 */
  USART3_BRR = (TCML_APB1_HZ + TCML_BAUD / 2u) / TCML_BAUD;
  USART3_CR1 = USART_CR1_UE | USART_CR1_RE | USART_CR1_TE;
}

static void start_cycle_counter(void) {
  DEMCR |= DEMCR_TRACE_ENABLE;
  DWT_LAR = DWT_LAR_KEY; /* the M7's DWT is locked after power-on */
  DWT_CYCCNT = 0u;
  DWT_CTRL |= DWT_CTRL_CYCLES_ON;
}

void tcml_port_init(void) {
  cycles_so_far = 0u;
  reset_reason = read_reset_reason();
  tcml_clock_tree_init();
  tcml_caches_enable();
  start_cycle_counter();
  start_uart();
}

int tcml_port_read(void) {
  for (;;) {
    const uint32_t status = USART3_ISR;
    if ((status & USART_ISR_OVERRUN) != 0u) {
      USART3_ICR = USART_ICR_OVERRUN; /* the lost byte spoils its frame's CRC: the host repeats */
    }
    if ((status & USART_ISR_RX_FULL) != 0u) {
      return (int)(USART3_RDR & 0xFFu);
    }
  }
}

static void wait_for(uint32_t flag) {
  for (uint32_t polls = 0u; (USART3_ISR & flag) == 0u && polls < WRITE_LIMIT_POLLS; ++polls) {
  }
}

void tcml_port_write(const uint8_t *data, uint32_t size_bytes) {
  for (uint32_t i = 0u; i < size_bytes; ++i) {
    wait_for(USART_ISR_TX_EMPTY);
    USART3_TDR = data[i];
  }
}

static inline uint64_t read_cycles(void) {
  __asm__ volatile("isb" : : : "memory"); /* nothing before may still be under way */
  cycles_so_far += DWT_CYCCNT - (uint32_t)cycles_so_far;
  return cycles_so_far;
}

uint64_t tcml_port_clock_start(void) { return read_cycles(); }
uint64_t tcml_port_clock_stop(void) { return read_cycles(); }
uint64_t tcml_port_clock_units(uint64_t start, uint64_t stop) { return stop - start; }

tcml_reset_reason tcml_port_reset_reason(void) { return reset_reason; }

void tcml_port_reset(void) {
  wait_for(USART_ISR_TX_DONE);
  tcml_data_cache_clean(); /* the fault record must reach the memory */
  tcml_core_reset();
}
