"""Runs an integer graph with the operators' references: the oracle of everything generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinycc_ml.errors import DataError, InternalError
from tinycc_ml.graph import Array, TensorType
from tinycc_ml.ops.base import Layer, LayerGraph
from tinycc_ml.ops.registry import op


def evaluate(graph: LayerGraph, inputs: Sequence[Array]) -> dict[str, Array]:
    """All values of the graph, constants included, by name, for one sample.

    Args:
        graph: What to run.
        inputs: One array for each input of the graph, in its order, of its shape and dtype.

    Raises:
        DataError: If the inputs do not fit the graph's.
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
    for layer in graph.layers:
        values.update(zip(layer.outputs, evaluate_layer(layer, values), strict=True))
    return values


def evaluate_layer(layer: Layer, values: Mapping[str, Array]) -> tuple[Array, ...]:
    """The outputs of one layer.

    Args:
        layer: What to compute.
        values: The layer's inputs, by name; others are ignored.

    Raises:
        InternalError: If the operator's reference does not return what the workload promises.
    """
    workload = layer.workload
    roles = [role for role, _ in workload.inputs + workload.constants]
    arrays = [values[name] for name in layer.inputs]
    arrays += [constant.array for constant in layer.constants]
    operands = dict(zip(roles, arrays, strict=True))
    outputs = op(workload.op).reference(workload, operands)
    types = [type_ for _, type_ in workload.outputs]
    if len(outputs) != len(types) or not all(map(_fits, outputs, types)):
        raise InternalError(f"{layer.name}: the reference returned something else than {types}")
    return outputs


def _fits(array: Array, type_: TensorType) -> bool:
    return array.shape == type_.shape and array.dtype == type_.dtype.numpy
