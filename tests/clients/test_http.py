import gzip
import re
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from sectorflow_slack.clients import http
from sectorflow_slack.clients.http import (
    MAX_RETRY_AFTER_SECONDS,
    BodyBroken,
    BodyTooLarge,
    open_session,
    retry_after_seconds,
    send,
)
from tests.clients.local_server import HEAD, breaks_off, raw, reply, silent, trickles

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def get(session, url, timeout=5.0):
    return send(session, requests.Request("GET", url, headers={"Authorization": "Bearer mine"}), timeout)


# Connections


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b"{}"),
        reply(200, b""),
        reply(200, gzip.compress(b"{}"), Content_Encoding="gzip"),
        reply(404, b"nothing here"),
        lambda handler: handler.wfile.write(CHUNKED + b"2\r\n{}\r\n0\r\n\r\n"),
    ],
    ids=["json", "empty", "gzip", "error", "chunked"],
)
def test_a_connection_is_reused_after_every_kind_of_answer(session, server, answer):
    server.answers(answer)

    for _ in range(3):
        get(session, server.url)

    assert len(server.seen) == 3
    assert len(server.connections) == 1


def test_a_connection_that_the_server_closed_is_replaced(session, server):
    server.answers(raw(HEAD + b"Content-Length: 2\r\n\r\n{}"))

    bodies = []
    for _ in range(3):
        bodies.append(get(session, server.url)[1])
        server.await_hang_up()

    assert bodies == [b"{}"] * 3
    assert len(server.connections) == 3


def test_the_pool_has_a_connection_for_each_thread(session, server):
    together = threading.Barrier(8)

    def call_thrice():
        together.wait()
        for _ in range(3):
            get(session, server.url)

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(call_thrice) for _ in range(8)]:
            future.result()

    assert len(server.seen) == 24
    assert len(server.connections) <= 8


def test_a_process_makes_one_tls_context_for_all_its_connections(server, trap, monkeypatch):
    made, used = [], []

    class Context(ssl.SSLContext):
        def wrap_socket(self, *args, **kwargs):
            used.append(self)
            raise ssl.SSLError("no handshake today")

    def create():
        made.append(Context(ssl.PROTOCOL_TLS_CLIENT))
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", create)

    with open_session(4) as session:
        for url in (server.url, trap.url, server.url):
            with pytest.raises(requests.exceptions.SSLError):
                get(session, url.replace("http:", "https:"))

    assert len(made) == 1
    assert used == made * 3


# Redirects, cookies and credentials


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_returned_and_not_followed(session, server, trap, status):
    server.answers(reply(status, b"", Location=f"{trap.url}/trap"))

    response, _ = get(session, server.url)

    assert response.status_code == status
    assert trap.seen == []


def test_cookies_are_not_stored(session, server):
    server.answers(reply(200, b"{}", Set_Cookie="who=you; Path=/"))

    for _ in range(2):
        get(session, server.url)

    assert "Cookie" not in server.seen[1].headers
    assert len(session.cookies) == 0


def test_a_netrc_of_the_environment_does_not_replace_the_token(session, server, tmp_path, monkeypatch):
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login other password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    get(session, server.url)

    assert server.seen[0].headers["Authorization"] == "Bearer mine"


# Bodies


@pytest.mark.parametrize(
    "answer",
    [
        trickles,
        raw(CHUNKED + b"3e8\r\n", *[b"x"] * 100, pause=0.05),
        lambda handler: (handler.wfile.write(HEAD + b"Content-Length: 1000\r\n\r\nx"), silent(handler)),
    ],
    ids=["trickles", "chunk trickles", "falls silent"],
)
def test_an_answer_that_is_incomplete_in_time_is_a_time_out(session, server, answer):
    server.answers(answer)

    # At its end, each of them would be a broken body, which is no time-out.
    with pytest.raises(requests.Timeout):
        get(session, server.url, timeout=0.3)


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, bytes(200_001)),
        reply(200, gzip.compress(bytes(9_000_000)), Content_Encoding="gzip"),
    ],
    ids=["plain", "unpacks to it"],
)
def test_a_body_is_read_up_to_a_size(session, server, monkeypatch, answer):
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 200_000)
    server.answers(reply(200, bytes(200_000)))
    assert get(session, server.url)[1] == bytes(200_000)

    server.answers(answer)
    with pytest.raises(BodyTooLarge):
        get(session, server.url)


@pytest.mark.parametrize(
    "answer",
    [
        breaks_off,
        raw(CHUNKED + b"64\r\n{"),
        raw(CHUNKED + b"xyz\r\n{"),
        raw(HEAD + b"Content-Length: 4\r\nContent-Encoding: gzip\r\n\r\nnope"),
    ],
    ids=["cut body", "cut chunk", "broken chunk", "not gzip"],
)
def test_an_answer_that_breaks_off_is_an_error(session, server, answer):
    server.answers(answer)

    with pytest.raises(BodyBroken):
        get(session, server.url)


# Retry-After


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *[("30", 30.0), (" 7 ", 7.0), ("1.5", 1.5), ("0", 0.0)],
        *[("-5", 0.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
        *[
            (value, MAX_RETRY_AFTER_SECONDS)
            for value in ("1e300", "999999999", "Fri, 31 Dec 9999 23:59:59 GMT")
        ],
        *[(value, None) for value in (None, "", "soon", "nan", "inf", "-inf", "1, 2")],
        ("Wed, 99 Foo 2015 07:28:00 GMT", None),
    ],
)
def test_a_wait_is_read_from_a_number_or_a_date_and_is_an_hour_at_most(value, seconds):
    assert retry_after_seconds(value) == seconds


def test_a_date_is_the_time_until_then(monkeypatch):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)

    seconds = retry_after_seconds(formatdate(now + 60, usegmt=True))

    assert seconds == pytest.approx(60, abs=1)


_DATES = re.compile(r"\w{3}, \d{1,4} \w{3} -?\d{1,6} \d{1,3}:\d{1,3}:\d{1,3} [+-]?\w{1,5}", re.ASCII)


@settings(deadline=None)
@given(st.text(max_size=20) | st.from_regex(_DATES))
def test_any_text_gives_a_wait_of_an_hour_at_most_or_none(value):
    seconds = retry_after_seconds(value)

    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_SECONDS
