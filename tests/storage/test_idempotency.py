"""One ``Idempotency-Key`` is one installation, whoever sends it how often."""

from __future__ import annotations

import hashlib

import pytest
import redis
from cryptography.fernet import Fernet

from sectorflow_slack.domain.errors import StillUnderWay, StorageUnavailable
from sectorflow_slack.domain.stores import Claim
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.idempotency import RedisIdempotencyStore
from tests.storage.conftest import dump, race

KEY = "a-key-of-the-platform"
BODY = hashlib.sha256(b'{"appName":"Acme"}').hexdigest()
OTHER = hashlib.sha256(b'{"appName":"Other"}').hexdigest()
DAY = 24 * 3600


@pytest.fixture
def claims(store: redis.Redis, cipher: Cipher) -> RedisIdempotencyStore:
    return RedisIdempotencyStore(store, cipher)


def the_only_place(store: redis.Redis) -> str:
    """Where the one key that was claimed is stored."""
    (place,) = store.scan_iter("idempotency:*")
    return str(place)


def let_the_lease_lapse(store: redis.Redis) -> None:
    """Do what a minute does."""
    store.hset(the_only_place(store), "claimed_until", "1.0")


def seconds_left(store: redis.Redis) -> int:
    return int(store.ttl(the_only_place(store)))


def test_the_first_gets_the_key_and_the_next_has_to_wait(claims: RedisIdempotencyStore) -> None:
    assert claims.claim(KEY, BODY, "first") == Claim("mine", "first")
    assert claims.claim(KEY, BODY, "second") == Claim("underway", "first")
    assert claims.claim("another-key", BODY, "third") == Claim("mine", "third")


def test_what_is_done_gives_the_same_installation_again(
    claims: RedisIdempotencyStore, store: redis.Redis
) -> None:
    claims.claim(KEY, BODY, "first")
    claims.done(KEY)
    let_the_lease_lapse(store)

    assert claims.claim(KEY, BODY, "second") == Claim("done", "first")


@pytest.mark.parametrize("state", ["claimed", "lapsed", "done"])
def test_another_body_is_told_apart_whatever_became_of_the_first(
    claims: RedisIdempotencyStore, store: redis.Redis, state: str
) -> None:
    claims.claim(KEY, BODY, "first")
    if state == "done":
        claims.done(KEY)
    if state == "lapsed":
        let_the_lease_lapse(store)

    assert claims.claim(KEY, OTHER, "second").state == "other_body"
    assert claims.claim(KEY, BODY, "third").installation_id == "first"


def test_a_claim_that_lapsed_goes_to_the_next_with_the_first_id(
    claims: RedisIdempotencyStore, store: redis.Redis
) -> None:
    claims.claim(KEY, BODY, "first")
    let_the_lease_lapse(store)

    assert claims.claim(KEY, BODY, "second") == Claim("mine", "first")
    assert claims.claim(KEY, BODY, "third") == Claim("underway", "first")


def test_a_claim_that_lapsed_while_an_app_was_made_is_in_doubt(
    claims: RedisIdempotencyStore, store: redis.Redis
) -> None:
    claims.claim(KEY, BODY, "first")
    claims.making_app(KEY)
    running = claims.claim(KEY, BODY, "second")
    let_the_lease_lapse(store)

    assert running == Claim("underway", "first")
    assert claims.claim(KEY, BODY, "third") == Claim("in_doubt", "first")
    assert claims.claim(KEY, BODY, "fourth") == Claim("in_doubt", "first")


def test_an_app_that_was_made_and_registered_is_done(
    claims: RedisIdempotencyStore, store: redis.Redis
) -> None:
    claims.claim(KEY, BODY, "first")
    claims.making_app(KEY)
    claims.done(KEY)

    assert claims.claim(KEY, BODY, "second") == Claim("done", "first")


@pytest.mark.parametrize("meanwhile", ["making", "done", "released"])
def test_who_was_held_up_until_another_took_the_key_makes_no_app(
    claims: RedisIdempotencyStore, store: redis.Redis, meanwhile: str
) -> None:
    claims.claim(KEY, BODY, "first")
    let_the_lease_lapse(store)
    claims.claim(KEY, BODY, "second")
    claims.making_app(KEY)
    if meanwhile == "done":
        claims.done(KEY)
    if meanwhile == "released":
        claims.release(KEY)
    before = dump(store)

    with pytest.raises(StillUnderWay):
        claims.making_app(KEY)

    assert dump(store) == before


def test_a_key_of_which_nothing_came_may_be_used_anew(
    claims: RedisIdempotencyStore, store: redis.Redis
) -> None:
    claims.claim(KEY, BODY, "first")
    claims.making_app(KEY)

    claims.release(KEY)

    assert dump(store) == {}
    assert claims.claim(KEY, OTHER, "second") == Claim("mine", "second")


def test_what_is_done_is_not_released(claims: RedisIdempotencyStore) -> None:
    claims.claim(KEY, BODY, "first")
    claims.done(KEY)

    claims.release(KEY)

    assert claims.claim(KEY, BODY, "second") == Claim("done", "first")


def test_a_key_counts_for_a_day_from_when_it_first_came(
    claims: RedisIdempotencyStore, store: redis.Redis
) -> None:
    claims.claim(KEY, BODY, "first")
    fresh = seconds_left(store)
    store.expire(the_only_place(store), 1000)
    let_the_lease_lapse(store)
    claims.claim(KEY, BODY, "second")
    claims.making_app(KEY)
    claims.done(KEY)

    assert 0 <= DAY - fresh <= 5
    assert 990 < seconds_left(store) <= 1000


def test_nothing_is_said_of_a_key_that_is_gone(claims: RedisIdempotencyStore, store: redis.Redis) -> None:
    claims.done(KEY)
    claims.release(KEY)

    assert dump(store) == {}


@pytest.mark.parametrize("key", ["", "*", "\x00", "\ud83d", "ü" * 255, "a:b"])
def test_any_text_may_be_a_key(claims: RedisIdempotencyStore, key: str) -> None:
    assert claims.claim(key, BODY, "first") == Claim("mine", "first")
    assert claims.claim(key, BODY, "second") == Claim("underway", "first")


def test_a_dump_shows_neither_key_nor_what_a_body_could_be_tried_against(
    claims: RedisIdempotencyStore, store: redis.Redis
) -> None:
    claims.claim(KEY, BODY, "first")

    text = str(dump(store))

    assert KEY not in text
    assert BODY not in text


def test_where_no_key_opens_the_fingerprint_nothing_is_registered_twice(
    claims: RedisIdempotencyStore, store: redis.Redis
) -> None:
    claims.claim(KEY, BODY, "first")
    let_the_lease_lapse(store)
    keyless = RedisIdempotencyStore(store, Cipher([Fernet.generate_key().decode()]))

    assert keyless.claim(KEY, BODY, "second").state == "other_body"


@pytest.mark.real_redis
@pytest.mark.parametrize("lapsed", [False, True])
def test_of_many_at_once_one_gets_the_key(real_store: redis.Redis, cipher: Cipher, lapsed: bool) -> None:
    claims = RedisIdempotencyStore(real_store, cipher)
    if lapsed:
        claims.claim(KEY, BODY, "earlier")
        let_the_lease_lapse(real_store)

    outcomes = race(8, lambda number: claims.claim(KEY, BODY, f"racer-{number}"))

    assert sorted(each.state for each in outcomes) == ["mine"] + ["underway"] * 7
    assert len({each.installation_id for each in outcomes}) == 1


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis, cipher: Cipher) -> None:
    claims = RedisIdempotencyStore(nobody, cipher)

    with pytest.raises(StorageUnavailable):
        claims.claim(KEY, BODY, "first")
    for step in (claims.making_app, claims.done, claims.release):
        with pytest.raises(StorageUnavailable):
            step(KEY)
