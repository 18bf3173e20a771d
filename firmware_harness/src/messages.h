/* The numbers of docs/protocol.md. tinycc_ml/runner/protocol.py holds the same ones. */
#ifndef TCML_MESSAGES_H
#define TCML_MESSAGES_H

#define TCML_PROTOCOL_VERSION 1u

/* Body bytes of the longest frame, in both directions. */
#ifndef TCML_MAX_BODY
#define TCML_MAX_BODY 1024u
#endif

#define TCML_HEADER_BYTES 4u
#define TCML_CRC_BYTES 4u
#define TCML_MAX_PACKET (TCML_HEADER_BYTES + TCML_MAX_BODY + TCML_CRC_BYTES)

#define TCML_ANSWER_BIT 0x80u

enum {
  TCML_PING = 0x01,
  TCML_IDENTIFY = 0x02,
  TCML_DESCRIBE_IO = 0x03,
  TCML_WRITE_INPUT = 0x04,
  TCML_RUN = 0x05,
  TCML_READ_OUTPUT = 0x06,
  TCML_LAYER_TIMES = 0x07,
  TCML_LAYER_CRCS = 0x08,
  TCML_READ_LAYER = 0x09,
  TCML_STATS = 0x0A,
  TCML_FAULT = 0x0B,
  TCML_RESET = 0x0C,
  TCML_RESET_STATE = 0x0D,
  TCML_BUSY = 0x7F
};

typedef enum {
  TCML_OK = 0,
  TCML_ERR_UNKNOWN_MESSAGE = 1,
  TCML_ERR_BAD_LENGTH = 2,
  TCML_ERR_BAD_INDEX = 3,
  TCML_ERR_OUT_OF_RANGE = 4,
  TCML_ERR_NO_SESSION = 5,
  TCML_ERR_FAULT = 6,
  TCML_ERR_VERSION = 7,
  TCML_ERR_STACK_OVERFLOW = 8,
  TCML_ERR_NOT_RECORDED = 9
} tcml_answer_status;

#endif
