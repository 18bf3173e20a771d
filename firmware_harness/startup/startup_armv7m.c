/* From reset to tcml_harness_main() on Armv7-M and Armv8-M Mainline: vector table, FPU and MVE,
 * .data and .bss, and what of the model is copied to RAM. No interrupt is used: what runs between two looks at the clock is the model. */
#include <stdint.h>

#include "armv7m.h"
#include "harness.h"

extern uint32_t _sidata[]; /* from the linker script; word-aligned, as are the ends */
extern uint32_t _sdata[];
extern uint32_t _edata[];
extern uint32_t _sbss[];
extern uint32_t _ebss[];
extern uint32_t _stack_high[];
extern uint32_t tcml_hot_code_load[]; /* from the model's linker fragment; else empty */
extern uint32_t tcml_hot_code_start[];
extern uint32_t tcml_hot_code_end[];
extern uint32_t tcml_hot_weights_load[];
extern uint32_t tcml_hot_weights_start[];
extern uint32_t tcml_hot_weights_end[];

void tcml_reset_handler(void);
void tcml_start(void);

typedef struct {
  uint32_t *initial_sp;
  void (*handlers[15])(void);
} vector_table;

/* Kept by the linker script as the first thing in flash. */
const vector_table tcml_vectors __attribute__((used, section(".vectors"))) = {
    _stack_high,
    {tcml_reset_handler, tcml_fault_handler, tcml_fault_handler, tcml_fault_handler,
     tcml_fault_handler, tcml_fault_handler, tcml_fault_handler, tcml_fault_handler,
     tcml_fault_handler, tcml_fault_handler, tcml_fault_handler, tcml_fault_handler,
     tcml_fault_handler, tcml_fault_handler, tcml_fault_handler}};

/* In assembly, because a compiler may use FPU or MVE registers in any C function. */
__attribute__((naked, noreturn)) void tcml_reset_handler(void) {
  __asm__ volatile(
      "ldr  r0, =_stack_high      \n" /* a debugger may start us with another one */
      "mov  sp, r0                \n"
      "ldr  r0, =0xE000ED88       \n" /* CPACR: full access to CP10 and CP11; no effect on M3 */
      "ldr  r1, [r0]              \n"
      "orr  r1, r1, #0x00F00000   \n"
      "str  r1, [r0]              \n"
      "dsb                        \n"
      "isb                        \n"
      "b    tcml_start            \n"
      ".ltorg                     \n");
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
  ARMV7M_VTOR = (uint32_t)(uintptr_t)&tcml_vectors;
  ARMV7M_SHCSR |= ARMV7M_SHCSR_FAULTS; /* their own vectors instead of HardFault */
#if defined(__ARM_ARCH_8M_MAIN__) || defined(__ARM_ARCH_8_1M_MAIN__)
  extern uint32_t _stack_low[];
  __asm__ volatile("msr msplim, %0" : : "r"(_stack_low)); /* overflow becomes a UsageFault */
#endif
#if defined(__ARM_ARCH_8_1M_MAIN__)
  ARMV7M_CCR |= ARMV7M_CCR_LOB; /* low-overhead branches (LE) may use their cache */
#endif
  copy_words(_sidata, _sdata, _edata);
  copy_words(tcml_hot_code_load, tcml_hot_code_start, tcml_hot_code_end);
  copy_words(tcml_hot_weights_load, tcml_hot_weights_start, tcml_hot_weights_end);
  __asm__ volatile("dsb\n isb" : : : "memory"); /* what was copied may be code */
  for (uint32_t *to = _sbss; to < _ebss; ++to) {
    *to = 0u;
  }
  tcml_harness_main();
}
