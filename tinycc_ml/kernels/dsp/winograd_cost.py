"""Cycles of a Winograd layer on a Cortex-M4, counted from its parts."""

from __future__ import annotations

from tinycc_ml.kernels.dsp.winograd_layout import Layout
from tinycc_ml.kernels.dsp.winograd_tile import CHANNELS, FILTERS, TILES, InputTile, ProductTile

#: Of a call with what it saves and restores, of a turn of a loop, of a filter's constants.
_CALL, _LOOP, _FILTER = 50, 7, 45
#: Of an element of a copied row, by words and one by one.
_WORD_COPY, _SINGLE_COPY = 1, 9


def winograd_cycles(layout: Layout) -> int:
    """Estimated cycles of a layer without wait states; within a tenth of what is measured."""
    lines = sum(run.count for run in layout.lines())
    return lines * (
        _copy(layout) + sum(run.count * _block(layout, run.tiles) for run in layout.blocks())
    )


def _copy(layout: Layout) -> int:
    """The input rows under a row of tiles."""
    s = layout.shape
    each = _WORD_COPY if s.in_channels == layout.channels else _SINGLE_COPY
    return layout.algorithm.size * s.in_size[1] * s.in_channels * each


def _block(layout: Layout, tiles: int) -> int:
    """One or two tiles."""
    return tiles * _inputs(layout.input_tile()) + _products(layout.product_tile(tiles))


def _inputs(tile: InputTile) -> int:
    n, steps = tile.algorithm.size, len(tile.algorithm.input.steps)
    row = (n + 1) + 2 * (n + steps + n) + _LOOP
    column = 2 * ((n + 1) + steps + n) + _LOOP
    return _CALL + tile.channels // CHANNELS * (n * (row + column) + 2 * _LOOP)


def _products(tile: ProductTile) -> int:
    a = tile.algorithm
    # Four loads and two, four multiplications each; or five and four.
    step = 16 if tile.tiles == TILES else 10
    position = tile.steps * step + FILTERS * tile.tiles + 11
    n, m, steps = a.size, a.outputs, len(a.output.steps)
    output = 5 + 2 * tile.corrects_sign + 2 * (tile.low > -128) + 2 * (tile.high < 127)
    filter_tile = n * (n + 1 + steps + m) + m * (n + 1 + steps + m * output + 2) + 2 * _LOOP
    sums = len(tile.groups) * (a.positions * position + 2 * _LOOP)
    return _CALL + sums + tile.filters * (_FILTER + tile.tiles * filter_tile)
