/* The device's side of docs/protocol.md: takes bytes, answers requests. */
#ifndef TCML_PROTOCOL_H
#define TCML_PROTOCOL_H

#include <stdint.h>

typedef struct {
  uint32_t frames_accepted;
  uint32_t frames_damaged;
  uint32_t requests_repeated; /* answered from the cache */
} tcml_protocol_counters;

void tcml_protocol_init(void);
void tcml_protocol_receive(uint8_t byte);
tcml_protocol_counters tcml_protocol_read_counters(void);

/* Tells the host that the request in work is still in work. */
void tcml_protocol_send_busy(uint32_t runs_done, uint32_t layers_done);

/* Answers the request in work with the fault that ended it; does nothing if none is in work. */
void tcml_protocol_send_fault(void);

#endif
