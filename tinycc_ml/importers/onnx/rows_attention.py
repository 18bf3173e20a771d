"""Attention and rotary embeddings, which consist of products, softmax and movements.

Caches are inputs and outputs of the model: whoever calls it keeps them.
"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
from onnx import TensorProto

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.rows_elementwise import (
    applied,
    broadcast_operands,
    chosen,
    function,
)
from tinycc_ml.importers.onnx.rows_movement import sliced, taken
from tinycc_ml.importers.onnx.rows_reduction import reduced
from tinycc_ml.importers.onnx.rows_shape import joined, run_time
from tinycc_ml.importers.onnx.values import Const, Item, Value
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.batch_matmul import BatchMatMulAttrs
from tinycc_ml.ops.difference import SubAttrs
from tinycc_ml.ops.mul import MulAttrs
from tinycc_ml.ops.softmax import SoftmaxAttrs

_MASK, _PAST_KEY, _PAST_VALUE, _LENGTHS = 3, 4, 5, 6
_ZERO = Const(np.zeros((), np.float32))
_HIDDEN = Const(np.array(-np.inf, np.float32))
#: What is added to a score of a key that is seen, and of one that is not.
_BIASES = np.array([-np.inf, 0], np.float32)


def attention(call: Call) -> list[Item]:
    """Attention: the result, the caches of keys and values, and the scores in one of four states.

    Several heads of the query that share one of the key are rows of one matrix, so that keys and
    values are not repeated.
    """
    if call.attr_int("softmax_precision", TensorProto.FLOAT) == TensorProto.DOUBLE:
        raise UnsupportedError("softmax_precision double; allowed float32")
    q, k, v = _by_heads(call)
    past = 0
    if call.optional(_PAST_KEY) is not None:
        before_k, before_v = run_time(call, _PAST_KEY), run_time(call, _PAST_VALUE)
        if len(before_k.shape) != 4 or len(before_v.shape) != 4:
            raise call.damaged(f"caches {list(before_k.shape)}, {list(before_v.shape)}")
        past = before_k.shape[2]
        k, v = (joined(call, [a, b], 2) for a, b in ((before_k, k), (before_v, v)))
    batch, heads, queries, size = q.shape
    groups, keys = k.shape[1:3]
    if groups < 1 or heads % groups or k.shape != (batch, groups, keys, size):
        raise call.damaged(f"query {list(q.shape)} with key {list(k.shape)}")
    if v.shape[:3] != k.shape[:3]:
        raise call.damaged(f"key {list(k.shape)} with value {list(v.shape)}")
    shared, shape = (batch, groups, heads // groups * queries, -1), (batch, heads, queries, keys)
    scale = call.attr_float("scale", 1 / sqrt(size))
    scaled = applied(call, "mul", MulAttrs(), q, Const(np.array(scale, np.float32)))
    scores = _product(call, _with_rows(call, scaled, shared), k, transposed=True)
    states = [call.builder.reshaped(scores, shape)]
    states.append(_softcapped(call, states[-1]))
    bias = _bias(call, (batch, heads, queries, keys), past)
    states.append(states[-1] if bias is None else _sum(call, states[-1], bias))
    name = call.builder.plain(states[-1])
    states.append(_unhidden(call, call.emit("softmax", [name], attrs=SoftmaxAttrs()), bias))
    result = _product(call, _with_rows(call, states[-1], shared), v, transposed=False)
    result = call.builder.reshaped(result, (batch, heads, queries, v.shape[3]))
    if len(call.item(0).shape) == 3:
        result = permuted(result, (0, 2, 1, 3))
        result = call.builder.reshaped(result, (batch, queries, heads * v.shape[3]))
    state = call.attr_int("qk_matmul_output_mode", 0)
    if not 0 <= state < len(states):
        raise call.damaged(f"qk_matmul_output_mode {state}")
    return [result, k, v, states[state]]


def permuted(x: Value, perm: tuple[int, ...]) -> Value:
    """The same elements with the file's dimensions in another order; nothing is moved."""
    order = tuple(perm.index(d) for d in x.order)
    return replace(x, shape=tuple(x.shape[d] for d in perm), order=order)


def _by_heads(call: Call) -> tuple[Value, Value, Value]:
    """Query, key and value as (batch, heads, sequence, size)."""
    found: list[Value] = []
    for position, name in ((0, "q_num_heads"), (1, "kv_num_heads"), (2, "kv_num_heads")):
        x = run_time(call, position)
        found.append(x if len(x.shape) == 4 else _split(call, x, call.attr_int(name)))
    return found[0], found[1], found[2]


def _split(call: Call, x: Value, heads: int) -> Value:
    """(batch, sequence, heads * size) as (batch, heads, sequence, size)."""
    if len(x.shape) != 3 or heads < 1 or x.shape[2] % heads:
        raise call.damaged(f"{heads} heads of shape {list(x.shape)}")
    batch, length, hidden = x.shape
    parts = call.builder.reshaped(x, (batch, length, heads, hidden // heads))
    return permuted(parts, (0, 2, 1, 3))


def _with_rows(call: Call, x: Value, shared: tuple[int, ...]) -> Value:
    return call.builder.reshaped(x, (*shared[:3], x.shape[3]))


def _product(call: Call, a: Value, b: Value, *, transposed: bool) -> Value:
    names = [call.builder.plain(a), call.builder.plain(b)]
    return call.emit("batch_matmul", names, attrs=BatchMatMulAttrs(transpose_right=transposed))


def _softcapped(call: Call, x: Value) -> Value:
    """``cap * tanh(x / cap)``; what it is without a cap."""
    cap = call.attr_float("softcap", 0.0)
    if cap <= 0:
        return x
    share = Const(np.array(1 / cap, np.float32))
    soft = function(call, "tanh", applied(call, "mul", MulAttrs(), x, share))
    return applied(call, "mul", MulAttrs(), soft, Const(np.array(cap, np.float32)))


def _sum(call: Call, a: Const | Value, b: Const | Value) -> Value:
    return applied(call, "add", AddAttrs(), a, b)


def _bias(call: Call, shape: tuple[int, ...], past: int) -> Const | Value | None:
    """What is added to the scores: 0 or a mask's number, -inf for keys that are not seen.

    Args:
        call: The node.
        shape: Of the scores: (batch, heads, queries, keys).
        past: How many keys are from the cache.
    """
    fixed, mask = _fixed_bias(call, shape, past), _mask(call, shape[3])
    if mask is None or fixed is None:
        return Const(fixed) if fixed is not None else mask
    if isinstance(mask, Const):
        return Const(mask.array + fixed)
    return _sum(call, mask, Const(fixed))


def _fixed_bias(call: Call, shape: tuple[int, ...], past: int) -> Array | None:
    """The bias that follows from places alone; ``None`` where every key is seen."""
    batch, _, queries, keys = shape
    offset: Array = np.full((1, 1, 1, 1), past)
    seen: Array = np.ones((1, 1, queries, keys), np.bool_)
    lengths = None
    if call.optional(_LENGTHS) is not None:
        lengths = np.array(call.integers(_LENGTHS, "nonpad_kv_seqlen")).reshape(-1, 1, 1, 1)
        if len(lengths) != batch:
            raise call.damaged(f"{len(lengths)} nonpad_kv_seqlen for a batch of {batch}")
        offset = lengths - queries
        seen = seen & (np.arange(keys) < lengths)
    # How far each key lies behind each query.
    distance = np.arange(queries)[:, None] + offset - np.arange(keys)
    left, right = call.attr_int("left_window_size", -1), call.attr_int("right_window_size", -1)
    if call.attr_int("is_causal", 0):
        seen = seen & (distance >= 0)
    if left >= 0:
        seen = seen & (distance <= left)
    if right >= 0:
        seen = seen & (-distance <= right)
    if seen.all():
        return None
    biases: Array = _BIASES[seen.astype(np.int8)]
    return biases


def _mask(call: Call, keys: int) -> Const | Value | None:
    """The mask as float32 for all keys; those that it does not reach are not seen."""
    item = call.optional(_MASK)
    if item is None:
        return None
    is_truth = call.dtype(_MASK) is DType.BOOL
    missing = keys - item.shape[-1] if item.shape else 0
    if not 1 <= len(item.shape) <= 4 or missing < 0:
        raise call.damaged(f"mask of shape {list(item.shape)} for {keys} keys")
    if isinstance(item, Const):
        array: Array = _BIASES[item.array.astype(np.int8)] if is_truth else item.numbers
        around = [(0, 0)] * (array.ndim - 1) + [(0, missing)]
        return Const(np.pad(array, around, constant_values=-np.inf))
    mask = chosen(call, item, _ZERO, _HIDDEN) if is_truth else item
    if not missing:
        return mask
    rest = np.full((*item.shape[:-1], missing), -np.inf, np.float32)
    return joined(call, [mask, Const(rest)], len(item.shape) - 1)


def _unhidden(call: Call, x: Value, bias: Const | Value | None) -> Value:
    """Probabilities; 0 for queries that see no key at all, of which softmax makes no numbers."""
    if bias is None:
        return x
    if isinstance(bias, Const):
        sees = np.max(bias.array, axis=-1, keepdims=True) > -np.inf
        return x if sees.all() else chosen(call, Const(sees), x, _ZERO)
    highest = reduced(call, "reduce_max", bias, (len(bias.shape) - 1,))
    names, order = broadcast_operands(call, [highest, _HIDDEN])
    return chosen(call, call.emit("greater", names, order, dtype=DType.BOOL), x, _ZERO)


def rotary_embedding(call: Call) -> list[Item]:
    """RotaryEmbedding: pairs of elements turned by the angle of their position."""
    x = run_time(call)
    by_heads = x if len(x.shape) == 4 else _split(call, x, call.attr_int("num_heads"))
    batch, heads, length, size = by_heads.shape
    turned = call.attr_int("rotary_embedding_dim", 0) or size
    if turned % 2 or not 0 < turned <= size:
        raise call.damaged(f"rotary_embedding_dim {turned} of {size}")
    half = turned // 2
    cos, sin = (_angles(call, position, (batch, 1, length, half)) for position in (1, 2))
    shape = (batch, heads, length)
    is_interleaved = bool(call.attr_int("interleaved", 0))
    starts, step = ((0, 1), 2) if is_interleaved else ((0, half), 1)
    first, second = (
        sliced(call, by_heads, (0, 0, 0, start), (*shape, half), (1, 1, 1, step if half > 1 else 1))
        for start in starts
    )

    def times(a: Value, b: Const | Value) -> Value:
        return applied(call, "mul", MulAttrs(), a, b)

    real = applied(call, "sub", SubAttrs(), times(first, cos), times(second, sin))
    imaginary = _sum(call, times(first, sin), times(second, cos))
    if is_interleaved:
        parts = [call.builder.reshaped(part, (*shape, half, 1)) for part in (real, imaginary)]
        result = call.builder.reshaped(joined(call, [*parts], 4), (*shape, turned))
    else:
        result = joined(call, [real, imaginary], 3)
    if turned < size:
        rest = sliced(call, by_heads, (0, 0, 0, turned), (*shape, size - turned), (1, 1, 1, 1))
        result = joined(call, [result, rest], 3)
    if len(x.shape) == 4:
        return [result]
    return [call.builder.reshaped(permuted(result, (0, 2, 1, 3)), x.shape)]


def _angles(call: Call, position: int, shape: tuple[int, ...]) -> Const | Value:
    """Cosines or sines of every position of a sequence, for all its heads."""
    cache = call.item(position)
    batch, _, length, half = shape
    if call.optional(3) is not None:
        places = call.constant(3, "position_ids")
        if len(cache.shape) != 2 or places.shape != (batch, length) or places.dtype.kind != "i":
            raise call.damaged(f"position_ids {list(places.shape)}, cache {list(cache.shape)}")
        if places.min() < 0 or places.max() >= cache.shape[0]:
            raise call.damaged(f"position_ids outside the {cache.shape[0]} of the cache")
        if isinstance(cache, Const):
            cache = Const(cache.numbers[places])
        else:
            flat = taken(call, cache, {0: [int(place) for place in places.reshape(-1)]})
            cache = call.builder.reshaped(flat, (batch, length, flat.shape[1]))
    if cache.shape != (batch, length, half):
        raise call.damaged(f"angles of shape {list(cache.shape)} for {[batch, length, half]}")
    if isinstance(cache, Value):
        return call.builder.reshaped(cache, shape)
    return Const(cache.numbers.reshape(shape))
