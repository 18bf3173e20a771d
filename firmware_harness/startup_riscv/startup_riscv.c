/* From reset to tcml_harness_main() on RISC-V in machine mode: registers, trap vector, units, .data
 * and .bss, and what of the model is copied to RAM. No interrupt is ever taken: what runs between
 * two looks at the clock is the model. */
#include <stdint.h>

#include "harness.h"
#include "riscv.h"

extern uint32_t _sidata[]; /* from the linker script; word-aligned, as are the ends */
extern uint32_t _sdata[];
extern uint32_t _edata[];
extern uint32_t _sbss[];
extern uint32_t _ebss[];
extern uint32_t tcml_hot_code_load[]; /* from the model's linker fragment; else empty */
extern uint32_t tcml_hot_code_start[];
extern uint32_t tcml_hot_code_end[];
extern uint32_t tcml_hot_weights_load[];
extern uint32_t tcml_hot_weights_start[];
extern uint32_t tcml_hot_weights_end[];

void tcml_reset_handler(void);
void tcml_start(void);

/* Kept by the linker script as the first thing in flash, which is where the core starts. */
__attribute__((naked, noreturn, section(".vectors"))) void tcml_reset_handler(void) {
  __asm__ volatile(
      ".option push               \n"
      ".option norelax            \n" /* else it would be loaded from itself */
      "la   gp, __global_pointer$ \n"
      ".option pop                \n"
      "la   sp, _stack_high       \n"
      "la   t0, tcml_trap_entry   \n"
      "li   t1, " RISCV_MSTATUS_UNITS "\n"
      RISCV_CSR("csrw mtvec, t0   \n"
                "csrs mstatus, t1 \n")
      "j    tcml_start            \n");
}

static void copy_words(const uint32_t *from, uint32_t *to, const uint32_t *end) {
  while (to < end) {
    *to = *from;
    ++to;
    ++from;
  }
}

/* Used by assembly only, which link-time optimization does not see. */
__attribute__((noreturn, used)) void tcml_start(void) {
  copy_words(_sidata, _sdata, _edata);
  copy_words(tcml_hot_code_load, tcml_hot_code_start, tcml_hot_code_end);
  copy_words(tcml_hot_weights_load, tcml_hot_weights_start, tcml_hot_weights_end);
  /* What was copied may be code. Older assemblers know fence.i only with an extension named. */
  __asm__ volatile(".word 0x0000100f" : : : "memory");
  for (uint32_t *to = _sbss; to < _ebss; ++to) {
    *to = 0u;
  }
  tcml_harness_main();
}
