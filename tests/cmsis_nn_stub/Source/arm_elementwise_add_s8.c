/* The sum of two tensors of different scales. */
#include "arm_nnfunctions.h"
#include "stand_in.h"

arm_cmsis_nn_status arm_elementwise_add_s8(const int8_t *input_1, const int8_t *input_2,
                                           const int32_t offset_1, const int32_t multiplier_1,
                                           const int32_t shift_1, const int32_t offset_2,
                                           const int32_t multiplier_2, const int32_t shift_2,
                                           const int32_t left_shift, int8_t *output,
                                           const int32_t out_offset, const int32_t out_multiplier,
                                           const int32_t out_shift, const int32_t low,
                                           const int32_t high, const int32_t elements) {
  for (int32_t i = 0; i < elements; ++i) {
    const int32_t first =
        requantize((input_1[i] + offset_1) * (1 << left_shift), multiplier_1, shift_1);
    const int32_t second =
        requantize((input_2[i] + offset_2) * (1 << left_shift), multiplier_2, shift_2);
    output[i] = finish(first + second, out_multiplier, out_shift, out_offset, low, high);
  }
  return ARM_CMSIS_NN_SUCCESS;
}
