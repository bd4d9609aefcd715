"""One ``Idempotency-Key`` is one installation, however often it is sent."""

from __future__ import annotations

import hashlib

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.domain.errors import RequestInProgress
from sectorflow_slack.domain.installations import Claim
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.idempotency import IdempotencyStore
from tests.storage.conftest import Stores, dump, race

KEY = "a-key-of-the-platform"
BODY = hashlib.sha256(b'{"appName":"Acme"}').hexdigest()
OTHER = hashlib.sha256(b'{"appName":"Other"}').hexdigest()
DAY = 24 * 3600


@pytest.fixture
def keys(db: Stores) -> IdempotencyStore:
    """A store in which ``KEY`` has been claimed."""
    keys = IdempotencyStore(db.redis, db.cipher)
    assert keys.claim(KEY, BODY, "first") == Claim("mine", "first")
    return keys


def the_only_place(store: redis.Redis) -> str:
    """Return where the one key that was claimed is stored."""
    (place,) = store.scan_iter("idempotency:*")
    return str(place)


def let_the_lease_lapse(store: redis.Redis) -> None:
    """Do what a minute does."""
    store.hset(the_only_place(store), "claimed_until", "1.0")


def move_on(keys: IdempotencyStore, store: redis.Redis, *steps: str) -> None:
    for step in steps:
        if step == "lapsed":
            let_the_lease_lapse(store)
        else:
            {"making": keys.mark_app_creation, "done": keys.complete, "released": keys.release}[step](KEY)


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([], "underway"),
        (["lapsed"], "mine"),
        (["done"], "done"),
        (["done", "lapsed"], "done"),
        (["making"], "underway"),
        (["making", "lapsed"], "in_doubt"),
        (["making", "done"], "done"),
        (["done", "released"], "done"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else each,
)
def test_the_next_claim_gets_the_first_id_and_how_far_it_came(
    db: Stores, keys: IdempotencyStore, steps: list[str], state: str
) -> None:
    move_on(keys, db.redis, *steps)

    assert keys.claim(KEY, BODY, "second") == Claim(state, "first")  # type: ignore[arg-type]
    assert keys.claim(KEY, BODY, "third") == Claim(  # type: ignore[arg-type]
        "underway" if state == "mine" else state, "first"
    )


@pytest.mark.parametrize("steps", [[], ["lapsed"], ["done"], ["making"]], ids=lambda each: " ".join(each))
def test_another_body_is_told_apart_in_every_state(
    db: Stores, keys: IdempotencyStore, steps: list[str]
) -> None:
    move_on(keys, db.redis, *steps)

    assert keys.claim(KEY, OTHER, "second").state == "other_body"
    assert keys.claim(KEY, BODY, "third").installation_id == "first"


def test_a_body_that_no_key_can_compare_any_more_registers_nothing_twice(
    db: Stores, keys: IdempotencyStore
) -> None:
    let_the_lease_lapse(db.redis)
    keyless = IdempotencyStore(db.redis, Cipher([Fernet.generate_key().decode()]))

    assert keyless.claim(KEY, BODY, "second").state == "other_body"


@pytest.mark.parametrize("meanwhile", [[], ["done"], ["released"]], ids=lambda each: " ".join(each))
def test_a_slow_request_makes_no_app_once_another_has_taken_the_key(
    db: Stores, keys: IdempotencyStore, meanwhile: list[str]
) -> None:
    let_the_lease_lapse(db.redis)
    keys.claim(KEY, BODY, "second")
    move_on(keys, db.redis, "making", *meanwhile)
    before = dump(db.redis)

    with pytest.raises(RequestInProgress):
        keys.mark_app_creation(KEY)

    assert dump(db.redis) == before


def test_a_key_that_was_released_may_be_used_anew(db: Stores, keys: IdempotencyStore) -> None:
    move_on(keys, db.redis, "making", "released")

    assert dump(db.redis) == {}
    assert keys.claim(KEY, OTHER, "second") == Claim("mine", "second")


def test_no_step_prolongs_the_day_for_which_a_key_counts(db: Stores, keys: IdempotencyStore) -> None:
    fresh = int(db.redis.ttl(the_only_place(db.redis)))
    db.redis.expire(the_only_place(db.redis), 1000)
    let_the_lease_lapse(db.redis)

    keys.claim(KEY, BODY, "second")
    move_on(keys, db.redis, "making", "done")

    assert DAY - 60 < fresh <= DAY
    assert 0 < int(db.redis.ttl(the_only_place(db.redis))) <= 1000


def test_no_step_brings_back_a_key_that_is_gone(db: Stores, keys: IdempotencyStore) -> None:
    db.redis.flushdb()

    move_on(keys, db.redis, "done", "released")

    assert dump(db.redis) == {}


@pytest.mark.parametrize("key", ["", "*", "\x00", "\ud83d", "ü" * 255, "a:b"])
def test_any_text_may_be_a_key(keys: IdempotencyStore, key: str) -> None:
    assert keys.claim(key, BODY, "second") == Claim("mine", "second")
    assert keys.claim(key, BODY, "third") == Claim("underway", "second")


@pytest.mark.real_redis
@pytest.mark.parametrize("lapsed", [False, True])
def test_of_many_at_once_one_gets_the_key(real_db: Stores, lapsed: bool) -> None:
    if lapsed:
        real_db.idempotency.claim(KEY, BODY, "earlier")
        let_the_lease_lapse(real_db.redis)

    outcomes = race(8, lambda number: real_db.idempotency.claim(KEY, BODY, f"racer-{number}"))

    assert sorted(each.state for each in outcomes) == ["mine"] + ["underway"] * 7
    assert len({each.installation_id for each in outcomes}) == 1
