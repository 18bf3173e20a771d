"""What leaves the flash: by wish, and by cost."""

from __future__ import annotations

from functools import cache

import pytest

from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import compile_bytes
from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation, compile_model, fit_problems
from tinycc_ml.kernels import Program
from tinycc_ml.placement import FlashCost, Placement, data_bytes, flash_cost, place
from tinycc_ml.placement.traffic import bytes_read
from tinycc_ml.targets import Board, load_board

SLOW = FlashCost(wait_states=5, access_bytes=8, instruction_cache_bytes=1024, data_cache_bytes=256)


@cache
def compiled(board: str = "nucleo-l4r5zi", model: str = "kws_ref_model") -> Compilation:
    return compile_model(shared_path(f"data/models/{model}.tflite"), load_board(board))


def program(board: str = "nucleo-l4r5zi") -> Program:
    return compiled(board).program


def with_ram(board: Board, size_bytes: int) -> Board:
    """The board with one RAM of that size."""
    kept = [m for m in board.memories if m.kind not in ("ram", "dtcm")]
    ram = next(m for m in board.memories if m.kind == "ram")
    ram = ram.model_copy(update={"size_bytes": size_bytes})
    return board.model_copy(update={"memories": (*kept, ram)})


def test_what_fits_the_cache_is_read_once():
    assert SLOW.of_code(80_000, 1024) == 1024 // 8 * 5
    assert SLOW.of_data(80_000, 256) == 256 // 8 * 5
    assert SLOW.of_data(100, 256) == 13 * 5


def test_what_does_not_fit_is_read_again_and_code_is_fetched_ahead():
    assert SLOW.of_code(80_000, 1025) == 10_000 * 3
    assert SLOW.of_data(80_000, 257) == 10_000 * 5


def test_flash_as_the_board_file_has_it():
    assert flash_cost(load_board("nucleo-l4r5zi")) == SLOW
    assert flash_cost(load_board("mps2-an386")).of_code(10**6, 10**6) == 0


def test_bytes_read_of_a_pointwise_convolution_and_a_table():
    calls = {call.layer: call for call in program().calls}
    kernel = program().functions[calls["n02_conv2d"].function].loops
    stream = kernel.buffer("stream")
    # 125 pixels in 62 pairs and a single one: the whole stream for each.
    assert bytes_read(kernel)["stream"] == 63 * stream.elements * 4
    path = shared_path("data/models/kws_ref_model.tflite")
    portable = compile_model(path, load_board("mps2-an385"), kernels="portable").program
    kernel = portable.functions[portable.calls[0].function].loops
    # Portable: each of 64 filters of 10 x 4 taps at each of 25 x 5 pixels.
    assert bytes_read(kernel)["weight"] == 64 * 40 * 125


def test_all_or_nothing():
    board = load_board("nucleo-l4r5zi")
    assert place(program(), board, 1000, "flash", "flash") == Placement()
    everything = place(program(), board, 1000, "ram", "ram")
    assert everything.functions == set(range(len(program().functions)))
    assert everything.constants == set(program().constants)
    assert everything.constant_bytes == program().weight_bytes
    assert everything.intrinsics
    assert place(program(), board, 1000, "ram", "flash").constants == frozenset()
    assert place(program(), board, 1000, "flash", "ram").functions == frozenset()


@pytest.mark.parametrize("board", ["mps2-an386", "mps2-an500", "mps3-an547", "host", "rpi-pico"])
def test_nothing_moves_where_flash_does_not_wait(board):
    placement = place(program(), load_board(board), 1000, "auto", "auto")
    assert not placement.functions and not placement.constants
    assert placement.code_memory == ""


def test_by_cost_what_is_read_often_goes_first():
    board = load_board("nucleo-l4r5zi")
    found = place(program(), board, 20_000, "auto", "auto")
    pointwise = next(c for c in program().calls if c.layer == "n02_conv2d")
    softmax = next(c for c in program().calls if c.op == "softmax")
    assert pointwise.function in found.functions and {*pointwise.constants} <= found.constants
    assert softmax.function not in found.functions
    assert not found.constants & {*softmax.constants}
    # The larger weights of the dense layer are read once.
    dense = next(c for c in program().calls if c.op == "fully_connected")
    assert not found.constants & {*dense.constants}


@pytest.mark.parametrize("ram_bytes", [20_000, 24_000, 32_000, 48_000, 96_000])
@pytest.mark.parametrize("arena_bytes", [0, 17_000])
def test_by_cost_only_what_fits_beside_the_arena(ram_bytes, arena_bytes):
    board = with_ram(load_board("nucleo-l4r5zi"), ram_bytes)
    found = place(program(), board, arena_bytes, "auto", "auto")
    used = data_bytes(found, board, arena_bytes)
    assert used == arena_bytes + found.code_bytes + found.constant_bytes
    assert used <= max(ram_bytes // 8 * 7, arena_bytes)
    more = place(program(), with_ram(board, ram_bytes * 2), arena_bytes, "auto", "auto")
    assert more.code_bytes + more.constant_bytes >= found.code_bytes + found.constant_bytes


def test_code_ram_is_no_data_ram():
    board = load_board("nucleo-f746")
    found = place(program("nucleo-f746"), board, 17_000, "auto", "auto")
    assert found.code_memory == "ITCM" and 0 < found.code_bytes <= 16_384 // 8 * 7
    assert data_bytes(found, board, 17_000) == 17_000 + found.constant_bytes


def test_an_arena_elsewhere_takes_nothing_of_the_data_ram():
    board = load_board("nucleo-h7a3zi-q")
    found = place(program("nucleo-h7a3zi-q"), board, 17_000, "flash", "ram")
    assert found.arena_memory == "DTCM"
    assert data_bytes(found, board, 17_000) == found.constant_bytes


def test_too_much_for_the_ram_is_refused():
    model = NETWORKS["digits"]()
    board = "nucleo-f446re"
    assert not fit_problems(compile_bytes(model, "digits", board=board, weights="ram"))
    compilation = compile_model(
        shared_path("data/models/ad01_int8.tflite"), load_board(board), weights="ram"
    )
    (problem,) = fit_problems(compilation)
    assert problem.startswith("RAM: needs 27") and "has 131,072" in problem
