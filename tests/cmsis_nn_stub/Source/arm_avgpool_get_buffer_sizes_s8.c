/* Scratch of average pooling. */
#include "arm_nnfunctions.h"
#include "stand_in.h"

int32_t arm_avgpool_s8_get_buffer_size_dsp(const int output_x, const int channels) {
  (void)output_x;
  return channels * 4;
}

int32_t arm_avgpool_s8_get_buffer_size_mve(const int output_x, const int channels) {
  (void)output_x;
  (void)channels;
  return 0;
}

int32_t arm_avgpool_s8_get_buffer_size(const int output_x, const int channels) {
  return STAND_IN_DSP ? arm_avgpool_s8_get_buffer_size_dsp(output_x, channels) : 0;
}
