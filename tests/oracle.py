"""TensorFlow Lite Micro itself, from the ``tflite-micro`` package: what outputs must equal.

Its C++ does not check models: only give it valid ones, a wrong one may kill the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

_ARENA_BYTES = 64 << 20


def _interpreter(model: bytes, *, keep_all: bool) -> Any:
    runtime = pytest.importorskip(
        "tflite_micro.python.tflite_micro.runtime",
        reason="the oracle needs the extra `reference` (package tflite-micro)",
    )
    config = runtime.InterpreterConfig
    return runtime.Interpreter.from_bytes(
        model,
        arena_size=_ARENA_BYTES,
        intrepreter_config=config.kPreserveAllTensors if keep_all else config.kAllocationRecording,
    )


def run_tflm(model: bytes, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The model's outputs, in its order, for one set of inputs, in its order."""
    interpreter = _interpreter(model, keep_all=False)
    for index, array in enumerate(inputs):
        interpreter.set_input(np.ascontiguousarray(array), index)
    interpreter.invoke()
    return [np.array(interpreter.get_output(i)) for i in range(count_outputs(model))]


def run_tflm_sequence(
    model: bytes, samples: Sequence[Sequence[np.ndarray]]
) -> list[list[np.ndarray]]:
    """The outputs for each of several sets of inputs; variables keep their values in between."""
    interpreter = _interpreter(model, keep_all=False)
    outputs = []
    for inputs in samples:
        for index, array in enumerate(inputs):
            interpreter.set_input(np.ascontiguousarray(array), index)
        interpreter.invoke()
        outputs.append([np.array(interpreter.get_output(i)) for i in range(count_outputs(model))])
    return outputs


def run_tflm_tensors(
    model: bytes, inputs: Sequence[np.ndarray], tensors: Sequence[int]
) -> list[np.ndarray]:
    """The values of some tensors of the first subgraph, by their index in the file."""
    interpreter = _interpreter(model, keep_all=True)
    for index, array in enumerate(inputs):
        interpreter.set_input(np.ascontiguousarray(array), index)
    interpreter.invoke()
    return [np.array(interpreter.GetTensor(index, 0)["tensor_data"]) for index in tensors]


def count_outputs(model: bytes) -> int:
    """How many outputs the first subgraph has."""
    import tflite

    return int(tflite.Model.GetRootAs(model, 0).Subgraphs(0).OutputsLength())
