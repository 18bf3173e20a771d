#include "stack_paint.h"

#include "tcml_harness.h"
#include "tcml_port.h"

#define PAINT 0xC5A3C5A3u
#define GUARD_WORDS 8u

static uint32_t *stack_low; /* null if the port does not know its stack */
static uint32_t stack_size_bytes;
static uint32_t stack_used_bytes;

/* Everything below this address is free in the calling function, which must call nothing while it
 * relies on it. (It does call something later, so that it uses no x86-64 red zone.) */
static inline __attribute__((always_inline)) uintptr_t stack_pointer(void) {
  uintptr_t sp;
#if defined(__arm__) || defined(__aarch64__)
  __asm__ volatile("mov %0, sp" : "=r"(sp));
#elif defined(__riscv)
  __asm__ volatile("mv %0, sp" : "=r"(sp));
#elif defined(__x86_64__)
  __asm__ volatile("mov %%rsp, %0" : "=r"(sp));
#else
  sp = (uintptr_t)__builtin_frame_address(0) - 512u;
#endif
  return sp & ~(uintptr_t)3u;
}

void tcml_stack_init(void) {
  uintptr_t low;
  uintptr_t high;
  tcml_port_stack(&low, &high);
  stack_low = low < high ? (uint32_t *)low : (uint32_t *)0;
  stack_size_bytes = (uint32_t)(high - low);
  stack_used_bytes = 0u;
  for (uint32_t i = 0u; stack_low != (uint32_t *)0 && i < GUARD_WORDS; ++i) {
    stack_low[i] = PAINT;
  }
}

/* Not inlined: its frame is what the run's use is measured from. The loops are spelled out here
 * because a called function's frame would lie in the painted part. */
__attribute__((noinline)) int32_t tcml_stack_measure_run(uint64_t *start, uint64_t *stop) {
  const uintptr_t top = stack_pointer();
  if (stack_low != (uint32_t *)0) {
    for (volatile uint32_t *word = stack_low; (uintptr_t)word < top; ++word) {
      *word = PAINT;
    }
  }
  *start = tcml_port_clock_start();
  const int32_t model_status = tcml_model.run();
  *stop = tcml_port_clock_stop();
  if (stack_low != (uint32_t *)0) {
    const volatile uint32_t *word = stack_low;
    while ((uintptr_t)word < top && *word == PAINT) {
      ++word;
    }
    stack_used_bytes = (uint32_t)(top - (uintptr_t)word);
  }
  return model_status;
}

uint32_t tcml_stack_used_bytes(void) { return stack_used_bytes; }
uint32_t tcml_stack_size_bytes(void) { return stack_size_bytes; }

bool tcml_stack_overflowed(void) {
  for (uint32_t i = 0u; stack_low != (uint32_t *)0 && i < GUARD_WORDS; ++i) {
    if (stack_low[i] != PAINT) {
      return true;
    }
  }
  return false;
}
