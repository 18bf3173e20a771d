/* Frames on a byte stream: COBS, then a zero byte as the delimiter (docs/protocol.md, "Frames").
 *
 * COBS removes every zero byte from the contents, so that a receiver which has lost its place finds
 * the next frame at the next zero byte, whatever was damaged before it.
 */
#ifndef TCML_FRAMING_H
#define TCML_FRAMING_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint8_t *buffer;
  uint32_t capacity;
  uint32_t size;  /* decoded bytes so far; of the whole frame once it is complete */
  uint8_t code;   /* last COBS code byte */
  uint8_t left;   /* data bytes that it still announces */
  bool started;   /* a code byte was seen since the last delimiter */
  bool overflow;  /* longer than the buffer: discarded at the delimiter */
} tcml_deframer;

typedef enum {
  TCML_FRAME_INCOMPLETE, /* more bytes are needed */
  TCML_FRAME_COMPLETE,   /* buffer[0 .. size) holds a frame; valid until the next byte */
  TCML_FRAME_DAMAGED     /* a delimiter ended something that is no frame */
} tcml_frame_state;

void tcml_deframer_init(tcml_deframer *d, uint8_t *buffer, uint32_t capacity);
tcml_frame_state tcml_deframer_push(tcml_deframer *d, uint8_t byte);

typedef void (*tcml_byte_sink)(const uint8_t *data, uint32_t size_bytes);

/* Writes delimiter, encoded contents, delimiter. The leading delimiter ends any noise on the line. */
void tcml_frame_send(tcml_byte_sink sink, const uint8_t *data, uint32_t size_bytes);

#endif
