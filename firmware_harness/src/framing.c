#include "framing.h"

#define COBS_LONGEST_BLOCK 254u

void tcml_deframer_init(tcml_deframer *d, uint8_t *buffer, uint32_t capacity) {
  d->buffer = buffer;
  d->capacity = capacity;
  d->size = 0u;
  d->code = 0u;
  d->left = 0u;
  d->started = false;
  d->overflow = false;
}

static void append(tcml_deframer *d, uint8_t byte) {
  if (d->size < d->capacity) {
    d->buffer[d->size] = byte;
    ++d->size;
  } else {
    d->overflow = true;
  }
}

static tcml_frame_state finish(tcml_deframer *d) {
  const uint32_t size = d->size;
  const bool started = d->started;
  const bool whole = d->left == 0u && !d->overflow;
  tcml_deframer_init(d, d->buffer, d->capacity);
  if (!started) {
    return TCML_FRAME_INCOMPLETE; /* two delimiters in a row say nothing */
  }
  d->size = whole ? size : 0u;
  return whole ? TCML_FRAME_COMPLETE : TCML_FRAME_DAMAGED;
}

tcml_frame_state tcml_deframer_push(tcml_deframer *d, uint8_t byte) {
  if (byte == 0u) {
    return finish(d);
  }
  if (!d->started) {
    d->size = 0u; /* the caller has had the last frame */
  }
  if (d->left > 0u) {
    append(d, byte);
    --d->left;
    return TCML_FRAME_INCOMPLETE;
  }
  if (d->started && d->code != COBS_LONGEST_BLOCK + 1u) {
    append(d, 0u); /* each block stands for a zero after it, but for the last and the longest */
  }
  d->started = true;
  d->code = byte;
  d->left = (uint8_t)(byte - 1u);
  return TCML_FRAME_INCOMPLETE;
}

void tcml_frame_send(tcml_byte_sink sink, const uint8_t *data, uint32_t size_bytes) {
  static const uint8_t delimiter = 0u;
  sink(&delimiter, 1u);
  /* The contents are taken as if one more zero followed: each block then ends at a zero, or is one
   * of the longest, and at == size_bytes is a block that starts at that last zero. */
  for (uint32_t at = 0u; at <= size_bytes;) {
    uint32_t length = 0u;
    while (at + length < size_bytes && length < COBS_LONGEST_BLOCK && data[at + length] != 0u) {
      ++length;
    }
    const uint8_t code = (uint8_t)(length + 1u);
    sink(&code, 1u);
    if (length > 0u) {
      sink(&data[at], length);
    }
    at += length < COBS_LONGEST_BLOCK ? length + 1u : length;
  }
  sink(&delimiter, 1u);
}
