#include "fake_model.h"
#include "tcml_harness.h"

static uint8_t input[FAKE_INPUT_BYTES];
static uint8_t mode[FAKE_MODE_BYTES];
static uint8_t output[FAKE_INPUT_BYTES];
static uint8_t echo[FAKE_MODE_BYTES];

static const tcml_buffer inputs[] = {{"input", input, FAKE_INPUT_BYTES},
                                     {"mode", mode, FAKE_MODE_BYTES}};
static const tcml_buffer outputs[] = {{"output", output, FAKE_INPUT_BYTES},
                                      {"echo", echo, FAKE_MODE_BYTES}};

static int32_t run(void) { return fake_run(input, mode, output, echo); }

const tcml_model_descriptor tcml_model = {
    .name = "fake",
    .model_hash = {0xFA, 0x4E, 0x00, 0x01},
    .inputs = inputs,
    .outputs = outputs,
    .input_count = 2u,
    .output_count = 2u,
    .layer_count = TCML_LAYER_COUNT,
    .arena_bytes = 2u * FAKE_INPUT_BYTES,
    .run = run,
};
