"""The cases of ``onnx.backend.test``: models with inputs and the outputs that they must give."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, numpy_helper

KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator")


@dataclass(frozen=True)
class Case:
    """Attributes:
    name: The test's name.
    kind: One of :data:`KINDS`; the tests of `node` that are functions written out are "expanded".
    model: The model.
    data_sets: Inputs and outputs; ``None`` for what is no array.
    rtol: Relative tolerance.
    atol: Absolute tolerance.
    """

    name: str
    kind: str
    model: ModelProto
    data_sets: list[tuple[list[Any], list[Any]]]
    rtol: float
    atol: float

    @property
    def operator(self) -> str:
        """The only operator of the model, else its last one."""
        node = self.model.graph.node[-1]
        return f"{node.domain}.{node.op_type}" if node.domain else node.op_type


def node_cases(modules: Sequence[str] | None = None) -> list[Case]:
    """The node tests of these modules of ``onnx.backend.test.case.node``; of all by default."""
    from onnx.backend.test.case import node

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if modules is None:
            found = node.collect_testcases()
        else:
            # Importing a module makes its cases; all of them would take many seconds.
            before = len(node._NodeTestCases)
            for module in modules:
                importlib.import_module(f"onnx.backend.test.case.node.{module}")
            found = node._NodeTestCases[before:]
    return [
        Case(
            c.name,
            "expanded" if "_expanded" in c.name else "node",
            c.model,
            [([*map(_plain, ins)], [*map(_plain, outs)]) for ins, outs in c.data_sets],
            c.rtol,
            c.atol,
        )
        for c in found
    ]


def _plain(value: Any) -> Any:
    """NumPy's scalars as arrays."""
    return np.asarray(value) if isinstance(value, np.generic) else value


def file_cases(kind: str) -> list[Case]:
    """The tests of another kind, which lie in files."""
    from onnx.backend.test.loader import load_model_tests

    return [
        Case(
            c.name,
            kind,
            onnx.load(Path(c.model_dir) / "model.onnx"),
            list(_data_sets(Path(c.model_dir))),
            c.rtol,
            c.atol,
        )
        for c in sorted(load_model_tests(kind=kind), key=lambda c: str(c.name))
    ]


def _data_sets(folder: Path) -> Iterator[tuple[list[Any], list[Any]]]:
    for data in sorted(folder.glob("test_data_set_*")):
        yield _arrays(data, "input"), _arrays(data, "output")


def _arrays(folder: Path, what: str) -> list[Any]:
    paths = [folder / f"{what}_{i}.pb" for i in range(len(list(folder.glob(f"{what}_*.pb"))))]
    return [_array(path) for path in paths]


def _array(path: Path) -> Any:
    tensor = onnx.TensorProto()
    try:
        tensor.ParseFromString(path.read_bytes())
        array = numpy_helper.to_array(tensor)
    except Exception:  # a sequence, or something else that is no tensor
        return None
    return array if isinstance(array, np.ndarray) else None
