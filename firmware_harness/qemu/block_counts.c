/* A QEMU plugin: how often each translation block ran during an inference, layer by layer.
 *
 * A translation block is a run of instructions that QEMU translates at once; it is always entered
 * at its first instruction and left after its last one, unless an exception cuts in. Three
 * addresses, all first instructions of functions, say what to count:
 *
 *   open=   counting starts, from zero
 *   split=  the counts so far are written out, and start from zero
 *   close=  the same, and counting ends
 *
 * A block at a mark belongs to what comes after the mark. The output is text: a line `open`; for
 * each block that ran a line `<address> <instructions> <times> <left>`, where <left> is how many
 * times something else than the instruction after it came next; a line `split` or `close`.
 *
 * QEMU's interface for plugins is declared here, as far as it is used, instead of including its
 * header: that is not installed with QEMU, and these functions have been the same since QEMU 4.2.
 * Built by tinycc_ml/runner/cycles/plugin.py, which passes TCML_QEMU_PLUGIN_VERSION.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define NO_REGISTERS 0 /* the callback reads none of the emulated core's registers */

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info_t; /* not looked at */

typedef uint64_t qemu_plugin_id_t;
typedef void (*translated_callback)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*executed_callback)(unsigned int cpu, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, translated_callback callback);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, executed_callback callback,
                                          int flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = TCML_QEMU_PLUGIN_VERSION;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc,
                               char **argv);

typedef struct block {
  uint64_t start; /* address of the first instruction */
  uint64_t end;   /* address after the last one, or 2 more: see follows() */
  uint64_t instructions;
  uint64_t times;
  uint64_t left;
  struct block *next;
} block;

/* The emulated machines have one core, so callbacks never run at the same time. */
static struct {
  uint64_t open;
  uint64_t split;
  uint64_t close;
  FILE *output;
  block *all;
  block *last; /* that was executed; or null */
  int counting;
} state;

static void start_from_zero(void) {
  for (block *b = state.all; b != NULL; b = b->next) {
    b->times = 0u;
    b->left = 0u;
  }
}

static void write_counts(const char *mark) {
  for (const block *b = state.all; b != NULL; b = b->next) {
    if (b->times > 0u) {
      fprintf(state.output, "%" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", b->start,
              b->instructions, b->times, b->left);
    }
  }
  fprintf(state.output, "%s\n", mark);
  fflush(state.output); /* it is read while QEMU still runs */
}

static void pass_marks(uint64_t address) {
  if (address == state.open) {
    start_from_zero();
    state.counting = 1;
    fprintf(state.output, "open\n");
  } else if (state.counting && (address == state.split || address == state.close)) {
    state.counting = address == state.split;
    write_counts(state.counting ? "split" : "close");
    start_from_zero();
  }
}

/* At the end of a page QEMU looks at two bytes more, to see whether the next instruction crosses
 * it, and takes them for a part of the last instruction. An instruction of four bytes is at that
 * place, so nothing begins two bytes later; and nothing begins two bytes before a true end, but for
 * a branch of two bytes, which does not branch to itself. */
static int follows(const block *b, const block *before) {
  return b->start == before->end || b->start == before->end - 2u;
}

static void executed(unsigned int cpu, void *data) {
  (void)cpu;
  block *b = data;
  if (state.last != NULL && !follows(b, state.last)) {
    ++state.last->left;
  }
  pass_marks(b->start);
  ++b->times;
  state.last = b;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
  (void)id;
  const size_t count = qemu_plugin_tb_n_insns(tb);
  const struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, count - 1u);
  block *b = calloc(1u, sizeof *b);
  if (b == NULL) {
    abort(); /* counts that lack a block would be wrong without anyone noticing */
  }
  b->start = qemu_plugin_tb_vaddr(tb);
  b->end = qemu_plugin_insn_vaddr(last) + qemu_plugin_insn_size(last);
  b->instructions = count;
  b->next = state.all;
  state.all = b;
  qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, NO_REGISTERS, b);
}

/* The text after `name`, or null if the argument is another one. */
static const char *value_of(const char *argument, const char *name) {
  const size_t length = strlen(name);
  return strncmp(argument, name, length) == 0 ? argument + length : NULL;
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc,
                        char **argv) {
  (void)info;
  for (int i = 0; i < argc; ++i) {
    const char *value;
    if ((value = value_of(argv[i], "open=")) != NULL) {
      state.open = strtoull(value, NULL, 0);
    } else if ((value = value_of(argv[i], "split=")) != NULL) {
      state.split = strtoull(value, NULL, 0);
    } else if ((value = value_of(argv[i], "close=")) != NULL) {
      state.close = strtoull(value, NULL, 0);
    } else if ((value = value_of(argv[i], "output=")) != NULL) {
      state.output = fopen(value, "w");
    }
  }
  if (state.output == NULL) {
    fprintf(stderr, "block_counts: output= is missing or cannot be written\n");
    return -1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  return 0;
}
