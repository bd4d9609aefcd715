"""Everything that is stored goes under the first key, whoever writes meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.domain.errors import CannotDecrypt, StorageUnavailable
from sectorflow_slack.domain.stores import Renewal
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keyring import SEALED_PREFIXES, RedisKeyRing

OLD_KEY, NEW_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()
OLD, NEW, BOTH = Cipher([OLD_KEY]), Cipher([NEW_KEY]), Cipher([NEW_KEY, OLD_KEY])

APP = "app:A0ACME"


@pytest.fixture
def keyring(store: redis.Redis) -> RedisKeyRing:
    return RedisKeyRing(store, BOTH)


def write(store: redis.Redis, place: str, cipher: Cipher = OLD, **secrets: str) -> None:
    store.hset(place, mapping={field: cipher.seal(place, field, value) for field, value in secrets.items()})


def renew_all(keyring: RedisKeyRing) -> dict[str, Renewal]:
    return {place: keyring.renew(place) for place in keyring.places()}


# What is renewed


def test_a_record_under_an_old_key_opens_with_the_new_one_alone(
    store: redis.Redis, keyring: RedisKeyRing
) -> None:
    write(store, APP, client_secret="one", signing_secret="two")

    assert keyring.renew(APP) == Renewal(renewed=2)

    assert NEW.open(APP, "client_secret", str(store.hget(APP, "client_secret"))) == "one"
    assert NEW.open(APP, "signing_secret", str(store.hget(APP, "signing_secret"))) == "two"


def test_a_second_time_changes_nothing(store: redis.Redis, keyring: RedisKeyRing) -> None:
    write(store, APP, client_secret="one", signing_secret="two")
    keyring.renew(APP)
    before = store.hgetall(APP)

    assert keyring.renew(APP) == Renewal(current=2)

    assert store.hgetall(APP) == before


def test_only_what_is_under_an_old_key_is_written(store: redis.Redis, keyring: RedisKeyRing) -> None:
    write(store, APP, NEW, client_secret="one")
    write(store, APP, OLD, signing_secret="two")
    before = store.hget(APP, "client_secret")

    assert keyring.renew(APP) == Renewal(renewed=1, current=1)

    assert store.hget(APP, "client_secret") == before


def test_what_is_readable_stays_as_it_is(store: redis.Redis, keyring: RedisKeyRing) -> None:
    readable = {"client_id": "111.222", "app_name": '"gAAAAAB"', "next_signing_secret": ""}
    store.hset(APP, mapping=readable)
    write(store, APP, client_secret="one")

    keyring.renew(APP)

    assert {name: store.hget(APP, name) for name in readable} == readable


@pytest.mark.parametrize("prefix", SEALED_PREFIXES)
def test_every_kind_of_record_is_found_and_keeps_its_expiry(
    store: redis.Redis, keyring: RedisKeyRing, prefix: str
) -> None:
    write(store, f"{prefix}1", secret="value")
    store.expire(f"{prefix}1", 1000)

    assert renew_all(keyring) == {f"{prefix}1": Renewal(renewed=1)}

    assert 990 < int(store.ttl(f"{prefix}1")) <= 1000


def test_what_holds_nothing_sealed_is_not_looked_at(store: redis.Redis, keyring: RedisKeyRing) -> None:
    store.set("installation-id:1", "A:T")
    store.sadd("app-tenants:A", "T")
    store.hset("metrics", "received", 1)
    store.set("app:of-another-kind", "text")

    assert list(keyring.places()) == []


# What is lost


def test_what_no_key_opens_is_named_and_stays(store: redis.Redis, keyring: RedisKeyRing) -> None:
    other = Cipher([Fernet.generate_key().decode()])
    write(store, APP, other, client_secret="one")
    write(store, APP, OLD, signing_secret="two")
    before = store.hget(APP, "client_secret")

    assert keyring.renew(APP) == Renewal(renewed=1, lost=("client_secret",))

    assert store.hget(APP, "client_secret") == before


def test_what_was_moved_to_another_place_is_lost_there(store: redis.Redis, keyring: RedisKeyRing) -> None:
    sealed = OLD.seal(APP, "client_secret", "one")
    store.hset("app:A0OTHER", mapping={"client_secret": sealed})
    store.hset(APP, mapping={"signing_secret": sealed, "client_secret": sealed})

    assert keyring.renew("app:A0OTHER") == Renewal(lost=("client_secret",))
    assert keyring.renew(APP) == Renewal(renewed=1, lost=("signing_secret",))


def test_what_was_cut_off_or_is_no_token_is_lost_and_stops_nothing(
    store: redis.Redis, keyring: RedisKeyRing
) -> None:
    whole = OLD.seal(APP, "client_secret", "one")
    store.hset(APP, mapping={"client_secret": whole[:40], "signing_secret": "gAAAAnonsense\x00\u00e9"})

    found = keyring.renew(APP)

    assert (found.renewed, set(found.lost)) == (0, {"client_secret", "signing_secret"})


def test_a_record_that_is_gone_meanwhile_is_nothing(keyring: RedisKeyRing, store: redis.Redis) -> None:
    assert keyring.renew(APP) == Renewal()
    assert not store.exists(APP)


def test_a_check_counts_and_changes_nothing(store: redis.Redis, keyring: RedisKeyRing) -> None:
    write(store, APP, OLD, client_secret="one")
    write(store, APP, NEW, signing_secret="two")
    before = store.hgetall(APP)

    assert keyring.check(APP) == Renewal(renewed=1, current=1)

    assert store.hgetall(APP) == before


# Who writes meanwhile


class Interrupted(RedisKeyRing):
    """Another process comes between the reading of a record and its writing, once."""

    def __init__(self, store: redis.Redis, step: object) -> None:
        super().__init__(store, BOTH)
        self._step: object = step

    def _write(self, place: str, outdated: dict[str, str]) -> int:
        step, self._step = self._step, None
        if callable(step):
            step()
        return super()._write(place, outdated)


@pytest.mark.parametrize("cipher", [NEW, OLD], ids=["new key", "old key"])
def test_what_another_process_writes_meanwhile_is_not_undone(store: redis.Redis, cipher: Cipher) -> None:
    write(store, APP, client_secret="before", signing_secret="two")
    keyring = Interrupted(store, lambda: write(store, APP, cipher, client_secret="meanwhile"))

    keyring.renew(APP)

    assert NEW.open(APP, "client_secret", str(store.hget(APP, "client_secret"))) == "meanwhile"
    assert NEW.open(APP, "signing_secret", str(store.hget(APP, "signing_secret"))) == "two"


def test_what_another_process_deletes_meanwhile_does_not_come_back(store: redis.Redis) -> None:
    write(store, APP, client_secret="before")
    keyring = Interrupted(store, lambda: store.delete(APP))

    assert keyring.renew(APP) == Renewal()

    assert not store.exists(APP)


def test_what_another_process_takes_out_meanwhile_does_not_come_back(store: redis.Redis) -> None:
    write(store, APP, client_secret="one", next_signing_secret="waits")
    keyring = Interrupted(store, lambda: store.hdel(APP, "next_signing_secret"))

    assert keyring.renew(APP) == Renewal(renewed=1)

    assert not store.hexists(APP, "next_signing_secret")


RECORDS = 3_000
WRITERS = 4


@pytest.mark.real_redis
def test_three_thousand_records_move_while_the_service_writes(real_store: redis.Redis) -> None:
    with real_store.pipeline(transaction=False) as pipe:
        for number in range(RECORDS):
            place = f"installation:A0:T{number}"
            pipe.hset(
                place, mapping={name: OLD.seal(place, name, "0") for name in ("api_token", "bot_token")}
            )
        pipe.execute()
    stop, written = threading.Event(), [dict[str, str]() for _ in range(WRITERS)]
    threads = [
        threading.Thread(target=keep_writing, args=(real_store, n, stop, written[n])) for n in range(4)
    ]
    for thread in threads:
        thread.start()

    try:
        found = renew_all(RedisKeyRing(real_store, BOTH))
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=10)

    assert len(found) == RECORDS
    assert not any(renewal.lost for renewal in found.values())
    last = {place: value for each in written for place, value in each.items()}
    assert last
    for place in found:
        fields = real_store.hgetall(place)
        assert NEW.open(place, "api_token", fields["api_token"]) == last.get(place, "0")
        assert NEW.open(place, "bot_token", fields["bot_token"]) == "0"


def keep_writing(store: redis.Redis, number: int, stop: threading.Event, written: dict[str, str]) -> None:
    """Change tokens as the service does, with the new key in front, and remember the last of each."""
    turn = 0
    while not stop.is_set():
        turn += 1
        place = f"installation:A0:T{(turn * 37) % (RECORDS // WRITERS) * WRITERS + number}"
        written[place] = str(turn)
        write(store, place, BOTH, api_token=str(turn))


def test_an_interruption_leaves_every_record_readable(store: redis.Redis, keyring: RedisKeyRing) -> None:
    for number in range(10):
        write(store, f"letter:{number}", question="text")
    for place in some(keyring.places(), 4):
        keyring.renew(place)

    values = {place: str(store.hget(place, "question")) for place in keyring.places()}

    assert all(BOTH.open(place, "question", value) == "text" for place, value in values.items())
    assert sum(BOTH.is_current(value) for value in values.values()) == 4
    assert sum(each.renewed for each in renew_all(keyring).values()) == 6
    with pytest.raises(CannotDecrypt):
        OLD.open("letter:0", "question", str(store.hget("letter:0", "question")))


def some(places: Iterator[str], number: int) -> list[str]:
    return [next(places) for _ in range(number)]


# When Redis is away


def test_a_store_that_is_away_is_said(nobody: redis.Redis) -> None:
    keyring = RedisKeyRing(nobody, BOTH)

    with pytest.raises(StorageUnavailable):
        list(keyring.places())
    with pytest.raises(StorageUnavailable):
        keyring.renew(APP)
