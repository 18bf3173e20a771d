"""Layers that take one image at a time, applied to each image of a batch."""

from __future__ import annotations

from dataclasses import replace

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Node, TensorType
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.slice import SliceAttrs

_ONE_IMAGE = frozenset(
    {"average_pool2d", "conv2d", "depthwise_conv2d", "hybrid_conv2d", "max_pool2d"}
    | {"resize_bilinear", "transpose_conv"}
)
_MAX_BATCH = 64


def image_by_image(node: Node, types: dict[str, TensorType]) -> list[Node]:
    """The nodes that do what a node says, each of one image; the node itself where it does that.

    Args:
        node: Its first input is a batch of images, its only output too.
        types: Of all values; those between the new nodes are added.

    Raises:
        UnsupportedError: If the batch is so large that it must be a mistake.
    """
    x, y = node.inputs[0], node.outputs[0]
    batches = [types[name].shape[:1] for name in (x, y)]
    if node.op not in _ONE_IMAGE or batches[0] in ((), (1,)) or batches[0] != batches[1]:
        return [node]
    ((count,), _) = batches
    if count > _MAX_BATCH:
        raise UnsupportedError(f"batch {count}; allowed up to {_MAX_BATCH}")
    nodes: list[Node] = []
    results: list[str] = []
    rest = types[x].shape[1:]
    for i in range(count):
        part, result = f"{y}_image{i}", f"{y}_result{i}"
        for name, whole in ((part, x), (result, y)):
            types[name] = replace(types[whole], shape=(1, *types[whole].shape[1:]))
        where = SliceAttrs((i, *(0 for _ in rest)), (1, *rest), (1,) * (len(rest) + 1))
        nodes.append(Node(f"{node.name}_image{i}", "slice", (x,), (part,), where, node.origin))
        layer = replace(node, name=f"{node.name}_{i}", inputs=(part, *node.inputs[1:]))
        nodes.append(replace(layer, outputs=(result,)))
        results.append(result)
    name, attrs = f"{node.name}_batch", ConcatenationAttrs(0)
    nodes.append(Node(name, "concatenation", tuple(results), (y,), attrs, node.origin))
    return nodes
