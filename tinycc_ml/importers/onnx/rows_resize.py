"""Resize: every output is a weighted sum of some inputs along each dimension.

Where it chooses elements, they are taken; linear as TensorFlow Lite has it is an operator of ours;
everything else is a product with a matrix for each dimension, whose rows hold the weights.

Source: https://onnx.ai/onnx/operators/onnx__Resize.html.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.images import as_image, image
from tinycc_ml.importers.onnx.rows_movement import taken
from tinycc_ml.importers.onnx.rows_shape import run_time
from tinycc_ml.importers.onnx.rows_windows import MAX_WEIGHTS, weighted_sums
from tinycc_ml.importers.onnx.values import Item
from tinycc_ml.ops.resize_bilinear import ResizeBilinearAttrs

#: Indices are data of the generated code, and of a file that may lie.
_MAX_EXTENT = 1 << 20
_CROP = "tf_crop_and_resize"


@dataclass(frozen=True, slots=True)
class Resized:
    """What becomes of one dimension.

    Attributes:
        extent: The input's.
        size: The output's.
        scale: The factor between them, which `size` may be rounded from.
        start: Where the part of the input begins that is resized, of its extent.
        end: ... and where it ends.
    """

    extent: int
    size: int
    scale: float
    start: float = 0.0
    end: float = 1.0

    @property
    def is_same(self) -> bool:
        """Whether the dimension stays as it is."""
        return self.extent == self.size and (self.start, self.end) == (0, 1)

    def places(self, where: str) -> Array:
        """Where each element of the output lies among those of the input.

        Raises:
            UnsupportedError: If there is no such mode.
        """
        out = np.arange(self.size, dtype=np.float64)
        last, length, scale = self.extent - 1, self.extent * self.scale, self.scale
        halves = (out + 0.5) / scale - 0.5
        if where == "half_pixel":
            return halves
        if where == "asymmetric":
            return out / scale
        if where == "align_corners":
            return out * last / (length - 1) if length > 1 else np.zeros(self.size)
        if where == "pytorch_half_pixel":
            return halves if self.size > 1 else np.zeros(self.size)
        if where == "half_pixel_symmetric":
            return self.extent / 2 * (1 - self.size / length) + halves
        if where == _CROP:
            if length == 1:
                return np.full(self.size, (self.start + self.end) * last / 2)
            return self.start * last + out * ((self.end - self.start) * last / (length - 1))
        raise UnsupportedError(f"elements by {where}")


def resize(call: Call) -> list[Item]:
    """Resize, in every mode."""
    x = run_time(call)
    mode = call.attr_text("mode", "nearest")
    where = call.attr_text("coordinate_transformation_mode", "half_pixel")
    if call.opset < 11:
        where = "asymmetric"
    dims = _dimensions(call, x.shape, where == _CROP)
    if mode == "nearest":
        rounding = call.attr_text("nearest_mode", "round_prefer_floor")
        if call.opset < 11:
            rounding = "floor"
        if where == _CROP or call.attr_int("antialias", 0):
            raise UnsupportedError(f"nearest elements by {where}, or with antialias")
        chosen = {d: _nearest(dim, where, rounding) for d, dim in dims.items() if not dim.is_same}
        return [taken(call, x, chosen) if chosen else x]
    if mode not in ("linear", "cubic"):
        raise call.damaged(f"mode {mode}")
    if mode == "linear" and _is_plain(call, dims, where):
        name, _ = image(call)
        size = (1, *(dims[d].size for d in range(2, len(dims))))[-2:]
        attrs = ResizeBilinearAttrs(
            (size[0], size[1]), where == "align_corners", where == "half_pixel"
        )
        result = call.builder.emit("resize_bilinear", [name], attrs)
        return [as_image(call, result, len(dims))]
    if call.dtype() is not DType.FLOAT32:
        raise UnsupportedError(f"mode {mode} with {where} of {call.dtype().value}; allowed float32")
    for d, dim in dims.items():
        if not dim.is_same:
            x = weighted_sums(call, x, d, *_weights(call, dim, where, mode))
    return [x]


def _is_plain(call: Call, dims: dict[int, Resized], where: str) -> bool:
    """Whether it is what TensorFlow Lite has: images, and whole extents."""
    return (
        where in ("half_pixel", "align_corners", "asymmetric")
        and not call.attr_int("antialias", 0)
        and not call.attr_int("exclude_outside", 0)
        and len(dims) in (3, 4)
        and dims[0].is_same
        and dims[1].is_same
        and all(dim.extent * dim.scale == dim.size for dim in dims.values())
    )


def _dimensions(call: Call, shape: tuple[int, ...], is_crop: bool) -> dict[int, Resized]:
    """What becomes of each dimension."""
    position = 1 if call.opset < 11 else 2
    rank = len(shape)
    axes = tuple(call.axis(a, rank) for a in call.attr_ints("axes", range(rank)))
    extents = [shape[axis] for axis in axes]
    if call.has_attr("scales"):
        numbers = [float(s) for s in call.attributes["scales"].floats]
        given = _scaled(extents, numbers)
    elif call.optional(position) is not None and call.constant(position, "scales").size:
        numbers = [float(s) for s in call.constant(position, "scales").reshape(-1)]
        given = _scaled(extents, numbers)
    else:
        given, numbers = _wanted(call, extents)
    if len(numbers) != len(axes) or not all(math.isfinite(s) and s > 0 for s in numbers):
        raise call.damaged(f"scales {numbers[:16]} for {len(axes)} dimensions")
    scales, sizes = [1.0] * rank, list(shape)
    for axis, extent, scale in zip(axes, given, numbers, strict=True):
        scales[axis] = scale
        sizes[axis] = extent
    if not all(1 <= extent <= _MAX_EXTENT for extent in sizes):
        raise UnsupportedError(f"a size of {sizes[:16]}; allowed 1 ... {_MAX_EXTENT}")
    ends = dict.fromkeys(range(rank), (0.0, 1.0))
    if is_crop:
        parts = [float(number) for number in call.constant(1, "roi").reshape(-1)]
        if len(parts) != 2 * len(axes) or not all(map(math.isfinite, parts)):
            raise call.damaged(f"roi {parts[:16]} for {len(axes)} dimensions")
        both = zip(parts[: len(axes)], parts[len(axes) :], strict=True)
        ends.update(zip(axes, both, strict=True))
    return {d: Resized(shape[d], sizes[d], scales[d], *ends[d]) for d in range(rank)}


def _scaled(extents: list[int], scales: list[float]) -> list[int]:
    """Sizes that follow from scales; 0 where a scale makes no sense."""
    return [
        math.floor(extent * scale) if math.isfinite(scale) else 0
        for extent, scale in zip(extents, scales, strict=False)
    ]


def _wanted(call: Call, extents: list[int]) -> tuple[list[int], list[float]]:
    """Sizes and scales that the input `sizes` means for the dimensions that it names."""
    wanted = list(call.integers(3, "sizes"))
    if len(wanted) != len(extents):
        raise call.damaged(f"sizes {wanted[:16]} for {len(extents)} dimensions")
    scales = [size / extent for size, extent in zip(wanted, extents, strict=True)]
    policy = call.attr_text("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return wanted, scales
    if policy not in ("not_larger", "not_smaller") or not scales:
        raise call.damaged(f"keep_aspect_ratio_policy {policy}")
    scale = min(scales) if policy == "not_larger" else max(scales)
    return [math.floor(scale * extent + 0.5) for extent in extents], [scale] * len(extents)


_ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _nearest(dim: Resized, where: str, rounding: str) -> list[int]:
    """The input's index for each index of the output."""
    if rounding not in _ROUNDINGS:
        raise UnsupportedError(f"nearest elements by {where} and {rounding}")
    indices = np.clip(_ROUNDINGS[rounding](dim.places(where)), 0, dim.extent - 1)
    return [int(i) for i in indices]


def _weights(call: Call, dim: Resized, where: str, mode: str) -> tuple[Array, Array]:
    """The weight of each input for each output, and what is added to the sum."""
    if dim.size * dim.extent > MAX_WEIGHTS:
        raise UnsupportedError(
            f"mode {mode} with {where} from {dim.extent} to {dim.size}; allowed are "
            f"{MAX_WEIGHTS} weights"
        )
    places = dim.places(where)
    is_outside = (places < 0) | (places > dim.extent - 1)
    # Behind the ends lies what is at the ends, so no place needs to be farther away.
    places = np.clip(places, -dim.extent - 4, 2 * dim.extent + 4)
    # Towards fewer elements the filter becomes as wide as they lie apart.
    width = min(dim.scale, 1.0) if call.attr_int("antialias", 0) else 1.0
    reach = math.ceil((1 if mode == "linear" else 2) / width) + 1
    if reach > dim.extent * 4 + 4:
        raise call.damaged(f"a scale of {dim.scale:g} for {dim.extent} elements")
    taps = np.floor(places)[:, None].astype(np.int64) + np.arange(-reach, reach + 1)
    distances = np.abs(taps - places[:, None]) * width
    if mode == "linear":
        weights = np.clip(1 - distances, 0, None)
    else:
        weights = cubic(distances, call.attr_float("cubic_coeff_a", -0.75))
    if call.attr_int("exclude_outside", 0):
        weights = np.where((taps < 0) | (taps >= dim.extent), 0, weights)
    with np.errstate(all="ignore"):
        weights = weights / weights.sum(axis=1, keepdims=True)
    matrix: Array = np.zeros((dim.size, dim.extent))
    rows = np.broadcast_to(np.arange(dim.size)[:, None], taps.shape)
    np.add.at(matrix, (rows, np.clip(taps, 0, dim.extent - 1)), weights)
    added: Array = np.zeros(dim.size, np.float32)
    if where == _CROP:
        matrix[is_outside] = 0
        added[is_outside] = call.attr_float("extrapolation_value", 0.0)
    return matrix, added


def cubic(t: Array, a: float) -> Array:
    """Keys' kernel: ``a`` is the slope at a distance of 1."""
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((t - 5) * t + 8) * a * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0))
