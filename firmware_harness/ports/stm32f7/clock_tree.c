#include "clock_tree.h"

#include <stdbool.h>
#include <stdint.h>

#include "registers.h"

#define WAIT_POLLS 100000u

#define PLL_M_HSE 4u /* 8 MHz / 4 = 2 MHz */
#define PLL_M_HSI 8u /* 16 MHz / 8 = 2 MHz */
#define PLL_N 216u   /* 432 MHz */
#define PLL_P_2 0u   /* / 2 = 216 MHz */
#define PLL_Q 9u     /* 48 MHz */
#define PLL_FROM_HSE (1u << 22)

#define CFGR_APB1_BY_4 (5u << 10) /* 54 MHz, the most that is allowed */
#define CFGR_APB2_BY_2 (4u << 13) /* 108 MHz, likewise */
#define CFGR_SWITCH_HSI 0u
#define CFGR_SWITCH_PLL 2u
#define CFGR_SWITCHED_PLL (2u << 2)
#define CFGR_SWITCHED_MASK (3u << 2)

/* 7 wait states for 216 MHz at 2.7 V to 3.6 V (RM0385, table 5). */
#define WAIT_STATES 7u

static bool wait_until(volatile uint32_t *from, uint32_t mask, uint32_t value) {
  for (uint32_t polls = 0u; polls < WAIT_POLLS; ++polls) {
    if ((*from & mask) == value) {
      return true;
    }
  }
  return false;
}

/* RM0385, 4.1.4: overdrive is entered with the PLL on and the core still on the slow clock. */
static void enter_overdrive(void) {
  PWR_CR1 |= PWR_CR1_OVERDRIVE;
  (void)wait_until(&PWR_CSR1, PWR_CSR1_OVERDRIVE_READY, PWR_CSR1_OVERDRIVE_READY);
  PWR_CR1 |= PWR_CR1_OVERDRIVE_SWITCH;
  (void)wait_until(&PWR_CSR1, PWR_CSR1_SWITCH_READY, PWR_CSR1_SWITCH_READY);
}

void tcml_clock_tree_init(void) {
  RCC_APB1ENR |= RCC_APB1ENR_PWR;
  (void)RCC_APB1ENR;
  PWR_CR1 |= PWR_CR1_SCALE_1;

  /* The HSE's bypass can only be chosen while it is off. */
  RCC_CR |= RCC_CR_HSE_BYPASS;
  RCC_CR |= RCC_CR_HSE_ON;
  const bool hse = wait_until(&RCC_CR, RCC_CR_HSE_READY, RCC_CR_HSE_READY);

  RCC_PLLCFGR = (hse ? PLL_M_HSE | PLL_FROM_HSE : PLL_M_HSI) | (PLL_N << 6) | (PLL_P_2 << 16) |
                (PLL_Q << 24);
  RCC_CR |= RCC_CR_PLL_ON;
  enter_overdrive();
  (void)wait_until(&RCC_CR, RCC_CR_PLL_READY, RCC_CR_PLL_READY);

  FLASH_ACR = FLASH_ACR_WAIT_STATES(WAIT_STATES) | FLASH_ACR_PREFETCH | FLASH_ACR_ART;
  (void)wait_until(&FLASH_ACR, 0xFu, WAIT_STATES);
  RCC_CFGR = CFGR_APB1_BY_4 | CFGR_APB2_BY_2 | CFGR_SWITCH_HSI;
  RCC_CFGR |= CFGR_SWITCH_PLL;
  (void)wait_until(&RCC_CFGR, CFGR_SWITCHED_MASK, CFGR_SWITCHED_PLL);
}
