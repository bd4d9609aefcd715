"""The Redis client, and how soon it gives up while Slack waits."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.embedded.process import LaunchError
from sectorflow_slack.embedded.store import Server, find_server, running_store
from sectorflow_slack.storage import connection as connection_module
from sectorflow_slack.storage.connection import (
    WEB_TIMEOUTS,
    WORKER_TIMEOUTS,
    connect,
    transact,
    translate_errors,
)
from tests.conftest import skip_or_fail
from tests.waiting import until

COMMANDS = {
    "command": lambda client: client.get("key"),
    "pipeline": lambda client: client.pipeline().get("key").execute(),
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


def web_client(url: str) -> redis.Redis:
    return connect(url, WEB_TIMEOUTS, tls_verify=True)


def assert_gives_up(action) -> None:
    with pytest.raises(StorageUnavailable):
        translate_errors(action)()


@pytest.mark.parametrize(
    ("timeouts", "seconds", "retries"), [(WEB_TIMEOUTS, 1.0, 1), (WORKER_TIMEOUTS, 5.0, 3)]
)
@pytest.mark.parametrize("url", ["redis://localhost/0", "unix:///run/redis.sock"])
def test_a_worker_waits_longer_than_the_web(url, timeouts, seconds, retries) -> None:
    client = connect(url, timeouts, tls_verify=True)

    options = client.connection_pool.connection_kwargs
    assert options["socket_timeout"] == options.get("socket_connect_timeout", seconds) == seconds
    assert options["retry"]._retries == retries


@pytest.mark.parametrize(
    ("url", "tls_verify", "expected"),
    [
        ("redis://localhost/0", False, {}),
        ("rediss://localhost/0", True, {}),
        ("rediss://localhost/0", False, {"ssl_cert_reqs": "none", "ssl_check_hostname": False}),
    ],
)
def test_tls_is_verified_as_asked_and_replies_are_text(url, tls_verify, expected) -> None:
    client = connect(url, WEB_TIMEOUTS, tls_verify=tls_verify)

    options = client.connection_pool.connection_kwargs
    assert {name: value for name, value in options.items() if name.startswith("ssl")} == expected
    assert options["decode_responses"] is True


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_redis_that_accepts_a_connection_and_never_replies_is_tried_once(command):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = web_client(f"redis://127.0.0.1:{listener.getsockname()[1]}/0")

        assert_gives_up(lambda: command(client))

        client.close()
        listener.setblocking(False)
        listener.accept()[0].close()
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.real_redis
def test_a_connection_that_was_lost_while_idle_is_made_again(real_redis_url):
    client = web_client(real_redis_url)
    with redis.Redis.from_url(real_redis_url) as other:
        other.client_kill_filter(_id=str(client.client_id()))

    assert client.ping()
    client.close()


def clients_of(store: redis.Redis) -> int:
    """Return how many connections a server has besides this one."""
    return len(store.client_list()) - 1


@pytest.mark.real_redis
def test_threads_share_few_connections_which_are_closed_when_no_thread_needs_them(
    real_db, real_redis_url, monkeypatch
):
    others = clients_of(real_db.redis)
    monkeypatch.setattr(connection_module, "IDLE_SECONDS", 0.5)
    client = web_client(real_redis_url)
    pause = client.register_script("for i = 1, 1000 do redis.call('TIME') end return redis.call('INCR', 'n')")

    with ThreadPoolExecutor(32) as pool:
        counts = list(pool.map(lambda _: pause(), range(100)))
    most = clients_of(real_db.redis) - others
    until(lambda: clients_of(real_db.redis) == others, what="all connections are closed")

    assert sorted(counts) == list(range(1, 101))
    assert 1 < most <= WEB_TIMEOUTS.connections
    assert client.incr("n") == 101
    client.close()


@pytest.mark.real_redis
@pytest.mark.parametrize("command", ["command", "script", "pipeline", "transaction"])
def test_after_a_failover_with_living_connections_all_lead_to_the_new_primary(server, tmp_path, command):
    writes = {
        "command": lambda client: client.set("key", "new"),
        "script": lambda _: script(),
        "pipeline": lambda client: client.pipeline(transaction=False).set("key", "new").execute(),
        "transaction": lambda client: client.pipeline().set("key", "new").execute(),
    }
    homes = [tmp_path / "one", tmp_path / "two"]
    for home in homes:
        home.mkdir()
    with running_store(homes[0], server) as one, running_store(homes[1], server) as two:
        address = tmp_path / "primary"
        address.symlink_to(one.socket)
        client = web_client(f"unix://{address}")
        script = client.register_script("redis.call('SET', 'key', 'new')")
        held = client.connection_pool.get_connection()
        client.set("key", "old")
        script()

        address.unlink()
        address.symlink_to(two.socket)
        redis.Redis.from_url(one.url).replicaof("127.0.0.1", "1")
        writes[command](client)
        client.connection_pool.release(held)

        found = redis.Redis.from_url(two.url, decode_responses=True).get("key")
        values = [client.get("key") for _ in range(WEB_TIMEOUTS.connections)]
        with ThreadPoolExecutor(WEB_TIMEOUTS.connections) as pool:
            values += pool.map(lambda _: client.get("key"), range(WEB_TIMEOUTS.connections))
        client.close()
    assert found == "new"
    assert set(values) == {"new"}


def test_a_transaction_starts_over_after_another_client_has_written(store):
    store.set("count", "1")
    seen = []

    def step(pipe):
        seen.append(str(pipe.get("count")))
        if len(seen) == 1:
            store.set("count", "5")
        pipe.multi()
        pipe.set("count", int(seen[-1]) + 1)
        return "done"

    outcome = transact(store, step, "count")

    assert (outcome, seen, store.get("count")) == ("done", ["1", "5"], "6")


@pytest.fixture
def tls_redis_url(server, tmp_path) -> Iterator[str]:
    """A real server with a self-signed certificate, as Heroku's have."""
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
            wait_for(process, int(port))
            yield f"rediss://127.0.0.1:{port}/0"
        finally:
            process.terminate()


def wait_for(process: subprocess.Popen[bytes], port: int) -> None:
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
def test_a_self_signed_certificate_is_taken_only_if_that_is_allowed(tls_redis_url):
    client = connect(tls_redis_url, WORKER_TIMEOUTS, tls_verify=False)

    assert client.ping()
    assert_gives_up(web_client(tls_redis_url).ping)
    client.close()


def test_the_text_of_a_redis_error_is_not_passed_on():
    @translate_errors
    def fail():
        raise redis.ResponseError("WRONGTYPE m4rk3r")

    with pytest.raises(StorageUnavailable) as caught:
        fail()

    assert str(caught.value) == "ResponseError"
    assert caught.value.__suppress_context__
