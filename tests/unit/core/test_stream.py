"""Frames of a command's streams, over a socket pair in the place of the engine."""

from __future__ import annotations

import os
import socket
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidocknet.core import stream
from minidocknet.core.stream import _connect, _Streams
from minidocknet.model.errors import CapabilityError


def frame(kind: int, data: bytes) -> bytes:
    return struct.pack(">BxxxI", kind, len(data)) + data


def collect(received: bytes, cut: int = 0, code: int = 0) -> tuple[bytes, bytes, _Streams]:
    """Both streams of what the engine sent; the first ``cut`` bytes came with its answer."""
    ours, engine = socket.socketpair()
    out, err = bytearray(), bytearray()
    streams = _Streams(ours, received[:cut], None, out.extend, err.extend)
    with ours, engine:
        engine.sendall(received[cut:])
        engine.shutdown(socket.SHUT_WR)
        streams.run([], lambda number: None)
    streams.finish(code)
    return bytes(out), bytes(err), streams


@given(
    frames=st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=50)), max_size=12),
    cut=st.integers(0, 300),
)
def test_streams_come_apart_wherever_the_bytes_are_cut(frames, cut):
    data = b"".join(frame(kind, payload) for kind, payload in frames)
    out, err, _ = collect(data, cut)
    assert out == b"".join(payload for kind, payload in frames if kind == 1)
    assert err == b"".join(payload for kind, payload in frames if kind == 2)


MISSING = b'OCI runtime exec failed: exec failed: exec: "x": executable file not found in $PATH'
DENIED = b'OCI runtime exec failed: exec failed: exec: "/etc": permission denied: unknown'
FOLDER = b'OCI runtime exec failed: chdir to cwd ("/x") failed: no such file or directory'


@pytest.mark.parametrize(
    ("words", "code", "becomes", "to_stderr"),
    [(MISSING, 126, 127, True), (MISSING, 127, 127, True), (DENIED, 126, 126, True),
     (FOLDER, 126, 126, True), (FOLDER, 127, 126, True), (MISSING, 0, 0, False)],
)  # fmt: skip
def test_a_command_that_cannot_run_ends_as_in_a_shell(words, code, becomes, to_stderr):
    ours, engine = socket.socketpair()
    out, err = bytearray(), bytearray()
    streams = _Streams(ours, frame(1, words), None, out.extend, err.extend)
    with ours, engine:
        engine.shutdown(socket.SHUT_WR)
        streams.run([], lambda number: None)
    assert streams.finish(code) == becomes
    assert (bytes(err), bytes(out)) == ((words, b"") if to_stderr else (b"", words))


def test_a_command_may_say_the_same_words_later():
    out, _, streams = collect(frame(1, b"hello\n") + frame(1, MISSING), code=126)
    assert out == b"hello\n" + MISSING
    assert streams.finish(126) == 126


def test_input_arrives_whole_although_the_other_side_is_slow(tmp_path):
    sent = os.urandom(3_000_000)
    source = tmp_path / "input"
    source.write_bytes(sent)
    ours, engine = socket.socketpair()
    got = bytearray()

    def command() -> None:
        """Reads all input, says one thing, ends."""
        with engine:
            engine.sendall(frame(1, b"ready"))
            while data := engine.recv(1000):
                got.extend(data)
            engine.sendall(frame(1, b"done"))

    thread = threading.Thread(target=command)
    thread.start()
    out = bytearray()
    descriptor = os.open(source, os.O_RDONLY)
    try:
        with ours:
            _Streams(ours, b"", descriptor, out.extend, out.extend).run([], lambda number: None)
    finally:
        os.close(descriptor)
        thread.join()
    assert bytes(got) == sent
    assert bytes(out) == b"readydone"


def test_signals_are_passed_on():
    ours, engine = socket.socketpair()
    passed = []

    def deliver(number: int) -> None:
        passed.append(number)
        engine.shutdown(socket.SHUT_WR)  # the command ends of it

    with ours, engine:
        _Streams(ours, b"", None, passed.append, passed.append).run([2], deliver)
    assert passed == [2]


def test_engines_that_cannot_be_reached_are_named(tmp_path, monkeypatch):
    for address in (f"unix://{tmp_path}/none", "tcp://127.0.0.1:1", "tcp://nonsense"):
        with pytest.raises(CapabilityError, match="does not answer"):
            _connect(address)
    with pytest.raises(CapabilityError, match="DOCKER_HOST"):
        _connect("ssh://machine")


def test_the_engine_s_own_words_are_found():
    assert stream._text(b'b\r\n{"message":"container is paused"}\r\n') == "container is paused"
    assert stream._text(b"nonsense { }") == "nonsense { }"
