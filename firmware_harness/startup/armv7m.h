/* Core registers that all Armv7-M and Armv8-M Mainline parts share (Arm DDI 0403, DDI 0553). */
#ifndef TCML_ARMV7M_H
#define TCML_ARMV7M_H

#include <stdint.h>

#define TCML_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define ARMV7M_NVIC_ENABLE(offset) TCML_REGISTER(0xE000E100u + (offset))
#define ARMV7M_NVIC_DISABLE(offset) TCML_REGISTER(0xE000E180u + (offset))
#define ARMV7M_NVIC_CLEAR(offset) TCML_REGISTER(0xE000E280u + (offset)) /* pending state */

#define ARMV7M_CPUID TCML_REGISTER(0xE000ED00u)
#define ARMV7M_VTOR TCML_REGISTER(0xE000ED08u)
#define ARMV7M_AIRCR TCML_REGISTER(0xE000ED0Cu)
#define ARMV7M_CCR TCML_REGISTER(0xE000ED14u)
#define ARMV7M_SHCSR TCML_REGISTER(0xE000ED24u)
#define ARMV7M_CFSR TCML_REGISTER(0xE000ED28u)
#define ARMV7M_HFSR TCML_REGISTER(0xE000ED2Cu)
#define ARMV7M_MMFAR TCML_REGISTER(0xE000ED34u)
#define ARMV7M_BFAR TCML_REGISTER(0xE000ED38u)

#define ARMV7M_AIRCR_RESET 0x05FA0004u /* VECTKEY, SYSRESETREQ */
#define ARMV7M_CCR_LOB (1u << 19)
#define ARMV7M_SHCSR_FAULTS (7u << 16) /* MemManage, BusFault, UsageFault */

/* All vectors but reset. Records the registers, answers the host, restarts. */
void tcml_fault_handler(void);

/* Asks for a system reset and waits for it. */
__attribute__((noreturn)) void tcml_core_reset(void);

#endif
