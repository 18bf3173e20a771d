#include "protocol.h"

#include <stdbool.h>

#include "bytes.h"
#include "commands.h"
#include "crc.h"
#include "fault.h"
#include "framing.h"
#include "messages.h"
#include "tcml_port.h"

#define BUSY_PACKET_BYTES (TCML_HEADER_BYTES + 8u + TCML_CRC_BYTES)
#define FAULT_PACKET_BYTES (TCML_HEADER_BYTES + 1u + TCML_FAULT_BYTES + TCML_CRC_BYTES)

typedef struct {
  uint8_t type;
  uint16_t sequence;
  uint32_t crc; /* of the whole request: tells a repetition from a new host's first request */
} request_id;

static uint8_t received[TCML_MAX_PACKET];
static tcml_deframer deframer;

/* The last answer is kept until the next request: the host repeats a request when the answer was
 * lost, and a run must not be run twice for that. */
static uint8_t answer[TCML_MAX_PACKET];
static uint32_t answer_bytes;

static request_id request;
static bool in_work;
static bool session_open;
static tcml_protocol_counters counters;

void tcml_protocol_init(void) {
  tcml_deframer_init(&deframer, received, (uint32_t)sizeof received);
  answer_bytes = 0u;
  in_work = false;
  session_open = false;
  counters = (tcml_protocol_counters){0u, 0u, 0u};
}

tcml_protocol_counters tcml_protocol_read_counters(void) { return counters; }

static tcml_writer begin_packet(uint8_t *buffer, uint32_t capacity, uint8_t type) {
  tcml_writer w = {buffer, capacity - TCML_CRC_BYTES, 0u, false};
  tcml_put_u8(&w, TCML_PROTOCOL_VERSION);
  tcml_put_u8(&w, type);
  tcml_put_u16(&w, request.sequence);
  return w;
}

static uint32_t end_packet(tcml_writer *w) {
  w->capacity += TCML_CRC_BYTES;
  tcml_put_u32(w, tcml_crc32(0u, w->data, w->size));
  return w->size;
}

static void send_packet(const uint8_t *data, uint32_t size_bytes) {
  tcml_frame_send(tcml_port_write, data, size_bytes);
}

void tcml_protocol_send_busy(uint32_t runs_done, uint32_t layers_done) {
  uint8_t packet[BUSY_PACKET_BYTES];
  tcml_writer w = begin_packet(packet, (uint32_t)sizeof packet, TCML_BUSY | TCML_ANSWER_BIT);
  tcml_put_u32(&w, runs_done);
  tcml_put_u32(&w, layers_done);
  send_packet(packet, end_packet(&w));
}

void tcml_protocol_send_fault(void) {
  if (in_work) {
    uint8_t packet[FAULT_PACKET_BYTES];
    tcml_writer w =
        begin_packet(packet, (uint32_t)sizeof packet, request.type | TCML_ANSWER_BIT);
    tcml_put_u8(&w, TCML_ERR_FAULT);
    tcml_fault_write(&w);
    send_packet(packet, end_packet(&w));
  }
}

/* A restarted device has lost its inputs, so it runs nothing before a host has opened a session. */
static bool needs_session(uint8_t type) {
  return type != TCML_PING && type != TCML_IDENTIFY && type != TCML_FAULT && type != TCML_RESET;
}

static void execute(tcml_reader *in, bool version_ok) {
  in_work = true;
  tcml_writer out =
      begin_packet(answer, (uint32_t)sizeof answer, request.type | TCML_ANSWER_BIT);
  uint8_t *status_byte = tcml_reserve(&out, 1u);
  const uint32_t body_start = out.size;
  tcml_answer_status status = TCML_OK;
  if (!version_ok) {
    status = TCML_ERR_VERSION;
  } else if (needs_session(request.type) && !session_open) {
    status = TCML_ERR_NO_SESSION;
  } else {
    status = tcml_command_execute(request.type, in, &out);
  }
  if (status == TCML_OK && out.failed) {
    status = TCML_ERR_OUT_OF_RANGE; /* more was asked for than one frame can carry */
  }
  if (status == TCML_OK && request.type == TCML_IDENTIFY) {
    session_open = true;
  }
  if (status != TCML_OK) {
    out.size = body_start;
    out.failed = false;
  }
  *status_byte = (uint8_t)status;
  answer_bytes = end_packet(&out);
  in_work = false;
  send_packet(answer, answer_bytes);
  if (status == TCML_OK && request.type == TCML_RESET) {
    tcml_port_reset();
  }
}

static void accept(uint32_t size_bytes) {
  const uint32_t body_end = size_bytes - TCML_CRC_BYTES;
  tcml_reader trailer = {received, size_bytes, body_end, false};
  const uint32_t crc = tcml_get_u32(&trailer);
  if (crc != tcml_crc32(0u, received, body_end)) {
    ++counters.frames_damaged;
    return; /* silence: the host repeats, and noise on the line must not make us talk */
  }
  tcml_reader in = {received, body_end, 0u, false};
  const uint8_t version = tcml_get_u8(&in);
  const uint8_t type = tcml_get_u8(&in);
  const uint16_t sequence = tcml_get_u16(&in);
  if ((type & TCML_ANSWER_BIT) != 0u) {
    return; /* our own words, sent back by a line that echoes */
  }
  ++counters.frames_accepted;
  const bool repeated = answer_bytes > 0u && sequence == request.sequence &&
                        type == request.type && crc == request.crc && type != TCML_IDENTIFY;
  if (repeated) {
    ++counters.requests_repeated;
    send_packet(answer, answer_bytes);
    return;
  }
  request = (request_id){type, sequence, crc};
  execute(&in, version == TCML_PROTOCOL_VERSION);
}

void tcml_protocol_receive(uint8_t byte) {
  const tcml_frame_state state = tcml_deframer_push(&deframer, byte);
  if (state == TCML_FRAME_COMPLETE && deframer.size >= TCML_HEADER_BYTES + TCML_CRC_BYTES) {
    accept(deframer.size);
  } else if (state != TCML_FRAME_INCOMPLETE) {
    ++counters.frames_damaged;
  }
}
