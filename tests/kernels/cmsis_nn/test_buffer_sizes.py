"""Planned scratch against the library's own buffer-size functions, built for the host."""

from __future__ import annotations

import ctypes
import shutil
from random import Random

import pytest

from tests.c_compilers import run_tool
from tests.cmsis_nn import LIBRARY
from tinycc_ml.kernels.cmsis_nn.buffer_sizes import (
    ConvSizes,
    average_pool_bytes,
    conv_bytes,
    depthwise_bytes,
)

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


class Dims(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int32) for name in "nhwc"]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sizes")
    sources = sorted((LIBRARY / "Source").rglob("*get_buffer_sizes_s8.c"))
    wanted = [s for s in sources if s.name.startswith(("arm_conv", "arm_depth", "arm_avg"))]
    flags = ["-shared", "-fPIC", "-O1", f"-I{LIBRARY / 'Include'}"]
    run_tool(["gcc", *flags, *wanted, "-o", folder / "sizes.so"], folder)
    return ctypes.CDLL(str(folder / "sizes.so"))


def draw(r: Random, *, depthwise: bool) -> ConvSizes:
    height = r.choice([1, 1, r.randint(1, 9)])
    kernel = (1 if height == 1 else r.randint(1, 4), r.randint(1, 5))
    if r.random() < 0.3:
        kernel = (3, 3)
    channels = r.choice([1, 3, 4, 8, r.randint(1, 200)])
    out = channels * r.choice([1, 1, 2, 8]) if depthwise else r.randint(1, 40)
    in_w, stride, padding = r.randint(1, 20), r.randint(1, 4), r.choice([0, 0, 1, 2])
    out_w = max(1, (in_w + 2 * padding - kernel[1] + r.randint(0, 1)) // stride + 1)
    dilation = r.choice([(1, 1), (1, 1), (1, 2)])
    return ConvSizes(
        (height, in_w),
        channels,
        (height, out_w),
        out,
        kernel,
        (r.choice([1, stride]), stride),
        dilation,
        (r.choice([0, 0, 1, 2]), padding),
    )


def told(library, function: str, s: ConvSizes, *, depthwise: bool) -> int:
    multiplier = [s.out_channels // s.in_channels] if depthwise else []
    windows = [n for pair in (s.stride, s.padding, s.dilation) for n in pair[::-1]]
    params = (ctypes.c_int32 * (10 + len(multiplier)))(0, 0, *multiplier, *windows, -128, 127)
    first = 1 if depthwise else s.out_channels
    last = s.out_channels if depthwise else s.in_channels
    dims = (
        Dims(1, *s.in_size, s.in_channels),
        Dims(first, *s.kernel, last),
        Dims(1, *s.out_size, s.out_channels),
    )
    return getattr(library, function)(params, *map(ctypes.byref, dims))


@pytest.mark.parametrize("isa", ["mve", "dsp", "c"])
def test_convolutions(library, isa):
    suffix = "" if isa == "c" else f"_{isa}"
    for seed in range(600):
        s = draw(Random(seed), depthwise=False)
        expected = told(
            library, f"arm_convolve_wrapper_s8_get_buffer_size{suffix}", s, depthwise=False
        )
        # One compiler wants some for 1x1 layers; the host's does not.
        if not (isa == "dsp" and s.is_1x1):
            assert conv_bytes(s, isa) == expected, s
        assert conv_bytes(s, isa) >= expected, s


@pytest.mark.parametrize("isa", ["mve", "dsp", "c"])
def test_depthwise(library, isa):
    suffix = "" if isa == "c" else f"_{isa}"
    for seed in range(600):
        s = draw(Random(seed), depthwise=True)
        function = f"arm_depthwise_conv_wrapper_s8_get_buffer_size{suffix}"
        expected = told(library, function, s, depthwise=True)
        # Whether layers of one input channel become convolutions depends on the compiler.
        if not (isa == "mve" and s.in_channels == 1):
            assert depthwise_bytes(s, isa) == expected, s
        assert depthwise_bytes(s, isa) >= expected, s


@pytest.mark.parametrize("isa", ["mve", "dsp", "c"])
def test_average_pooling(library, isa):
    suffix = "" if isa == "c" else f"_{isa}"
    function = getattr(library, f"arm_avgpool_s8_get_buffer_size{suffix}")
    for channels in (1, 3, 64):
        assert average_pool_bytes(channels, isa) == function(7, channels)
