"""Runs a graph of layers with the operators' references: the oracle of everything generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tinycc_ml.errors import DataError, InternalError
from tinycc_ml.graph import Array, TensorType
from tinycc_ml.ops.base import Layer, LayerGraph
from tinycc_ml.ops.registry import op


def evaluate(
    graph: LayerGraph, inputs: Sequence[Array], states: Sequence[Array] | None = None
) -> dict[str, Array]:
    """All values of the graph, constants included, by name, for one sample.

    Args:
        graph: What to run.
        inputs: One array for each input of the graph, in its order, of its shape and dtype.
        states: The same for each state; what they are at first where ``None``. What they become is
            told by :func:`next_states`.

    Raises:
        DataError: If the inputs or states do not fit the graph's.
    """
    if len(inputs) != len(graph.inputs):
        raise DataError(f"{len(inputs)} inputs given; {graph.name} has {len(graph.inputs)}")
    values = {name: constant.array for name, constant in graph.constants.items()}
    for name, array in zip(graph.inputs, inputs, strict=True):
        if not _fits(array, graph.types[name]):
            raise DataError(
                f"input {name} is {array.dtype}{list(array.shape)}; needed {graph.types[name]}"
            )
        values[name] = array
    if states is None:
        states = [state.initial.array for state in graph.states]
    for state, array in zip(graph.states, states, strict=True):
        if not _fits(array, graph.types[state.value]):
            raise DataError(
                f"state {state.value} is {array.dtype}{list(array.shape)}; needed "
                f"{graph.types[state.value]}"
            )
        values[state.value] = array
    for layer in graph.layers:
        names = (*layer.outputs, *(after for _, after in layer.states))
        values.update(zip(names, evaluate_layer(layer, values), strict=True))
    return values


def next_states(graph: LayerGraph, values: Mapping[str, Array]) -> tuple[Array, ...]:
    """The states after an inference, from its values."""
    return tuple(values[state.next] for state in graph.states)


def evaluate_layer(layer: Layer, values: Mapping[str, Array]) -> tuple[Array, ...]:
    """The outputs of one layer, then what becomes of its states.

    Args:
        layer: What to compute.
        values: The layer's inputs and states, by name; others are ignored.

    Raises:
        InternalError: If the operator's reference does not return what the workload promises.
    """
    workload = layer.workload
    roles = [role for role, _ in workload.inputs + workload.constants + workload.states]
    arrays = [values[name] for name in layer.inputs]
    arrays += [constant.array for constant in layer.constants]
    arrays += [values[before] for before, _ in layer.states]
    operands = dict(zip(roles, arrays, strict=True))
    # Floats may overflow, and be no numbers, as they are in C.
    with np.errstate(all="ignore"):
        outputs = op(workload.op).reference(workload, operands)
    types = [type_ for _, type_ in workload.outputs + workload.states]
    if len(outputs) != len(types) or not all(map(_fits, outputs, types)):
        raise InternalError(f"{layer.name}: the reference returned something else than {types}")
    return outputs


def _fits(array: Array, type_: TensorType) -> bool:
    return array.shape == type_.shape and array.dtype == type_.dtype.numpy
