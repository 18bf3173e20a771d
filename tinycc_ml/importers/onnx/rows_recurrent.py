"""Recurrent layers: LSTM, GRU, RNN."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.values import Const, Item
from tinycc_ml.ops.recurrent import GATES, RecurrentAttrs

_REVERSE = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
#: What each kind computes with by default; per direction.
_FUNCTIONS = {
    "lstm": ("sigmoid", "tanh", "tanh"),
    "gru": ("sigmoid", "tanh"),
    "rnn": ("tanh",),
}
_OF_RNN = {"tanh": "tanh", "sigmoid": "logistic", "relu": "relu"}
_BIAS, _LENGTHS, _HIDDEN, _CELL, _PEEPHOLE = 3, 4, 5, 6, 7


def recurrent(kind: str) -> Callable[[Call], list[Item]]:
    """The translation of LSTM, GRU or RNN."""

    def translate(call: Call) -> list[Item]:
        return _translate(call, kind)

    return translate


def _translate(call: Call, kind: str) -> list[Item]:
    if call.optional(_LENGTHS) is not None:
        _check_lengths(call)
    if call.attr_int("input_forget", 0):
        raise UnsupportedError("coupled input and forget gates; allowed separate ones")
    direction = call.attr_text("direction", "forward")
    if direction not in _REVERSE:
        raise call.damaged(f"direction {direction}")
    attrs = RecurrentAttrs(
        kind,
        _REVERSE[direction],
        bool(call.attr_int("layout", 0)),
        _activation(call, kind, len(_REVERSE[direction])),
        call.attr_float("clip", 0.0),
        bool(call.attr_int("linear_before_reset", 0)),
        kind == "lstm" and call.optional(_PEEPHOLE) is not None,
    )
    outputs = call.builder.emit_all(
        "recurrent", _inputs(call, attrs), attrs, dtypes=[None] * (3 if kind == "lstm" else 2)
    )
    return [call.builder.wrap(name) for name in outputs]


def _inputs(call: Call, attrs: RecurrentAttrs) -> list[str]:
    x, w, r = (call.item(position) for position in range(3))
    if len(x.shape) != 3 or len(r.shape) != 3:
        raise call.damaged(f"input {list(x.shape)} and recurrent weight {list(r.shape)}")
    directions, size = len(attrs.reverse), r.shape[2]
    batch = x.shape[0 if attrs.batch_first else 1]
    state = (batch, directions, size) if attrs.batch_first else (directions, batch, size)
    shapes = {_BIAS: (directions, 2 * GATES[attrs.kind] * size), _HIDDEN: state, _CELL: state}
    positions = [_BIAS, _HIDDEN, *([_CELL] if attrs.kind == "lstm" else [])]
    items = [x, w, r]
    for position in positions:
        given = call.optional(position)
        items.append(given or Const(np.zeros(shapes[position], np.float32)))
    if attrs.has_peepholes:
        items.append(call.item(_PEEPHOLE))
    return [call.builder.plain(item) for item in items]


def _check_lengths(call: Call) -> None:
    """All sequences must be as long as the input."""
    x = call.item(0)
    steps = x.shape[1 if call.attr_int("layout", 0) else 0]
    lengths = call.integers(_LENGTHS, "sequence_lens")
    if any(length != steps for length in lengths):
        raise UnsupportedError(
            f"sequences of lengths {list(lengths[:16])}; allowed {steps} for all"
        )


def _activation(call: Call, kind: str, directions: int) -> str:
    if "activations" not in call.attributes:
        return "tanh"
    found = tuple(s.decode("utf-8", "replace") for s in call.attributes["activations"].strings)
    names = tuple(name.lower() for name in found)
    if kind == "rnn" and len(set(names)) == 1 and names[0] in _OF_RNN:
        return _OF_RNN[names[0]]
    if names != _FUNCTIONS[kind] * directions:
        raise UnsupportedError(f"activations {', '.join(found[:8])}; allowed the usual ones")
    return "tanh"
