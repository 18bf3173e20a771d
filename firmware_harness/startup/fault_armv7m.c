/* Faults, and the parts of the port interface that only need the core. */
#include <stdint.h>

#include "armv7m.h"
#include "fault.h"
#include "tcml_port.h"

#define FRAME_BYTES 32u /* what the core pushes on exception entry: r0-r3, r12, lr, pc, psr */

extern uint32_t _ram_low[];
extern uint32_t _stack_low[];
extern uint32_t _stack_high[];

void tcml_fault_entry(uint32_t frame_address);

/* The stack pointer may be what went wrong, so the rest of the work starts on an empty stack. */
__attribute__((naked)) void tcml_fault_handler(void) {
  __asm__ volatile(
      "tst   lr, #4           \n"
      "ite   eq               \n"
      "mrseq r0, msp          \n"
      "mrsne r0, psp          \n"
      "ldr   r1, =_stack_high \n"
      "mov   sp, r1           \n"
      "b     tcml_fault_entry \n"
      ".ltorg                 \n");
}

/* Used by assembly only, which link-time optimization does not see. */
__attribute__((noreturn, used)) void tcml_fault_entry(uint32_t frame_address) {
  uint32_t exception;
  __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
  tcml_fault_record record = {0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u};
  record.cause = exception;
  record.cfsr = ARMV7M_CFSR;
  record.hfsr = ARMV7M_HFSR;
  record.mmfar = ARMV7M_MMFAR;
  record.bfar = ARMV7M_BFAR;
  record.sp = frame_address;
  const uint32_t low = (uint32_t)(uintptr_t)_ram_low;
  const uint32_t high = (uint32_t)(uintptr_t)_stack_high;
  if (frame_address % 4u == 0u && frame_address >= low && frame_address <= high - FRAME_BYTES) {
    const uint32_t *frame = (const uint32_t *)(uintptr_t)frame_address;
    record.lr = frame[5];
    record.pc = frame[6];
    record.psr = frame[7];
  }
  tcml_fault_report(&record);
  tcml_port_reset();
}

void tcml_core_reset(void) {
  __asm__ volatile("dsb" : : : "memory");
  ARMV7M_AIRCR = ARMV7M_AIRCR_RESET;
  __asm__ volatile("dsb" : : : "memory");
  for (;;) {
  }
}

void tcml_port_stack(uintptr_t *low, uintptr_t *high) {
  *low = (uintptr_t)_stack_low;
  *high = (uintptr_t)_stack_high;
}

uint32_t tcml_port_core_id(void) { return ARMV7M_CPUID; }
