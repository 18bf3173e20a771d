from __future__ import annotations

import contextlib
import inspect
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinycc_ml._resources import resource_dir
from tinycc_ml.errors import LinkError
from tinycc_ml.runner import messages
from tinycc_ml.runner.protocol import (
    PROTOCOL_VERSION,
    Message,
    Packet,
    ResetReason,
    RunFlag,
    Status,
    TimeUnit,
    parse_packet,
)

packets = st.builds(
    Packet, st.integers(0, 127), st.booleans(), st.integers(0, 65535), st.binary(max_size=64)
)


@given(packets)
def test_packet_round_trip(packet: Packet) -> None:
    assert parse_packet(packet.pack()) == packet


@given(packets, st.data())
def test_a_damaged_packet_is_not_delivered(packet: Packet, data: st.DataObject) -> None:
    packed = bytearray(packet.pack())
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    assert parse_packet(bytes(packed)) is None


@given(st.binary(max_size=80))
def test_noise_is_no_packet(noise: bytes) -> None:
    assert parse_packet(noise) is None


@pytest.mark.parametrize(
    "parse",
    [
        messages.parse_identity,
        messages.parse_io,
        messages.parse_run_result,
        messages.parse_stats,
        messages.parse_fault,
        lambda body: messages.parse_layer_times(body, 3),
        lambda body: messages.parse_layer_crcs(body, 3),
    ],
)
@given(body=st.binary(max_size=160))
def test_a_hostile_device_causes_only_link_errors(parse: object, body: bytes) -> None:
    assert callable(parse)
    with contextlib.suppress(LinkError):
        parse(body)


def test_names_from_a_device_cannot_control_the_terminal() -> None:
    body = (5).to_bytes(4, "little") + bytes([6]) + b"a\x1b[2Jb"
    assert messages.parse_io(body).name == "a\N{REPLACEMENT CHARACTER}[2Jb"


def _c_enum(text: str, prefix: str) -> dict[str, int]:
    found = re.findall(rf"\b{prefix}([A-Z_]+) = (0x[0-9A-F]+|\d+)", text)
    return {name: int(value, 0) for name, value in found}


def test_numbers_are_those_of_the_firmware() -> None:
    harness = resource_dir("firmware_harness")
    text = (harness / "src" / "messages.h").read_text()
    port = (harness / "include" / "tcml_port.h").read_text()
    run = (harness / "src" / "inference.h").read_text()
    statuses = _c_enum(text[text.index("TCML_OK") :], "TCML_(?:ERR_)?")
    assert statuses == {s.name: s.value for s in Status}
    kinds = _c_enum(text[: text.index("TCML_OK")], "TCML_")
    assert kinds == {m.name: m.value for m in Message}
    assert _c_enum(port, "TCML_UNIT_") == {u.name: u.value for u in TimeUnit}
    assert _c_enum(port, "TCML_RESET_") == {r.name: r.value for r in ResetReason}
    assert f"TCML_PROTOCOL_VERSION {PROTOCOL_VERSION}u" in text
    assert f"TCML_RUN_TRACE 0x{RunFlag.TRACE:02x}u" in run
    assert f"TCML_RUN_QUIET 0x{RunFlag.QUIET:02x}u" in run


def test_every_message_is_in_the_specification() -> None:
    docs = Path(__file__).parents[2] / "docs" / "protocol.md"
    text = docs.read_text(encoding="utf-8")
    for message in Message:
        assert re.search(rf"`0x{message.value:02X}`.*`?{message.name}\b", text), message
    for status in Status:
        assert re.search(rf"\b{status.value} \| {status.name}\b", text), status
    assert inspect.getdoc(messages)
