/* What a compiled model shows to the firmware harness, and the hook that it calls.
 *
 * A generated file (harness_model.c) defines `tcml_model`. The model's sources are compiled with
 * -DTCML_TRACE when the harness shall see every layer; without it the harness still runs the model
 * and takes its total time.
 */
#ifndef TCML_HARNESS_H
#define TCML_HARNESS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Number of layers, i.e. of calls of tcml_layer_done() per inference; set by the build. */
#ifndef TCML_LAYER_COUNT
#error "TCML_LAYER_COUNT must be set to the model's number of layers"
#endif

/* One model input or output: a static buffer that the run function reads or fills. */
typedef struct {
  const char *name;    /* UTF-8, zero-terminated; what is beyond 64 bytes is not sent */
  void *data;          /* aligned for the element type */
  uint32_t size_bytes; /* of the whole tensor */
} tcml_buffer;

typedef struct {
  const char *name;           /* UTF-8, zero-terminated; what is beyond 64 bytes is not sent */
  uint8_t model_hash[32];     /* SHA-256 of the model file */
  const tcml_buffer *inputs;  /* in the model's order */
  const tcml_buffer *outputs; /* in the model's order */
  uint16_t input_count;
  uint16_t output_count;
  uint16_t layer_count; /* TCML_LAYER_COUNT */
  uint32_t arena_bytes; /* static arena, 0 if there is none */
  int32_t (*run)(void); /* one inference on the buffers above; 0 is success */
  void (*reset_state)(void); /* forgets earlier inferences; null if the model keeps nothing */
} tcml_model_descriptor;

extern const tcml_model_descriptor tcml_model;

/* Called by the generated code after layer `layer` (0, 1, ... in execution order) has written its
 * whole output. Its own time is not counted. */
void tcml_layer_done(uint32_t layer, const void *data, uint32_t size_bytes);

#ifdef __cplusplus
}
#endif

#endif
