/* Scratch of convolutions. */
#include "arm_nnfunctions.h"
#include "stand_in.h"

static bool is_1x1(const cmsis_nn_conv_params *params, const cmsis_nn_dims *filter_dims) {
  return params->padding.w == 0 && params->padding.h == 0 && params->dilation.w == 1 &&
         params->dilation.h == 1 && filter_dims->w == 1 && filter_dims->h == 1;
}

static int32_t columns(const cmsis_nn_dims *input_dims, const cmsis_nn_dims *filter_dims,
                       int32_t count, int32_t multiple, int32_t bytes) {
  const int32_t length = filter_dims->w * filter_dims->h * input_dims->c;
  return count * ((length + multiple - 1) / multiple) * multiple * bytes;
}

int32_t arm_convolve_wrapper_s8_get_buffer_size_dsp(const cmsis_nn_conv_params *params,
                                                    const cmsis_nn_dims *input_dims,
                                                    const cmsis_nn_dims *filter_dims,
                                                    const cmsis_nn_dims *output_dims) {
  (void)output_dims;
  return is_1x1(params, filter_dims) ? 0 : columns(input_dims, filter_dims, 2, 4, 2);
}

/* Along a line: a column at the border, with the padding before or behind it. */
static int32_t line(const cmsis_nn_conv_params *params, const cmsis_nn_dims *input_dims,
                    const cmsis_nn_dims *filter_dims, const cmsis_nn_dims *output_dims) {
  const int32_t stride = params->stride.w, padding = params->padding.w;
  const int32_t odd = ((output_dims->w - 1) * stride + filter_dims->w - input_dims->w) % 2;
  int32_t left = padding == 0 ? 0 : (padding + stride - 1) / stride;
  int32_t right = padding + odd == 0 ? 0 : (padding + odd + stride - 1) / stride;
  left = padding != 0 && left < 1 ? 1 : left;
  right = padding + odd != 0 && right < 1 ? 1 : right;
  if (left + right > output_dims->w) {
    return columns(input_dims, filter_dims, 4, 16, 1);
  }
  const int32_t column = filter_dims->w * input_dims->c;
  const int32_t before = column + padding * input_dims->c;
  const int32_t behind = column - input_dims->c + (odd != 0 ? right : padding) * input_dims->c;
  return before > behind ? before : behind;
}

int32_t arm_convolve_wrapper_s8_get_buffer_size_mve(const cmsis_nn_conv_params *params,
                                                    const cmsis_nn_dims *input_dims,
                                                    const cmsis_nn_dims *filter_dims,
                                                    const cmsis_nn_dims *output_dims) {
  if (is_1x1(params, filter_dims)) {
    return 0;
  }
  const bool is_line = input_dims->h == 1 && filter_dims->h == 1 && params->dilation.w == 1 &&
                       params->dilation.h == 1 && params->stride.w * input_dims->c % 4 == 0;
  return is_line ? line(params, input_dims, filter_dims, output_dims)
                 : columns(input_dims, filter_dims, 4, 16, 1);
}

int32_t arm_convolve_wrapper_s8_get_buffer_size(const cmsis_nn_conv_params *params,
                                                const cmsis_nn_dims *input_dims,
                                                const cmsis_nn_dims *filter_dims,
                                                const cmsis_nn_dims *output_dims) {
  return (STAND_IN_MVE ? arm_convolve_wrapper_s8_get_buffer_size_mve
                       : arm_convolve_wrapper_s8_get_buffer_size_dsp)(params, input_dims,
                                                                      filter_dims, output_dims);
}
