from __future__ import annotations

import base64

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import OAuthState
from sectorflow_slack.storage.oauth_states import RedisOAuthStateStore
from tests.storage.conftest import dump, race

STATE = OAuthState("an-installation", "A0OWN")


@pytest.fixture
def states(store: redis.Redis) -> RedisOAuthStateStore:
    return RedisOAuthStateStore(store)


def test_a_state_is_given_out_once(states: RedisOAuthStateStore, store: redis.Redis) -> None:
    secret = states.issue(STATE)

    assert states.consume(secret) == STATE
    assert states.consume(secret) is None
    assert dump(store) == {}


@pytest.mark.parametrize("secret", ["", "never issued", "half a pair: \ud800", "x" * 10_000])
def test_a_secret_that_was_not_issued_gets_nothing(states: RedisOAuthStateStore, secret: str) -> None:
    states.issue(STATE)

    assert states.consume(secret) is None


def test_every_trip_has_a_secret_of_256_bits_of_its_own(states: RedisOAuthStateStore) -> None:
    secrets = {states.issue(STATE) for _ in range(20)}

    assert len(secrets) == 20
    assert {len(base64.urlsafe_b64decode(f"{secret}=")) for secret in secrets} == {32}


def test_two_trips_do_not_disturb_each_other(states: RedisOAuthStateStore) -> None:
    first, second = states.issue(STATE), states.issue(OAuthState("another", "A0CUSTOMER"))

    assert states.consume(second) == OAuthState("another", "A0CUSTOMER")
    assert states.consume(first) == STATE


def test_a_state_lives_ten_minutes(states: RedisOAuthStateStore, store: redis.Redis) -> None:
    states.issue(STATE)

    (key,) = store.scan_iter()
    assert 595 <= int(store.ttl(key)) <= 600


def test_a_dump_does_not_show_what_the_browser_carries(
    states: RedisOAuthStateStore, store: redis.Redis
) -> None:
    secret = states.issue(STATE)

    ((key, value),) = dump(store).items()

    assert secret not in key + value
    assert key.startswith("oauth-state:")


@pytest.mark.real_redis
def test_of_many_browsers_with_the_same_state_one_gets_it(real_store: redis.Redis) -> None:
    states = RedisOAuthStateStore(real_store)
    secret = states.issue(STATE)

    outcomes = race(20, lambda _: states.consume(secret))

    assert [outcome for outcome in outcomes if outcome] == [STATE]


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis) -> None:
    states = RedisOAuthStateStore(nobody)

    with pytest.raises(StorageUnavailable):
        states.issue(STATE)
    with pytest.raises(StorageUnavailable):
        states.consume("a-secret")
