#include "fault.h"

#include "crc.h"
#include "inference.h"
#include "protocol.h"
#include "tcml_port.h"

#define RECORD_SALT 0x7C3A11F7u /* so that zeroed memory is no valid record */

/* Not cleared at startup; the CRC tells a record from what was in the memory at power-on. */
static tcml_fault_record kept __attribute__((section(".noinit")));
static uint32_t kept_crc __attribute__((section(".noinit")));

static tcml_reset_reason reset_reason;

static uint32_t record_crc(void) {
  return tcml_crc32(RECORD_SALT, (const uint8_t *)&kept, (uint32_t)sizeof kept);
}

void tcml_fault_init(void) { reset_reason = tcml_port_reset_reason(); }

void tcml_fault_report(const tcml_fault_record *record) {
  kept = *record;
  kept.layers_done = tcml_inference_layers_done();
  kept_crc = record_crc();
  tcml_protocol_send_fault();
}

void tcml_fault_write(tcml_writer *out) {
  const bool valid = kept_crc == record_crc();
  static const tcml_fault_record none = {0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u};
  const tcml_fault_record *r = valid ? &kept : &none;
  tcml_put_u8(out, (uint8_t)reset_reason);
  tcml_put_u8(out, valid ? 1u : 0u);
  tcml_put_u32(out, r->cause);
  tcml_put_u32(out, r->cfsr);
  tcml_put_u32(out, r->hfsr);
  tcml_put_u32(out, r->mmfar);
  tcml_put_u32(out, r->bfar);
  tcml_put_u32(out, r->pc);
  tcml_put_u32(out, r->lr);
  tcml_put_u32(out, r->sp);
  tcml_put_u32(out, r->psr);
  tcml_put_u32(out, r->layers_done);
}
