"""Readiness, warnings about Redis's settings, and the figures of ``flask doctor``."""

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.health import StoreCheckup, missing_parts, warnings
from sectorflow_slack.storage.keyring import KeyRing
from tests.storage.builders import KEY, pass_time
from tests.storage.conftest import dump, lost_cipher

FORBIDDEN = redis.ResponseError("unknown command 'CONFIG'")
OLD_KEY, NEW_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def checkup_of(store: redis.Redis) -> StoreCheckup:
    return StoreCheckup(store, KeyRing(store, Cipher([NEW_KEY, OLD_KEY])))


@pytest.fixture
def limit(real_db, real_redis_url):
    """Return a client of a real server with these settings that forbids some commands."""
    names = ("maxmemory-policy", "appendonly", "save")
    before = {name: real_db.redis.config_get(name)[name] for name in names}
    clients = []

    def connect(*forbidden, policy="noeviction", appendonly, save):
        for name, value in zip(names, (policy, appendonly, save), strict=True):
            real_db.redis.config_set(name, value)
        commands = [f"-{command}" for command in forbidden]
        real_db.redis.acl_setuser("limited", enabled=True, nopass=True, keys=["*"], categories=["+@all"])
        real_db.redis.acl_setuser("limited", enabled=True, commands=commands)
        client = redis.Redis.from_url(real_redis_url, username="limited", password="-", decode_responses=True)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()
    real_db.redis.acl_deluser("limited")
    for name, value in before.items():
        real_db.redis.config_set(name, value)


def test_nothing_is_missing_while_redis_accepts_writes(db, unreachable):
    assert missing_parts(db.redis) == []
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
    ids=["as the docs ask", "snapshots", "evicts all", "evicts what expires", "stores nothing"],
)
def test_warnings_depend_on_what_redis_reports(limit, forbidden, policy, appendonly, save, expected):
    server = limit(*forbidden, policy=policy, appendonly=appendonly, save=save)

    # INFO does not report snapshots.
    is_vague = forbidden == ("config",) and appendonly == "no"
    assert warnings(server) == ([MAY_FORGET] if is_vague else expected)


@pytest.mark.parametrize(
    ("version", "is_old"),
    [
        *((version, True) for version in ("6.0.16", "6.1.9", "5.0.14", "2.8.4")),
        *((version, False) for version in ("6.2.0", "6.10.1", "7.0.15", "10.0.0", "255.255.255", "unstable")),
    ],
)
def test_an_old_version_gives_a_warning(unreachable, monkeypatch, version, is_old):
    info = {"redis_version": version, "aof_enabled": 1, "maxmemory_policy": "noeviction"}
    sentence = f"Redis {version} is too old; use 6.2 or newer, or Valkey."
    monkeypatch.setattr("redis.client.Pipeline.execute", lambda *_, **__: [info, *[FORBIDDEN] * 3])

    assert warnings(unreachable) == ([sentence] if is_old else [])


@pytest.mark.real_redis
@pytest.mark.parametrize(
    ("forbidden", "appendonly", "save", "persistence", "policy"),
    [
        ((), "yes", "60 1", "aof", "noeviction"),
        (("info",), "yes", "", "aof", "noeviction"),
        (("info",), "no", "60 1", "rdb", "noeviction"),
        (("info",), "no", "", "nothing", "noeviction"),
        (("config",), "yes", "", "aof", "noeviction"),
        (("config",), "no", "", "nothing", "noeviction"),
        (("config", "info"), "yes", "", None, None),
    ],
)
def test_figures_have_what_redis_reports_and_no_more(limit, forbidden, appendonly, save, persistence, policy):
    figures = checkup_of(limit(*forbidden, appendonly=appendonly, save=save)).figures()

    has_info = "info" not in forbidden
    assert (figures.persistence, figures.policy, figures.memory.limit_bytes) == (persistence, policy, None)
    assert (figures.version is not None, (figures.memory.used_bytes or 0) > 0) == (has_info, has_info)
    assert figures.refused == ()
    assert figures.round_trip_ms > 0


@pytest.fixture
def sealed_records(db) -> None:
    """One record under the new encryption key, two under the old one, one that does not decrypt."""
    ciphers = [Cipher([NEW_KEY]), Cipher([OLD_KEY]), Cipher([OLD_KEY]), lost_cipher()]
    for number, cipher in enumerate(ciphers):
        key = f"letter:{number}"
        db.redis.hset(key, "question", cipher.seal(key, "question", "text"))


@pytest.mark.usefixtures("sealed_records")
def test_outdated_and_lost_records_are_counted_and_not_changed(db):
    before = dump(db.redis)

    found = checkup_of(db.redis).sealed(100)

    assert (found.records, found.outdated, found.lost) == (4, 2, ("letter:3 question",))
    assert dump(db.redis) == before


@pytest.mark.usefixtures("sealed_records")
@pytest.mark.parametrize(("most", "is_complete"), [(3, False), (4, True)])
def test_no_more_records_are_decrypted_than_asked_for_and_each_is_watched(db, most, is_complete):
    watched = []

    def watch(keys):
        assert len(keys) == most
        for key in keys:
            watched.append(key)
            yield key

    found = checkup_of(db.redis).sealed(most, watch)

    assert (found.records, found.is_complete, len(set(watched))) == (most, is_complete, most)


def test_tokens_that_wait_for_revocation_are_counted(db):
    checkup = checkup_of(db.redis)
    before = checkup.awaits_revocation(KEY)

    db.redis.hset(f"revocation:{KEY}", "tries", 1)

    assert (before, checkup.awaits_revocation(KEY)) == (False, True)
    assert checkup.sealed(10).revocations == 1


def test_a_worker_counts_while_it_runs_its_clock_and_is_forgotten_later(db):
    checkup = checkup_of(db.redis)
    before = checkup.workers()
    db.questions.tick("dead")
    pass_time(db.redis, 5)
    db.questions.tick("one")
    db.questions.tick("one")
    soon = checkup.workers()
    pass_time(db.redis, 7)

    assert (before, soon, checkup.workers()) == (0, 2, 1)
    pass_time(db.redis, 55)
    db.questions.tick("one")
    assert db.redis.zrange("workers", 0, -1) == ["one"]
