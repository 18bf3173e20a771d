#ifndef TCML_STM32F7_CLOCK_TREE_H
#define TCML_STM32F7_CLOCK_TREE_H

#if TCML_CLOCK_HZ != 216000000
#error "the stm32f7 port sets up 216 MHz: the board file's clock_hz must say so"
#endif

#define TCML_APB1_HZ (TCML_CLOCK_HZ / 4u)

/* 216 MHz from the ST-LINK's 8 MHz clock, or from the internal oscillator if that is not there. */
void tcml_clock_tree_init(void);

#endif
