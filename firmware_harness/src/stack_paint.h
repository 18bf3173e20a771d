/* How much stack a run takes: the free stack is painted before it, and looked at after it. */
#ifndef TCML_STACK_PAINT_H
#define TCML_STACK_PAINT_H

#include <stdbool.h>
#include <stdint.h>

void tcml_stack_init(void);

/* Runs the model once with the free stack painted; returns its status and the stamps around it. */
int32_t tcml_stack_measure_run(uint64_t *start, uint64_t *stop);

uint32_t tcml_stack_used_bytes(void); /* by the last measured run; 0 before the first */
uint32_t tcml_stack_size_bytes(void); /* of the whole stack; 0 if the port does not know it */
bool tcml_stack_overflowed(void);     /* whether the stack's last words were ever written */

#endif
