/* The Cortex-M7's caches (Arm DDI 0489, DDI 0403 B2.2). */
#ifndef TCML_STM32F7_CACHE_H
#define TCML_STM32F7_CACHE_H

void tcml_caches_enable(void);
void tcml_data_cache_clean(void); /* writes all of it back to memory */

#endif
