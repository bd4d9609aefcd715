from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import fakeredis
import pytest
import redis
from cryptography.fernet import Fernet
from dramatiq import Worker
from dramatiq.brokers.redis import RedisBroker

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.health import RedisCheckup, missing_parts, warnings
from sectorflow_slack.storage.keyring import RedisKeyRing

GOOD: dict[str, Any] = {"redis_version": "7.2.4", "aof_enabled": 1, "maxmemory_policy": "noeviction"}
FORBIDDEN = redis.ResponseError("unknown command 'CONFIG'")


class ManagedRedis(fakeredis.FakeRedis):
    """A Redis of some provider's, that says of itself what a test wants it to say."""

    def __init__(self, info: dict[str, Any], **config: str) -> None:
        super().__init__(server=fakeredis.FakeServer(), decode_responses=True)
        named = {
            "maxmemory-policy": config.get("policy"),
            "save": config.get("save"),
            "appendonly": config.get("appendonly"),
        }
        told = [FORBIDDEN if value is None else {name: value} for name, value in named.items()]
        self._answers = [info, *told]

    def pipeline(self, transaction: Any = True, shard_hint: Any = None) -> Any:
        pipe = super().pipeline(transaction, shard_hint)
        pipe.execute = lambda raise_on_error=True: self._answers
        return pipe


# What is missing


def test_nothing_is_missing_where_redis_takes_writes(store: redis.Redis) -> None:
    assert missing_parts(store) == []


def test_a_store_that_is_away_is_missing(nobody: redis.Redis) -> None:
    assert missing_parts(nobody) == ["redis"]


# Warnings, of a real server


@pytest.fixture
def server(real_store: redis.Redis) -> Iterator[redis.Redis]:
    """A real server whose settings a test may change."""
    kept = {name: real_store.config_get(name)[name] for name in ("maxmemory-policy", "appendonly", "save")}
    yield real_store
    for name, value in kept.items():
        real_store.config_set(name, value)


@pytest.mark.real_redis
def test_a_server_as_the_docs_ask_for_gives_no_warning(server: redis.Redis) -> None:
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("appendonly", "yes")

    assert warnings(server) == []


@pytest.mark.real_redis
@pytest.mark.parametrize(
    ("policy", "victims"),
    [("allkeys-lru", "installations and questions"), ("volatile-ttl", "questions")],
)
def test_a_server_that_may_evict_gives_a_warning(server: redis.Redis, policy: str, victims: str) -> None:
    server.config_set("maxmemory-policy", policy)
    server.config_set("appendonly", "yes")

    (warning,) = warnings(server)

    assert warning.startswith(f"Redis may drop {victims} when its memory is full")
    assert f"maxmemory-policy is {policy}; set it to noeviction" in warning


@pytest.mark.real_redis
def test_a_server_that_keeps_nothing_gives_a_warning(server: redis.Redis) -> None:
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("appendonly", "no")
    server.config_set("save", "")

    assert warnings(server) == [
        "Redis keeps nothing on disk: a restart loses installations and questions; set appendonly to yes."
    ]


@pytest.mark.real_redis
def test_a_server_that_writes_snapshots_keeps_something(server: redis.Redis) -> None:
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("appendonly", "no")
    server.config_set("save", "60 1")

    assert warnings(server) == []


# Warnings, of servers that say little


@pytest.fixture
def limit(server: redis.Redis, real_redis_url: str) -> Iterator[Callable[..., redis.Redis]]:
    """Give a client of a real server that may not use the commands it is given."""
    clients: list[redis.Redis] = []

    def connect(*commands: str) -> redis.Redis:
        forbidden = [f"-{command}" for command in commands]
        server.acl_setuser("limited", enabled=True, nopass=True, keys=["*"], categories=["+@all"])
        server.acl_setuser("limited", enabled=True, commands=forbidden)
        clients.append(
            redis.Redis.from_url(real_redis_url, username="limited", password="-", decode_responses=True)
        )
        return clients[-1]

    yield connect
    for client in clients:
        client.close()
    server.acl_deluser("limited")


@pytest.mark.real_redis
def test_where_config_is_forbidden_info_tells_of_eviction(
    server: redis.Redis, limit: Callable[..., redis.Redis]
) -> None:
    server.config_set("maxmemory-policy", "allkeys-lfu")
    server.config_set("appendonly", "yes")

    (warning,) = warnings(limit("config"))

    assert "allkeys-lfu" in warning


@pytest.mark.real_redis
def test_where_info_is_forbidden_config_tells_of_eviction(
    server: redis.Redis, limit: Callable[..., redis.Redis]
) -> None:
    server.config_set("maxmemory-policy", "volatile-lfu")

    (warning,) = warnings(limit("info"))

    assert "volatile-lfu" in warning


@pytest.mark.real_redis
def test_where_info_is_forbidden_config_tells_of_forgetting(
    server: redis.Redis, limit: Callable[..., redis.Redis]
) -> None:
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("appendonly", "no")
    server.config_set("save", "")

    (warning,) = warnings(limit("info"))

    assert warning.startswith("Redis keeps nothing on disk")


@pytest.mark.real_redis
def test_where_both_are_forbidden_there_is_no_warning(
    server: redis.Redis, limit: Callable[..., redis.Redis]
) -> None:
    server.config_set("maxmemory-policy", "allkeys-lfu")

    assert warnings(limit("config", "info")) == []


def test_where_config_is_forbidden_the_append_only_file_is_what_counts() -> None:
    managed = ManagedRedis({**GOOD, "aof_enabled": 0})

    (warning,) = warnings(managed)

    assert warning.startswith("Redis keeps no append-only file")


@pytest.mark.parametrize("version", ["6.0.16", "5.0.14", "2.8.4"])
def test_a_server_that_is_too_old_gives_a_warning(version: str) -> None:
    managed = ManagedRedis({**GOOD, "redis_version": version})

    assert warnings(managed) == [f"Redis {version} is too old; use 6.2 or newer, or Valkey."]


@pytest.mark.parametrize("version", ["6.2.0", "6.10.1", "7.0.15", "10.0.0", "255.255.255", "unstable"])
def test_a_server_that_is_new_enough_gives_none(version: str) -> None:
    managed = ManagedRedis({**GOOD, "redis_version": version})

    assert warnings(managed) == []


def test_each_fault_has_a_sentence_of_its_own() -> None:
    managed = ManagedRedis({"redis_version": "6.0.1", "aof_enabled": 0}, policy="allkeys-random", save="")

    assert len(warnings(managed)) == 3


def test_a_server_that_knows_no_info_gives_no_warning() -> None:
    assert warnings(fakeredis.FakeRedis(server=fakeredis.FakeServer(), decode_responses=True)) == []


def test_a_server_that_is_away_gives_no_warning(nobody: redis.Redis) -> None:
    assert warnings(nobody) == []


# The operator's examination

OLD_KEY, NEW_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def checkup_of(store: redis.Redis) -> RedisCheckup:
    return RedisCheckup(store, RedisKeyRing(store, Cipher([NEW_KEY, OLD_KEY])))


@pytest.fixture
def letters(store: redis.Redis) -> None:
    """One record under the new key, two under the old, one that nobody can open."""
    keys = [NEW_KEY, OLD_KEY, OLD_KEY, Fernet.generate_key().decode()]
    for number, key in enumerate(keys):
        place = f"letter:{number}"
        store.hset(place, "question", Cipher([key]).seal(place, "question", "text"))


@pytest.mark.real_redis
def test_a_real_server_says_how_it_does(real_store: redis.Redis) -> None:
    figures = checkup_of(real_store).figures()

    assert 0 < figures.round_trip_ms < 1000
    assert figures.version
    assert (figures.used_bytes or 0) > 0
    assert figures.limit_bytes is None


@pytest.mark.real_redis
def test_a_server_that_says_nothing_of_itself_is_timed_all_the_same(
    server: redis.Redis, limit: Callable[..., redis.Redis]
) -> None:
    figures = checkup_of(limit("info")).figures()

    assert figures.round_trip_ms > 0
    assert (figures.version, figures.used_bytes) == (None, None)


@pytest.mark.real_redis
@pytest.mark.parametrize(
    ("appendonly", "save", "kept"),
    [("yes", "", "aof"), ("yes", "60 1", "aof"), ("no", "60 1", "rdb"), ("no", "", "nothing")],
)
@pytest.mark.parametrize("forbidden", [(), ("info",)], ids=["all", "CONFIG alone"])
def test_a_server_says_how_it_keeps_what_it_is_given(
    server: redis.Redis,
    limit: Callable[..., redis.Redis],
    appendonly: str,
    save: str,
    kept: str,
    forbidden: tuple[str, ...],
) -> None:
    server.config_set("appendonly", appendonly)
    server.config_set("save", save)

    assert checkup_of(limit(*forbidden)).figures().kept == kept


@pytest.mark.real_redis
@pytest.mark.parametrize(
    ("forbidden", "kept", "policy"),
    [(("config",), "aof", "noeviction"), (("config", "info"), None, None)],
)
def test_of_a_server_that_lets_itself_be_asked_little_no_more_is_claimed(
    server: redis.Redis,
    limit: Callable[..., redis.Redis],
    forbidden: tuple[str, ...],
    kept: str | None,
    policy: str | None,
) -> None:
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("appendonly", "yes")

    figures = checkup_of(limit(*forbidden)).figures()

    assert (figures.kept, figures.policy) == (kept, policy)


@pytest.mark.parametrize(
    ("info", "save", "kept"),
    [({"aof_enabled": 0}, None, "nothing"), ({}, "60 1", "rdb"), ({}, "", None), ({}, None, None)],
)
def test_of_a_provider_that_tells_little_what_it_tells_counts(
    info: dict[str, Any], save: str | None, kept: str | None
) -> None:
    config = {} if save is None else {"save": save}

    assert checkup_of(ManagedRedis(info, **config)).figures().kept == kept


@pytest.mark.usefixtures("letters")
def test_who_watches_is_told_of_each_record_that_is_opened(store: redis.Redis) -> None:
    watched: list[str] = []

    def watch(places: Collection[str]) -> Iterator[str]:
        assert len(places) == 3
        for place in places:
            watched.append(place)
            yield place

    found = checkup_of(store).sealed(3, watch)

    assert (found.records, len(set(watched))) == (3, 3)


@pytest.mark.usefixtures("letters")
def test_what_needs_an_older_key_or_has_none_is_counted(store: redis.Redis) -> None:
    before = {key: store.hgetall(key) for key in store.scan_iter()}

    found = checkup_of(store).sealed(100)

    assert (found.records, found.outdated, found.lost) == (4, 2, ("letter:3 question",))
    assert found.is_complete
    assert {key: store.hgetall(key) for key in store.scan_iter()} == before


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(("most", "is_complete"), [(3, False), (4, True)])
def test_no_more_is_opened_than_was_asked_for(store: redis.Redis, most: int, is_complete: bool) -> None:
    found = checkup_of(store).sealed(most)

    assert (found.records, found.is_complete) == (most, is_complete)


def test_tokens_that_wait_for_revocation_are_seen(store: redis.Redis) -> None:
    checkup, key = checkup_of(store), InstallationKey("A0", "T0")
    assert not checkup.awaits_revocation(key)

    store.hset("revocation:A0:T0", "tries", 1)

    assert checkup.awaits_revocation(key)
    assert checkup.sealed(10).revocations == 1


def test_without_workers_none_are_seen(store: redis.Redis) -> None:
    store.zadd("dramatiq:__heartbeats__", {"dead-for-long": 1_700_000_000_000, "web-that-queued-once": 2e12})

    assert checkup_of(store).workers(0.1) == 0


@pytest.mark.real_redis
def test_an_idle_worker_is_seen(real_store: redis.Redis, real_redis_url: str) -> None:
    broker = RedisBroker(url=real_redis_url, middleware=[])
    broker.declare_queue("questions")
    worker = Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()

    try:
        assert checkup_of(real_store).workers(2.0) == 1
    finally:
        worker.stop()
        broker.close()


def test_an_examination_of_a_store_that_is_away_says_so(nobody: redis.Redis) -> None:
    checkup = checkup_of(nobody)

    for look in (checkup.figures, lambda: checkup.sealed(1), lambda: checkup.workers(0.1)):
        with pytest.raises(StorageUnavailable):
            look()
