"""What Redis lacks, and what of its settings could lose a question or an installation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import fakeredis
import pytest
import redis
from cryptography.fernet import Fernet
from dramatiq import Worker
from dramatiq.brokers.redis import RedisBroker

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.health import StoreCheckup, missing_parts, warnings
from sectorflow_slack.storage.keyring import KeyRing
from tests.storage.conftest import Stores, dump

GOOD: dict[str, Any] = {"redis_version": "7.2.4", "aof_enabled": 1, "maxmemory_policy": "noeviction"}
FORBIDDEN = redis.ResponseError("unknown command 'CONFIG'")
OLD_KEY, NEW_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()


class ManagedRedis(fakeredis.FakeRedis):
    """A Redis of a provider that reports of itself what a test wants; None stands for a forbidden CONFIG."""

    def __init__(self, info: dict[str, Any], **config: str | None) -> None:
        super().__init__(server=fakeredis.FakeServer(), decode_responses=True)
        named = {"maxmemory-policy": config.get("policy"), "save": config.get("save"), "appendonly": None}
        told = [FORBIDDEN if value is None else {name: value} for name, value in named.items()]
        self._answers = [info, *told]

    def pipeline(self, transaction: Any = True, shard_hint: Any = None) -> Any:
        pipe = super().pipeline(transaction, shard_hint)
        pipe.execute = self._reply
        return pipe

    def _reply(self, raise_on_error: bool = True) -> list[Any]:
        if raise_on_error and FORBIDDEN in self._answers:
            raise FORBIDDEN
        return self._answers


def checkup_of(store: redis.Redis) -> StoreCheckup:
    return StoreCheckup(store, KeyRing(store, Cipher([NEW_KEY, OLD_KEY])))


Limit = Callable[..., redis.Redis]


@pytest.fixture
def limit(real_db: Stores, real_redis_url: str) -> Iterator[Limit]:
    """Return a client of a real server with these settings that may not use some commands."""
    kept = {name: real_db.redis.config_get(name)[name] for name in ("maxmemory-policy", "appendonly", "save")}
    clients: list[redis.Redis] = []

    def connect(*forbidden: str, policy: str = "noeviction", appendonly: str, save: str) -> redis.Redis:
        settings = {"maxmemory-policy": policy, "appendonly": appendonly, "save": save}
        for name, value in settings.items():
            real_db.redis.config_set(name, value)
        commands = [f"-{command}" for command in forbidden]
        real_db.redis.acl_setuser("limited", enabled=True, nopass=True, keys=["*"], categories=["+@all"])
        real_db.redis.acl_setuser("limited", enabled=True, commands=commands)
        clients.append(
            redis.Redis.from_url(real_redis_url, username="limited", password="-", decode_responses=True)
        )
        return clients[-1]

    yield connect
    for client in clients:
        client.close()
    real_db.redis.acl_deluser("limited")
    for name, value in kept.items():
        real_db.redis.config_set(name, value)


# What is missing, and warnings


def test_nothing_is_missing_while_redis_takes_writes(db: Stores) -> None:
    assert missing_parts(db.redis) == []


def test_a_server_that_is_away_is_missing_and_gives_no_warning(unreachable: redis.Redis) -> None:
    assert missing_parts(unreachable) == ["redis"]
    assert warnings(unreachable) == []


EVICTS_ALL = "Redis may drop installations and questions when its memory is full: maxmemory-policy is "
EVICTS_SOME = "Redis may drop questions when its memory is full: maxmemory-policy is "
FORGETS = "Redis keeps nothing on disk: a restart loses installations and questions; set appendonly to yes."
MAY_FORGET = (
    "Redis keeps no append-only file: a restart may lose installations and questions; "
    "set appendonly to yes, or take a plan that persists."
)
SET_IT = "; set it to noeviction."


@pytest.mark.real_redis
@pytest.mark.parametrize("forbidden", [(), ("config",), ("info",)], ids=["all", "INFO alone", "CONFIG alone"])
@pytest.mark.parametrize(
    ("policy", "appendonly", "save", "expected"),
    [
        ("noeviction", "yes", "", []),
        ("noeviction", "no", "60 1", []),
        ("allkeys-lru", "yes", "", [f"{EVICTS_ALL}allkeys-lru{SET_IT}"]),
        ("volatile-ttl", "yes", "", [f"{EVICTS_SOME}volatile-ttl{SET_IT}"]),
        ("noeviction", "no", "", [FORGETS]),
    ],
    ids=["as the docs ask", "snapshots", "evicts all", "evicts what expires", "keeps nothing"],
)
def test_a_server_is_warned_of_by_what_it_tells(
    limit: Limit, forbidden: tuple[str, ...], policy: str, appendonly: str, save: str, expected: list[str]
) -> None:
    server = limit(*forbidden, policy=policy, appendonly=appendonly, save=save)

    # INFO does not tell of snapshots.
    is_vague = forbidden == ("config",) and appendonly == "no"
    assert warnings(server) == ([MAY_FORGET] if is_vague else expected)


@pytest.mark.parametrize(
    ("version", "is_old"),
    [
        *((version, True) for version in ("6.0.16", "6.1.9", "5.0.14", "2.8.4")),
        *((version, False) for version in ("6.2.0", "6.10.1", "7.0.15", "10.0.0", "255.255.255", "unstable")),
    ],
)
def test_a_server_that_is_too_old_gives_a_warning(version: str, is_old: bool) -> None:
    sentence = f"Redis {version} is too old; use 6.2 or newer, or Valkey."

    assert warnings(ManagedRedis({**GOOD, "redis_version": version})) == ([sentence] if is_old else [])


# What an operator is told


@pytest.mark.real_redis
@pytest.mark.parametrize(
    ("forbidden", "appendonly", "save", "kept", "policy"),
    [
        ((), "yes", "60 1", "aof", "noeviction"),
        (("info",), "yes", "", "aof", "noeviction"),
        (("info",), "no", "60 1", "rdb", "noeviction"),
        (("info",), "no", "", "nothing", "noeviction"),
        (("config",), "yes", "", "aof", "noeviction"),
        (("config", "info"), "yes", "", None, None),
    ],
)
def test_figures_of_a_server_tell_what_it_tells_and_no_more(
    limit: Limit, forbidden: tuple[str, ...], appendonly: str, save: str, kept: str | None, policy: str | None
) -> None:
    figures = checkup_of(limit(*forbidden, appendonly=appendonly, save=save)).figures()

    tells_itself = "info" not in forbidden
    assert (figures.kept, figures.policy, figures.limit_bytes) == (kept, policy, None)
    assert (figures.version is not None, (figures.used_bytes or 0) > 0) == (tells_itself, tells_itself)
    assert figures.round_trip_ms > 0


@pytest.mark.parametrize(
    ("info", "save", "kept"),
    [({"aof_enabled": 0}, None, "nothing"), ({}, "60 1", "rdb"), ({}, "", None), ({}, None, None)],
)
def test_of_a_provider_that_tells_little_only_that_counts(
    info: dict[str, Any], save: str | None, kept: str | None
) -> None:
    assert checkup_of(ManagedRedis(info, save=save)).figures().kept == kept


# What is sealed


@pytest.fixture
def sealed_records(db: Stores) -> None:
    """One record under the new key, two under the old, one that no key opens."""
    for number, key in enumerate([NEW_KEY, OLD_KEY, OLD_KEY, Fernet.generate_key().decode()]):
        place = f"letter:{number}"
        db.redis.hset(place, "question", Cipher([key]).seal(place, "question", "text"))


@pytest.mark.usefixtures("sealed_records")
def test_records_that_need_an_older_key_or_have_none_are_counted_and_left(db: Stores) -> None:
    before = dump(db.redis)

    found = checkup_of(db.redis).sealed(100)

    assert (found.records, found.outdated, found.lost) == (4, 2, ("letter:3 question",))
    assert dump(db.redis) == before


@pytest.mark.usefixtures("sealed_records")
@pytest.mark.parametrize(("most", "is_complete"), [(3, False), (4, True)])
def test_no_more_records_are_opened_than_asked_for_and_each_is_watched(
    db: Stores, most: int, is_complete: bool
) -> None:
    watched: list[str] = []

    def watch(places: Collection[str]) -> Iterator[str]:
        assert len(places) == most
        for place in places:
            watched.append(place)
            yield place

    found = checkup_of(db.redis).sealed(most, watch)

    assert (found.records, found.is_complete, len(set(watched))) == (most, is_complete, most)


def test_tokens_that_wait_for_revocation_are_counted(db: Stores) -> None:
    checkup, key = checkup_of(db.redis), InstallationKey("A0", "T0")
    before = checkup.awaits_revocation(key)

    db.redis.hset("revocation:A0:T0", "tries", 1)

    assert (before, checkup.awaits_revocation(key)) == (False, True)
    assert checkup.sealed(10).revocations == 1


# Workers


def test_a_process_counts_as_a_worker_if_it_asks_its_queues_again_and_again(
    db: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats = iter([{"worker": 2, "web": 1, "dead": 1}, {"worker": 3, "web": 2, "dead": 1}])
    db.redis.zadd("dramatiq:__heartbeats__", {"worker": 1, "web": 1, "dead": 1})
    monkeypatch.setattr("time.sleep", lambda _: db.redis.zadd("dramatiq:__heartbeats__", next(beats)))

    assert checkup_of(db.redis).workers(2.0) == 1


@pytest.mark.real_redis
def test_an_idle_worker_is_counted(real_db: Stores, real_redis_url: str) -> None:
    broker = RedisBroker(url=real_redis_url, middleware=[])
    broker.declare_queue("questions")
    worker = Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()

    try:
        # How long it takes for a second and a third beat depends on how busy the machine is.
        assert any(checkup_of(real_db.redis).workers(1.0) == 1 for _ in range(30))
    finally:
        worker.stop()
        broker.close()
