"""The firmware's framing and CRC against the host's, in one process."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.firmwares import WARNINGS
from tests.runner.test_framing import contents
from tinycc_ml._resources import resource_dir
from tinycc_ml.runner.crc import crc32
from tinycc_ml.runner.framing import cobs_decode, encode_frame

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="cc is not installed")

INCOMPLETE, COMPLETE, DAMAGED = range(3)
CAPACITY = 2100
SINK = ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_uint8), ctypes.c_uint32)


class Deframer(ctypes.Structure):
    _fields_ = (
        ("buffer", ctypes.c_void_p),
        ("capacity", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("code", ctypes.c_uint8),
        ("left", ctypes.c_uint8),
        ("started", ctypes.c_bool),
        ("overflow", ctypes.c_bool),
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder: Path = tmp_path_factory.mktemp("framing")
    source = resource_dir("firmware_harness") / "src"
    output = folder / "framing.so"
    subprocess.run(
        ["cc", "-std=c11", "-O2", *WARNINGS, "-shared", "-fPIC", "-o", str(output)]
        + [str(source / name) for name in ("framing.c", "crc.c")],
        check=True,
    )
    loaded = ctypes.CDLL(str(output))
    loaded.tcml_crc32.restype = ctypes.c_uint32
    return loaded


class Receiver:
    """The C deframer with a buffer."""

    def __init__(self, library: ctypes.CDLL, capacity: int = CAPACITY) -> None:
        self._library = library
        self._buffer = ctypes.create_string_buffer(capacity)
        self._state = Deframer()
        library.tcml_deframer_init(
            ctypes.byref(self._state), self._buffer, ctypes.c_uint32(capacity)
        )

    def feed(self, data: bytes) -> list[bytes | None]:
        """Frames in order; None for a damaged one."""
        found: list[bytes | None] = []
        for byte in data:
            state = self._library.tcml_deframer_push(
                ctypes.byref(self._state), ctypes.c_uint8(byte)
            )
            if state == COMPLETE:
                found.append(self._buffer.raw[: self._state.size])
            elif state == DAMAGED:
                found.append(None)
        return found


@given(data=contents)
def test_sender_agrees_with_the_host(library: ctypes.CDLL, data: bytes) -> None:
    sent = bytearray()
    sink = SINK(lambda pointer, size: sent.extend(pointer[:size]))
    library.tcml_frame_send(sink, data, ctypes.c_uint32(len(data)))
    assert sent[0] == sent[-1] == 0
    assert 0 not in sent[1:-1]
    assert cobs_decode(bytes(sent[1:-1])) == data
    assert Receiver(library).feed(bytes(sent)) == [data]


@given(frames=st.lists(contents, max_size=4), noise=st.binary(max_size=300))
def test_receiver_finds_frames_after_noise(
    library: ctypes.CDLL, frames: list[bytes], noise: bytes
) -> None:
    stream = noise + b"".join(map(encode_frame, frames))
    found = Receiver(library).feed(stream)
    assert found[len(found) - len(frames) :] == frames


@given(noise=st.binary(max_size=600))
def test_receiver_agrees_with_the_host_about_noise(library: ctypes.CDLL, noise: bytes) -> None:
    pieces = [piece for piece in noise.split(b"\0")[:-1] if piece]
    assert Receiver(library).feed(noise) == [cobs_decode(piece) for piece in pieces]


def test_receiver_drops_what_is_too_long_and_goes_on(library: ctypes.CDLL) -> None:
    receiver = Receiver(library, capacity=10)
    assert receiver.feed(encode_frame(b"a" * 11)) == [None]
    assert receiver.feed(encode_frame(b"b" * 10)) == [b"b" * 10]


@given(data=contents, cut=st.integers(0, 600))
def test_crc_agrees_and_can_be_continued(library: ctypes.CDLL, data: bytes, cut: int) -> None:
    first, rest = data[:cut], data[cut:]
    crc = library.tcml_crc32(ctypes.c_uint32(0), first, ctypes.c_uint32(len(first)))
    crc = library.tcml_crc32(ctypes.c_uint32(crc), rest, ctypes.c_uint32(len(rest)))
    assert crc == crc32(data)
