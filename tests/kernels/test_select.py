"""Selection: which kernel, which layers share a function, which arrays share memory."""

from __future__ import annotations

import re
from math import prod

import pytest

from tests.end_to_end.golden import MODELS
from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import compile_bytes
from tests.shared_data import shared_path
from tinycc_ml.compiler import compile_model
from tinycc_ml.kernels import KernelDef, Program, candidates, format_program, select
from tinycc_ml.kernels import select as _select_function
from tinycc_ml.kernels.portable import PORTABLE
from tinycc_ml.loopir import Role, verify_kernel
from tinycc_ml.ops import all_ops, op
from tinycc_ml.targets import features, list_boards, load_board

NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*__[a-z0-9]+(_[a-z0-9]+)*")
ORDER = [Role.INPUT, Role.CONSTANT, Role.OUTPUT, Role.SCRATCH]


def program(name: str, board: str = "host", **choices: object) -> Program:
    return compile_bytes(NETWORKS[name](), name, board=board, **choices).program


def test_every_operator_has_a_portable_kernel_or_is_a_view():
    assert set(PORTABLE) == {d.name for d in all_ops() if not d.is_view}


@pytest.mark.parametrize("board", [b.name for b in list_boards()])
def test_the_portable_kernel_is_the_last_resort_everywhere(board):
    have = features(load_board(board))
    for name in PORTABLE:
        found = candidates(name, have)
        assert found[-1] is PORTABLE[name]
        assert all(d.op == name and d.requires <= have for d in found)
        assert all(NAME.fullmatch(d.name) for d in found), [d.name for d in found]
        assert candidates(name, have, "portable") == (PORTABLE[name],)
        assert len({d.name for d in found}) == len(found)


@pytest.mark.parametrize("board", ["host", "nucleo-f746", "rpi-pico", "mps3-an547"])
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_program_is_consistent(name, board):
    found = program(name, board)
    known = {*found.inputs}
    aliases = dict(found.aliases)
    for call in found.calls:
        kernel = found.functions[call.function]
        buffers = kernel.loops.buffers
        verify_kernel(kernel.loops)
        assert [b.role for b in buffers] == sorted((b.role for b in buffers), key=ORDER.index)
        by_role = {role: [b for b in buffers if b.role is role] for role in ORDER}
        assert len(by_role[Role.INPUT]) == len(call.inputs)
        assert len(by_role[Role.OUTPUT]) == len(call.outputs)
        for buffer, constant in zip(by_role[Role.CONSTANT], call.constants, strict=True):
            assert prod(buffer.memory[0]) == found.constants[constant].array.size
        for buffer, (_, size) in zip(by_role[Role.SCRATCH], call.scratch, strict=True):
            assert buffer.elements * buffer.dtype.size_bytes == size
        for value in call.inputs:
            assert value in found.constants or aliases.get(value, value) in known
        known |= {*call.outputs}
        known |= {view for view, source in found.aliases if source in known}
    assert {aliases.get(v, v) for v in found.outputs} <= known
    used = {c.function for c in found.calls}
    assert used == set(range(len(found.functions))), "a function that nobody calls"
    named = {n for c in found.calls for n in (*c.constants, *c.inputs)}
    assert set(found.constants) <= named, "a constant that nobody reads"
    assert found.macs == sum(c.macs for c in found.calls)


def test_layers_with_equal_workloads_share_a_function():
    found = program("shared_functions")
    convolutions = [c for c in found.calls if c.op == "conv2d"]
    assert len(convolutions) == 3
    assert len({c.function for c in convolutions}) == 1
    # Each has weights of its own.
    assert len({c.constants[0] for c in convolutions}) == 3
    assert len(found.functions) == 2


def test_equal_arrays_are_stored_once():
    found = program("shared_functions")
    arrays = [(c.array.dtype.str, c.array.tobytes()) for c in found.constants.values()]
    assert len(set(arrays)) == len(arrays)


def test_a_view_is_no_layer():
    found = program("reshape_only")
    assert found.calls == () and found.functions == () and len(found.aliases) == 1
    assert op("reshape").is_view


class _Refuses(KernelDef):
    """Takes nothing."""

    name = "conv2d_s8__never"
    op = "conv2d"

    def accepts(self, *_arguments):
        return "it is Tuesday"

    def build(self, *_arguments):
        raise AssertionError("built although it was refused")

    def cycles(self, *_arguments):
        return 1


def test_refusals_are_kept_with_their_reason(monkeypatch):
    module = __import__(_select_function.__module__, fromlist=["candidates"])
    real = module.candidates
    monkeypatch.setattr(
        module,
        "candidates",
        lambda name, *rest, **more: (
            *((_Refuses(),) if name == "conv2d" else ()),
            *real(name, *rest, **more),
        ),
    )
    compilation = compile_bytes(NETWORKS["shared_functions"](), "net")
    assert {(r.kernel, r.reason) for r in compilation.program.refusals} == {
        ("conv2d_s8__never", "it is Tuesday")
    }
    entries = [r for r in compilation.manifest.refusals if r.what == "conv2d_s8__never"]
    assert len(entries) == 3
    assert "it is Tuesday" in format_program(compilation.program)
    assert all(c.kernel == "conv2d__c" for c in compilation.manifest.layers[:3])


def test_a_layer_that_no_kernel_takes(monkeypatch):
    from tinycc_ml.errors import UnsupportedError

    module = __import__(_select_function.__module__, fromlist=["candidates"])
    monkeypatch.setattr(module, "candidates", lambda *_, **__: (_Refuses(),))
    with pytest.raises(UnsupportedError, match=r"no kernel takes this .*it is Tuesday"):
        compile_bytes(NETWORKS["shared_functions"](), "net")


def test_twice_the_same_program():
    from tests.end_to_end.networks import DIGITS

    integers = compile_model(DIGITS, load_board("host")).integers
    assert select(integers, frozenset()) == select(integers, frozenset())


@pytest.mark.parametrize("board", ["nucleo-l4r5zi", "nucleo-f746"])
@pytest.mark.parametrize("model", MODELS)
def test_estimates_prefer_what_was_written_for_the_core(model, board):
    found = compile_model(shared_path(f"data/models/{model}.tflite"), load_board(board)).program
    portable = {c.op for c in found.calls if found.functions[c.function].definition.endswith("__c")}
    assert portable <= {"softmax"}
