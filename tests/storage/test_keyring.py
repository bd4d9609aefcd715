"""Re-encryption with the first encryption key, while other processes write."""

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.domain.installations import Renewal
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.keyring import SEALED_PREFIXES, KeyRing
from tests.storage.conftest import lost_cipher

OLD_KEY, NEW_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()
OLD, NEW, BOTH = Cipher([OLD_KEY]), Cipher([NEW_KEY]), Cipher([NEW_KEY, OLD_KEY])

APP = "app:A0ACME"


@pytest.fixture
def keyring(db) -> KeyRing:
    return KeyRing(db.redis, BOTH)


def write(store: redis.Redis, key: str, cipher: Cipher = OLD, **secrets: str) -> None:
    store.hset(key, mapping={field: cipher.seal(key, field, value) for field, value in secrets.items()})


def opened(store: redis.Redis, key: str) -> dict[str, str]:
    """Return the fields of a hash, decrypted with the new encryption key alone."""
    return {field: NEW.open(key, field, value) for field, value in store.hgetall(key).items()}


def renew_all(keyring: KeyRing) -> dict[str, Renewal]:
    return {key: keyring.renew(key) for key in keyring.sealed_keys()}


def test_a_record_opens_with_the_new_encryption_key_alone_after_one_renewal(db, keyring):
    write(db.redis, APP, OLD, client_secret="one")
    write(db.redis, APP, NEW, signing_secret="two")
    current = db.redis.hget(APP, "signing_secret")

    assert keyring.check(APP) == Renewal(renewed=1, current=1)
    assert [keyring.renew(APP), keyring.renew(APP)] == [Renewal(renewed=1, current=1), Renewal(current=2)]

    assert opened(db.redis, APP) == {"client_secret": "one", "signing_secret": "two"}
    assert db.redis.hget(APP, "signing_secret") == current


def test_a_check_changes_nothing_and_a_renewal_no_readable_field(db, keyring):
    readable = {"client_id": "111.222", "app_name": '"gAAAAAB"', "next_signing_secret": ""}
    db.redis.hset(APP, mapping=readable)
    write(db.redis, APP, client_secret="one")
    before = db.redis.hgetall(APP)

    keyring.check(APP)
    after_check = db.redis.hgetall(APP)
    keyring.renew(APP)

    assert after_check == before
    assert {name: db.redis.hget(APP, name) for name in readable} == readable


def test_every_kind_of_record_is_renewed_and_expires_as_before(db, keyring):
    keys = [f"{prefix}1" for prefix in SEALED_PREFIXES]
    for key in keys:
        write(db.redis, key, secret="value")
        db.redis.expire(key, 1000)
    db.redis.hset("metrics", "received", 1)
    db.redis.set("app:of-another-type", "text")

    assert renew_all(keyring) == dict.fromkeys(keys, Renewal(renewed=1))
    assert all(0 < int(db.redis.ttl(key)) <= 1000 for key in keys)


def test_a_field_that_does_not_decrypt_is_named_and_stays(db, keyring):
    whole = OLD.seal(APP, "client_secret", "one")
    lost = {
        "under_a_lost_key": lost_cipher().seal(APP, "under_a_lost_key", "two"),
        "moved": whole,
        "cut_off": whole[:40],
        "no_token": "gAAAAnonsense\x00\u00e9",
    }
    db.redis.hset(APP, mapping={"client_secret": whole, **lost})

    found = keyring.renew(APP)

    assert (found.renewed, set(found.lost)) == (1, set(lost))
    assert {name: db.redis.hget(APP, name) for name in lost} == lost


class InterruptedKeyRing(KeyRing):
    """Another process writes between the read and the write of a record, ``times`` times."""

    def __init__(self, store: redis.Redis, step: object, times: int = 1) -> None:
        super().__init__(store, BOTH)
        self._steps = [step] * times

    def _write(self, key, outdated):
        if self._steps:
            self._steps.pop()()
        return super()._write(key, outdated)


@pytest.mark.parametrize("cipher", [NEW, OLD], ids=["new key", "old key"])
def test_a_value_that_another_process_writes_meanwhile_is_not_overwritten(db):
    write(db.redis, APP, client_secret="before", signing_secret="two")
    keyring = InterruptedKeyRing(db.redis, lambda: write(db.redis, APP, db.cipher, client_secret="meanwhile"))

    keyring.renew(APP)

    assert opened(db.redis, APP) == {"client_secret": "meanwhile", "signing_secret": "two"}


def test_a_record_that_another_process_keeps_writing_is_given_up(db):
    write(db.redis, APP, client_secret="before")
    keyring = InterruptedKeyRing(db.redis, lambda: write(db.redis, APP, client_secret="meanwhile"), times=100)

    assert keyring.renew(APP) == Renewal()
    assert OLD.open(APP, "client_secret", str(db.redis.hget(APP, "client_secret"))) == "meanwhile"


@pytest.mark.parametrize("deleted", [("client_secret", "signing_secret"), ("signing_secret",)])
def test_a_field_or_record_that_is_deleted_meanwhile_is_not_created(db, deleted):
    write(db.redis, APP, client_secret="one", signing_secret="two")
    keyring = InterruptedKeyRing(db.redis, lambda: db.redis.hdel(APP, *deleted))

    assert keyring.renew(APP) == Renewal(renewed=2 - len(deleted))
    assert set(db.redis.hgetall(APP)) == {"client_secret", "signing_secret"} - set(deleted)
    assert keyring.renew("app:A0GONE") == Renewal()


def test_a_record_of_many_values_is_renewed_whole_at_once(db, keyring):
    secrets = {f"model:{number}": f"answer {number}" for number in range(20)}
    write(db.redis, "answer:1", **secrets)

    assert keyring.renew("answer:1") == Renewal(renewed=20)
    assert opened(db.redis, "answer:1") == secrets
