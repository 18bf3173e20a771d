"""Ports that are silent, dead, missing or hostile end in a LinkError within seconds."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tinycc_ml.errors import DeviceFaultError, LinkError
from tinycc_ml.runner.device import Device
from tinycc_ml.runner.exchange import Timing
from tinycc_ml.runner.framing import FrameReader, encode_frame
from tinycc_ml.runner.link import open_link
from tinycc_ml.runner.protocol import Message, Packet, Status, parse_packet

QUICK = Timing(attempt_s=0.05, longest_attempt_s=0.1, answer_s=0.5, busy_s=0.5)


@contextmanager
def server(serve: object) -> Iterator[str]:
    """A TCP server that hands its one client to `serve`; gives its URL."""
    assert callable(serve)

    def run() -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client, suppress(OSError):
            serve(client)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=run)
        thread.start()
        yield f"socket://127.0.0.1:{listener.getsockname()[1]}"
    thread.join(10)
    assert not thread.is_alive()


def read_until_closed(client: socket.socket) -> None:
    while client.recv(4096):
        pass


def answer_with(body: bytes) -> object:
    """Serves a device that answers every request with this body."""

    def serve(client: socket.socket) -> None:
        reader = FrameReader(2000)
        while received := client.recv(4096):
            for data in reader.feed(received):
                request = parse_packet(data)
                assert request is not None
                answer = Packet(request.kind, True, request.sequence, body)
                client.sendall(encode_frame(answer.pack()))

    return serve


def test_a_silent_port() -> None:
    started = time.monotonic()
    with (
        server(read_until_closed) as url,
        open_link(url) as link,
        pytest.raises(LinkError, match=r"socket://.*IDENTIFY: no answer within 0\.\d s"),
    ):
        Device(link, QUICK).identify()
    assert time.monotonic() - started < 5


def test_a_port_that_closes() -> None:
    with (
        server(lambda client: client.recv(1)) as url,
        open_link(url) as link,
        pytest.raises(LinkError, match=r"connection broke|cannot send"),
    ):
        Device(link, QUICK).identify()


def test_a_dead_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(LinkError, match="cannot open"):
        open_link(f"socket://127.0.0.1:{port}")


@pytest.mark.parametrize("port", ["/dev/no-such-port", "nonsense://x", "socket://127.0.0.1", ""])
def test_a_port_that_does_not_exist(port: str) -> None:
    with pytest.raises(LinkError, match="cannot open"):
        open_link(port)


def test_noise_only() -> None:
    noise = random.Random(3).randbytes(5000)

    def serve(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(noise)
        read_until_closed(client)

    with (
        server(serve) as url,
        open_link(url) as link,
        pytest.raises(LinkError, match="damaged frames; are baud rate and wiring right"),
    ):
        Device(link, QUICK).identify()


def test_endless_noise_without_delimiter_takes_no_more_memory_and_ends() -> None:
    def serve(client: socket.socket) -> None:
        stop = time.monotonic() + 5
        while time.monotonic() < stop:
            client.sendall(b"x" * 4096)

    with server(serve) as url, open_link(url) as link, pytest.raises(LinkError, match="no answer"):
        Device(link, QUICK).identify()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "without a status"),
        (bytes([Status.OK]), "sent 0 bytes"),
        (bytes([Status.OK]) + bytes(67), "impossible"),
        (bytes([Status.BAD_LENGTH]), "refused: bad length"),
        (bytes([200]), "refused: 200"),
        (bytes([Status.VERSION]), "another protocol version"),
        (bytes([Status.FAULT]) + b"x", "sent 1 bytes"),
    ],
)
def test_answers_that_make_no_sense(body: bytes, message: str) -> None:
    with (
        server(answer_with(body)) as url,
        open_link(url) as link,
        pytest.raises(LinkError, match=message),
    ):
        Device(link, QUICK).identify()


def test_stack_overflow_is_a_fault_of_the_firmware() -> None:
    with (
        server(answer_with(bytes([Status.STACK_OVERFLOW]))) as url,
        open_link(url) as link,
        pytest.raises(DeviceFaultError, match="whole stack"),
    ):
        Device(link, QUICK).run()


def test_answers_to_other_requests_are_ignored() -> None:
    def serve(client: socket.socket) -> None:
        request = parse_packet(FrameReader(2000).feed(client.recv(4096))[0])
        assert request is not None
        for packet in (
            Packet(Message.PING, True, (request.sequence + 1) % 65536, b"\0stale"),
            Packet(Message.STATS, False, request.sequence, b"\0echo of a request"),
            Packet(Message.PING, True, request.sequence, b"\0right"),
        ):
            client.sendall(encode_frame(packet.pack()))
        read_until_closed(client)

    with server(serve) as url, open_link(url) as link:
        assert Device(link, QUICK).ping(b"right") == b"right"


def test_methods_before_identify_say_so() -> None:
    with server(read_until_closed) as url, open_link(url) as link:
        device = Device(link, QUICK)
        for call in (device.layer_times, lambda: device.read_layer(0, 1), lambda: device.identity):
            with pytest.raises(LinkError, match="identify"):
                call()
