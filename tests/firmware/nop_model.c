/* Layers of known numbers of instructions, most of them nops: the clock must count exactly these. */
#include "tcml_harness.h"

#define NOPS(layer, count)                                    \
  __asm__ volatile(".rept " #count "\n nop\n .endr" : : : "memory"); \
  tcml_layer_done(layer, &output, 1u)

#if defined(__riscv)
#define COUNT_DOWN(rounds) "li %0, " #rounds "\n1: addi %0, %0, -1\n bnez %0, 1b"
#else
#define COUNT_DOWN(rounds) "movw %0, #" #rounds "\n1: subs %0, %0, #1\n bne 1b"
#endif

/* 1 + 2 * rounds instructions, in a loop because an assembler block must not be too long. */
#define LOOP(layer, rounds)                                                              \
  {                                                                                      \
    uint32_t left;                                                                       \
    __asm__ volatile(COUNT_DOWN(rounds) : "=r"(left) : : "cc", "memory");                \
    tcml_layer_done(layer, &output, 1u);                                                 \
  }

static uint8_t input;
static uint8_t output;
static const tcml_buffer inputs[] = {{"input", &input, 1u}};
static const tcml_buffer outputs[] = {{"output", &output, 1u}};

/* tests/firmware/test_clock.py holds the same counts. */
static int32_t run(void) {
  NOPS(0u, 0);
  NOPS(1u, 0);
  NOPS(2u, 1);
  NOPS(3u, 2);
  NOPS(4u, 3);
  NOPS(5u, 13);
  NOPS(6u, 31);
  NOPS(7u, 32);
  NOPS(8u, 39);
  NOPS(9u, 40);
  NOPS(10u, 41);
  NOPS(11u, 100);
  NOPS(12u, 1000);
  LOOP(13u, 6172)
  return 0;
}

const tcml_model_descriptor tcml_model = {
    .name = "nops",
    .model_hash = {0},
    .inputs = inputs,
    .outputs = outputs,
    .input_count = 1u,
    .output_count = 1u,
    .layer_count = TCML_LAYER_COUNT,
    .arena_bytes = 0u,
    .run = run,
};
