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

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.embedded.report import LaunchError
from sectorflow_slack.embedded.server import find_server
from sectorflow_slack.embedded.store import Store, running_store
from sectorflow_slack.storage.connection import connect, read_hash, transact, translate_errors, write_hash
from tests.conftest import skip_or_fail

#: Slack waits 3 s in all: Redis may have a good second of it.
PATIENCE_SECONDS = 1.3


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
def own_store(tmp_path: Path) -> Iterator[Store]:
    """A real server that a test may stop."""
    try:
        server = find_server()
    except LaunchError as error:
        skip_or_fail(str(error))
        raise
    with running_store(tmp_path, server) as store:
        yield store


def impatient(url: str) -> redis.Redis:
    return connect(url, tls_verify=True, patient=False, text=True)


def seconds_until_given_up(action: Callable[[], object]) -> float:
    started = time.monotonic()
    with pytest.raises(StorageUnavailable):
        translate_errors(action)()
    return time.monotonic() - started


@contextmanager
def hanging(store: Store) -> Iterator[None]:
    with redis.Redis.from_url(store.url) as client:
        process_id = int(client.info("server")["process_id"])
    os.kill(process_id, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process_id, signal.SIGCONT)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_redis_that_takes_the_connection_and_never_answers_is_given_up(command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = impatient(f"redis://127.0.0.1:{listener.getsockname()[1]}/0")

        seconds = seconds_until_given_up(lambda: COMMANDS[command](client))

        client.close()
    assert seconds < PATIENCE_SECONDS


def test_a_redis_that_refuses_is_given_up_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert seconds_until_given_up(lambda: impatient(f"redis://127.0.0.1:{port}/0").get("key")) < 0.5


def test_a_socket_that_is_not_there_is_given_up_at_once(tmp_path: Path) -> None:
    assert seconds_until_given_up(lambda: impatient(f"unix://{tmp_path}/no.sock").get("key")) < 0.5


@pytest.mark.real_redis
@pytest.mark.parametrize("command", COMMANDS)
def test_a_redis_that_hangs_in_the_middle_is_given_up_and_then_found_again(
    own_store: Store, command: str
) -> None:
    client = impatient(own_store.url)
    client.set("key", "value")

    with hanging(own_store):
        seconds = seconds_until_given_up(lambda: COMMANDS[command](client))

    assert seconds < PATIENCE_SECONDS
    assert client.echo("another answer") == "another answer"
    client.close()


@pytest.mark.real_redis
def test_a_redis_that_hangs_while_a_client_was_idle_is_given_up(own_store: Store) -> None:
    client = impatient(own_store.url)
    client.ping()
    connection = client.connection_pool.get_connection()
    connection.next_health_check = 0
    client.connection_pool.release(connection)

    with hanging(own_store):
        seconds = seconds_until_given_up(lambda: client.get("key"))

    assert seconds < PATIENCE_SECONDS
    client.close()


@pytest.mark.real_redis
def test_a_lost_connection_is_made_again_without_a_word(real_redis_url: str) -> None:
    client = impatient(real_redis_url)
    with redis.Redis.from_url(real_redis_url) as other:
        other.client_kill_filter(_id=str(client.client_id()))

    assert client.ping()
    client.close()


@contextmanager
def breaking_once(store: Store) -> Iterator[str]:
    """Give the URL of a door to the store that shuts behind the first who comes in."""

    def serve(door: socket.socket) -> None:
        door.accept()[0].close()
        guest, _ = door.accept()
        with guest, socket.socket(socket.AF_UNIX) as redis_side:
            redis_side.connect(str(store.socket))
            other_side = {guest: redis_side, redis_side: guest}
            while True:
                for each in select.select([*other_side], [], [], 10)[0]:
                    if not (data := each.recv(65536)):
                        return
                    other_side[each].sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as door:
        doorkeeper = threading.Thread(target=serve, args=(door,))
        doorkeeper.start()
        yield f"redis://127.0.0.1:{door.getsockname()[1]}/0"
        doorkeeper.join(timeout=10)


@pytest.mark.real_redis
def test_a_connection_that_breaks_under_a_command_is_made_again_too(own_store: Store) -> None:
    with breaking_once(own_store) as url:
        client = impatient(url)

        assert client.ping()

        client.close()


@pytest.mark.real_redis
def test_a_worker_waits_longer_than_the_web(own_store: Store) -> None:
    client = connect(own_store.url, tls_verify=True, patient=True, text=True)
    client.set("key", "value")
    with redis.Redis.from_url(own_store.url) as other:
        other.client_pause(int(PATIENCE_SECONDS * 1000) + 200)

    assert client.get("key") == "value"
    client.close()


@pytest.mark.real_redis
@pytest.mark.parametrize(("text", "expected"), [(True, "värde"), (False, "värde".encode())])
def test_replies_are_text_or_bytes_as_asked(real_redis_url: str, text: bool, expected: str | bytes) -> None:
    client = connect(real_redis_url, tls_verify=True, patient=False, text=text)

    client.set("key", "värde", ex=10)

    assert client.get("key") == expected
    client.close()


@pytest.fixture
def tls_redis_url(tmp_path: Path) -> Iterator[str]:
    """A real server with a certificate that it signed itself, as Heroku's have."""
    try:
        server = find_server()
    except LaunchError as error:
        skip_or_fail(str(error))
        raise
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    request = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=redis"]
    subprocess.run([*request, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    options = {
        "port": "0",
        "bind": "127.0.0.1",
        "tls-port": port,
        "tls-cert-file": certificate,
        "tls-key-file": key,
        "tls-ca-cert-file": certificate,
        "tls-auth-clients": "no",
        "save": "",
        "dir": str(tmp_path),
    }
    command = [str(server.path), *(part for name, value in options.items() for part in (f"--{name}", value))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(process, int(port))
            yield f"rediss://127.0.0.1:{port}/0"
        finally:
            process.terminate()


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    pytest.skip("this server has no TLS")


@pytest.mark.real_redis
def test_a_self_signed_certificate_is_taken_only_where_that_is_allowed(tls_redis_url: str) -> None:
    trusting = connect(tls_redis_url, tls_verify=False, patient=False, text=True)
    careful = connect(tls_redis_url, tls_verify=True, patient=False, text=True)

    assert trusting.ping()
    with pytest.raises(StorageUnavailable):
        translate_errors(careful.ping)()
    trusting.close()


def test_tls_verification_is_only_turned_off_for_tls() -> None:
    client = connect("redis://localhost/0", tls_verify=False, patient=False, text=True)

    assert not [option for option in client.connection_pool.connection_kwargs if option.startswith("ssl")]


def test_what_redis_says_of_an_error_goes_no_further() -> None:
    @translate_errors
    def fail() -> None:
        raise redis.ResponseError("WRONGTYPE m4rk3r")

    with pytest.raises(StorageUnavailable) as caught:
        fail()

    assert str(caught.value) == "ResponseError"
    assert caught.value.__suppress_context__


def test_other_errors_stay_what_they_are() -> None:
    @translate_errors
    def fail() -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        fail()


def test_a_hash_is_written_and_read(store: redis.Redis) -> None:
    write_hash(store, "hash", {"one": "1", "two": ""})

    assert read_hash(store, "hash") == {"one": "1", "two": ""}
    assert read_hash(store, "no-hash") == {}


def test_a_transaction_starts_over_where_another_client_was_quicker(store: redis.Redis) -> None:
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

    assert outcome == "done"
    assert seen == ["1", "5"]
    assert store.get("count") == "6"
