"""Whatever is wrong: one clear line, exit code 1, and nothing half-written."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import DIGITS, DIGITS_DATA, run_process
from tests.importers.samples import one_operator
from tests.shared_data import shared_path
from tests.tflite_builder import ModelBuilder

VERBS = {
    "gen": ("--board", "host", "-o", "out"),
    "analyze": (),
    "run": ("--board", "host", "--input", DIGITS_DATA),
    "validate": ("--board", "host", "--data", DIGITS_DATA),
    "bench": ("--board", "host"),
    "firmware": ("--board", "nucleo-f746", "-o", "out"),
}


def nothing_written(*expected: str) -> bool:
    return sorted(os.listdir()) == sorted(expected)


def digits_cut(size: int) -> bytes:
    return DIGITS.read_bytes()[:size]


BAD_FILES = {
    "empty": b"",
    "one byte": b"T",
    "short": b"\x1c\0\0\0TFL",
    "identifier only": b"\x1c\0\0\0TFL3",
    "random": np.random.default_rng(0).bytes(5000),
    "random behind the identifier": b"\x1c\0\0\0TFL3" + np.random.default_rng(1).bytes(5000),
    "text": b"this is no model\n" * 10,
    "zeros": bytes(10_000),
    "cut in the middle": digits_cut(3000),
    "cut by one byte": digits_cut(DIGITS.stat().st_size // 2),
    "onnx": b"\x08\x08\x12\x07pytorch",
    "zip": b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_that_is_no_model(cli, kind, verb):
    Path("bad.tflite").write_bytes(BAD_FILES[kind])
    message = cli(verb, "bad.tflite", *VERBS[verb]).error_line()
    assert message.startswith("bad.tflite: ")
    assert nothing_written("bad.tflite")


@pytest.mark.parametrize("verb", VERBS)
def test_a_missing_file(cli, verb):
    assert "nowhere.tflite: No such file" in cli(verb, "nowhere.tflite", *VERBS[verb]).error_line()
    assert nothing_written()


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_instead_of_a_file(cli, verb):
    Path("model.tflite").mkdir()
    message = cli(verb, "model.tflite", *VERBS[verb]).error_line()
    assert "model.tflite: Is a directory" in message


def test_an_onnx_file(cli):
    Path("net.onnx").write_bytes(b"\x08\x08\x12\x07pytorch")
    message = cli("gen", "net.onnx", "--board", "host", "-o", "out").error_line()
    assert message == "net.onnx: it does not name the version of its operators"


def test_a_file_name_that_would_break_the_line(cli):
    name = "bad\n\x1b[31m\r.tflite"
    Path(name).write_bytes(b"x" * 100)
    cli("analyze", name).error_line()
    cli("analyze", "no\nsuch\x07file.tflite").error_line()


def test_all_unsupported_operators_are_named_with_their_nodes(cli):
    b = ModelBuilder()
    x = b.input("x", (1, 8), "int8", 0.5, 0)
    for number, builtin in enumerate(("SKIP_GRAM", "LSH_PROJECTION", "SKIP_GRAM", "RFFT2D")):
        y = b.tensor(f"layer_{number}", (1, 8), "int8", 0.5, 0)
        b.operator(builtin, [x], [y])
        x = y
    b.output(x)
    Path("net.tflite").write_bytes(b.build())
    message = cli("gen", "net.tflite", "--board", "host", "-o", "out").error_line()
    for part in (
        "SKIP_GRAM",
        "LSH_PROJECTION",
        "RFFT2D",
        "layer_0",
        "layer_1",
        "layer_2",
        "layer_3",
        "node 0",
        "node 3",
    ):
        assert part in message, part
    assert nothing_written("net.tflite")


def test_a_dynamic_shape(cli):
    model = one_operator("RELU", [(1, -1, 4)], (1, -1, 4))
    Path("net.tflite").write_bytes(model.build())
    message = cli("gen", "net.tflite", "--board", "host", "-o", "out").error_line()
    assert "dynamic shape" in message


def test_an_index_out_of_range(cli):
    b = one_operator("RELU", [(1, 4)], (1, 4))
    b.outputs = [17]
    Path("net.tflite").write_bytes(b.build())
    message = cli("analyze", "net.tflite").error_line()
    assert "17" in message


SMALL_BOARD = """
name = "tiny-board"
title = "A board for nothing"
vendor = "Nobody"
core = "cortex-m4"
clock_hz = 16_000_000

[[memories]]
name = "FLASH"
kind = "flash"
origin = 0x0800_0000
size_bytes = 32_768

[[memories]]
name = "RAM"
kind = "ram"
origin = 0x2000_0000
size_bytes = 16_384

[emulator]
machine = "mps2-an386"
firmware_of = "mps2-an386"
timer_hz = 25_000_000

[[sources]]
field = "clock_hz"
document = "made up"

[[sources]]
field = "memories.FLASH.size_bytes"
document = "made up"

[[sources]]
field = "memories.RAM.size_bytes"
document = "made up"
"""


@pytest.mark.parametrize("verb", VERBS)
def test_a_model_that_does_not_fit(cli, verb):
    model = shared_path("data/models/vww_96_int8.tflite")
    Path("tiny-board.toml").write_text(SMALL_BOARD)
    np.savez("one.npz", inputs=np.zeros((1, 96, 96, 3), np.int8))
    more = {"gen": ("-o", "out"), "firmware": ("-o", "out")}
    more |= {"run": ("--input", "one.npz"), "validate": ("--data", "one.npz")}
    arguments = ("--board", "tiny-board.toml", *more.get(verb, ()))
    message = cli(verb, model, *arguments).error_line()
    numbers = [
        int(x.replace(",", "")) for x in message.replace(";", " ").split() if x[:1].isdigit()
    ]
    assert "vww_96_int8.tflite does not fit tiny-board" in message
    assert "RAM: needs" in message and "flash: needs" in message and "too many" in message
    for (need, have, over), size in ((numbers[:3], 16_384), (numbers[3:6], 32_768)):
        assert have == size
        assert need - have == over > 0
    assert nothing_written("one.npz", "tiny-board.toml")


def test_analyze_tells_in_json_what_does_not_fit(cli):
    Path("tiny-board.toml").write_text(SMALL_BOARD)
    model = shared_path("data/models/vww_96_int8.tflite")
    result = cli("analyze", model, "--board", "tiny-board.toml", "--json")
    result.error_line()
    assert result.json["fits"] is False and len(result.json["problems"]) == 2


@pytest.mark.parametrize(
    ("wanted", "near"),
    [("nucleo-f764", "nucleo-f746"), ("Nucleo_F746", "nucleo-f746"), ("rpipico", "rpi-pico")],
)
def test_an_unknown_board(cli, wanted, near):
    message = cli("gen", DIGITS, "--board", wanted, "-o", "out").error_line()
    assert "not known" in message and near in message
    assert nothing_written()


@pytest.mark.parametrize("board", ["", "x" * 500, "a\nb", "nowhere.toml", "./no/such.toml"])
def test_an_impossible_board(cli, board):
    cli("gen", DIGITS, "--board", board, "-o", "out").error_line()
    assert nothing_written()


@pytest.mark.parametrize("text", ["", "name = ", "name = 3", SMALL_BOARD.replace("flash", "rom")])
def test_a_damaged_board_file(cli, text):
    Path("my.toml").write_text(text)
    assert "my.toml" in cli("gen", DIGITS, "--board", "my.toml", "-o", "out").error_line()


def test_a_board_without_an_emulator(cli):
    Path("tiny-board.toml").write_text(
        SMALL_BOARD.partition("[emulator]")[0]
        + "[[sources]]"
        + SMALL_BOARD.partition("[[sources]]")[2]
    )
    message = cli("bench", DIGITS, "--board", "tiny-board.toml").error_line()
    assert "no emulator is known" in message


def test_a_board_without_a_firmware(cli):
    message = cli("firmware", DIGITS, "--board", "rpi-pico", "-o", "out.elf").error_line()
    assert "no firmware" in message
    assert nothing_written()


@pytest.mark.parametrize("verb", ["run", "validate", "bench"])
@pytest.mark.parametrize(("on", "tool"), [("host", "gcc"), ("qemu", "gcc-arm-none-eabi")])
def test_a_missing_compiler(cli, monkeypatch, verb, on, tool):
    monkeypatch.setenv("PATH", str(Path.cwd()))
    arguments = [a if a != "host" else "nucleo-f746" for a in VERBS[verb]]
    message = cli(verb, DIGITS, *arguments, "--on", on).error_line()
    assert "not installed" in message and f"apt-get install {tool}" in message


def test_a_missing_emulator(cli, monkeypatch):
    import shutil

    for tool in ("arm-none-eabi-gcc",):
        Path(tool).symlink_to(shutil.which(tool))
    monkeypatch.setenv("PATH", str(Path.cwd()))
    message = cli("bench", DIGITS, "--board", "nucleo-f746").error_line()
    assert "qemu-system-arm is not installed" in message and "apt-get install" in message


def test_doctor_when_everything_is_missing(cli, monkeypatch):
    monkeypatch.setenv("PATH", str(Path.cwd()))
    result = cli("doctor", "--json")
    assert result.code == 0
    missing = {c["name"] for c in result.json["checks"] if not c["found"]}
    assert any("qemu" in name.lower() for name in missing), missing
    assert all(c["how_to_get"] for c in result.json["checks"] if not c["found"])


@contextmanager
def silent_port(answer: bytes = b"") -> Iterator[str]:
    """A socket that takes connections and says nothing, or always the same nonsense."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        ended = threading.Event()

        def serve() -> None:
            connections: list[socket.socket] = []
            while not ended.is_set():
                with suppress(TimeoutError):
                    connections.append(server.accept()[0])
                for connection in connections:
                    with suppress(OSError):
                        connection.sendall(answer)
            for connection in connections:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"socket://127.0.0.1:{server.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()


@pytest.mark.parametrize("answer", [b"", b"Hello!\r\n", b"\0", b"\xff" * 100, b"\0\1\0" * 50])
def test_a_silent_or_babbling_serial_port(cli, answer):
    with silent_port(answer) as port:
        arguments = ("--board", "nucleo-f746", "--on", "serial", "--port", port)
        message = cli("bench", DIGITS, *arguments).error_line()
    assert "no answer within" in message
    assert port in message


@pytest.mark.parametrize(
    "port",
    [
        "socket://127.0.0.1:1",
        "/dev/nowhere",
        "",
        "socket://",
        "nonsense://x",
        "/etc/passwd",
        "COM7",
    ],
)
@pytest.mark.parametrize("verb", ["bench"])
def test_a_dead_serial_port(cli, verb, port):
    arguments = ("--board", "nucleo-f746", "--on", "serial", "--port", port)
    cli(verb, DIGITS, *arguments).error_line()


def test_a_serial_port_that_hangs_up(cli):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            server.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        port = f"socket://127.0.0.1:{server.getsockname()[1]}"
        cli("bench", DIGITS, "--board", "nucleo-f746", "--port", port).error_line()
        thread.join()


def test_serial_without_a_port(cli):
    message = cli("bench", DIGITS, "--board", "nucleo-f746", "--on", "serial").error_line()
    assert "--port" in message


def test_an_output_folder_that_is_not_ours(cli):
    Path("out").mkdir()
    Path("out/precious").write_text("mine")
    message = cli("gen", DIGITS, "--board", "host", "-o", "out").error_line()
    assert "--force" in message
    assert os.listdir("out") == ["precious"]
    assert cli("gen", DIGITS, "--board", "host", "-o", "out", "--force").code == 0
    assert "precious" not in os.listdir("out")


def test_an_output_folder_that_is_a_file(cli):
    Path("out").write_text("mine")
    assert "is a file" in cli("gen", DIGITS, "--board", "host", "-o", "out").error_line()
    assert Path("out").read_text() == "mine"


@pytest.mark.parametrize("output", ["/proc/nothing/out", "/dev/null/out", "x" * 300, "/"])
def test_an_output_folder_that_cannot_be(cli, output):
    cli("gen", DIGITS, "--board", "host", "-o", output).error_line()
    assert nothing_written()


@pytest.mark.parametrize("output", ["/proc/nothing/f.elf", "x" * 300, "."])
def test_a_firmware_file_that_cannot_be(cli, output):
    cli("firmware", DIGITS, "--board", "nucleo-f746", "-o", output).error_line()
    assert nothing_written()


def test_a_dump_folder_that_cannot_be(cli):
    Path("dumps").write_text("mine")
    cli("gen", DIGITS, "--board", "host", "-o", "out", "--dump-dir", "dumps").error_line()
    assert Path("dumps").read_text() == "mine"
    assert nothing_written("dumps"), "the project was written although the command failed"


GOOD = np.load(DIGITS_DATA)["inputs"][:4]


def write_data(kind: str) -> str:
    arrays = {
        "wrong shape": {"inputs": np.zeros((4, 7, 7, 1), np.int8)},
        "wrong type": {"inputs": GOOD.astype(np.float32)},
        "other integers": {"inputs": GOOD.astype(np.int32)},
        "unsigned": {"inputs": GOOD.view(np.uint8)},
        "no samples": {"inputs": GOOD[:0]},
        "scalar": {"inputs": np.int8(3)},
        "another name": {"images": GOOD},
        "nothing": {},
        "labels too few": {"inputs": GOOD, "labels": np.zeros(3, np.int64)},
        "labels of two dimensions": {"inputs": GOOD, "labels": np.zeros((4, 10), np.int64)},
        "labels that are floats": {"inputs": GOOD, "labels": np.zeros(4)},
        "labels that are words": {"inputs": GOOD, "labels": np.array(list("abcd"))},
        "pickled objects": {"inputs": np.array([object, 1], dtype=object)},
        "pickled labels": {"inputs": GOOD, "labels": np.array([None] * 4, dtype=object)},
    }
    name = "data.npz"
    raw = DIGITS_DATA.read_bytes()
    if kind in arrays:
        np.savez(name, **arrays[kind])
    elif kind == "cut":
        Path(name).write_bytes(raw[: len(raw) // 2])
    elif kind == "flipped":
        damaged = bytearray(raw)
        for at in range(60, len(raw) // 2, 7):
            damaged[at] ^= 0x55
        Path(name).write_bytes(damaged)
    elif kind == "empty":
        Path(name).write_bytes(b"")
    elif kind == "text":
        Path(name).write_text("1,2,3\n")
    elif kind == "an odd binary":
        name = "data.bin"
        Path(name).write_bytes(bytes(65))
    elif kind == "an empty binary":
        name = "data.bin"
        Path(name).write_bytes(b"")
    elif kind == "a folder":
        Path(name).mkdir()
    elif kind == "a huge header":
        name = "data.npy"
        header = b"{'descr': '|i1', 'fortran_order': False, 'shape': (9223372036854775807,)}"
        Path(name).write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    elif kind == "a huge array":
        name = "data.npy"
        header = b"{'descr': '|i1', 'fortran_order': False, 'shape': (1099511627776, 64)}"
        Path(name).write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    elif kind != "missing":
        raise AssertionError(kind)
    return name


KINDS = [
    *("wrong shape", "wrong type", "other integers", "unsigned", "no samples", "scalar"),
    *("another name", "nothing", "labels too few", "labels of two dimensions"),
    *("labels that are floats", "labels that are words", "pickled objects", "pickled labels"),
    *("cut", "flipped", "empty", "text", "an odd binary", "an empty binary", "a folder"),
    *("a huge header", "a huge array", "missing"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_data_file(cli, kind):
    name = write_data(kind)
    message = cli("validate", DIGITS, "--board", "host", "--data", name).error_line()
    assert message.startswith(f"{name}: ")


def test_several_inputs_need_as_many_samples_each(cli):
    from tests.end_to_end.networks import NETWORKS

    Path("net.tflite").write_bytes(NETWORKS["several_ports"]())
    np.savez(
        "d.npz", input0=np.zeros((3, 4, 4, 2), np.int8), input1=np.zeros((2, 4, 4, 2), np.int8)
    )
    cli("validate", "net.tflite", "--board", "host", "--data", "d.npz").error_line()
    np.savez("d.npz", input0=np.zeros((3, 4, 4, 2), np.int8))
    message = cli("validate", "net.tflite", "--board", "host", "--data", "d.npz").error_line()
    assert "input 1" in message


def test_a_firmware_of_another_model_on_the_port(cli, tmp_path):
    """The host program of another model plays the board."""
    from tests.end_to_end.networks import NETWORKS
    from tests.end_to_end.projects import compile_bytes
    from tinycc_ml.compiler import generate
    from tinycc_ml.emit import write_project
    from tinycc_ml.runner import build_project
    from tinycc_ml.runner.host_process import running_program

    other = compile_bytes(NETWORKS["several_ports"](), "other")
    write_project(tmp_path / "p", generate(other))
    built = build_project(tmp_path / "p", other.board, "host", tmp_path / "b")
    with running_program(built.image.elf) as (_, port):
        arguments = ("--board", "nucleo-f746", "--port", port)
        message = cli("bench", DIGITS, *arguments).error_line()
    assert "another model" in message and "tinycc-ml firmware" in message


def test_a_bug_of_ours_is_exit_code_3(cli, monkeypatch):
    import tinycc_ml.compiler

    def fail(*_arguments):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(tinycc_ml.compiler, "run_passes", fail)
    result = cli("analyze", DIGITS)
    assert result.code == 3
    assert "this is a bug" in result.err and "planted" in result.err


def test_an_internal_error_is_exit_code_3(cli, monkeypatch):
    import tinycc_ml.compiler
    from tinycc_ml.errors import InternalError

    def fail(*_arguments):
        raise InternalError("planted")

    monkeypatch.setattr(tinycc_ml.compiler, "run_passes", fail)
    assert cli("analyze", DIGITS).code == 3


def test_no_traceback_in_a_process_of_its_own(tmp_path):
    result = run_process("gen", "nowhere.tflite", "--board", "host", "-o", "out", cwd=tmp_path)
    result.error_line()
    assert result.out == "" and os.listdir(tmp_path) == []
    assert sys.executable not in result.err
