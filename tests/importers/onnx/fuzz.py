"""Imports damaged .onnx files, in a process of its own with limited memory.

    python -m tests.importers.onnx.fuzz SEED COUNT [FILE ...] [--keep FOLDER]

See :mod:`tests.importers.fuzz`.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from onnx import ModelProto, TensorProto, helper

from tests.importers.fuzz import mutate, run
from tests.importers.onnx.builder import Qdq, model, node
from tinycc_ml.importers.onnx import import_onnx_bytes
from tinycc_ml.importers.onnx.fold import FOLDS
from tinycc_ml.importers.onnx.rows import ROWS


def everything() -> bytes:
    """A small model with operators of every kind, a function and an `If`."""
    q = Qdq(np.uint8)
    x = q.add("Transpose", [q.both("x", 0.03, 5)], perm=[0, 3, 1, 2])
    w = q.weight(np.ones((4, 2, 3, 3), np.int8), np.full(4, 0.01))
    y = q.both(q.add("Conv", [x, w], pads=[1, 1, 1, 1], strides=[2, 2]), 0.05, 3)
    y = q.add("MaxPool", [q.add("Clip", [y, q.constant(np.float32(0))])], kernel_shape=[2, 2])
    y = q.add("AveragePool", [y], kernel_shape=[1, 1], ceil_mode=1)
    y = q.add("Pad", [y, q.constant(np.array([0, 0, 1, 1, 0, 0, 0, 0]))])
    parts = q.add("Slice", [y, *(q.constant(np.array([i])) for i in (0, 3, 1))])
    y = q.add("Concat", [parts, parts], axis=1)
    y = q.add("BatchNormalization", [y, *(q.constant(np.ones(6, np.float32)) for _ in range(4))])
    y = q.add("Resize", [y, "", q.constant(np.array([1, 1, 2, 2], np.float32))], mode="nearest")
    extents = q.add("Shape", [y])
    first = q.add("Gather", [extents, q.constant(np.array([0]))])
    wanted = q.add("Concat", [first, q.constant(np.array([-1]))], axis=0)
    y = q.add("Softmax", [q.add("Reshape", [y, wanted])])
    y = q.add("ReduceMean", [q.add("Mul", [y, q.constant(np.float32(2))])], axes=[1])
    function = helper.make_function(
        "mine",
        "Twice",
        ["a"],
        ["b"],
        [node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", 17)],
    )
    q.nodes.append(node("Twice", [y], ["twice"], domain="mine"))
    branches = [
        helper.make_graph(
            [node(op, ["twice"], [f"{op}_out"])],
            op,
            [],
            [helper.make_tensor_value_info(f"{op}_out", TensorProto.FLOAT, None)],
        )
        for op in ("Sigmoid", "Tanh")
    ]
    condition = q.constant(np.array(True))
    result = q.add("If", [condition], then_branch=branches[0], else_branch=branches[1])
    return model(
        q.nodes,
        {"x": [1, 6, 6, 2]},
        [result],
        q.constants,
        functions=[function],
        opsets=[helper.make_opsetid("mine", 1)],
    )


def damage(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """Damaged bytes, which mostly are no message any more, or a message with wrong fields."""
    if rng.random() < 0.4:
        return mutate(rng, data, other)
    made = ModelProto.FromString(data)
    for _ in range(int(rng.integers(1, 4))):
        _damage_field(rng, made)
    return bytes(made.SerializeToString())


def _damage_field(rng: np.random.Generator, message: Message) -> None:
    """Changes one field somewhere in a message."""
    found = [*message.ListFields()]
    if not found:
        return
    field, value = found[int(rng.integers(len(found)))]
    is_list = not isinstance(value, Message | str | bytes | int | float)
    if is_list and len(value) == 0:
        return
    place = int(rng.integers(len(value))) if is_list else 0
    if isinstance(value, Message):
        _damage_field(rng, value)
    elif is_list and rng.random() < 0.1:
        del value[place]
    elif is_list and isinstance(value[place], Message):
        if rng.random() < 0.1:
            value.add().CopyFrom(value[place])
        else:
            _damage_field(rng, value[place])
    elif is_list:
        value[place] = _other(rng, value[place], list(value))
    elif field.type == FieldDescriptor.TYPE_ENUM:
        setattr(message, field.name, int(rng.choice(list(field.enum_type.values_by_number))))
    else:
        setattr(message, field.name, _other(rng, value, [value]))


def _other(rng: np.random.Generator, value: Any, siblings: list[Any]) -> Any:
    """Another value of the same type."""
    if isinstance(value, str):
        return str(rng.choice([*siblings, "", "x", "v3", "c1", *ROWS, *FOLDS, "ORT", "linear"]))
    if isinstance(value, bytes):
        return mutate(rng, value, value)
    if isinstance(value, float):
        return float(rng.choice([0.0, -1.0, 1e-30, 3e38, np.inf, np.nan]))
    return int(rng.choice([0, 1, 2, 3, 5, 7, 16, 64, 2**20, 2**31 - 1]))


if __name__ == "__main__":
    sys.exit(run(everything(), import_onnx_bytes, ".onnx", damage))
