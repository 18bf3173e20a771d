/* A matrix product; one scale. */
#include "arm_nnfunctions.h"
#include "stand_in.h"

arm_cmsis_nn_status arm_fully_connected_s8(const cmsis_nn_context *ctx,
                                           const cmsis_nn_fc_params *params,
                                           const cmsis_nn_per_tensor_quant_params *scales,
                                           const cmsis_nn_dims *input_dims, const int8_t *input,
                                           const cmsis_nn_dims *filter_dims, const int8_t *filter,
                                           const cmsis_nn_dims *bias_dims, const int32_t *bias,
                                           const cmsis_nn_dims *output_dims, int8_t *output) {
  (void)bias_dims;
  /* Vectors read the sums of the weights, with the bias and the input's offset, from the buffer. */
  const int32_t *start = STAND_IN_MVE ? (const int32_t *)ctx->buf : bias;
  const int32_t offset = STAND_IN_MVE ? 0 : params->input_offset;
  if (start == NULL || params->filter_offset != 0) {
    return ARM_CMSIS_NN_ARG_ERROR;
  }
  for (int32_t row = 0; row < input_dims->n; ++row) {
    for (int32_t oc = 0; oc < output_dims->c; ++oc) {
      int32_t sum = start[oc];
      for (int32_t i = 0; i < filter_dims->n; ++i) {
        sum += (input[row * filter_dims->n + i] + offset) * filter[oc * filter_dims->n + i];
      }
      *output++ = finish(sum, scales->multiplier, scales->shift, params->output_offset,
                         params->activation.min, params->activation.max);
    }
  }
  return ARM_CMSIS_NN_SUCCESS;
}
