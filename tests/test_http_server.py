"""A request gets a thread once a thread need not wait for any more of it."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import selectors
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Thread
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from gunicorn.config import Config
from gunicorn.http import RequestParser
from gunicorn.http.errors import ParseException
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sectorflow_slack.http_server import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    BufferingWorker,
    Logger,
    RequestBuffer,
)
from tests.waiting import until

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


# Whole conversations


def echo(environ, start_response):
    """Respond with the path of a request, and a digest of its body."""
    body = environ["wsgi.input"].read()
    text = b"<%s %s>" % (environ["PATH_INFO"].encode(), hashlib.md5(body).hexdigest().encode())
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text]


@pytest.fixture
def running() -> Iterator[BufferingWorker]:
    """A worker that listens, with its threads."""
    config = Config()
    config.set("threads", 4)
    config.set("keepalive", 60)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    worker = BufferingWorker(1, os.getppid(), [listener], None, 30, config, Mock(spec=Logger))
    worker.wsgi = echo
    worker.tpool, worker.poller = worker.get_thread_pool(), selectors.DefaultSelector()
    worker.method_queue.init()
    thread = Thread(target=worker.run)
    thread.start()
    yield worker
    worker.handle_exit(None, None)
    thread.join(timeout=30)
    worker.tmp.close()
    assert not thread.is_alive()


def a_request(random: Random, path: str) -> tuple[bytes, bytes]:
    """Return a request of some length and form, and the response to it."""
    body = random.randbytes(random.choice([0, 1, 1000, 70_000, 150_000]))
    head = b"POST %s HTTP/1.1\r\nHost: a.test\r\n" % path.encode()
    if random.random() < 0.2:
        head += b"Expect: 100-continue\r\n"
    response = b"%s %s" % (path.encode(), hashlib.md5(body).hexdigest().encode())
    if random.random() < 0.5:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body, response
    size = random.randrange(1000, 60_000)
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + coded + b"0\r\n\r\n", response


def exchange(client: socket.socket, random: Random, *, is_last: bool) -> None:
    """Send a few requests in a row, cut anywhere, and read the responses."""
    sent = [a_request(random, f"/{number}") for number in range(random.randrange(1, 5))]
    rest = b"".join(request for request, _ in sent)
    while rest:
        size = random.choice([1, 30, 3000, 100_000, 1_000_000])
        client.sendall(rest[:size])
        rest = rest[size:]
    if is_last:
        client.shutdown(socket.SHUT_WR)
    received = b""
    while received.count(b">") < len(sent):
        received += (more := client.recv(65_536))
        assert more, received
    assert re.findall(rb"<(.+?)>", received) == [response for _, response in sent]
    assert not is_last or client.recv(65_536) == b""


def converse(address: tuple[str, int], random: Random) -> None:
    """Use one connection, and end it in order or in any other way."""
    with socket.create_connection(address) as client:
        client.settimeout(30)
        for _ in range(random.randrange(4)):
            exchange(client, random, is_last=False)
        if random.random() < 0.3:
            exchange(client, random, is_last=True)
            return
        request, _ = a_request(random, "/never-read")
        client.sendall(request[: random.choice([0, 1, 50, 500, 100_000])])
        if random.random() < 0.5:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_however_clients_send_each_request_is_answered_and_nothing_of_a_connection_is_left(running):
    address = running.sockets[0].getsockname()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda seed: converse(address, Random(seed)), range(80)))

    until(lambda: running.nr_conns == 0 and not running._lingering, 30.0, "all connections are closed")
    assert (running._buffered, *running.pending_conns, *running.keepalived_conns) == (0,)
    assert len(running.poller.get_map()) == 2  # where it listens, and what wakes it
    assert not running.log.error.called
    assert not running.log.exception.called
