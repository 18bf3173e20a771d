"""Draws sliding windows as .tflite files state them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st


@dataclass(frozen=True)
class WindowCase:
    """A window over an image, with the options of a .tflite operator."""

    in_size: tuple[int, int]
    kernel: tuple[int, int]
    out_size: tuple[int, int]
    options: dict[str, Any]


@st.composite
def window_cases(draw: st.DrawFn, *, dilated: bool) -> WindowCase:
    """Small ones: windows larger than the image under SAME, strides that skip elements."""
    pairs = st.tuples(st.integers(1, 7), st.integers(1, 7))
    small = st.tuples(st.integers(1, 4), st.integers(1, 4))
    in_size, kernel, stride = draw(pairs), draw(small), draw(st.tuples(*[st.integers(1, 3)] * 2))
    dilation = draw(st.tuples(*[st.integers(1, 3)] * 2)) if dilated else (1, 1)
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    if padding == "SAME":
        out = [-(-size // s) for size, s in zip(in_size, stride, strict=True)]
    else:
        assume(spans[0] <= in_size[0] and spans[1] <= in_size[1])
        out = [(size - span) // s + 1 for size, span, s in zip(in_size, spans, stride, strict=True)]
    options: dict[str, Any] = {"padding": padding, "stride_h": stride[0], "stride_w": stride[1]}
    if dilated:
        options |= {"dilation_h_factor": dilation[0], "dilation_w_factor": dilation[1]}
    return WindowCase(in_size, kernel, (out[0], out[1]), options)
