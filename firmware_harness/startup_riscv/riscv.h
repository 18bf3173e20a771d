/* What RISC-V cores in machine mode share (The RISC-V Instruction Set Manual, volume II). */
#ifndef TCML_RISCV_H
#define TCML_RISCV_H

#include <stdint.h>

#define TCML_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define TCML_REGISTER8(address) (*(volatile uint8_t *)(uintptr_t)(address))

/* Since 2019 these instructions are an extension of their own, which a model's flags need not have:
 * then the C library for these flags could not be found. */
#define RISCV_CSR(text) ".option push\n.option arch, +zicsr\n" text ".option pop\n"

#define RISCV_MIE_EXTERNAL (1u << 11)
#define RISCV_MSTATUS_UNITS "0x6600" /* floating-point and vector unit: on */

#endif
