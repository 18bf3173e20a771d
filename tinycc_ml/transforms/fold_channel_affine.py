"""A factor and a summand per channel move into weights and bias: batch normalization, biases."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Graph, Node, RefusalLog
from tinycc_ml.ops import Activation
from tinycc_ml.transforms.draft import Draft, apply_rule
from tinycc_ml.transforms.fuse_activations import own_activation, with_activation

#: Layers with a weight and a bias, and the weight's dimension that has an index per output channel.
_CHANNEL_AXIS = {"conv2d": 0, "depthwise_conv2d": 3, "transpose_conv": 0, "fully_connected": 0}


@dataclass(frozen=True, slots=True)
class FoldChannelAffine:
    """Folds `mul`, `add`, `sub` and `div` by constants per channel into the layer before them.

    Given: a graph whose nodes have passed their operators' checks.
    Result: the same outputs within float32 rounding, and bit by bit where integers are computed.
        No float convolution or fully connected layer is followed by such a node only, but where
        that is refused: another reads the layer's result or its weight too, an activation is in
        between, numbers would not be finite, or the layer is in integers, whose results are
        rounded before the node sees them.

    A batch normalization is a factor and a summand, a matrix product with an `add` is a fully
    connected layer with a bias: both are this. Products are rounded once, from float64.
    """

    @property
    def name(self) -> str:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return "fold_channel_affine"

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return apply_rule(graph, refuse, self.name, _fold)


@dataclass(frozen=True, slots=True, eq=False)
class _Affine:
    """``value * factor + summand``, in float64: one number, or one per channel."""

    value: str
    factor: Array
    summand: Array
    activation: Activation = Activation.NONE


def _fold(draft: Draft, node: Node) -> str | None:
    affine = _affine(draft, node)
    layer = None if affine is None else draft.producer(affine.value)
    if affine is None or layer is None or layer.op not in _CHANNEL_AXIS:
        return None
    reason = _refusal(draft, layer, node, affine)
    if reason is not None:
        return reason
    x, weight_name, bias_name = layer.inputs
    weight, bias = (draft.constants[name].array for name in (weight_name, bias_name))
    axis = _CHANNEL_AXIS[layer.op]
    factor, summand = (np.broadcast_to(a, bias.shape) for a in (affine.factor, affine.summand))
    shape = [len(bias) if i == axis else 1 for i in range(weight.ndim)]
    with np.errstate(over="ignore", invalid="ignore"):
        new_weight = (weight * factor.reshape(shape)).astype(np.float32)
        new_bias = (bias * factor + summand).astype(np.float32)
    if not np.isfinite(new_weight).all() or not np.isfinite(new_bias).all():
        return "weights or biases would not be finite"
    if not np.array_equal(new_weight, weight):
        weight_name = draft.add_constant(weight_name, new_weight)
    bias_name = draft.add_constant(bias_name, new_bias)
    attrs = with_activation(layer.attrs, affine.activation)
    draft.remove(node)
    inputs = (x, weight_name, bias_name)
    draft.put(layer, replace(layer, inputs=inputs, outputs=node.outputs, attrs=attrs))
    return None


def _affine(draft: Draft, node: Node) -> _Affine | None:
    """A node as a factor and a summand per channel of a value; ``None`` where it is none."""
    if node.op not in ("mul", "add", "sub", "div"):
        return None
    is_constant = [name in draft.constants for name in node.inputs]
    if is_constant == [False, True]:
        value, constant = node.inputs
    elif is_constant == [True, False] and node.op != "div":
        constant, value = node.inputs
    else:
        return None
    shape, array = draft.types[value].shape, draft.constants[constant].array
    is_per_channel = array.size == 1 or array.shape[-1:] == shape[-1:] == (array.size,)
    if not is_per_channel or draft.types[node.outputs[0]].shape != shape:
        return None
    numbers = array.astype(np.float64).reshape(-1)
    one, zero = np.ones(1), np.zeros(1)
    activation = Activation.NONE if node.op == "div" else own_activation(node)
    if node.op == "mul":
        return _Affine(value, numbers, zero, activation)
    if node.op == "div":
        with np.errstate(divide="ignore"):
            return _Affine(value, 1 / numbers, zero)
    if node.op == "add":
        return _Affine(value, one, numbers, activation)
    if value == node.inputs[0]:
        return _Affine(value, one, -numbers, activation)
    return _Affine(value, -one, numbers, activation)


def _refusal(draft: Draft, layer: Node, node: Node, affine: _Affine) -> str | None:
    if any(draft.types[name].dtype is not DType.FLOAT32 for name in layer.inputs):
        return f"{layer.name} rounds its result to integers: folded, it would round once"
    if not draft.is_only_read_by(affine.value, node):
        return f"{layer.name} is read by others too"
    if own_activation(layer) is not Activation.NONE:
        return f"{layer.name} has the activation {own_activation(layer).value} in between"
    if (affine.factor != 1).any() and not draft.is_only_read_by(layer.inputs[1], layer):
        return f"the weight of {layer.name} is read by others too"
    return None
