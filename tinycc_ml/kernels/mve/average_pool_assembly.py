"""Average pooling of one output pixel as an intrinsic: its meaning and its assembly.

Eight channels are added up in 16 bits, in which up to 256 elements fit: two instructions for each
eight. The mean is a multiplication: with ``m = floor(2^32 / n) + 1`` the high word of ``a * m`` is
``floor(a / n)`` for ``0 <= a < 2^16``, as ``0 < m * n - 2^32 <= n`` and ``a < 2^32 / n``. Sums are
divided without their signs, as TensorFlow Lite rounds halves away from zero.
"""

from __future__ import annotations

from collections.abc import Iterator

from tinycc_ml.kernels.pool_tile import PoolTile, pool_meaning
from tinycc_ml.loopir import Accumulate, Intrinsic, LoopKernel
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.average_pool2d import rounded_mean

CHANNELS = 8
#: Pixels that stand in a row without a loop.
_UNROLL = 8
_VECTOR_OFFSET, _ADD_LIMIT = 127, 4095


def pool_problem(tile: PoolTile) -> str | None:
    """Why a tile cannot be computed, or ``None``."""
    if not 2 <= tile.count <= 256:
        return f"a window of {tile.count} pixels; allowed 2 ... 256"
    return None


def pool_intrinsic(tile: PoolTile) -> Intrinsic:
    """The pooling as an intrinsic with the parameters input and output."""
    comment = (
        f"Averages {tile.count} pixels of {tile.channels} channels.",
        "r0: input; r1: output; r2: pixels; r3, r4: count pixels and runs; r6: half the pixels.",
        "lr: counts channels; q0: sums, then signs; q1, q2: means; q3: 2^32 / pixels.",
    )
    return Intrinsic(_name(tile), _meaning(tile), "mve", tuple(_text(tile)), comment)


def _name(tile: PoolTile) -> str:
    limits = f"_low{tile.low}_high{tile.high}".replace("-", "m") if tile.is_clamped else ""
    return f"average_pool_s8__mve_{tile.window_name}{limits}"


def _meaning(tile: PoolTile) -> LoopKernel:
    half = tile.count // 2
    mean = b.clamp(rounded_mean(tile.count, half, -half), tile.low, tile.high)
    return pool_meaning(_name(tile), tile, 0, lambda x: Accumulate("acc", x), mean)


def _text(tile: PoolTile) -> Iterator[str]:
    reciprocal = (1 << 32) // tile.count + 1
    groups, rest = divmod(tile.channels, CHANNELS)
    yield "  push {r4-r6, lr}"
    yield f"  movw r5, #{reciprocal & 0xFFFF}"
    yield f"  movt r5, #{reciprocal >> 16}"
    yield "  vdup.32 q3, r5"
    yield f"  mov r6, #{tile.count // 2}"
    if groups > 1:
        yield f"  movw r5, #{groups}"
        yield "  dls lr, r5"
        yield f"1:  @ {CHANNELS} channels"
    if groups:
        yield from _group(tile, CHANNELS)
    if groups > 1:
        yield "  le lr, 1b"
    if rest:
        yield "  @ the last channels"
        yield f"  mov r5, #{rest}"
        yield "  vctp.16 r5"
        yield from _group(tile, rest)
    yield "  pop {r4-r6, pc}"


def _group(tile: PoolTile, live: int) -> Iterator[str]:
    masked = live < CHANNELS
    turns, rest = divmod(tile.pixels, _UNROLL)
    yield from ("  mov r2, r0", "  vmov.i32 q0, #0")
    if tile.runs > 1:
        yield f"  mov r4, #{tile.runs}"
        yield "2:  @ a run of the window"
    if turns > 1:
        yield f"  mov r3, #{turns}"
        yield f"3:  @ {_UNROLL} pixels"
    if turns:
        yield from _pixels(tile, _UNROLL, masked)
    if turns > 1:
        yield from ("  subs r3, #1", "  bne 3b")
    yield from _pixels(tile, rest, masked)
    if tile.runs > 1:
        yield from _advance(tile.run_step - tile.pixels * tile.channels)
        yield from ("  subs r4, #1", "  bne 2b")
    yield from _means(tile)
    if masked:
        yield from ("  vpst", "  vstrbt.16 q1, [r1]")
    else:
        yield from (f"  vstrb.16 q1, [r1], #{CHANNELS}", f"  add r0, r0, #{CHANNELS}")


def _pixels(tile: PoolTile, count: int, masked: bool) -> Iterator[str]:
    """Adds pixels; r2 moves on."""
    near = tile.channels <= _VECTOR_OFFSET
    for number in range(count):
        register = f"q{1 + number % 2}"
        if masked:
            yield "  vpst"
        load = "vldrbt.s16" if masked else "vldrb.s16"
        yield f"  {load} {register}, [r2]" + (f", #{tile.channels}" if near else "")
        if not near:
            yield from _advance(tile.channels)
        yield f"  vadd.i16 q0, q0, {register}"


def _means(tile: PoolTile) -> Iterator[str]:
    yield from ("  vmovlb.s16 q1, q0", "  vmovlt.s16 q2, q0")
    for value in ("q1", "q2"):
        yield f"  vshr.s32 q0, {value}, #31"
        yield f"  vabs.s32 {value}, {value}"
        yield f"  vadd.i32 {value}, {value}, r6"
        yield f"  vmulh.u32 {value}, {value}, q3"
        yield f"  veor {value}, {value}, q0"
        yield f"  vsub.i32 {value}, {value}, q0"
    yield "  vmovnt.i32 q1, q2"
    for operation, bound, limit in (("vmax", tile.low, -128), ("vmin", tile.high, 127)):
        if bound != limit:
            yield f"  mvn r5, #{~bound}" if bound < 0 else f"  mov r5, #{bound}"
            yield from ("  vdup.16 q0, r5", f"  {operation}.s16 q1, q1, q0")


def _advance(distance: int) -> Iterator[str]:
    """``r2 += distance``, not negative."""
    while distance:
        part = min(distance, _ADD_LIMIT)
        yield f"  addw r2, r2, #{part}"
        distance -= part
