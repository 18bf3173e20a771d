/* The maximum of a window. */
#include "arm_nnfunctions.h"
#include "stand_in.h"

arm_cmsis_nn_status arm_max_pool_s8(const cmsis_nn_context *ctx, const cmsis_nn_pool_params *params,
                                    const cmsis_nn_dims *input_dims, const int8_t *input,
                                    const cmsis_nn_dims *filter_dims,
                                    const cmsis_nn_dims *output_dims, int8_t *output) {
  (void)ctx;
  for (int32_t oy = 0; oy < output_dims->h; ++oy) {
    for (int32_t ox = 0; ox < output_dims->w; ++ox) {
      for (int32_t c = 0; c < input_dims->c; ++c) {
        int32_t highest = INT8_MIN;
        for (int32_t ky = 0; ky < filter_dims->h; ++ky) {
          for (int32_t kx = 0; kx < filter_dims->w; ++kx) {
            const int32_t y = oy * params->stride.h - params->padding.h + ky;
            const int32_t x = ox * params->stride.w - params->padding.w + kx;
            if (y < 0 || y >= input_dims->h || x < 0 || x >= input_dims->w) {
              continue;
            }
            const int32_t value = input[(y * input_dims->w + x) * input_dims->c + c];
            highest = value > highest ? value : highest;
          }
        }
        *output++ = clamp(highest, params->activation.min, params->activation.max);
      }
    }
  }
  return ARM_CMSIS_NN_SUCCESS;
}
