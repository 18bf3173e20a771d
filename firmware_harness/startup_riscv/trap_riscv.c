/* Traps, and the parts of the port interface that only need the core. */
#include <stdint.h>

#include "fault.h"
#include "riscv.h"
#include "tcml_port.h"

extern uint32_t _stack_low[];
extern uint32_t _stack_high[];

void tcml_trap_entry(void);
void tcml_trap_report(uintptr_t sp, uintptr_t ra, uintptr_t cause, uintptr_t pc, uintptr_t value);

/* The stack pointer may be what went wrong, so the rest of the work starts on an empty stack.
 * Aligned because the vector's lowest bits are a mode. */
__attribute__((naked, aligned(4))) void tcml_trap_entry(void) {
  __asm__ volatile(
      "mv   a0, sp               \n"
      "mv   a1, ra               \n"
      RISCV_CSR("csrr a2, mcause \n"
                "csrr a3, mepc   \n"
                "csrr a4, mtval  \n")
      ".option push              \n"
      ".option norelax           \n"
      "la   gp, __global_pointer$\n"
      ".option pop               \n"
      "la   sp, _stack_high      \n"
      "j    tcml_trap_report     \n");
}

/* Used by assembly only, which link-time optimization does not see. */
__attribute__((noreturn, used)) void tcml_trap_report(uintptr_t sp, uintptr_t ra, uintptr_t cause,
                                                      uintptr_t pc, uintptr_t value) {
  tcml_fault_record record = {0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u};
  record.cause = (uint32_t)cause;
  record.bfar = (uint32_t)value;
  record.pc = (uint32_t)pc;
  record.lr = (uint32_t)ra;
  record.sp = (uint32_t)sp;
  tcml_fault_report(&record);
  tcml_port_reset();
}

void tcml_port_stack(uintptr_t *low, uintptr_t *high) {
  *low = (uintptr_t)_stack_low;
  *high = (uintptr_t)_stack_high;
}

uint32_t tcml_port_core_id(void) { return 0u; }
