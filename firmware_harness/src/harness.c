#include "harness.h"

#include "fault.h"
#include "inference.h"
#include "protocol.h"
#include "stack_paint.h"
#include "tcml_port.h"

void tcml_harness_main(void) {
  tcml_port_init();
  tcml_stack_init();
  tcml_fault_init();
  tcml_protocol_init();
  tcml_inference_init();
  for (;;) {
    const int byte = tcml_port_read();
    if (byte >= 0) {
      tcml_protocol_receive((uint8_t)byte);
    }
  }
}
