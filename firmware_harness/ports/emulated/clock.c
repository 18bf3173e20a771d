/* Counts instructions under QEMU -icount shift=0, exactly.
 *
 * There, one instruction takes one nanosecond of the emulated time, but the machines' fastest timer
 * ticks only every 31.25 or 40 instructions. So the timer is read as a vernier: again and again,
 * every TCML_VERNIER_INSTRUCTIONS instructions, which is a little longer than a tick. Each reading
 * then lies a little later in its tick than the one before, and after some readings one tick is
 * skipped. Which reading that is tells the place of the first reading within its tick, to the
 * instruction. Reading takes at most 1,700 instructions, which lie outside the interval.
 *
 * An interval may last as long as the 32-bit timer does not wrap: 134 s or more of emulated time,
 * 134,000 million instructions.
 */
#include "clock.h"

#include "machine.h"
#include "tcml_port.h"

#define INSTRUCTIONS_PER_SECOND 1000000000u

/* A stamp is the tick count at the skipped tick, and how many readings it took to get there. */
#define READINGS_BITS 8u

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#if TCML_TIMER_COUNTS_DOWN
#define TICKS_BETWEEN "subs %[between], %[previous], %[now]\n"
#define TICKS_FROM(counter) (~(counter))
#else
#define TICKS_BETWEEN "subs %[between], %[now], %[previous]\n"
#define TICKS_FROM(counter) (counter)
#endif

typedef struct {
  uint32_t ticks;    /* at the reading after the skipped tick */
  uint32_t readings; /* from the first one to that */
} vernier;

static uint64_t ticks_so_far;

/* Six instructions of the loop are not padding, the branch included. The four before the label take
 * the place of the loop's end, so that the first distance is like the others. A timer that stands
 * still or runs wild ends the loop too. */
static inline __attribute__((always_inline)) vernier read_vernier(void) {
  uint32_t previous;
  uint32_t now;
  uint32_t between;
  uint32_t readings;
  __asm__ volatile(
      "ldr   %[previous], [%[timer]]           \n"
      "movs  %[readings], #0                   \n"
      ".rept 4                                 \n"
      "nop                                     \n"
      ".endr                                   \n"
      "1:                                      \n"
      ".rept " TEXT(TCML_VERNIER_INSTRUCTIONS) " - 6 \n"
      "nop                                     \n"
      ".endr                                   \n"
      "ldr   %[now], [%[timer]]                \n"
      TICKS_BETWEEN
      "mov   %[previous], %[now]               \n"
      "adds  %[readings], %[readings], #1      \n"
      "cmp   %[between], #1                    \n"
      "beq   1b                                \n"
      : [previous] "=&l"(previous), [now] "=&l"(now), [between] "=&l"(between),
        [readings] "=&l"(readings)
      : [timer] "l"(TCML_TIMER_COUNTER)
      : "cc", "memory");
  const vernier found = {TICKS_FROM(now), readings};
  return found;
}

static uint64_t extend(uint32_t ticks) {
  ticks_so_far += ticks - (uint32_t)ticks_so_far;
  return ticks_so_far;
}

/* Emulated time at the first instruction of a tick, in instructions since the timer's start. */
static uint64_t instructions_at(uint64_t ticks) {
  const uint64_t seconds = ticks / TCML_TIMER_HZ;
  const uint64_t rest = (ticks % TCML_TIMER_HZ) * INSTRUCTIONS_PER_SECOND;
  return seconds * INSTRUCTIONS_PER_SECOND + (rest + TCML_TIMER_HZ - 1u) / TCML_TIMER_HZ;
}

void tcml_clock_init(void) {
  tcml_machine_timer_start();
  ticks_so_far = tcml_clock_ticks();
}

uint32_t tcml_clock_ticks(void) {
  return TICKS_FROM(*(const volatile uint32_t *)(uintptr_t)TCML_TIMER_COUNTER);
}

/* Ends at the skipped tick, so it takes the same time from there to its return whenever it is
 * called: no readings need to be counted. */
uint64_t tcml_port_clock_start(void) {
  const vernier v = read_vernier();
  return extend(v.ticks) << READINGS_BITS;
}

uint64_t tcml_port_clock_stop(void) {
  const vernier v = read_vernier();
  return (extend(v.ticks) << READINGS_BITS) | v.readings;
}

uint64_t tcml_port_clock_units(uint64_t start, uint64_t stop) {
  const uint64_t mask = (1u << READINGS_BITS) - 1u;
  const uint64_t from = instructions_at(start >> READINGS_BITS) -
                        (start & mask) * TCML_VERNIER_INSTRUCTIONS;
  const uint64_t to = instructions_at(stop >> READINGS_BITS) -
                      (stop & mask) * TCML_VERNIER_INSTRUCTIONS;
  return to > from ? to - from : 0u;
}
