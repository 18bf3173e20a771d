"""How windows slide over an image: strides, dilations, padding."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.ops.window import Padding


@dataclass(frozen=True, slots=True)
class Windows:
    """How windows lie on an image: (vertical, horizontal)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: Padding


def windows(call: Call, size: tuple[int, ...], kernel: tuple[int, ...]) -> Windows:
    """Reads strides, dilations and padding of a sliding window.

    Args:
        call: The node.
        size: The image without batch and channels: one or two dimensions.
        kernel: Of as many dimensions.

    Raises:
        ModelFileError: If attributes do not fit the image.
    """
    rank = len(size)
    stride = call.attr_ints("strides", (1,) * rank)
    dilation = call.attr_ints("dilations", (1,) * rank)
    if len(kernel) != rank or len(stride) != rank or len(dilation) != rank:
        raise call.damaged(f"kernel, strides or dilations are not those of {rank} dimensions")
    if min(*kernel, *stride, *dilation) < 1:
        raise call.damaged("kernel, strides and dilations must be positive")
    pads = pads_of(call, size, kernel, stride, dilation)
    if call.attr_int("ceil_mode", 0):
        pads = _ceil(size, kernel, stride, dilation, pads)
    if rank == 1:
        kernel, stride, dilation, pads = (1, *kernel), (1, *stride), (1, *dilation), ((0, 0), *pads)
    (top, bottom), (left, right) = pads
    if min(top, bottom, left, right) < 0:
        raise UnsupportedError(f"pads {list(call.attr_ints('pads', ()))}: allowed from 0")
    return Windows(
        (kernel[0], kernel[1]),
        (stride[0], stride[1]),
        (dilation[0], dilation[1]),
        Padding(top, bottom, left, right),
    )


def pads_of(
    call: Call,
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[tuple[int, int], ...]:
    """The padding before and after each dimension of windows.

    Raises:
        ModelFileError: If the attributes do not fit the dimensions.
    """
    mode, rank = call.attr_text("auto_pad", "NOTSET"), len(size)
    if mode == "NOTSET":
        pads = call.attr_ints("pads", (0,) * (2 * rank))
        if len(pads) != 2 * rank:
            raise call.damaged(f"{len(pads)} pads for {rank} dimensions")
        return tuple(zip(pads[:rank], pads[rank:], strict=True))
    if mode == "VALID":
        return ((0, 0),) * rank
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise call.damaged(f"auto_pad {mode}")
    result: list[tuple[int, int]] = []
    for extent, k, s, d in zip(size, kernel, stride, dilation, strict=True):
        total = max(0, (-(-extent // s) - 1) * s + (k - 1) * d + 1 - extent)
        small, large = total // 2, total - total // 2
        result.append((small, large) if mode == "SAME_UPPER" else (large, small))
    return tuple(result)


def _ceil(
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    pads: tuple[tuple[int, int], ...],
) -> tuple[tuple[int, int], ...]:
    """Padding that makes the last, incomplete window a complete one, if it starts on the image."""
    result: list[tuple[int, int]] = []
    for extent, k, s, d, (before, after) in zip(size, kernel, stride, dilation, pads, strict=True):
        room = extent + before + after - ((k - 1) * d + 1)
        out = -(-room // s) + 1
        if (out - 1) * s >= extent + before:
            out -= 1
        result.append((before, after + (out - 1) * s - room if room % s else after))
    return tuple((before, max(0, after)) for before, after in result)
