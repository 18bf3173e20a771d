/* What the device does for each message. */
#ifndef TCML_COMMANDS_H
#define TCML_COMMANDS_H

#include "bytes.h"
#include "messages.h"

/* Executes one request. On success the answer's body after the status byte is in `out`. */
tcml_answer_status tcml_command_execute(uint8_t type, tcml_reader *in, tcml_writer *out);

#endif
