/* The port for QEMU's RISC-V machine `virt`: 16550 UART, PLIC, and the core's count of instructions
 * (hw/riscv/virt.c). Under -icount shift=0 that count is exact and repeatable. */
#include "tcml_port.h"

#include "riscv.h"

#define UART_BASE 0x10000000u
#define UART_DATA TCML_REGISTER8(UART_BASE + 0u)
#define UART_IER TCML_REGISTER8(UART_BASE + 1u)
#define UART_FCR TCML_REGISTER8(UART_BASE + 2u)
#define UART_LCR TCML_REGISTER8(UART_BASE + 3u)
#define UART_LSR TCML_REGISTER8(UART_BASE + 5u)
#define UART_IER_RECEIVED 0x01u
#define UART_FCR_FIFO 0x01u
#define UART_LCR_8N1 0x03u
#define UART_LSR_RECEIVED 0x01u
#define UART_LSR_CAN_SEND 0x20u
#define UART_IRQ 10u

/* Context 0 is hart 0 in machine mode. */
#define PLIC_BASE 0x0C000000u
#define PLIC_PRIORITY(irq) TCML_REGISTER(PLIC_BASE + 4u * (irq))
#define PLIC_ENABLE TCML_REGISTER(PLIC_BASE + 0x2000u)
#define PLIC_THRESHOLD TCML_REGISTER(PLIC_BASE + 0x200000u)
#define PLIC_CLAIM TCML_REGISTER(PLIC_BASE + 0x200004u)

#define TEST_DEVICE TCML_REGISTER(0x00100000u)
#define TEST_DEVICE_RESET 0x7777u

#define INSTRUCTIONS_PER_SECOND 1000000000u
#define WRITE_LIMIT_INSTRUCTIONS INSTRUCTIONS_PER_SECOND /* QEMU waits while the host does not read */

const tcml_port_info tcml_port = {TCML_UNIT_INSTRUCTIONS, INSTRUCTIONS_PER_SECOND, 1u,
                                  TCML_CLOCK_HZ};

/* The same number of instructions after the reading that counts, whatever was read. */
static inline __attribute__((always_inline)) uint64_t instructions(void) {
#if __riscv_xlen == 64
  uint64_t count;
  __asm__ volatile(RISCV_CSR("csrr %0, minstret\n") : "=r"(count) : : "memory");
  return count;
#else
  uint32_t low;
  uint32_t high;
  uint32_t again;
  __asm__ volatile(
      RISCV_CSR("1:                  \n"
                "csrr %1, minstreth  \n"
                "csrr %0, minstret   \n"
                "csrr %2, minstreth  \n"
                "bne  %1, %2, 1b     \n")
      : "=&r"(low), "=&r"(high), "=&r"(again)
      :
      : "memory");
  return ((uint64_t)high << 32) | low;
#endif
}

uint64_t tcml_port_clock_start(void) { return instructions(); }

uint64_t tcml_port_clock_stop(void) { return instructions(); }

uint64_t tcml_port_clock_units(uint64_t start, uint64_t stop) { return stop - start; }

/* The interrupt wakes the core from WFI, but is never taken: mstatus.MIE stays 0. */
void tcml_port_init(void) {
  UART_LCR = UART_LCR_8N1;
  UART_FCR = UART_FCR_FIFO;
  UART_IER = UART_IER_RECEIVED;
  PLIC_PRIORITY(UART_IRQ) = 1u;
  PLIC_ENABLE = 1u << UART_IRQ;
  PLIC_THRESHOLD = 0u;
  __asm__ volatile(RISCV_CSR("csrw mie, %0\n") : : "r"(RISCV_MIE_EXTERNAL) : "memory");
}

/* Sleeping instead of polling leaves the host's processor to others. An interrupt that came before
 * is taken back and given again while there is something to read, so that none is missed. */
int tcml_port_read(void) {
  while ((UART_LSR & UART_LSR_RECEIVED) == 0u) {
    __asm__ volatile("wfi" : : : "memory");
    const uint32_t irq = PLIC_CLAIM;
    if (irq != 0u) {
      PLIC_CLAIM = irq;
    }
  }
  return (int)UART_DATA;
}

void tcml_port_write(const uint8_t *data, uint32_t size_bytes) {
  for (uint32_t i = 0u; i < size_bytes; ++i) {
    const uint64_t start = instructions();
    while ((UART_LSR & UART_LSR_CAN_SEND) == 0u) {
      if (instructions() - start > WRITE_LIMIT_INSTRUCTIONS) {
        return;
      }
    }
    UART_DATA = data[i];
  }
}

/* QEMU has no reset-cause register here. */
tcml_reset_reason tcml_port_reset_reason(void) { return TCML_RESET_UNKNOWN; }

void tcml_port_reset(void) {
  TEST_DEVICE = TEST_DEVICE_RESET;
  for (;;) {
  }
}
