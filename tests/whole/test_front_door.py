"""Clients that send half a request or nonsense to real web processes, also through a proxy."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests
from cryptography.fernet import Fernet

from sandbox.stage import ROOT, environ_for, free_port, start, stop, wait_for
from tests.conftest import skip_or_fail
from tests.waiting import until

pytestmark = pytest.mark.processes

POST = b"POST /slack/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
HALF_SENT = {
    "nothing": b"",
    "half a head": POST + b"X-Header: ",
    "half a body": POST + b'Content-Length: 1000\r\n\r\n{"a":',
    "half a chunk": CHUNKED + b"5\r\nab",
    "half a second request": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nH",
    "a request whose connection stays open": b"GET /healthz HTTP/1.0\r\n\r\n",
    "a large body that never comes": POST + b"Content-Length: 99999999\r\n\r\n",
}
NONSENSE = {
    "chunk size 0x5": CHUNKED + b"0x5\r\nabcde\r\n0\r\n\r\n",
    "chunk size -1": CHUNKED + b"-1\r\nabcde\r\n0\r\n\r\n",
    "chunk size zz": CHUNKED + b"zz\r\nabcde\r\n0\r\n\r\n",
    "no line end behind a chunk": CHUNKED + b"5\r\nabcdeXX0\r\n\r\n",
    "chunk extension": CHUNKED + b"5;\x01=\r\nabcde\r\n0\r\n\r\n",
    "trailer": CHUNKED + b"0\r\nX Y: 1\r\n\r\n",
    "transfer coding": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "no version": b"GET /slack/install/a-secret-link\r\n\r\n",
    "another version": b"GET /slack/install/a-secret-link HTTP/9\r\n\r\n",
    "method": b"G@T /slack/install/a-secret-link HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "script name": b"GET /slack/install/a-secret-link HTTP/1.1\r\nHost: a\r\nSCRIPT_NAME: /evil\r\n\r\n",
    "null": b"GET /slack/install/a-secret-link\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "expectation": POST + b"Expect: a-secret-link\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The web processes alone: without Redis, they are alive and not ready."""
    port = free_port()
    url = f"http://localhost:{port}"
    log = tmp_path_factory.mktemp("web") / "web.log"
    own = {
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}",
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "INSTALL_API_KEYS": "an-install-api-key",
    }
    command = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")
    with log.open("w") as output:
        process = start(command, {**os.environ, **environ_for(url, url), **own}, output)
        try:
            wait_for(f"{url}/healthz", process, log)
            yield port
        finally:
            stop(process, signal.SIGTERM)
    assert "a-secret-link" not in log.read_text()


def is_closed(connection: socket.socket) -> bool:
    try:
        while connection.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def half_sent_requests(port: int) -> Iterator[list[socket.socket]]:
    """Open 150 connections with each kind of half-sent request; all others are answered all the time."""
    with ExitStack() as stack:
        connections = []
        for begun in HALF_SENT.values():
            for _ in range(150):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                connection.settimeout(5)
                connection.sendall(begun)
                connection.setblocking(False)
                connections.append(connection)
            for _ in range(3):
                assert requests.get(f"http://localhost:{port}/healthz", timeout=5).status_code == 200
        yield connections


def test_half_sent_requests_stop_no_other_and_end(port):
    with half_sent_requests(port) as connections:
        until(lambda: all(map(is_closed, connections)), 60.0, "half-sent requests are given up")


def test_responses_that_are_not_read_stop_no_other(port):
    with ExitStack() as stack:
        for _ in range(150):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)

        assert requests.get(f"http://localhost:{port}/healthz", timeout=10).status_code == 200


@pytest.mark.parametrize("request_", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_a_bad_request_that_no_log_line_quotes(port, request_):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(10)
        connection.sendall(request_)

        assert connection.recv(65_536).startswith(b"HTTP/1.1 400 ")


def test_requests_that_arrive_in_pieces_or_together_are_answered(port):
    health = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    event = POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    received = b""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(10)
        for piece in (health[:20], health[20:] + health + event, b"{", b"}" + health):
            connection.sendall(piece)
            if piece == b"{":  # the client has seen the sign to go on by now
                while b" 100 " not in received:
                    received += connection.recv(65_536)
        while received.count(b'"status"') < 3:
            received += connection.recv(65_536)

    statuses = re.findall(rb"HTTP/1.1 (\d+)", received)
    assert [each for each in statuses if each != b"100"] == [b"200", b"200", b"401", b"200"]


def test_idle_connections_stay_for_longer_than_a_router_keeps_them():
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "--print-config", "wsgi:app"]
    environ = {**os.environ, **environ_for("http://localhost:1", "http://localhost:2")}
    environ |= {"REDIS_URL": "redis://localhost", "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    environ |= {"INSTALL_API_KEYS": "an-install-api-key"}
    printed = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=True)

    (keepalive,) = re.findall(r"^keepalive += (\d+)$", printed.stdout, re.MULTILINE)
    assert int(keepalive) > 90


# What the documentation puts before it


def documented(language: str) -> str:
    """Return the one example of docs/deployment.md in a language."""
    page = (ROOT / "docs/deployment.md").read_text()
    (example,) = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return str(example)


def nginx(folder: Path, port: int, front: int) -> tuple[str, ...]:
    example = documented("nginx").replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    example = re.sub(r"listen 443 ssl;", f"listen 127.0.0.1:{front};", example)
    example = re.sub(r"^.*ssl_certificate.*\n", "", example, flags=re.MULTILINE)
    paths = "".join(
        f"{each}_temp_path {folder}/{each};\n"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = f"daemon off;\npid {folder}/pid;\nevents {{ worker_connections 4096; }}\nhttp {{\n{paths}"
    (folder / "nginx.conf").write_text(f"{config}access_log off;\n{example}\n}}\n")
    return ("nginx", "-e", f"{folder}/error.log", "-p", str(folder), "-c", f"{folder}/nginx.conf")


def caddy(folder: Path, port: int, front: int) -> tuple[str, ...]:
    example = documented("caddyfile").replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    example = example.replace("slack.example.com", f"http://localhost:{front}").replace(
        "{\n", "{\n\tadmin off\n", 1
    )
    (folder / "Caddyfile").write_text(example)
    return ("caddy", "run", "--adapter", "caddyfile", "--config", f"{folder}/Caddyfile")


@pytest.mark.parametrize("configure", [nginx, caddy])
def test_the_documented_proxy_stands_them_too(
    port: int, tmp_path: Path, configure: Callable[[Path, int, int], tuple[str, ...]]
) -> None:
    if shutil.which(configure.__name__) is None:
        skip_or_fail(f"{configure.__name__} is not installed")
    front = free_port()
    command = configure(tmp_path, port, front)
    environ = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with (tmp_path / "log").open("w") as output:
        process = start(command, environ, output)
        try:
            wait_for(f"http://localhost:{front}/healthz", process, tmp_path / "log")
            with half_sent_requests(front) as connections:
                assert connections
        finally:
            stop(process, signal.SIGTERM)
