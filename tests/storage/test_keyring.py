"""Everything that is stored goes under the first key, while other processes write."""

from __future__ import annotations

import threading

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.domain.installations import Renewal
from sectorflow_slack.storage import keyring as keyring_module
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keyring import SEALED_PREFIXES, KeyRing
from tests.storage.conftest import Stores

OLD_KEY, NEW_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()
OLD, NEW, BOTH = Cipher([OLD_KEY]), Cipher([NEW_KEY]), Cipher([NEW_KEY, OLD_KEY])
LOST = Cipher([Fernet.generate_key().decode()])

APP = "app:A0ACME"


@pytest.fixture
def keyring(db: Stores) -> KeyRing:
    return KeyRing(db.redis, BOTH)


def write(store: redis.Redis, place: str, cipher: Cipher = OLD, **secrets: str) -> None:
    store.hset(place, mapping={field: cipher.seal(place, field, value) for field, value in secrets.items()})


def opened(store: redis.Redis, place: str) -> dict[str, str]:
    """Return the fields of a hash as the new key alone opens them."""
    return {field: NEW.open(place, field, value) for field, value in store.hgetall(place).items()}


def renew_all(keyring: KeyRing) -> dict[str, Renewal]:
    return {place: keyring.renew(place) for place in keyring.sealed_keys()}


# What is renewed


def test_a_record_opens_with_the_new_key_alone_after_it_was_renewed_once(
    db: Stores, keyring: KeyRing
) -> None:
    write(db.redis, APP, OLD, client_secret="one")
    write(db.redis, APP, NEW, signing_secret="two")
    current = db.redis.hget(APP, "signing_secret")

    assert keyring.check(APP) == Renewal(renewed=1, current=1)
    assert [keyring.renew(APP), keyring.renew(APP)] == [Renewal(renewed=1, current=1), Renewal(current=2)]

    assert opened(db.redis, APP) == {"client_secret": "one", "signing_secret": "two"}
    assert db.redis.hget(APP, "signing_secret") == current


def test_a_check_and_readable_fields_change_nothing(db: Stores, keyring: KeyRing) -> None:
    readable = {"client_id": "111.222", "app_name": '"gAAAAAB"', "next_signing_secret": ""}
    db.redis.hset(APP, mapping=readable)
    write(db.redis, APP, client_secret="one")
    before = db.redis.hgetall(APP)

    keyring.check(APP)
    unchanged = db.redis.hgetall(APP)
    keyring.renew(APP)

    assert unchanged == before
    assert {name: db.redis.hget(APP, name) for name in readable} == readable


def test_every_kind_of_record_is_found_and_keeps_its_expiry(db: Stores, keyring: KeyRing) -> None:
    places = [f"{prefix}1" for prefix in SEALED_PREFIXES]
    for place in places:
        write(db.redis, place, secret="value")
        db.redis.expire(place, 1000)
    db.redis.hset("metrics", "received", 1)
    db.redis.set("app:of-another-type", "text")

    assert renew_all(keyring) == dict.fromkeys(places, Renewal(renewed=1))
    assert all(0 < int(db.redis.ttl(place)) <= 1000 for place in places)


# What is lost


def test_a_field_that_no_key_opens_is_named_and_stays(db: Stores, keyring: KeyRing) -> None:
    whole = OLD.seal(APP, "client_secret", "one")
    lost = {
        "under_a_lost_key": LOST.seal(APP, "under_a_lost_key", "two"),
        "moved": whole,
        "cut_off": whole[:40],
        "no_token": "gAAAAnonsense\x00\u00e9",
    }
    db.redis.hset(APP, mapping={"client_secret": whole, **lost})

    found = keyring.renew(APP)

    assert (found.renewed, set(found.lost)) == (1, set(lost))
    assert {name: db.redis.hget(APP, name) for name in lost} == lost


def test_a_record_that_is_gone_stays_gone(db: Stores, keyring: KeyRing) -> None:
    assert keyring.renew(APP) == Renewal()
    assert not db.redis.exists(APP)


# Other processes that write meanwhile


class Interrupted(KeyRing):
    """Another process comes between the reading of a record and its writing, ``times`` times."""

    def __init__(self, store: redis.Redis, step: object, times: int = 1) -> None:
        super().__init__(store, BOTH)
        self._steps: list[object] = [step] * times

    def _write(self, place: str, outdated: dict[str, str]) -> int:
        step = self._steps.pop() if self._steps else None
        if callable(step):
            step()
        return super()._write(place, outdated)


@pytest.mark.parametrize("cipher", [NEW, OLD], ids=["new key", "old key"])
def test_a_value_that_another_process_writes_meanwhile_is_not_undone(db: Stores) -> None:
    write(db.redis, APP, client_secret="before", signing_secret="two")
    keyring = Interrupted(db.redis, lambda: write(db.redis, APP, db.cipher, client_secret="meanwhile"))

    keyring.renew(APP)

    assert opened(db.redis, APP) == {"client_secret": "meanwhile", "signing_secret": "two"}


def test_a_record_that_another_process_writes_all_the_while_is_left_to_it(db: Stores) -> None:
    write(db.redis, APP, client_secret="before")
    keyring = Interrupted(db.redis, lambda: write(db.redis, APP, client_secret="meanwhile"), times=100)

    assert keyring.renew(APP) == Renewal()
    assert OLD.open(APP, "client_secret", str(db.redis.hget(APP, "client_secret"))) == "meanwhile"


@pytest.mark.parametrize("gone", [("client_secret", "signing_secret"), ("signing_secret",)])
def test_a_field_or_record_that_another_process_deletes_meanwhile_does_not_come_back(
    db: Stores, gone: tuple[str, ...]
) -> None:
    write(db.redis, APP, client_secret="one", signing_secret="two")
    keyring = Interrupted(db.redis, lambda: db.redis.hdel(APP, *gone))

    assert keyring.renew(APP) == Renewal(renewed=2 - len(gone))
    assert db.redis.hexists(APP, "client_secret") == (len(gone) == 1)
    assert not db.redis.hexists(APP, "signing_secret")


RECORDS, WRITERS = 120, 4


@pytest.mark.real_redis
def test_all_records_move_while_the_service_writes(real_db: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring_module, "_BATCH", 10)
    for number in range(RECORDS):
        write(real_db.redis, f"installation:A0:T{number}", api_token="0", bot_token="0")
    stop, written = threading.Event(), [dict[str, str]() for _ in range(WRITERS)]
    threads = [
        threading.Thread(target=write_until, args=(real_db.redis, number, stop, written[number]))
        for number in range(WRITERS)
    ]
    for thread in threads:
        thread.start()

    try:
        found = renew_all(KeyRing(real_db.redis, BOTH))
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=60)

    assert len(found) == RECORDS
    assert not any(renewal.lost for renewal in found.values())
    last = {place: value for each in written for place, value in each.items()}
    for place in found:
        assert opened(real_db.redis, place) == {"api_token": last.get(place, "0"), "bot_token": "0"}


def write_until(store: redis.Redis, number: int, stop: threading.Event, written: dict[str, str]) -> None:
    """Change tokens as the service does, with the new key in front, and remember the last of each."""
    turn = 0
    while turn == 0 or not stop.is_set():
        turn += 1
        place = f"installation:A0:T{(turn * 37) % (RECORDS // WRITERS) * WRITERS + number}"
        written[place] = str(turn)
        write(store, place, BOTH, api_token=str(turn))
