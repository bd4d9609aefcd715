"""One ``Idempotency-Key`` is one installation, however often it is sent."""

import pytest
import redis

from sectorflow_slack.domain.errors import RequestInProgress
from sectorflow_slack.domain.installations import Claim
from sectorflow_slack.storage.idempotency import IdempotencyStore
from tests.storage.builders import DAY
from tests.storage.conftest import dump, lost_cipher

KEY, BODY, OTHER_BODY = "a-key-of-the-platform", "digest-of-a-body", "digest-of-another-body"


@pytest.fixture
def keys(db) -> IdempotencyStore:
    """A store in which a request has claimed ``KEY``."""
    assert db.idempotency.claim(KEY, BODY, "first") == Claim("mine", "first")
    return db.idempotency


def redis_key(store: redis.Redis) -> str:
    (key,) = store.scan_iter("idempotency:*")
    return str(key)


def run(keys: IdempotencyStore, store: redis.Redis, *steps: str) -> None:
    ways = {
        "lapsed": lambda _: store.hset(redis_key(store), "claimed_until", "1.0"),
        "making": keys.mark_app_creation,
        "done": keys.complete,
        "released": keys.release,
    }
    for step in steps:
        ways[step](KEY)


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
def test_a_later_claim_gets_the_first_id_and_its_state_unless_the_body_differs(db, keys, steps, state):
    run(keys, db.redis, *steps)

    assert keys.claim(KEY, OTHER_BODY, "second").state == "other_body"
    assert keys.claim(KEY, BODY, "third") == Claim(state, "first")
    assert keys.claim(KEY, BODY, "fourth") == Claim("underway" if state == "mine" else state, "first")


def test_a_fingerprint_that_does_not_decrypt_registers_nothing_twice(db, keys):
    run(keys, db.redis, "lapsed")

    assert IdempotencyStore(db.redis, lost_cipher()).claim(KEY, BODY, "second").state == "other_body"


@pytest.mark.parametrize("meanwhile", [[], ["done"], ["released"]], ids=lambda each: " ".join(each))
def test_a_slow_request_creates_no_app_after_another_has_claimed_the_key(db, keys, meanwhile):
    run(keys, db.redis, "lapsed")
    keys.claim(KEY, BODY, "second")
    run(keys, db.redis, "making", *meanwhile)
    before = dump(db.redis)

    with pytest.raises(RequestInProgress):
        keys.mark_app_creation(KEY)

    assert dump(db.redis) == before


def test_a_released_key_may_be_claimed_for_another_body(db, keys):
    run(keys, db.redis, "making", "released")

    assert dump(db.redis) == {}
    assert keys.claim(KEY, OTHER_BODY, "second") == Claim("mine", "second")


def test_no_step_prolongs_a_key(db, keys):
    lifetime = int(db.redis.ttl(redis_key(db.redis)))
    db.redis.expire(redis_key(db.redis), 1000)
    run(keys, db.redis, "lapsed")
    keys.claim(KEY, BODY, "second")
    run(keys, db.redis, "making", "done")

    assert DAY - 60 < lifetime <= DAY
    assert 0 < int(db.redis.ttl(redis_key(db.redis))) <= 1000


@pytest.mark.parametrize("key", ["", "*", "\x00", "\ud83d", "ü" * 255, "a:b"])
def test_any_text_may_be_a_key(keys, key):
    assert keys.claim(key, BODY, "second") == Claim("mine", "second")
    assert keys.claim(key, BODY, "third") == Claim("underway", "second")
