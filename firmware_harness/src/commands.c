#include "commands.h"

#include "fault.h"
#include "inference.h"
#include "protocol.h"
#include "stack_paint.h"
#include "tcml_harness.h"
#include "tcml_port.h"

#define LONGEST_NAME_BYTES 64u

static void put_name(tcml_writer *out, const char *name) {
  uint32_t length = 0u;
  while (length < LONGEST_NAME_BYTES && name[length] != '\0') {
    ++length;
  }
  tcml_put_u8(out, (uint8_t)length);
  tcml_put_bytes(out, (const uint8_t *)name, length);
}

static bool complete(const tcml_reader *in) { return !in->failed && tcml_reader_left(in) == 0u; }

/* Whether [offset, offset + length) lies within `size`; written so that nothing can overflow. */
static bool within(uint32_t offset, uint32_t length, uint32_t size) {
  return offset <= size && length <= size - offset;
}

static tcml_answer_status ping(tcml_reader *in, tcml_writer *out) {
  const uint32_t size = tcml_reader_left(in);
  tcml_put_bytes(out, &in->data[in->at], size);
  return TCML_OK;
}

static tcml_answer_status identify(tcml_reader *in, tcml_writer *out) {
  const uint8_t lowest = tcml_get_u8(in);
  const uint8_t highest = tcml_get_u8(in);
  if (!complete(in)) {
    return TCML_ERR_BAD_LENGTH;
  }
  if (lowest > TCML_PROTOCOL_VERSION || highest < TCML_PROTOCOL_VERSION) {
    return TCML_ERR_VERSION;
  }
  tcml_put_u8(out, TCML_PROTOCOL_VERSION);
  tcml_put_u8(out, (uint8_t)tcml_port.unit);
  tcml_put_u16(out, TCML_MAX_BODY);
  tcml_put_u16(out, tcml_model.input_count);
  tcml_put_u16(out, tcml_model.output_count);
  tcml_put_u16(out, tcml_model.layer_count);
  tcml_put_u32(out, tcml_model.arena_bytes);
  tcml_put_u32(out, tcml_stack_size_bytes());
  tcml_put_u32(out, tcml_port.clock_hz);
  tcml_put_u32(out, tcml_port.timer_hz);
  tcml_put_u32(out, tcml_port.resolution);
  tcml_put_u32(out, tcml_port_core_id());
  tcml_put_bytes(out, tcml_model.model_hash, (uint32_t)sizeof tcml_model.model_hash);
  put_name(out, tcml_model.name);
  return TCML_OK;
}

static tcml_answer_status describe_io(tcml_reader *in, tcml_writer *out) {
  const uint8_t is_output = tcml_get_u8(in);
  const uint16_t index = tcml_get_u16(in);
  if (!complete(in)) {
    return TCML_ERR_BAD_LENGTH;
  }
  const uint16_t count = is_output != 0u ? tcml_model.output_count : tcml_model.input_count;
  if (index >= count) {
    return TCML_ERR_BAD_INDEX;
  }
  const tcml_buffer *io =
      is_output != 0u ? &tcml_model.outputs[index] : &tcml_model.inputs[index];
  tcml_put_u32(out, io->size_bytes);
  put_name(out, io->name);
  return TCML_OK;
}

static tcml_answer_status write_input(tcml_reader *in, tcml_writer *out) {
  (void)out;
  const uint16_t index = tcml_get_u16(in);
  const uint32_t offset = tcml_get_u32(in);
  if (in->failed) {
    return TCML_ERR_BAD_LENGTH;
  }
  if (index >= tcml_model.input_count) {
    return TCML_ERR_BAD_INDEX;
  }
  const tcml_buffer *input = &tcml_model.inputs[index];
  const uint32_t length = tcml_reader_left(in);
  if (!within(offset, length, input->size_bytes)) {
    return TCML_ERR_OUT_OF_RANGE;
  }
  uint8_t *to = (uint8_t *)input->data + offset;
  for (uint32_t i = 0u; i < length; ++i) {
    to[i] = in->data[in->at + i];
  }
  return TCML_OK;
}

static tcml_answer_status read_output(tcml_reader *in, tcml_writer *out) {
  const uint16_t index = tcml_get_u16(in);
  const uint32_t offset = tcml_get_u32(in);
  const uint16_t length = tcml_get_u16(in);
  if (!complete(in)) {
    return TCML_ERR_BAD_LENGTH;
  }
  if (index >= tcml_model.output_count) {
    return TCML_ERR_BAD_INDEX;
  }
  const tcml_buffer *output = &tcml_model.outputs[index];
  if (!within(offset, length, output->size_bytes)) {
    return TCML_ERR_OUT_OF_RANGE;
  }
  tcml_put_bytes(out, (const uint8_t *)output->data + offset, length);
  return TCML_OK;
}

static tcml_answer_status run(tcml_reader *in, tcml_writer *out) {
  const uint32_t count = tcml_get_u32(in);
  const uint8_t flags = tcml_get_u8(in);
  if (!complete(in)) {
    return TCML_ERR_BAD_LENGTH;
  }
  if (count == 0u || (flags & (uint8_t)~TCML_RUN_ALL_FLAGS) != 0u) {
    return TCML_ERR_OUT_OF_RANGE;
  }
  tcml_protocol_send_busy(0u, 0u); /* "accepted": the host now waits longer than for an answer */
  const tcml_run_result result = tcml_inference_run(count, flags);
  if (tcml_stack_overflowed()) {
    return TCML_ERR_STACK_OVERFLOW;
  }
  tcml_put_u32(out, (uint32_t)result.model_status);
  tcml_put_u32(out, result.runs);
  tcml_put_u64(out, result.total);
  tcml_put_u64(out, result.shortest);
  tcml_put_u64(out, result.longest);
  return TCML_OK;
}

/* The common part of LAYER_TIMES and LAYER_CRCS: reads and checks the range of layers. */
static tcml_answer_status layer_range(tcml_reader *in, uint16_t *first, uint16_t *count) {
  *first = tcml_get_u16(in);
  *count = tcml_get_u16(in);
  if (!complete(in)) {
    return TCML_ERR_BAD_LENGTH;
  }
  if (!within(*first, *count, TCML_LAYER_COUNT)) {
    return TCML_ERR_BAD_INDEX;
  }
  return TCML_OK;
}

static tcml_answer_status layer_times(tcml_reader *in, tcml_writer *out) {
  uint16_t first;
  uint16_t count;
  const tcml_answer_status status = layer_range(in, &first, &count);
  if (status != TCML_OK) {
    return status;
  }
  if (!tcml_inference_has_times()) {
    return TCML_ERR_NOT_RECORDED;
  }
  for (uint32_t i = first; i < (uint32_t)first + count; ++i) {
    tcml_put_u64(out, tcml_layers[i].time);
  }
  return TCML_OK;
}

static tcml_answer_status layer_crcs(tcml_reader *in, tcml_writer *out) {
  uint16_t first;
  uint16_t count;
  const tcml_answer_status status = layer_range(in, &first, &count);
  if (status != TCML_OK) {
    return status;
  }
  if (!tcml_inference_has_crcs()) {
    return TCML_ERR_NOT_RECORDED;
  }
  for (uint32_t i = first; i < (uint32_t)first + count; ++i) {
    tcml_put_u32(out, tcml_layers[i].crc);
    tcml_put_u32(out, tcml_layers[i].size_bytes);
  }
  return TCML_OK;
}

static tcml_answer_status read_layer(tcml_reader *in, tcml_writer *out) {
  const uint16_t layer = tcml_get_u16(in);
  const uint32_t offset = tcml_get_u32(in);
  const uint16_t length = tcml_get_u16(in);
  if (!complete(in)) {
    return TCML_ERR_BAD_LENGTH;
  }
  if (layer >= tcml_model.layer_count) {
    return TCML_ERR_BAD_INDEX;
  }
  uint8_t *to = tcml_reserve(out, length);
  if (to == (uint8_t *)0) {
    return TCML_ERR_OUT_OF_RANGE;
  }
  tcml_protocol_send_busy(0u, 0u);
  const tcml_capture capture = {layer, offset, length, to};
  switch (tcml_inference_capture(&capture)) {
    case TCML_CAPTURED:
      return TCML_OK;
    case TCML_CAPTURE_OUT_OF_RANGE:
      return TCML_ERR_OUT_OF_RANGE;
    case TCML_CAPTURE_NO_LAYER:
    default:
      return TCML_ERR_NOT_RECORDED;
  }
}

static tcml_answer_status stats(tcml_reader *in, tcml_writer *out) {
  if (!complete(in)) {
    return TCML_ERR_BAD_LENGTH;
  }
  const tcml_protocol_counters counters = tcml_protocol_read_counters();
  tcml_put_u32(out, tcml_stack_used_bytes());
  tcml_put_u32(out, tcml_stack_size_bytes());
  tcml_put_u32(out, counters.frames_accepted);
  tcml_put_u32(out, counters.frames_damaged);
  tcml_put_u32(out, counters.requests_repeated);
  tcml_put_u32(out, tcml_inference_runs());
  return TCML_OK;
}

static tcml_answer_status fault(tcml_reader *in, tcml_writer *out) {
  if (!complete(in)) {
    return TCML_ERR_BAD_LENGTH;
  }
  tcml_fault_write(out);
  return TCML_OK;
}

static tcml_answer_status reset(tcml_reader *in, tcml_writer *out) {
  (void)out;
  return complete(in) ? TCML_OK : TCML_ERR_BAD_LENGTH; /* the restart follows the answer */
}

static tcml_answer_status reset_state(tcml_reader *in, tcml_writer *out) {
  (void)out;
  if (!complete(in)) {
    return TCML_ERR_BAD_LENGTH;
  }
  if (tcml_model.reset_state != (void (*)(void))0) {
    tcml_model.reset_state();
  }
  return TCML_OK;
}

tcml_answer_status tcml_command_execute(uint8_t type, tcml_reader *in, tcml_writer *out) {
  typedef tcml_answer_status (*command)(tcml_reader *, tcml_writer *);
  static const command commands[] = {
      [TCML_PING] = ping,
      [TCML_IDENTIFY] = identify,
      [TCML_DESCRIBE_IO] = describe_io,
      [TCML_WRITE_INPUT] = write_input,
      [TCML_RUN] = run,
      [TCML_READ_OUTPUT] = read_output,
      [TCML_LAYER_TIMES] = layer_times,
      [TCML_LAYER_CRCS] = layer_crcs,
      [TCML_READ_LAYER] = read_layer,
      [TCML_STATS] = stats,
      [TCML_FAULT] = fault,
      [TCML_RESET] = reset,
      [TCML_RESET_STATE] = reset_state,
  };
  if (type >= sizeof commands / sizeof commands[0] || commands[type] == (command)0) {
    return TCML_ERR_UNKNOWN_MESSAGE;
  }
  return commands[type](in, out);
}
