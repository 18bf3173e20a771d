/* Scratch of depthwise convolutions. */
#include "arm_nnfunctions.h"
#include "stand_in.h"

static bool is_plain(const cmsis_nn_dw_conv_params *params, const cmsis_nn_dims *input_dims,
                     const cmsis_nn_dims *output_dims) {
  return input_dims->c == output_dims->c && params->dilation.w == 1 && params->dilation.h == 1;
}

int32_t arm_depthwise_conv_wrapper_s8_get_buffer_size_dsp(const cmsis_nn_dw_conv_params *params,
                                                          const cmsis_nn_dims *input_dims,
                                                          const cmsis_nn_dims *filter_dims,
                                                          const cmsis_nn_dims *output_dims) {
  const bool is_small = filter_dims->w == 3 && filter_dims->h == 3 && params->padding.w <= 1 &&
                        params->padding.h <= 1;
  if (is_small || !is_plain(params, input_dims, output_dims)) {
    return 0;
  }
  return input_dims->c * filter_dims->w * filter_dims->h * 2;
}

/* 124 channels at a time; layers of one input channel become convolutions. */
int32_t arm_depthwise_conv_wrapper_s8_get_buffer_size_mve(const cmsis_nn_dw_conv_params *params,
                                                          const cmsis_nn_dims *input_dims,
                                                          const cmsis_nn_dims *filter_dims,
                                                          const cmsis_nn_dims *output_dims) {
  const int32_t taps = filter_dims->w * filter_dims->h;
  int32_t size = is_plain(params, input_dims, output_dims) ? 4 * 124 * taps : 0;
  if (input_dims->c == 1 && output_dims->c > 1) {
    const cmsis_nn_conv_params conv = {params->input_offset, params->output_offset,
                                       params->stride,       params->padding,
                                       params->dilation,     params->activation};
    const int32_t columns =
        arm_convolve_wrapper_s8_get_buffer_size_mve(&conv, input_dims, filter_dims, output_dims);
    const int32_t as_convolution = columns + taps * output_dims->c;
    size = as_convolution > size ? as_convolution : size;
  }
  return size;
}

int32_t arm_depthwise_conv_wrapper_s8_get_buffer_size(const cmsis_nn_dw_conv_params *params,
                                                      const cmsis_nn_dims *input_dims,
                                                      const cmsis_nn_dims *filter_dims,
                                                      const cmsis_nn_dims *output_dims) {
#if STAND_IN_MVE
  return arm_depthwise_conv_wrapper_s8_get_buffer_size_mve(params, input_dims, filter_dims,
                                                           output_dims);
#elif STAND_IN_DSP
  return arm_depthwise_conv_wrapper_s8_get_buffer_size_dsp(params, input_dims, filter_dims,
                                                           output_dims);
#else
  (void)params;
  (void)input_dims;
  (void)filter_dims;
  (void)output_dims;
  return 0;
#endif
}
