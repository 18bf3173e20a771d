#include "inference.h"

#include "crc.h"
#include "protocol.h"
#include "stack_paint.h"
#include "tcml_port.h"

#define BUSY_FRAMES_PER_SECOND 4u
#define CALIBRATION_ROUNDS 4u

tcml_layer_record tcml_layers[TCML_LAYER_COUNT + 1];

static struct {
  bool hooks_on;
  bool taking_crcs;
  const tcml_capture *capture; /* or null */
  tcml_capture_state capture_state;
  uint64_t interval_start; /* stamp: the last layer's end, after the hook's own time */
  uint64_t run_time;       /* units: the intervals of this run so far */
  uint64_t last_busy;      /* stamp */
  uint32_t runs_done;      /* of this command */
  uint32_t layers_done;    /* in this run */
} state;

/* What an interval with nothing in it takes, in units: call, argument set-up, return. */
static uint64_t plain_overhead;
static uint64_t hook_overhead;

static uint32_t runs_since_start;
static bool times_taken;
static bool crcs_taken;

static uint64_t net_time(uint64_t start, uint64_t stop, uint64_t overhead) {
  const uint64_t gross = tcml_port_clock_units(start, stop);
  return gross > overhead ? gross - overhead : 0u;
}

static void send_busy_if_due(uint64_t now) {
  if (tcml_port_clock_units(state.last_busy, now) >= tcml_port.timer_hz / BUSY_FRAMES_PER_SECOND) {
    state.last_busy = now;
    tcml_protocol_send_busy(state.runs_done, state.layers_done);
  }
}

static void capture_slice(const tcml_capture *c, const uint8_t *data, uint32_t size_bytes) {
  if (c->offset > size_bytes || c->length > size_bytes - c->offset) {
    state.capture_state = TCML_CAPTURE_OUT_OF_RANGE;
    return;
  }
  for (uint32_t i = 0u; i < c->length; ++i) {
    c->to[i] = data[c->offset + i];
  }
  state.capture_state = TCML_CAPTURED;
}

/* Apart from the hook, so that the hook of a quiet run is a test and a return and uses no stack. */
__attribute__((noinline)) static void record_layer(uint32_t layer, const void *data,
                                                   uint32_t size_bytes) {
  const uint64_t stop = tcml_port_clock_stop();
  const uint64_t time = net_time(state.interval_start, stop, hook_overhead);
  state.run_time += time;
  if (layer <= TCML_LAYER_COUNT) {
    tcml_layers[layer].time = time;
    if (state.taking_crcs) {
      tcml_layers[layer].crc = tcml_crc32(0u, (const uint8_t *)data, size_bytes);
      tcml_layers[layer].size_bytes = size_bytes;
    }
  }
  if (state.capture != (const tcml_capture *)0 && state.capture->layer == layer) {
    capture_slice(state.capture, (const uint8_t *)data, size_bytes);
  }
  state.layers_done = layer + 1u;
  send_busy_if_due(stop);
  state.interval_start = tcml_port_clock_start();
}

void tcml_layer_done(uint32_t layer, const void *data, uint32_t size_bytes) {
  if (state.hooks_on) {
    record_layer(layer, data, size_bytes);
  }
}

static int32_t run_with_hooks(uint64_t *time) {
  state.run_time = 0u;
  state.hooks_on = true;
  state.interval_start = tcml_port_clock_start();
  const int32_t model_status = tcml_model.run();
  const uint64_t stop = tcml_port_clock_stop();
  state.hooks_on = false;
  *time = state.run_time + net_time(state.interval_start, stop, plain_overhead);
  return model_status;
}

static int32_t run_quietly(uint64_t *time) {
  uint64_t start;
  uint64_t stop;
  const int32_t model_status = tcml_stack_measure_run(&start, &stop);
  *time = net_time(start, stop, plain_overhead);
  return model_status;
}

tcml_run_result tcml_inference_run(uint32_t count, uint32_t flags) {
  const bool quiet = (flags & TCML_RUN_QUIET) != 0u;
  tcml_run_result result = {0, 0u, 0u, UINT64_MAX, 0u};
  state.taking_crcs = !quiet && (flags & TCML_RUN_TRACE) != 0u;
  state.runs_done = 0u;
  state.last_busy = tcml_port_clock_stop();
  while (result.runs < count && result.model_status == 0) {
    uint64_t time;
    state.layers_done = 0u;
    result.model_status = quiet ? run_quietly(&time) : run_with_hooks(&time);
    result.total += time;
    result.shortest = time < result.shortest ? time : result.shortest;
    result.longest = time > result.longest ? time : result.longest;
    ++runs_since_start;
    state.runs_done = ++result.runs;
    send_busy_if_due(tcml_port_clock_stop());
  }
  if (!quiet) {
    const bool all_layers = state.layers_done == TCML_LAYER_COUNT;
    times_taken = all_layers;
    crcs_taken = all_layers && (state.taking_crcs || crcs_taken);
  }
  return result;
}

tcml_capture_state tcml_inference_capture(const tcml_capture *capture) {
  state.capture = capture;
  state.capture_state = TCML_CAPTURE_NO_LAYER;
  (void)tcml_inference_run(1u, 0u);
  state.capture = (const tcml_capture *)0;
  return state.capture_state;
}

/* Takes the time of nothing in the two ways in which the time of something is taken. The compiler
 * must not see through the calls, or the calibrated path would not be the measured one. */
static void calibrate(void) {
  void (*volatile hook)(uint32_t, const void *, uint32_t) = tcml_layer_done;
  plain_overhead = 0u;
  hook_overhead = 0u;
  uint64_t shortest_plain = UINT64_MAX;
  uint64_t shortest_hook = UINT64_MAX;
  for (uint32_t i = 0u; i < CALIBRATION_ROUNDS; ++i) {
    const uint64_t start = tcml_port_clock_start();
    const uint64_t stop = tcml_port_clock_stop();
    const uint64_t plain = tcml_port_clock_units(start, stop);
    shortest_plain = plain < shortest_plain ? plain : shortest_plain;
    state.last_busy = stop;
    state.hooks_on = true;
    hook(TCML_LAYER_COUNT, (const void *)0, 0u);
    hook(TCML_LAYER_COUNT, (const void *)0, 0u);
    state.hooks_on = false;
    const uint64_t hooked = tcml_layers[TCML_LAYER_COUNT].time;
    shortest_hook = hooked < shortest_hook ? hooked : shortest_hook;
  }
  plain_overhead = shortest_plain;
  hook_overhead = shortest_hook;
}

void tcml_inference_init(void) {
  state.capture = (const tcml_capture *)0;
  state.taking_crcs = false;
  times_taken = false;
  crcs_taken = false;
  runs_since_start = 0u;
  calibrate();
}

bool tcml_inference_has_times(void) { return times_taken; }
bool tcml_inference_has_crcs(void) { return crcs_taken; }
uint32_t tcml_inference_layers_done(void) { return state.layers_done; }
uint32_t tcml_inference_runs(void) { return runs_since_start; }
