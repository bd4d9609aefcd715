import base64
import gzip
import json
import re
import socket
import socketserver
import ssl
import struct
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from sectorflow_slack.clients import http
from sectorflow_slack.clients.http import (
    MAX_RETRY_AFTER_SECONDS,
    BodyBroken,
    BodyTooLarge,
    load_json,
    never_sent,
    open_session,
    retry_after_seconds,
    send,
)
from tests.clients.local_server import HEAD, breaks_off, free_port, hangs_up, raw, reply, silent, trickles

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def get(session, url, timeout=5.0, **options):
    request = requests.Request("GET", url, headers={"Authorization": "Bearer mine"})
    return send(session, request, timeout, **options)


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


def resets(handler):
    """Reset the connection."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def at_second_request(answer):
    """Answer the first request of each connection, and the others with ``answer``."""

    def choose(handler):
        port = handler.client_address[1]
        is_first = [seen.connection for seen in handler.server.seen].count(port) == 1
        (reply(200, b"{}") if is_first else answer)(handler)

    return choose


@pytest.mark.parametrize("answer", [hangs_up, resets])
def test_a_request_on_an_idle_connection_that_was_closed_is_sent_again_on_a_new_one(session, server, answer):
    together = threading.Barrier(2)
    server.answers(lambda handler: (together.wait(10), reply(200, b"{}")(handler)))
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(get, session, server.url) for _ in range(2)]:
            future.result()
    idle = server.connections
    server.answers(at_second_request(answer))

    _, body = get(session, server.url, again_if_idle=True)

    assert body == b"{}"
    assert len(idle) == 2
    assert [each.connection in idle for each in server.seen] == [True, True, True, False]


@pytest.mark.parametrize("answer", [hangs_up, resets])
def test_a_request_on_a_new_connection_that_was_closed_is_not_sent_again(session, server, answer):
    server.answers(answer)

    with pytest.raises(requests.ConnectionError):
        get(session, server.url, again_if_idle=True)

    assert len(server.seen) == 1


@pytest.mark.parametrize("piece", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_request_is_not_sent_again_after_the_first_byte_of_an_answer(session, server, piece):
    server.answers(at_second_request(raw(piece)))
    get(session, server.url)

    with pytest.raises(requests.ConnectionError):
        get(session, server.url, again_if_idle=True)

    assert len(server.seen) == 2


def test_a_request_is_sent_again_only_if_the_caller_asks_for_it(session, server):
    server.answers(at_second_request(hangs_up))
    get(session, server.url)

    with pytest.raises(requests.ConnectionError):
        get(session, server.url)

    assert len(server.seen) == 2


def test_a_connection_that_was_idle_for_long_is_replaced(session, server, monkeypatch):
    get(session, server.url)
    monkeypatch.setattr(http, "MAX_IDLE_SECONDS", -1.0)
    get(session, server.url)

    assert len(server.connections) == 2


def test_idle_connections_are_kept_alive(session, server):
    get(session, server.url)

    pools = session.get_adapter(server.url).poolmanager.pools
    idle = [each.sock for key in pools.keys() for each in pools[key].pool.queue if each and each.sock]  # noqa: SIM118
    assert idle
    assert all(each.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) for each in idle)


# A forward proxy and a private CA


class Tunnels(socketserver.StreamRequestHandler):
    """A forward proxy that opens tunnels; it records the first line of each request and its credentials."""

    def handle(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.rfile.readline()
        self.server.seen.append(head.decode())
        if self.server.refuses:
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        port = head.split()[1].decode().rpartition(":")[2]
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", int(port))) as target:
            back = threading.Thread(target=self.copy, args=(target, self.connection))
            back.start()
            self.copy(self.connection, target)
            back.join()

    @staticmethod
    def copy(source, target):
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnels) as server:
        server.daemon_threads = True
        server.seen, server.refuses = [], False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://user:secret@127.0.0.1:{server.server_address[1]}"
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def private_ca(tmp_path_factory):
    """A certificate for ``internal.test`` that is its own authority, and its file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "internal.test")])
    begin, end = (datetime.now(UTC) + timedelta(days) for days in (-1, 1))
    names = x509.SubjectAlternativeName([x509.DNSName("internal.test")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(begin).not_valid_after(end)
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    builder = builder.add_extension(names, critical=False).add_extension(constraints, critical=True)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return str(file)


@pytest.fixture
def tls_server(server, private_ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(private_ca)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


def test_https_goes_through_the_proxy_and_trusts_the_private_ca(tls_server, proxy, private_ca):
    url = f"https://internal.test:{tls_server.server_port}"
    with open_session(2, proxy=proxy.url, ca_bundle=private_ca) as session:
        bodies = [get(session, url)[1] for _ in range(2)]

    assert bodies == [b"{}"] * 2
    (tunnel,) = proxy.seen
    assert tunnel.startswith(f"CONNECT internal.test:{tls_server.server_port} ")
    assert base64.b64encode(b"user:secret").decode() in tunnel
    assert tls_server.seen[0].headers["Authorization"] == "Bearer mine"
    assert "Proxy-Authorization" not in tls_server.seen[0].headers


def test_through_a_proxy_the_time_of_a_call_is_bounded_too(tls_server, proxy, private_ca):
    tls_server.answers(raw(HEAD, *[b"X-Header: 1\r\n"] * 100, pause=0.05))
    url = f"https://internal.test:{tls_server.server_port}"
    with (
        open_session(2, proxy=proxy.url, ca_bundle=private_ca) as session,
        pytest.raises(requests.Timeout),
    ):
        get(session, url, timeout=1.0)


@pytest.mark.parametrize("fault", ["proxy refuses", "proxy is down", "certificate is unknown"])
def test_nothing_was_sent_if_the_way_out_is_barred(tls_server, proxy, private_ca, fault):
    proxy.refuses = fault == "proxy refuses"
    way_out = f"http://127.0.0.1:{free_port()}" if fault == "proxy is down" else proxy.url
    trusted = None if fault == "certificate is unknown" else private_ca
    with (
        open_session(2, proxy=way_out, ca_bundle=trusted) as session,
        pytest.raises(requests.RequestException) as caught,
    ):
        get(session, f"https://internal.test:{tls_server.server_port}")

    assert never_sent(caught.value)
    assert tls_server.seen == []


def test_loopback_is_reached_without_the_proxy(server, proxy):
    with open_session(2, proxy=proxy.url) as session:
        get(session, server.url)

    assert (len(server.seen), proxy.seen) == (1, [])


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
        raw(CHUNKED + b"3e8;", *[b"x"] * 100, pause=0.05),
        raw(HEAD, *[b"X-Header: 1\r\n"] * 100, pause=0.05),
        raw(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 100, pause=0.05),
        lambda handler: (handler.wfile.write(HEAD + b"Content-Length: 1000\r\n\r\nx"), silent(handler)),
    ],
    ids=["trickles", "chunk trickles", "chunk extension", "headers", "interim responses", "falls silent"],
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
    "endless",
    [
        (CHUNKED + b"1;", b"x" * 65_536),
        (CHUNKED, b"1\r\nx\r\n" * 10_000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000),
    ],
    ids=["chunk extension", "tiny chunks", "interim responses"],
)
def test_an_endless_answer_ends_at_a_size(session, server, monkeypatch, endless):
    def answer(handler):
        handler.wfile.write(endless[0])
        while not handler.server.over.is_set():
            handler.wfile.write(endless[1])

    monkeypatch.setattr(http, "MAX_RECEIVED_BYTES", 1_000_000)
    server.answers(answer)

    with pytest.raises(requests.ConnectionError) as caught:
        get(session, server.url, timeout=60.0)

    assert not isinstance(caught.value, requests.Timeout)


def test_a_server_that_does_not_read_its_request_is_given_up(session, monkeypatch):
    monkeypatch.setattr(http, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        with pytest.raises(requests.ConnectionError):
            send(session, requests.Request("POST", url, data=bytes(50_000_000)), 600.0)


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


# JSON


@pytest.mark.parametrize(
    "content",
    [
        b"[%s]" % b",".join([b"[]"] * 100_000),
        b"[%s]" % b",".join([b'{"":{}}'] * 50_000),
        b'""' * 200_000,
    ],
    ids=["lists", "objects", "strings without commas"],
)
def test_too_many_values_are_refused_before_any_is_made(content, monkeypatch):
    monkeypatch.setattr(http, "MAX_JSON_VALUES", 20_000)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="too many"):
            load_json(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # The text of the content, and little more.
    assert peak < len(content) + 1_000_000


@pytest.mark.parametrize(
    "text",
    [", " * 400_000, '"[{,' * 100_000, "\\" * 400_000, "ü🤔" * 200_000],
    ids=["commas", "signs", "\\", "ü"],
)
def test_the_text_of_an_answer_has_no_values(text):
    document = {"choices": [{"message": {"content": text}}]}

    assert load_json(json.dumps(document).encode()) == document
    assert load_json(json.dumps(document, ensure_ascii=False).encode()) == document


def test_as_many_values_as_may_be_are_read():
    most = [[0] * (http.MAX_JSON_VALUES - 2)]

    assert load_json(json.dumps(most).encode()) == most
    with pytest.raises(ValueError, match="too many"):
        load_json(json.dumps([*most, 0, 0]).encode())


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[" * 100_000, b"\xff", "[1]".encode("utf-16"), "[1]".encode("utf-32")]
)
def test_other_content_is_no_json(content):
    with pytest.raises(ValueError):  # noqa: PT011 - whichever
        load_json(content)


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
