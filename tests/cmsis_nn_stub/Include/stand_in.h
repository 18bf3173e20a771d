/* What the stand-ins share: TensorFlow Lite's requantization, and strictness about buffers. */
#ifndef STAND_IN_H
#define STAND_IN_H

#include <string.h>

#include "arm_nn_types.h"

#if defined(CMSIS_NN_USE_SINGLE_ROUNDING)
#error "outputs would differ from TensorFlow Lite Micro's"
#endif

#if defined(__ARM_FEATURE_MVE)
#define STAND_IN_MVE 1
#else
#define STAND_IN_MVE 0
#endif
#if defined(__ARM_FEATURE_DSP) && !STAND_IN_MVE
#define STAND_IN_DSP 1
#else
#define STAND_IN_DSP 0
#endif

/* Fills the scratch, so that nothing else can lie there; false where it is too small. */
static inline bool use_scratch(const cmsis_nn_context *ctx, int32_t size) {
  if (size > ctx->size || (size > 0 && ctx->buf == NULL)) {
    return false;
  }
  if (ctx->size > 0) {
    memset(ctx->buf, 0xA5, (size_t)ctx->size);
  }
  return true;
}

static inline int8_t clamp(int32_t value, int32_t low, int32_t high) {
  return (int8_t)(value < low ? low : value > high ? high : value);
}

/* Rounds twice: the product to its high half, then the shift, halves away from zero. */
static inline int32_t requantize(int32_t value, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
  const int64_t product = (int64_t)value * (1 << left) * multiplier;
  const int64_t high = (product + (1LL << 30)) >> 31;
  const int64_t half = right > 0 ? 1LL << (right - 1) : 0;
  return (int32_t)(high < 0 ? -((-high + half) >> right) : (high + half) >> right);
}

static inline int8_t finish(int32_t sum, int32_t multiplier, int32_t shift, int32_t offset,
                            int32_t low, int32_t high) {
  return clamp(requantize(sum, multiplier, shift) + offset, low, high);
}

#endif
