"""What outputs are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tinycc_ml.errors import ToolchainError
from tinycc_ml.graph import Array
from tinycc_ml.ops import LayerGraph, evaluate, next_states
from tinycc_ml.runner.oracle import Oracle, oracle_available

_TFLITE = b"TFL3"


class Reference(Protocol):
    """Computes the outputs of a model, sample by sample; a model with state remembers them."""

    name: str

    def reset(self) -> None:
        """Forgets all earlier samples."""
        ...

    def run(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """The model's outputs, in its order."""
        ...


class NumpyReference:
    """Our own statement of the arithmetic: :mod:`tinycc_ml.numerics` through the operators."""

    name = "numpy"

    def __init__(self, graph: LayerGraph) -> None:
        self._graph = graph
        self.reset()

    def reset(self) -> None:
        """Forgets all earlier samples."""
        self._states: tuple[Array, ...] = tuple(s.initial.array for s in self._graph.states)

    def run(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """The model's outputs, in its order."""
        values = self.values(inputs)
        return tuple(values[name] for name in self._graph.outputs)

    def values(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Every value of the graph, by name."""
        values = evaluate(self._graph, inputs, self._states)
        self._states = next_states(self._graph, values)
        return values


class TflmReference:
    """TensorFlow Lite Micro's reference kernels."""

    name = "tflm"

    def __init__(self, model: bytes, outputs: int) -> None:
        self._oracle = Oracle(model, outputs)

    def reset(self) -> None:
        """Forgets all earlier samples."""
        self._oracle.reset()

    def run(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """The model's outputs, in its order."""
        return self._oracle.run(inputs)


def choose_reference(kind: str, model: bytes, graph: LayerGraph) -> Reference:
    """The reference of that kind; ``auto`` takes TensorFlow Lite Micro where it serves.

    Raises:
        ToolchainError: If TensorFlow Lite Micro is asked for, and is not installed or cannot read
            the model.
    """
    is_tflite = model[4:8] == _TFLITE
    if kind == "tflm" and not is_tflite:
        raise ToolchainError("TensorFlow Lite Micro reads .tflite only; use --reference numpy")
    if kind == "tflm" or (kind == "auto" and is_tflite and oracle_available()):
        return TflmReference(model, len(graph.outputs))
    return NumpyReference(graph)
