"""How Redis is reached, and how soon it is given up while Slack waits."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.embedded.report import LaunchError
from sectorflow_slack.embedded.server import Server, find_server
from sectorflow_slack.embedded.store import Store, running_store
from sectorflow_slack.storage.connection import (
    WEB_TIMEOUTS,
    WORKER_TIMEOUTS,
    Timeouts,
    connect,
    transact,
    translate_errors,
)
from tests.conftest import skip_or_fail


def _pipelined(client: redis.Redis) -> object:
    pipe = client.pipeline()
    pipe.get("key")
    return pipe.execute()


COMMANDS: dict[str, Callable[[redis.Redis], object]] = {
    "command": lambda client: client.get("key"),
    "pipeline": _pipelined,
    "script": lambda client: client.register_script("return 1")(),
    "transaction": lambda client: transact(client, lambda pipe: pipe.multi(), "key"),
}


@pytest.fixture
def server() -> Server:
    try:
        return find_server()
    except LaunchError as error:
        skip_or_fail(str(error))
        raise


@pytest.fixture
def own_store(server: Server, tmp_path: Path) -> Iterator[Store]:
    """A real server that a test may stop."""
    with running_store(tmp_path, server) as store:
        yield store


def web_client(url: str) -> redis.Redis:
    return connect(url, WEB_TIMEOUTS, tls_verify=True, text=True)


def give_up(action: Callable[[], object]) -> None:
    with pytest.raises(StorageUnavailable):
        translate_errors(action)()


# What a client is set to


@pytest.mark.parametrize(
    ("timeouts", "seconds", "retries"), [(WEB_TIMEOUTS, 1.0, 1), (WORKER_TIMEOUTS, 5.0, 3)]
)
@pytest.mark.parametrize("url", ["redis://localhost/0", "unix:///run/redis.sock"])
def test_a_worker_waits_longer_than_the_web(
    url: str, timeouts: Timeouts, seconds: float, retries: int
) -> None:
    client = connect(url, timeouts, tls_verify=True, text=True)

    options = client.connection_pool.connection_kwargs
    assert options["socket_timeout"] == seconds
    assert options.get("socket_connect_timeout", seconds) == seconds
    assert options["retry"]._retries == retries


@pytest.mark.parametrize(
    ("url", "tls_verify", "expected"),
    [
        ("redis://localhost/0", False, {}),
        ("rediss://localhost/0", True, {}),
        ("rediss://localhost/0", False, {"ssl_cert_reqs": "none", "ssl_check_hostname": False}),
    ],
)
@pytest.mark.parametrize("text", [True, False])
def test_tls_is_verified_and_replies_are_text_as_asked(
    url: str, tls_verify: bool, expected: dict[str, Any], text: bool
) -> None:
    options = connect(url, WEB_TIMEOUTS, tls_verify=tls_verify, text=text).connection_pool.connection_kwargs

    assert {name: value for name, value in options.items() if name.startswith("ssl")} == expected
    assert options["decode_responses"] is text


# Giving up


@pytest.mark.parametrize("command", COMMANDS)
def test_a_redis_that_takes_the_connection_and_never_answers_is_waited_for_once(command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = web_client(f"redis://127.0.0.1:{listener.getsockname()[1]}/0")

        give_up(lambda: COMMANDS[command](client))

        client.close()
        assert count_connections(listener) == 1


def count_connections(listener: socket.socket) -> int:
    listener.setblocking(False)
    for number in range(100):
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return number
    pytest.fail("no end of connections")


def test_a_redis_that_is_not_there_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    for url in (f"redis://127.0.0.1:{port}/0", f"unix://{tmp_path}/no.sock"):
        give_up(lambda url=url: web_client(url).get("key"))  # type: ignore[misc]


@contextmanager
def hanging(store: Store) -> Iterator[None]:
    with redis.Redis.from_url(store.url) as client:
        process_id = int(client.info("server")["process_id"])
    os.kill(process_id, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process_id, signal.SIGCONT)


@pytest.mark.real_redis
@pytest.mark.parametrize("was_idle", [False, True])
def test_a_redis_that_hangs_in_the_middle_is_waited_for_once_and_then_found_again(
    own_store: Store, was_idle: bool
) -> None:
    client = web_client(own_store.url)
    if was_idle:
        connection = client.connection_pool.get_connection()
        connection.next_health_check = 1
        client.connection_pool.release(connection)
    before = int(client.info("stats")["total_connections_received"])

    with hanging(own_store):
        give_up(lambda: client.get("key"))

    # One more for the look at the process, one for the way back: the time-out was not tried again.
    assert int(client.info("stats")["total_connections_received"]) == before + 2
    client.close()


# Going on


@contextmanager
def breaking_once(store: Store) -> Iterator[str]:
    """Yield the URL of a door to the store that shuts behind the first connection."""

    def serve(door: socket.socket) -> None:
        door.accept()[0].close()
        guest, _ = door.accept()
        with guest, socket.socket(socket.AF_UNIX) as redis_side:
            redis_side.connect(str(store.socket))
            other_side = {guest: redis_side, redis_side: guest}
            while True:
                for each in select.select([*other_side], [], [], 60)[0]:
                    if not (data := each.recv(65536)):
                        return
                    other_side[each].sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as door:
        doorkeeper = threading.Thread(target=serve, args=(door,), daemon=True)
        doorkeeper.start()
        yield f"redis://127.0.0.1:{door.getsockname()[1]}/0"
        doorkeeper.join(timeout=60)


@pytest.mark.real_redis
def test_a_connection_that_breaks_under_a_command_is_made_again(own_store: Store) -> None:
    with breaking_once(own_store) as url:
        client = web_client(url)

        assert client.ping()

        client.close()


@pytest.mark.real_redis
def test_a_connection_that_was_lost_meanwhile_is_made_again(real_redis_url: str) -> None:
    client = web_client(real_redis_url)
    with redis.Redis.from_url(real_redis_url) as other:
        other.client_kill_filter(_id=str(client.client_id()))

    assert client.ping()
    client.close()


def test_a_transaction_starts_over_when_another_client_was_quicker(store: redis.Redis) -> None:
    store.set("count", "1")
    seen: list[str] = []

    def step(pipe: redis.client.Pipeline) -> str:
        seen.append(str(pipe.get("count")))
        if len(seen) == 1:
            store.set("count", "5")
        pipe.multi()
        pipe.set("count", int(seen[-1]) + 1)
        return "done"

    outcome = transact(store, step, "count")

    assert (outcome, seen, store.get("count")) == ("done", ["1", "5"], "6")


# TLS


@pytest.fixture
def tls_redis_url(server: Server, tmp_path: Path) -> Iterator[str]:
    """A real server with a certificate that it signed itself, as Heroku's have."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    request = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=redis"]
    subprocess.run([*request, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    command = [str(server.path), "--port", "0", "--bind", "127.0.0.1", "--tls-port", port]
    command += ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate]
    command += ["--tls-auth-clients", "no", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(process, int(port))
            yield f"rediss://127.0.0.1:{port}/0"
        finally:
            process.terminate()


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    pytest.skip("this server has no TLS")


@pytest.mark.real_redis
def test_a_self_signed_certificate_is_taken_only_if_that_is_allowed(tls_redis_url: str) -> None:
    trusting = connect(tls_redis_url, WORKER_TIMEOUTS, tls_verify=False, text=True)
    careful = connect(tls_redis_url, WEB_TIMEOUTS, tls_verify=True, text=True)

    assert trusting.ping()
    give_up(careful.ping)
    trusting.close()


# Errors


def test_the_text_of_an_error_of_redis_goes_no_further() -> None:
    @translate_errors
    def fail() -> None:
        raise redis.ResponseError("WRONGTYPE m4rk3r")

    with pytest.raises(StorageUnavailable) as caught:
        fail()

    assert str(caught.value) == "ResponseError"
    assert caught.value.__suppress_context__
