/* A hand-written stand-in for generated code: three "layers" of byte arithmetic, and switches in
 * the first input byte of the second input that make it misbehave. */
#include "fake_model.h"

#include <string.h>

#ifdef TCML_TRACE
extern void tcml_layer_done(uint32_t layer, const void *data, uint32_t size_bytes);
#define LAYER_DONE(layer, data, size_bytes) tcml_layer_done((layer), (data), (size_bytes))
#else
#define LAYER_DONE(layer, data, size_bytes) ((void)0)
#endif

static uint8_t arena[2 * FAKE_INPUT_BYTES];

static void add_one(const uint8_t *in, uint8_t *out) {
  for (uint32_t i = 0u; i < FAKE_INPUT_BYTES; ++i) {
    out[i] = (uint8_t)(in[i] + 1u);
  }
}

static void triple(const uint8_t *in, uint8_t *out) {
  for (uint32_t i = 0u; i < FAKE_INPUT_BYTES; ++i) {
    out[i] = (uint8_t)(in[i] * 3u);
  }
}

static void reverse(const uint8_t *in, uint8_t *out) {
  for (uint32_t i = 0u; i < FAKE_INPUT_BYTES; ++i) {
    out[i] = in[FAKE_INPUT_BYTES - 1u - i];
  }
}

/* A known amount of stack, touched from end to end. */
__attribute__((noinline)) static void use_stack(void) {
  volatile uint8_t block[FAKE_STACK_BYTES];
  for (uint32_t i = 0u; i < FAKE_STACK_BYTES; ++i) {
    block[i] = (uint8_t)(i | 1u);
  }
  arena[0] = block[FAKE_STACK_BYTES - 1u];
}

static void misbehave(uint8_t mode) {
  if (mode == FAKE_MODE_FAULT) {
#if defined(__arm__)
    __asm__ volatile("udf #0");
#elif defined(__aarch64__)
    __asm__ volatile(".inst 0"); /* udf #0 */
#elif defined(__riscv)
    __asm__ volatile("unimp");
#else
    __builtin_trap();
#endif
  }
  if (mode == FAKE_MODE_BAD_ADDRESS) {
    *(volatile uint32_t *)(uintptr_t)FAKE_BAD_ADDRESS = 1u;
  }
  if (mode == FAKE_MODE_HANG) {
    for (;;) {
      __asm__ volatile("" : : : "memory");
    }
  }
}

int fake_run(const uint8_t *input, const uint8_t *mode, uint8_t *output, uint8_t *echo) {
  add_one(input, arena);
  LAYER_DONE(0u, arena, FAKE_INPUT_BYTES);
  misbehave(mode[0]);
  triple(arena, &arena[FAKE_INPUT_BYTES]);
  LAYER_DONE(1u, &arena[FAKE_INPUT_BYTES], FAKE_INPUT_BYTES);
  if (mode[0] == FAKE_MODE_STACK) {
    use_stack();
  }
  reverse(&arena[FAKE_INPUT_BYTES], output);
  LAYER_DONE(2u, output, FAKE_INPUT_BYTES);
  (void)memcpy(echo, mode, FAKE_MODE_BYTES);
  return mode[0] == FAKE_MODE_ERROR ? 7 : 0;
}
