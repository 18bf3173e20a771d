/* One filter per output channel, over all input channels. */
#include "arm_nnfunctions.h"
#include "stand_in.h"

arm_cmsis_nn_status arm_convolve_wrapper_s8(const cmsis_nn_context *ctx,
                                            const cmsis_nn_conv_params *params,
                                            const cmsis_nn_per_channel_quant_params *scales,
                                            const cmsis_nn_dims *input_dims, const int8_t *input,
                                            const cmsis_nn_dims *filter_dims, const int8_t *filter,
                                            const cmsis_nn_dims *bias_dims, const int32_t *bias,
                                            const cmsis_nn_dims *output_dims, int8_t *output) {
  (void)bias_dims;
  const int32_t size =
      arm_convolve_wrapper_s8_get_buffer_size(params, input_dims, filter_dims, output_dims);
  if (!use_scratch(ctx, size)) {
    return ARM_CMSIS_NN_ARG_ERROR;
  }
  for (int32_t oy = 0; oy < output_dims->h; ++oy) {
    for (int32_t ox = 0; ox < output_dims->w; ++ox) {
      for (int32_t oc = 0; oc < output_dims->c; ++oc) {
        int32_t sum = bias[oc];
        for (int32_t ky = 0; ky < filter_dims->h; ++ky) {
          for (int32_t kx = 0; kx < filter_dims->w; ++kx) {
            const int32_t y = oy * params->stride.h - params->padding.h + ky * params->dilation.h;
            const int32_t x = ox * params->stride.w - params->padding.w + kx * params->dilation.w;
            if (y < 0 || y >= input_dims->h || x < 0 || x >= input_dims->w) {
              continue;
            }
            for (int32_t c = 0; c < input_dims->c; ++c) {
              const int32_t tap = (oc * filter_dims->h + ky) * filter_dims->w + kx;
              sum += (input[(y * input_dims->w + x) * input_dims->c + c] + params->input_offset) *
                     filter[tap * input_dims->c + c];
            }
          }
        }
        *output++ = finish(sum, scales->multiplier[oc], scales->shift[oc], params->output_offset,
                           params->activation.min, params->activation.max);
      }
    }
  }
  return ARM_CMSIS_NN_SUCCESS;
}
