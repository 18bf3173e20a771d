"""Which memories are fast, and where an arena fits."""

from __future__ import annotations

import pytest

from tinycc_ml.targets import (
    Board,
    arena_region,
    code_region,
    data_block,
    data_regions,
    list_boards,
    load_board,
    ram_blocks,
)

KIB = 1024


def names(regions) -> list[str]:
    return [region.name for region in regions]


def test_memories_that_touch_and_are_equally_fast_are_one_region():
    assert names(data_regions(load_board("nucleo-l4r5zi"))) == ["SRAM1+SRAM2+SRAM3"]
    assert names(data_regions(load_board("nucleo-f746"))) == ["DTCM", "SRAM1+SRAM2"]
    assert names(ram_blocks(load_board("nucleo-f746"))) == ["DTCM+SRAM1+SRAM2"]


def test_tightly_coupled_memory_and_memory_without_wait_states_come_first():
    assert names(data_regions(load_board("mps3-an547"))) == ["DTCM", "SRAM"]
    board = load_board("nucleo-l4r5zi")
    slow = board.memories[1].model_copy(update={"wait_states": 1})
    board = board.model_copy(update={"memories": (board.memories[0], slow, *board.memories[2:])})
    assert names(data_regions(board)) == ["SRAM2+SRAM3", "SRAM1"]


@pytest.mark.parametrize(
    ("board", "size_bytes", "expected"),
    [
        ("nucleo-f746", 64 * KIB, "DTCM"),
        ("nucleo-f746", 64 * KIB + 1, "SRAM1+SRAM2"),
        ("nucleo-f746", 320 * KIB, "DTCM+SRAM1+SRAM2"),
        ("nucleo-f746", 320 * KIB + 1, None),
        ("nucleo-h7a3zi-q", 128 * KIB, "DTCM"),
        ("nucleo-h7a3zi-q", 200 * KIB, "AXISRAM"),
        ("mps2-an386", 1, "DATA"),
    ],
)
def test_the_arena_goes_to_the_fastest_region_in_which_it_fits(board, size_bytes, expected):
    region = arena_region(load_board(board), size_bytes)
    assert (region.name if region else None) == expected


def test_code_goes_to_code_ram_or_else_to_the_data():
    assert code_region(load_board("nucleo-f746")).name == "ITCM"
    board = load_board("nucleo-l4r5zi")
    assert code_region(board) == data_block(board)


@pytest.mark.parametrize("board", list_boards(), ids=lambda board: board.name)
def test_regions_cover_the_data_ram_once(board: Board):
    for regions in (data_regions(board), ram_blocks(board)):
        assert sum(region.size_bytes for region in regions) == board.ram_bytes
        assert all(any(block.holds(r) for block in ram_blocks(board)) for r in regions)
    assert data_block(board).size_bytes == board.largest_block_bytes("ram", "dtcm")
