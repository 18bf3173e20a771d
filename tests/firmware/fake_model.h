#ifndef FAKE_MODEL_H
#define FAKE_MODEL_H

#include <stdint.h>

#define FAKE_INPUT_BYTES 3000u /* more than one frame */
#define FAKE_MODE_BYTES 4u
#define FAKE_STACK_BYTES 2000u
#define FAKE_BAD_ADDRESS 0xF0000000u /* nothing is there on any machine of the tests */

#define FAKE_MODE_FAULT 1u
#define FAKE_MODE_BAD_ADDRESS 2u
#define FAKE_MODE_HANG 3u
#define FAKE_MODE_STACK 4u
#define FAKE_MODE_ERROR 5u

int fake_run(const uint8_t *input, const uint8_t *mode, uint8_t *output, uint8_t *echo);

#endif
