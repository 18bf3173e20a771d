/* The last fault. The record outlives a restart of the machine, so that the host can ask for it. */
#ifndef TCML_FAULT_H
#define TCML_FAULT_H

#include <stdint.h>

#include "bytes.h"

#define TCML_FAULT_BYTES 42u

/* Registers are those of Armv7-M; a port without them leaves them 0. On RISC-V the cause is mcause,
 * and bfar is mtval: the address or the instruction that was wrong. */
typedef struct {
  uint32_t cause; /* exception number (3 HardFault ... 6 UsageFault on Arm); on POSIX the signal's */
  uint32_t cfsr;
  uint32_t hfsr;
  uint32_t mmfar;
  uint32_t bfar;
  uint32_t pc;
  uint32_t lr;
  uint32_t sp;
  uint32_t psr;
  uint32_t layers_done; /* before the fault, in the run that it ended; set by tcml_fault_store() */
} tcml_fault_record;

void tcml_fault_init(void);

/* Keeps the record and answers the request that the fault ended. The caller then restarts. */
void tcml_fault_report(const tcml_fault_record *record);

/* Writes reset reason, whether there is a record, and the record: TCML_FAULT_BYTES. */
void tcml_fault_write(tcml_writer *out);

#endif
