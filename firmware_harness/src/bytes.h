/* Little-endian numbers in byte buffers, with bounds checks that cannot be forgotten. */
#ifndef TCML_BYTES_H
#define TCML_BYTES_H

#include <stdbool.h>
#include <stdint.h>

/* Reading past the end gives 0 and sets `failed`; check it once, after the last read. */
typedef struct {
  const uint8_t *data;
  uint32_t size;
  uint32_t at;
  bool failed;
} tcml_reader;

/* Writing past the end writes nothing and sets `failed`. */
typedef struct {
  uint8_t *data;
  uint32_t capacity;
  uint32_t size;
  bool failed;
} tcml_writer;

static inline uint32_t tcml_reader_left(const tcml_reader *r) { return r->size - r->at; }

static inline uint32_t tcml_get(tcml_reader *r, uint32_t size_bytes) {
  if (r->failed || tcml_reader_left(r) < size_bytes) {
    r->failed = true;
    return 0u;
  }
  uint32_t value = 0u;
  for (uint32_t i = 0u; i < size_bytes; ++i) {
    value |= (uint32_t)r->data[r->at + i] << (8u * i);
  }
  r->at += size_bytes;
  return value;
}

static inline uint8_t tcml_get_u8(tcml_reader *r) { return (uint8_t)tcml_get(r, 1u); }
static inline uint16_t tcml_get_u16(tcml_reader *r) { return (uint16_t)tcml_get(r, 2u); }
static inline uint32_t tcml_get_u32(tcml_reader *r) { return tcml_get(r, 4u); }

/* Room for `size_bytes` at the end, or a null pointer. */
static inline uint8_t *tcml_reserve(tcml_writer *w, uint32_t size_bytes) {
  if (w->failed || w->capacity - w->size < size_bytes) {
    w->failed = true;
    return (uint8_t *)0;
  }
  uint8_t *at = &w->data[w->size];
  w->size += size_bytes;
  return at;
}

static inline void tcml_put(tcml_writer *w, uint64_t value, uint32_t size_bytes) {
  uint8_t *at = tcml_reserve(w, size_bytes);
  for (uint32_t i = 0u; at != (uint8_t *)0 && i < size_bytes; ++i) {
    at[i] = (uint8_t)(value >> (8u * i));
  }
}

static inline void tcml_put_u8(tcml_writer *w, uint8_t value) { tcml_put(w, value, 1u); }
static inline void tcml_put_u16(tcml_writer *w, uint16_t value) { tcml_put(w, value, 2u); }
static inline void tcml_put_u32(tcml_writer *w, uint32_t value) { tcml_put(w, value, 4u); }
static inline void tcml_put_u64(tcml_writer *w, uint64_t value) { tcml_put(w, value, 8u); }

static inline void tcml_put_bytes(tcml_writer *w, const uint8_t *data, uint32_t size_bytes) {
  uint8_t *at = tcml_reserve(w, size_bytes);
  for (uint32_t i = 0u; at != (uint8_t *)0 && i < size_bytes; ++i) {
    at[i] = data[i];
  }
}

#endif
