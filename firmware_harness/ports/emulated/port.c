/* The port for Arm's FPGA boards as QEMU emulates them: CMSDK UART, one timer, no clock tree. */
#include "tcml_port.h"

#include "armv7m.h"
#include "clock.h"
#include "machine.h"

#define UART_DATA TCML_REGISTER(TCML_UART_BASE + 0x00u)
#define UART_STATE TCML_REGISTER(TCML_UART_BASE + 0x04u)
#define UART_CTRL TCML_REGISTER(TCML_UART_BASE + 0x08u)
#define UART_INTERRUPTS TCML_REGISTER(TCML_UART_BASE + 0x0Cu)
#define UART_BAUDDIV TCML_REGISTER(TCML_UART_BASE + 0x10u)

#define UART_STATE_TX_FULL (1u << 0)
#define UART_STATE_RX_FULL (1u << 1)
#define UART_CTRL_TX_RX (3u << 0)
#define UART_RX_INTERRUPT_ENABLE (1u << 3) /* in CTRL */
#define UART_RX_INTERRUPT (1u << 1)        /* in INTERRUPTS; writing 1 clears it */

#define RX_IRQ_WORD (4u * (TCML_UART_RX_IRQ / 32u))
#define RX_IRQ_BIT (1u << (TCML_UART_RX_IRQ % 32u))

#define WRITE_LIMIT_MS 1000u /* per byte; QEMU holds bytes back while the host does not read */

const tcml_port_info tcml_port = {TCML_UNIT_INSTRUCTIONS, 1000000000u, 1u, TCML_CLOCK_HZ};

static uint32_t ticks_of_ms(uint32_t ms) { return ms * (TCML_TIMER_HZ / 1000u); }

void tcml_port_init(void) {
  tcml_clock_init();
  UART_BAUDDIV = TCML_CLOCK_HZ / TCML_BAUD; /* QEMU takes any value from 16 on */
  UART_CTRL = UART_CTRL_TX_RX | UART_RX_INTERRUPT_ENABLE;
}

/* Waits in WFI for the interrupt, which is never taken: PRIMASK masks it, and it is off at the NVIC
 * before PRIMASK is cleared. (PRIMASK cannot stay set: it would turn every fault into a HardFault.)
 * A byte that comes after the test leaves the interrupt pending, so that WFI returns at once. */
static void sleep_until_received(void) {
  __asm__ volatile("cpsid i" : : : "memory");
  ARMV7M_NVIC_ENABLE(RX_IRQ_WORD) = RX_IRQ_BIT;
  while ((UART_STATE & UART_STATE_RX_FULL) == 0u) {
    __asm__ volatile("wfi" : : : "memory");
    UART_INTERRUPTS = UART_RX_INTERRUPT;
    ARMV7M_NVIC_CLEAR(RX_IRQ_WORD) = RX_IRQ_BIT;
  }
  ARMV7M_NVIC_DISABLE(RX_IRQ_WORD) = RX_IRQ_BIT;
  __asm__ volatile("dsb\n isb\n cpsie i" : : : "memory");
}

/* Sleeping instead of polling leaves the host's processor to others, and QEMU then takes the bytes
 * more than twice as fast. */
int tcml_port_read(void) {
  if ((UART_STATE & UART_STATE_RX_FULL) == 0u) {
    sleep_until_received();
  }
  return (int)(UART_DATA & 0xFFu);
}

void tcml_port_write(const uint8_t *data, uint32_t size_bytes) {
  for (uint32_t i = 0u; i < size_bytes; ++i) {
    const uint32_t start = tcml_clock_ticks();
    while ((UART_STATE & UART_STATE_TX_FULL) != 0u) {
      if (tcml_clock_ticks() - start > ticks_of_ms(WRITE_LIMIT_MS)) {
        return;
      }
    }
    UART_DATA = data[i];
  }
}

/* QEMU has no reset-cause register here. */
tcml_reset_reason tcml_port_reset_reason(void) { return TCML_RESET_UNKNOWN; }

void tcml_port_reset(void) { tcml_core_reset(); }
