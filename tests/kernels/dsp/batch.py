"""Many kernels in one firmware: constants and inputs are compiled in, outputs are read back.

Inputs lie at any address, as values in an application's buffers may. Behind every output and
behind the scratch are bytes that nothing may change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tests.c_compilers import run_tool
from tests.kernels.dsp.cases import Case
from tinycc_ml._resources import resource_dir
from tinycc_ml.dtypes import from_numpy
from tinycc_ml.loopir import (
    Buffer,
    LoopKernel,
    Role,
    print_c_body,
    print_c_function,
    print_c_intrinsics,
    required_functions,
    required_intrinsics,
)
from tinycc_ml.runner.firmware import FirmwareImage, build_firmware
from tinycc_ml.runner.sessions import open_device
from tinycc_ml.targets import compile_flags, load_board

GUARD, GUARD_BYTES = 0xA5, 8
#: What code built with -finstrument-functions or a stack protector calls.
HOOKS = """
void __cyg_profile_func_enter(void *function, void *site) __attribute__((no_instrument_function));
void __cyg_profile_func_exit(void *function, void *site) __attribute__((no_instrument_function));
void __cyg_profile_func_enter(void *function, void *site) { (void)function; (void)site; }
void __cyg_profile_func_exit(void *function, void *site) { (void)function; (void)site; }
extern uint32_t __stack_chk_guard;
uint32_t __stack_chk_guard = 0x600DF00DU;
void __stack_chk_fail(void);
void __stack_chk_fail(void) { for (;;) { } }
"""
GLUE = """
static uint8_t input[4];
static const tcml_buffer inputs[] = {{"input", input, 4U}};
static const tcml_buffer outputs[] = {{"output", output, (uint32_t)sizeof output}};
const tcml_model_descriptor tcml_model = {
    "batch", {0}, inputs, outputs, 1U, 1U, TCML_LAYER_COUNT, 0U, run, NULL,
};
"""
WARNINGS = (
    *("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow"),
    *("-Wmissing-prototypes", "-Wundef", "-Werror"),
)


def kernels_text(kernels: Sequence[LoopKernel], prefix: str = "static ") -> str:
    """The functions ``k0 ...`` with everything that they call."""
    helpers = dict.fromkeys(f for kernel in kernels for f in required_functions(kernel))
    intrinsics = dict.fromkeys(i for kernel in kernels for i in required_intrinsics(kernel))
    texts = [print_c_function(f) for f in helpers]
    texts.append(print_c_intrinsics(intrinsics, helpers))
    for i, kernel in enumerate(kernels):
        parameters = ", ".join(
            f"{'const ' if b.role in (Role.INPUT, Role.CONSTANT) else ''}{b.dtype.c_name} *{b.name}"
            for b in kernel.buffers
        )
        texts.append(f"{prefix}void k{i}({parameters}) {{\n{print_c_body(kernel)}}}\n")
    return "\n".join(texts)


def batch_source(cases: Sequence[Case]) -> str:
    """The C file of a batch."""
    kernels = [case.definition.build(case.workload, case.constants).loops for case in cases]
    data, calls = [], []
    scratch_bytes = max(_scratch_bytes(kernel) for kernel in kernels)
    input_at = output_at = shared_bytes = 0
    for i, (case, kernel) in enumerate(zip(cases, kernels, strict=True)):
        packed = iter(case.definition.pack(case.workload, case.constants))
        arguments = []
        scratch_at = 0
        below = max(0, -(case.distance or 0))
        for buffer in kernel.buffers:
            if buffer.role is Role.INPUT and case.distance is not None:
                arguments.append(f"shared + {below + case.distance}")
            elif buffer.role is Role.OUTPUT and case.distance is not None:
                arguments.append(f"shared + {below}")
            elif buffer.role is Role.INPUT:
                arguments.append(f"x + {input_at}")
            elif buffer.role is Role.CONSTANT:
                name = f"c{i}_{buffer.name}"
                data.append(_array(name, next(packed).array))
                arguments.append(name)
            elif buffer.role is Role.OUTPUT:
                arguments.append(f"(int8_t *)output + {output_at}")
            else:
                arguments.append(f"({buffer.dtype.c_name} *)(scratch.bytes + {scratch_at})")
                scratch_at += _aligned_bytes(buffer)
        call = [f"  k{i}({', '.join(arguments)});"]
        if case.distance is not None:
            start, elements = below + case.distance, case.expected.size
            shared_bytes = max(shared_bytes, start + case.x.size, below + elements)
            call.insert(0, f"  memcpy(shared + {start}, x + {input_at}, {case.x.size});")
            call.append(f"  memcpy(output + {output_at}, shared + {below}, {elements});")
        output_at += case.expected.size + GUARD_BYTES
        size = _scratch_bytes(kernel)
        calls += [
            f"  memset(scratch.bytes, {GUARD}, sizeof scratch.bytes);",
            *call,
            f"  memcpy(output + {output_at}, scratch.bytes + {size}, {GUARD_BYTES});",
        ]
        output_at += GUARD_BYTES
        input_at += case.x.size
    x = np.concatenate([case.x.reshape(-1) for case in cases])
    return "\n".join(
        [
            '#include <stdint.h>\n#include <string.h>\n\n#include "tcml_harness.h"\n',
            kernels_text(kernels),
            *data,
            _array("x", x),
            f"static uint8_t output[{output_at}];",
            *([f"static int8_t shared[{shared_bytes}];"] if shared_bytes else []),
            f"static union {{ int32_t a; uint8_t bytes[{scratch_bytes + GUARD_BYTES}]; }} scratch;",
            "static int32_t run(void) {",
            f"  memset(output, {GUARD}, sizeof output);",
            *calls,
            "  return 0;\n}",
            HOOKS,
            GLUE,
        ]
    )


#: Writes the C file of a batch.
Source = Callable[[Sequence[Case]], str]


def build_batch(
    cases: Sequence[Case],
    board: str,
    folder: Path,
    command: Sequence[str] = ("-O2",),
    source: Source = batch_source,
) -> FirmwareImage:
    """The firmware of a batch.

    Args:
        cases: What to put in.
        board: The emulated board.
        folder: Where to write.
        command: Flags for the batch's own file; a compiler other than the board's comes first.
        source: Writes the C file.
    """
    batch = compile_batch(cases, board, folder, command, source)
    # The object comes in as a flag: how it is compiled is this module's business.
    empty = folder / "empty.c"
    empty.write_text("typedef int nothing;\n")
    target = load_board(board)
    assert target.emulator
    return build_firmware(
        [empty],
        [],
        load_board(target.emulator.firmware_of),
        folder / "build",
        target=target,
        layer_count=1,
        # Objects of other compilers and those of newlib disagree about this note.
        extra_flags=[str(batch), "-Wl,--no-warn-execstack"],
        trace=False,
    )


def compile_batch(
    cases: Sequence[Case],
    board: str,
    folder: Path,
    command: Sequence[str] = ("-O2",),
    source: Source = batch_source,
) -> Path:
    """The object file of a batch; see :func:`build_batch`."""
    folder.mkdir(parents=True, exist_ok=True)
    text, target = folder / "batch.c", folder / "batch.o"
    text.write_text(source(cases))
    compiler = () if not command[0].startswith("-") else ("arm-none-eabi-gcc",)
    core = compile_flags(load_board(board))
    if command[0] == "clang":
        # It does not know that one, and does what it says.
        core = tuple(flag for flag in core if flag != "-mfpu=auto")
    flags = [*compiler, *command, *core, *WARNINGS]
    include = resource_dir("firmware_harness") / "include"
    flags += ["-std=c11", "-ffunction-sections", "-DTCML_LAYER_COUNT=1", f"-I{include}"]
    run_tool([*flags, "-c", text, "-o", target], folder)
    if "-flto" in command:
        whole = folder / "whole.o"
        relink = ("-r", "-flinker-output=nolto-rel", "-nostdlib")
        run_tool(["arm-none-eabi-gcc", *command, *core, *relink, target, "-o", whole], folder)
        return whole
    return target


def run_batch(image: FirmwareImage, board: str) -> bytes:
    """All bytes of the output of a batch."""
    with open_device(image, load_board(board), on="qemu") as device:
        device.write_inputs([bytes(4)])
        device.run(1)
        return device.read_outputs()[0]


def check_batch(cases: Sequence[Case], output: bytes) -> None:
    """Every output is the reference's, and no guard has changed."""
    at = 0
    guard = bytes([GUARD]) * GUARD_BYTES
    for number, case in enumerate(cases):
        expected = case.expected
        found = np.frombuffer(output, np.int8, expected.size, at).reshape(expected.shape)
        wrong = np.argwhere(found != expected)
        assert not len(wrong), f"case {number}: {len(wrong)} wrong, first {wrong[0]}: {case}"
        at += expected.size
        assert output[at : at + 8] == guard, f"case {number}: wrote behind the output: {case}"
        assert output[at + 8 : at + 16] == guard, f"case {number}: behind the scratch: {case}"
        at += 2 * GUARD_BYTES
    assert at == len(output)


def _scratch_bytes(kernel: LoopKernel) -> int:
    *others, last = [b for b in kernel.buffers if b.role is Role.SCRATCH] or [None]
    # The guard stands directly behind the last one.
    size = last.elements * last.dtype.size_bytes if last else 0
    return sum(_aligned_bytes(buffer) for buffer in others if buffer) + size


def _aligned_bytes(buffer: Buffer) -> int:
    """As a memory plan places scratch."""
    size = buffer.elements * buffer.dtype.size_bytes
    return size + -size % 4


def _array(name: str, array: np.ndarray) -> str:
    c_name = from_numpy(array.dtype).c_name
    values = ",".join("INT32_MIN" if v == -(2**31) else str(v) for v in array.reshape(-1).tolist())
    return f"static const {c_name} {name}[{array.size}] = {{{values}}};"
