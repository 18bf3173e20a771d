"""GridSample at places that are known: a fixed distortion of images.

Every output is a weighted sum of some elements of its image, so a matrix holds all there is to it.

Source: https://onnx.ai/onnx/operators/onnx__GridSample.html.
"""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.rows_movement import sliced
from tinycc_ml.importers.onnx.rows_resize import cubic
from tinycc_ml.importers.onnx.rows_shape import joined, run_time
from tinycc_ml.importers.onnx.rows_windows import MAX_WEIGHTS, weighted_sums
from tinycc_ml.importers.onnx.values import Item, Value

#: Opset 16 names modes after images.
_MODES = {"bilinear": "linear", "bicubic": "cubic"}
#: Which neighbours of the next lower element are read.
_TAPS = {"nearest": (0,), "linear": (0, 1), "cubic": (-1, 0, 1, 2)}
_CUBIC_SLOPE = -0.75


def grid_sample(call: Call) -> list[Item]:
    """GridSample with a constant grid."""
    x, grid = run_time(call), call.constant(1, "grid")
    batch, channels, *size = x.shape if len(x.shape) > 2 else (0, 0)
    fits = grid.ndim == len(size) + 2 and grid.shape[0] == batch and grid.shape[-1] == len(size)
    if not size or not fits or grid.dtype != np.float32 or not np.isfinite(grid).all():
        raise call.damaged(f"a grid of {grid.dtype}{list(grid.shape)} for {list(x.shape)}")
    out = grid.shape[1:-1]
    if prod(size) * prod(out) > MAX_WEIGHTS:
        raise UnsupportedError(
            f"{prod(out)} places on {prod(size)} elements; allowed are {MAX_WEIGHTS} weights"
        )
    flat = call.builder.reshaped(x, (batch, channels, prod(size)))
    results: list[Value] = []
    for number, places in enumerate(grid.reshape(batch, -1, len(size))):
        image = flat
        if batch > 1:
            image = sliced(call, flat, (number, 0, 0), (1, channels, prod(size)), (1, 1, 1))
        results.append(weighted_sums(call, image, 2, _matrix(call, places, tuple(size))))
    result = results[0] if batch == 1 else joined(call, [*results], 0)
    return [call.builder.reshaped(result, (batch, channels, *out))]


def _matrix(call: Call, places: Array, size: tuple[int, ...]) -> Array:
    """The weight of each element of an image for each place; -1 ... 1 is the whole image."""
    mode = call.attr_text("mode", "linear")
    mode = _MODES.get(mode, mode)
    padding = call.attr_text("padding_mode", "zeros")
    if mode not in _TAPS or padding not in ("zeros", "border", "reflection"):
        raise call.damaged(f"mode {mode} with padding_mode {padding}")
    is_aligned = bool(call.attr_int("align_corners", 0))
    # The file names the last dimension first.
    each = [
        _dimension(places[:, -1 - d], extent, mode, padding, is_aligned)
        for d, extent in enumerate(size)
    ]
    result: Array = np.zeros((len(places), prod(size)))
    rows = np.arange(len(places))
    for taps in product(range(len(_TAPS[mode])), repeat=len(size)):
        column: Array = np.zeros(len(places), np.int64)
        weight: Array = np.ones(len(places))
        for tap, extent, (indices, weights) in zip(taps, size, each, strict=True):
            column = column * extent + indices[:, tap]
            weight = weight * weights[:, tap]
        np.add.at(result, (rows, column), weight)
    return result


def _dimension(
    places: Array, extent: int, mode: str, padding: str, is_aligned: bool
) -> tuple[Array, Array]:
    """Which elements of a dimension each place reads, and their weights: (places, taps)."""
    low, high = (0.0, extent - 1.0) if is_aligned else (-0.5, extent - 0.5)
    # In float32, as others do: roundings of places between two elements depend on it.
    at = (places + 1) / 2 * (extent - 1) if is_aligned else ((places + 1) * extent - 1) / 2
    if mode == "nearest":
        at = np.rint(at)
    if padding == "border":
        at = np.where((at < low) | (at > high), np.clip(at, 0, extent - 1), at)
    elif padding == "reflection":
        at = _reflected(at, low, high)
    # Farther away there is nothing else.
    at = np.clip(at, -extent - 4, 2 * extent + 4)
    below = np.floor(at)
    taps = below.astype(np.int64)[:, None] + np.array(_TAPS[mode])
    distances = np.abs(taps - at[:, None])
    if mode == "nearest":
        weights: Array = np.ones(taps.shape)
    elif mode == "linear":
        weights = np.clip(1 - distances, 0, None)
    else:
        weights = cubic(distances, _CUBIC_SLOPE)
    if padding == "zeros":
        weights = np.where((taps < 0) | (taps >= extent), 0, weights)
    elif padding == "reflection":
        taps = _reflected(taps.astype(np.float64), low, high).astype(np.int64)
    return np.clip(taps, 0, extent - 1), weights


def _reflected(at: Array, low: float, high: float) -> Array:
    """Places mirrored at both ends until they are between them."""
    length = high - low
    if length == 0:
        return np.full_like(at, low)
    beyond = np.where(at < low, low - at, at - high)
    times = np.floor(beyond / length)
    rest = beyond - times * length
    starts_low = (at < low) == (times % 2 == 0)
    mirrored = np.where(starts_low, low + rest, high - rest)
    return np.where((at < low) | (at > high), mirrored, at).astype(at.dtype)
