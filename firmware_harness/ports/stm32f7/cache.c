#include "cache.h"

#include <stdint.h>

#include "armv7m.h"

#define CCSIDR TCML_REGISTER(0xE000ED80u)
#define CSSELR TCML_REGISTER(0xE000ED84u)
#define ICIALLU TCML_REGISTER(0xE000EF50u)
#define DCISW TCML_REGISTER(0xE000EF60u) /* invalidate by set and way */
#define DCCSW TCML_REGISTER(0xE000EF6Cu) /* clean by set and way */

#define CCR_DATA_CACHE (1u << 16)
#define CCR_INSTRUCTION_CACHE (1u << 17)

static inline void barrier(void) { __asm__ volatile("dsb\n isb" : : : "memory"); }

static void for_each_line(volatile uint32_t *operation) {
  CSSELR = 0u; /* level 1, data */
  barrier();
  const uint32_t size = CCSIDR;
  const uint32_t last_set = (size >> 13) & 0x7FFFu;
  const uint32_t last_way = (size >> 3) & 0x3FFu;
  for (uint32_t set = 0u; set <= last_set; ++set) {
    for (uint32_t way = 0u; way <= last_way; ++way) {
      *operation = (set << 5) | (way << 30); /* 32-byte lines, 4 ways */
    }
  }
  barrier();
}

void tcml_caches_enable(void) {
  ICIALLU = 0u;
  barrier();
  ARMV7M_CCR |= CCR_INSTRUCTION_CACHE;
  for_each_line(&DCISW);
  ARMV7M_CCR |= CCR_DATA_CACHE;
  barrier();
}

void tcml_data_cache_clean(void) { for_each_line(&DCCSW); }
