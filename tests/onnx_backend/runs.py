"""Runs cases through C compiled on this machine, many models in one library."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import ModelProto, numpy_helper

from tests.end_to_end.projects import HostModel, build_host
from tests.onnx_backend.cases import Case
from tinycc_ml.compiler import Compilation, compile_model
from tinycc_ml.errors import InternalError, TinyccError
from tinycc_ml.targets import load_board

_BATCH = 60
#: Messages that ask for a constant where a test has an input.
#: A list of axes without elements is an input that the importer takes for one of open size.
_NEEDS_CONSTANT = re.compile(
    "computed at run time|is no constant|must be constant|without a number: input 'axes'"
)


@dataclass(frozen=True)
class Outcome:
    """Attributes:
    case: What was run.
    reason: Why it does not pass; empty where it does.
    bound: Whether all inputs but the first were made constants of the model.
    """

    case: Case
    reason: str
    bound: bool = False


@dataclass(frozen=True)
class _Built:
    case: Case
    compilation: Compilation
    bound: bool


def run_cases(cases: Iterable[Case], folder: Path) -> list[Outcome]:
    """Compiles and runs cases; in the order given."""
    folder.mkdir(parents=True, exist_ok=True)
    outcomes: dict[str, Outcome] = {}
    cases = list(cases)
    built: list[_Built] = []
    for number, case in enumerate(cases):
        made = _compile(case, number, folder)
        if isinstance(made, Outcome):
            outcomes[case.name] = made
        else:
            built.append(made)
    for start in range(0, len(built), _BATCH):
        batch = built[start : start + _BATCH]
        for outcome in _run_batch(batch, folder / f"batch{start}"):
            outcomes[outcome.case.name] = outcome
    return [outcomes[case.name] for case in cases]


def _compile(case: Case, number: int, folder: Path) -> _Built | Outcome:
    if not all(_is_usable(a) for ins, outs in case.data_sets for a in (*ins, *outs)):
        return Outcome(case, "an input or output is no tensor of numbers")
    name = f"m{number}"
    made = _compiled(_with_shapes(case), name, folder)
    bound = isinstance(made, str) and bool(_NEEDS_CONSTANT.search(made)) and _is_single(case)
    if bound:
        made = _compiled(_with_constants(case), name, folder)
    return Outcome(case, made) if isinstance(made, str) else _Built(case, made, bound)


def _is_single(case: Case) -> bool:
    """Whether the inputs of a case can be made constants."""
    return len(case.data_sets) == 1 and len(case.data_sets[0][0]) > 1


def _is_usable(array: object) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind in "fiub"


def _compiled(model: ModelProto, name: str, folder: Path) -> Compilation | str:
    """The compiled model, or why it cannot be compiled."""
    path = folder / f"{name}.onnx"
    path.write_bytes(model.SerializeToString())
    try:
        return compile_model(path, load_board("host"), name=name)
    except InternalError as error:
        return f"internal error: {error}"
    except TinyccError as error:
        return _reason(str(error), name)
    except Exception as error:  # a bug; the table shall show it, and the rest still be run
        return f"internal error: {type(error).__name__}: {error}"


def _with_shapes(case: Case) -> ModelProto:
    """The model with the shapes of its data where it leaves dimensions open."""
    model = ModelProto()
    model.CopyFrom(case.model)
    known = {tensor.name for tensor in model.graph.initializer}
    values = [value for value in model.graph.input if value.name not in known]
    for value, array in zip(values, case.data_sets[0][0], strict=False):
        dims = value.type.tensor_type.shape.dim
        if len(dims) == array.ndim:
            for dim, extent in zip(dims, array.shape, strict=True):
                dim.dim_value = extent
    return model


def _with_constants(case: Case) -> ModelProto:
    """The model with all inputs but the first as constants: weights, axes, shapes."""
    model = _with_shapes(case)
    (inputs, _) = case.data_sets[0]
    known = {tensor.name for tensor in model.graph.initializer}
    names = [value.name for value in model.graph.input if value.name not in known]
    for name, array in list(zip(names, inputs, strict=True))[1:]:
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    return model


def _reason(message: str, name: str) -> str:
    """The message without what differs from case to case."""
    text = message.removeprefix(f"{name}.onnx: ")
    text = re.sub(r" \(node \d+[^)]*\)", "", text)
    text = re.sub(r"node \d+ '[^']*': ", "", text)
    return text.replace("; `tinycc-ml ops` lists what is", "")


def _run_batch(batch: Sequence[_Built], folder: Path) -> list[Outcome]:
    models = build_host([b.compilation for b in batch], folder, "-O0")
    return [_run(b, model) for b, model in zip(batch, models, strict=True)]


def _run(built: _Built, model: HostModel) -> Outcome:
    case = built.case
    for inputs, outputs in case.data_sets:
        arrays = inputs[: len(model.manifest.inputs)] if built.bound else inputs
        found = model.run([np.atleast_1d(a) if a.ndim == 0 else a for a in arrays])
        reason = _difference(case, found, outputs)
        if reason:
            return Outcome(case, reason, built.bound)
    return Outcome(case, "", built.bound)


def _difference(case: Case, found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> str:
    for f, e in zip(found, expected, strict=True):
        if f.shape != e.shape or f.dtype != e.dtype:
            return f"wrong type: {f.dtype}{list(f.shape)}, expected {e.dtype}{list(e.shape)}"
        if not np.allclose(f, e, case.rtol, case.atol, equal_nan=True):
            return "wrong result"
    return ""
