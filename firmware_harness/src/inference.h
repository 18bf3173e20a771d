/* Runs the model, and takes the time and the output of each layer while it runs. */
#ifndef TCML_INFERENCE_H
#define TCML_INFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "tcml_harness.h"

/* Flags of RUN. */
#define TCML_RUN_TRACE 0x01u /* take the CRC of each layer's output */
#define TCML_RUN_QUIET 0x02u /* the layer hook does nothing: total time, and stack, undisturbed */
#define TCML_RUN_ALL_FLAGS 0x03u

typedef struct {
  uint64_t time; /* of the last run that was not quiet, in the port's units */
  uint32_t crc;  /* of the last traced run */
  uint32_t size_bytes;
} tcml_layer_record;

/* One more than the layers: the last one takes the calls that calibrate the clock. */
extern tcml_layer_record tcml_layers[TCML_LAYER_COUNT + 1];

typedef struct {
  int32_t model_status; /* of the last run; a run that fails is the last */
  uint32_t runs;
  uint64_t total; /* of all runs, in the port's units; so are the next two */
  uint64_t shortest;
  uint64_t longest;
} tcml_run_result;

typedef struct {
  uint32_t layer;
  uint32_t offset;
  uint32_t length;
  uint8_t *to;
} tcml_capture;

typedef enum {
  TCML_CAPTURED,
  TCML_CAPTURE_NO_LAYER, /* the model did not reach it, or was built without TCML_TRACE */
  TCML_CAPTURE_OUT_OF_RANGE
} tcml_capture_state;

void tcml_inference_init(void);
tcml_run_result tcml_inference_run(uint32_t count, uint32_t flags);

/* Runs once and copies a part of one layer's output. */
tcml_capture_state tcml_inference_capture(const tcml_capture *capture);

bool tcml_inference_has_times(void);
bool tcml_inference_has_crcs(void);
uint32_t tcml_inference_layers_done(void); /* in the run under way */
uint32_t tcml_inference_runs(void);        /* since the start */

#endif
