from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st

from tinycc_ml.runner.crc import crc32
from tinycc_ml.runner.framing import FrameReader, cobs_decode, cobs_encode, encode_frame

LONGEST = 4096
# Zeros, long runs without zeros, and lengths about the longest block are what COBS can get wrong.
contents = st.one_of(
    st.binary(max_size=600),
    st.lists(st.sampled_from([b"\0", b"\x01", b"\xff", b"a" * 253, b"b" * 254, b"c" * 255]))
    .map(b"".join)
    .filter(lambda data: len(data) < 2000),
)


@given(contents)
def test_cobs_round_trip(data: bytes) -> None:
    encoded = cobs_encode(data)
    assert 0 not in encoded
    assert len(encoded) <= len(data) + len(data) // 254 + 1
    assert cobs_decode(encoded) == data


@given(st.binary(max_size=600))
def test_cobs_decodes_anything_without_error(noise: bytes) -> None:
    cobs_decode(noise)


def test_cobs_known_values() -> None:
    # From the paper and the usual test vectors.
    assert cobs_encode(b"") == b"\x01"
    assert cobs_encode(b"\0") == b"\x01\x01"
    assert cobs_encode(b"\x11\x22\x00\x33") == b"\x03\x11\x22\x02\x33"
    assert cobs_encode(b"\x11\x00\x00\x00") == b"\x02\x11\x01\x01\x01"
    assert cobs_decode(b"\x05\x11\x22") is None
    assert cobs_decode(b"\x00") is None


def test_crc_known_value() -> None:
    assert crc32(b"123456789") == 0xCBF43926


@given(contents)
def test_crc_is_that_of_zlib(data: bytes) -> None:
    assert crc32(data) == zlib.crc32(data)


@given(st.lists(contents, max_size=5), st.integers(1, 50))
def test_reader_gives_frames_however_they_are_cut(frames: list[bytes], step: int) -> None:
    stream = b"".join(encode_frame(data) for data in frames)
    reader = FrameReader(LONGEST)
    got = [f for at in range(0, len(stream), step) for f in reader.feed(stream[at : at + step])]
    assert got == frames
    assert reader.damaged == 0


@given(st.binary(max_size=300), contents)
def test_reader_finds_the_frame_after_noise(noise: bytes, data: bytes) -> None:
    reader = FrameReader(LONGEST)
    assert reader.feed(noise + encode_frame(data))[-1] == data


def test_reader_drops_what_is_too_long_and_goes_on() -> None:
    reader = FrameReader(100)
    assert reader.feed(b"x" * 1000) == []
    assert reader.feed(b"y" * 1000 + encode_frame(b"next")) == [b"next"]
    assert reader.damaged == 1
