"""A request gets a thread once a thread need not wait for any more of it."""

from __future__ import annotations

import logging
import os
import selectors
import socket
import struct
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.http import RequestParser
from gunicorn.http.errors import ParseException
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sectorflow_slack.http_server import MAX_BODY_BYTES, MAX_HEAD_BYTES, BufferingWorker, RequestBuffer

HEAD = b"POST /slack/events HTTP/1.1\r\nHost: a.test\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
COMPLETE = {
    "no body": b"GET /healthz HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "a body": HEAD + b"content-length:  4 \r\n\r\nabcd",
    "an empty body": HEAD + b"Content-Length: 0\r\n\r\n",
    "chunks": CHUNKED + b"2\r\n\r\n\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"1\r\na\r\n0\r\nX-One: 1\r\nX-Two: 2\r\n\r\n",
}


class WouldWaitError(Exception):
    """A thread would wait for the client."""


def parse(data: bytes) -> bytes:
    """Read a request and its body as gunicorn does; raise ``WouldWaitError`` if the data is not enough."""
    pieces = [data]

    def recv(size: int) -> bytes:
        if not pieces[0]:
            raise WouldWaitError
        received, pieces[0] = pieces[0][:size], pieces[0][size:]
        return received

    request = next(RequestParser(Config(), SimpleNamespace(recv=recv), ("192.0.2.1", 1)))
    length = int(dict(request.headers).get("CONTENT-LENGTH", 0))
    return request.body.read(MAX_BODY_BYTES + 1) if length <= MAX_BODY_BYTES else b""


def buffered(*pieces: bytes) -> RequestBuffer:
    buffer = RequestBuffer()
    for piece in pieces:
        buffer.add(piece)
        buffer.is_ready()
    return buffer


@pytest.mark.parametrize("request_", COMPLETE.values(), ids=COMPLETE)
def test_a_request_is_ready_with_its_last_byte_however_it_arrives(request_):
    for end in range(1, len(request_)):
        assert not buffered(request_[:end]).is_ready(), request_[:end]
        assert buffered(request_[:end], request_[end:]).is_ready()
    parse(request_)


@pytest.mark.parametrize(
    "request_",
    [
        CHUNKED + b"0x5\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"\r\n",
        CHUNKED + b"1\r\nabc",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        HEAD + b"Content-Length: x\r\n\r\n",
        b"GET /slack/install/a-link\r\n\r\n",
    ],
)
def test_an_invalid_request_is_ready_to_be_refused(request_):
    assert buffered(request_).is_ready()
    with pytest.raises(ParseException):
        parse(request_)


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1),
        CHUNKED + b"%x\r\n" % (2 * MAX_BODY_BYTES) + bytes(MAX_BODY_BYTES + 1),
        CHUNKED + b"1;" + b"x" * (MAX_HEAD_BYTES + 1),
        HEAD + b"X" * MAX_HEAD_BYTES,
    ],
    ids=["declared", "chunks", "chunk extension", "head"],
)
def test_a_request_that_is_too_large_is_ready_to_be_refused(request_):
    assert buffered(request_).is_ready()


def test_only_a_head_without_an_end_is_endless():
    assert buffered(HEAD + b"X" * MAX_HEAD_BYTES).has_endless_head
    assert not buffered(HEAD, b"\r\n").has_endless_head


def test_a_client_may_wait_for_a_sign_to_go_on():
    assert buffered(HEAD + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n").expects_continue
    assert not buffered(COMPLETE["a body"]).expects_continue


_LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\n",
        HEAD,
        b"Host: a.test\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: 99999999\r\n",
        b"Content-Length : 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding:\tchunked, gzip\r\n",
        b"transfer-encoding: gzip\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"3\r\nabc\r\n",
        b'3;a="b"\r\nabc\r\n',
        b"3 ;\r\nabc\r\n",
        b"0\r\n",
        b"0\r\n\r\n",
        b"fffffffff\r\n",
        b"abc",
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(_LINES | st.binary(max_size=4), max_size=8).map(b"".join))
@example(CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n")
def test_no_thread_waits_for_a_request_that_is_ready(data):
    buffer = buffered(*(data[at : at + 1] for at in range(len(data))))
    if not buffer.is_ready() or buffer.has_endless_head:
        return

    try:
        parse(data)
    except ParseException:
        return


# Connections


class Listening:
    """A worker that listens, without its processes and threads."""

    def __init__(self, connections: int) -> None:
        self.worker = BufferingWorker(1, os.getpid(), [], None, 30, Config(), logging.getLogger())
        self.worker.worker_connections = connections
        self.worker.poller = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.worker.poller.register(self.listener, selectors.EVENT_READ, self.worker.accept)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.listener.getsockname())

    def look(self) -> None:
        self.worker.wait_for_and_dispatch_events(timeout=5)


@pytest.fixture
def listening() -> Iterator[Listening]:
    found = Listening(connections=2)
    yield found
    for conn in list(found.worker.pending_conns):
        conn.close()
    found.listener.close()
    found.worker.poller.close()
    found.worker.tmp.close()


def test_a_connection_may_send_at_the_moment_at_which_it_is_dropped_for_another(listening):
    with listening.connect() as first:
        listening.look()
        with listening.connect() as second:
            first.send(HEAD)

            listening.look()

            (kept,) = listening.worker.pending_conns
            assert kept.client == second.getsockname()
            assert listening.worker.nr_conns == 1


def test_a_client_may_go_before_it_is_told_to_go_on(listening):
    with listening.connect() as client:
        listening.look()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    (conn,) = listening.worker.pending_conns

    conn.request.add(HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert not conn.request.is_ready()
    listening.worker._wait_for_more(conn)
    listening.look()

    assert listening.worker.nr_conns == 0
