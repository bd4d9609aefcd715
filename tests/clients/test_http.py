from __future__ import annotations

import gzip
import ipaddress
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sectorflow_slack.clients import http
from sectorflow_slack.clients.http import BodyBroken, BodyTooLarge, BodyTooSlow, open_session, send
from tests.clients.local_server import LocalServer, raw, reply, running_server, silent

HEAD = b"HTTP/1.1 200 OK\r\n"


def get(session: requests.Session, url: str, timeout: float = 5.0) -> tuple[requests.Response, bytes]:
    return send(session, requests.Request("GET", url, headers={"Authorization": "Bearer mine"}), timeout)


def test_many_calls_use_one_connection(session: requests.Session, server: LocalServer) -> None:
    for _ in range(5):
        get(session, server.url)

    assert len(server.seen) == 5
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b""),
        reply(200, gzip.compress(b"{}"), Content_Encoding="gzip"),
        reply(404, b"nothing here"),
        lambda handler: handler.wfile.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
    ],
    ids=["empty", "gzip", "error", "chunked"],
)
def test_a_connection_is_used_again_whatever_the_answer_was(
    session: requests.Session, server: LocalServer, answer
) -> None:
    server.answers(answer)

    for _ in range(3):
        get(session, server.url)

    assert len(server.connections) == 1


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(
    session: requests.Session, server: LocalServer
) -> None:
    server.answers(raw(HEAD + b"Content-Length: 2\r\n\r\n{}"))

    bodies = []
    for _ in range(3):
        bodies.append(get(session, server.url)[1])
        time.sleep(0.05)

    assert bodies == [b"{}"] * 3
    assert len(server.connections) == 3


def test_as_many_threads_as_the_pool_holds_open_one_connection_each(
    session: requests.Session, server: LocalServer
) -> None:
    together = threading.Barrier(8)

    def call_thrice() -> None:
        together.wait()
        for _ in range(3):
            get(session, server.url)

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(call_thrice) for _ in range(8)]:
            future.result()

    assert len(server.seen) == 24
    assert len(server.connections) <= 8


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_given_back_and_not_followed(
    session: requests.Session, server: LocalServer, trap: LocalServer, status: int
) -> None:
    server.answers(reply(status, b"", Location=f"{trap.url}/trap"))

    response, _ = get(session, server.url)

    assert response.status_code == status
    assert trap.seen == []


def test_cookies_are_not_kept(session: requests.Session, server: LocalServer) -> None:
    server.answers(reply(200, b"{}", Set_Cookie="who=you; Path=/"))

    for _ in range(2):
        get(session, server.url)

    assert "Cookie" not in server.seen[1].headers
    assert len(session.cookies) == 0


def test_a_netrc_of_the_environment_does_not_replace_the_token(
    session: requests.Session, server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))

    get(session, server.url)

    assert server.seen[0].headers["Authorization"] == "Bearer mine"


def test_an_answer_that_trickles_in_is_given_up_when_the_time_is_over(
    session: requests.Session, server: LocalServer
) -> None:
    server.answers(raw(HEAD + b"Content-Length: 1000\r\n\r\n", *[b"x"] * 100, pause=0.05))
    started = time.monotonic()

    with pytest.raises(BodyTooSlow):
        get(session, server.url, timeout=0.3)

    assert time.monotonic() - started < 0.9


def test_a_chunk_that_trickles_in_is_given_up_when_the_time_is_over(
    session: requests.Session, server: LocalServer
) -> None:
    server.answers(raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n", *[b"x"] * 100, pause=0.05))
    started = time.monotonic()

    with pytest.raises(BodyTooSlow):
        get(session, server.url, timeout=0.3)

    assert time.monotonic() - started < 0.9


def test_an_answer_that_falls_silent_is_given_up(session: requests.Session, server: LocalServer) -> None:
    def answer(handler) -> None:
        handler.wfile.write(HEAD + b"Content-Length: 1000\r\n\r\nx")
        silent(handler)

    server.answers(answer)

    with pytest.raises(BodyTooSlow):
        get(session, server.url, timeout=0.2)


def test_a_body_of_the_largest_size_is_read(
    session: requests.Session, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 200_000)
    server.answers(reply(200, b"x" * 200_000))

    _, body = get(session, server.url)

    assert body == b"x" * 200_000


def test_a_body_above_the_largest_size_is_refused(session: requests.Session, server: LocalServer) -> None:
    server.answers(reply(200, b"x" * (http.MAX_BODY_BYTES + 1)))

    with pytest.raises(BodyTooLarge):
        get(session, server.url)


def test_a_small_body_that_unpacks_to_a_huge_one_is_refused(
    session: requests.Session, server: LocalServer
) -> None:
    bomb = gzip.compress(bytes(4 * http.MAX_BODY_BYTES), compresslevel=1)
    server.answers(reply(200, bomb, Content_Encoding="gzip"))

    with pytest.raises(BodyTooLarge):
        get(session, server.url)


@pytest.mark.parametrize(
    "pieces",
    [
        HEAD + b"Content-Length: 100\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n64\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{",
        HEAD + b"Content-Length: 4\r\nContent-Encoding: gzip\r\n\r\nnope",
    ],
    ids=["cut body", "cut chunk", "broken chunk", "not gzip"],
)
def test_an_answer_that_breaks_off_is_an_error(
    session: requests.Session, server: LocalServer, pieces: bytes
) -> None:
    server.answers(raw(pieces))

    with pytest.raises(BodyBroken):
        get(session, server.url)


def test_a_process_makes_one_tls_context_for_all_its_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = _self_signed(tmp_path)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    made = []

    def create(*args: object, **kwargs: object) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(certificate)
        made.append(context)
        return context

    monkeypatch.setattr(ssl, "create_default_context", create)

    with running_server(serving) as first, running_server(serving) as second, open_session(4) as session:
        statuses = [get(session, server.url)[0].status_code for server in (first, second, first)]

    assert statuses == [200, 200, 200]
    assert len(made) == 1


def _self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
