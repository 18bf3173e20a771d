"""What a name of an ONNX file stands for while it is imported."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinycc_ml.graph import Array


@dataclass(frozen=True, slots=True)
class Scaling:
    """Affine quantization as ONNX has it.

    Attributes:
        scales: float32; a scalar, or one element per index of `axis`.
        zero_points: int64, of the same shape.
        axis: The dimension that the scales run along; ``None`` for scalars.
        is_int4: The integers have 4 bits in the file.
    """

    scales: Array
    zero_points: Array
    axis: int | None
    is_int4: bool = False


@dataclass(frozen=True, slots=True)
class Const:
    """A constant.

    Attributes:
        array: Its elements, in the file's order of dimensions.
        scaling: For the result of DequantizeLinear: what makes real numbers of the integers.
        is_int4: In the file elements have 4 bits, signed or not; here they are int8 or uint8.
    """

    array: Array
    scaling: Scaling | None = None
    is_int4: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape in the file's order of dimensions."""
        return tuple(self.array.shape)

    @property
    def numbers(self) -> Array:
        """The elements as what they mean: float32 for a dequantized constant."""
        if self.scaling is None:
            return self.array
        s = self.scaling
        shape = [1] * self.array.ndim
        if s.axis is not None:
            shape[s.axis] = -1
        difference = self.array.astype(np.int64) - s.zero_points.reshape(shape)
        product: Array = difference.astype(np.float32) * s.scales.reshape(shape).astype(np.float32)
        return product

    def transposed(self, order: tuple[int, ...]) -> Const:
        """Its dimensions in another order."""
        s = self.scaling
        if s is not None and s.axis is not None:
            s = replace(s, axis=order.index(s.axis))
        return Const(self.array.transpose(order), s, self.is_int4)


@dataclass(frozen=True, slots=True)
class Value:
    """A value of our graph that is computed at run time.

    Attributes:
        name: Its name in our graph.
        shape: Its shape in the file's order of dimensions.
        order: ``order[i]`` is the file's dimension that our graph stores as dimension ``i``.
        is_unsigned: It is int8 in our graph, but uint8 in the file: the same plus 128.
    """

    name: str
    shape: tuple[int, ...]
    order: tuple[int, ...]
    is_unsigned: bool = False

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape in our graph."""
        return tuple(self.shape[d] for d in self.order)


@dataclass(frozen=True, slots=True)
class Unknown:
    """The result of a node that could not be imported."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """Several tensors."""

    items: tuple[Const | Value, ...]


Item = Const | Value | Unknown | Sequence


def identity(rank: int) -> tuple[int, ...]:
    """The order of dimensions that the file has."""
    return tuple(range(rank))


def channels_last(rank: int) -> tuple[int, ...]:
    """The order NHWC (or NWC) of a value that the file has as NCHW (NCW)."""
    return (0, *range(2, rank), 1)
