"""One-time states of trips to Slack's consent page."""

from __future__ import annotations

import base64

import pytest
import redis

from sectorflow_slack.domain.installations import OAuthState
from sectorflow_slack.storage.oauth_states import RedisOAuthStateStore
from tests.storage.conftest import dump, race

STATE, OTHER = OAuthState("an-installation", "A0OWN"), OAuthState("another", "A0CUSTOMER")


@pytest.fixture
def states(store: redis.Redis) -> RedisOAuthStateStore:
    return RedisOAuthStateStore(store)


def test_each_state_is_consumed_once(states: RedisOAuthStateStore, store: redis.Redis) -> None:
    first, second = states.issue(STATE), states.issue(OTHER)

    assert states.consume(second) == OTHER
    assert [states.consume(first), states.consume(first)] == [STATE, None]
    assert dump(store) == {}


@pytest.mark.parametrize("secret", ["", "never issued", "half a pair: \ud800", "x" * 10_000])
def test_a_secret_that_was_not_issued_gets_nothing(states: RedisOAuthStateStore, secret: str) -> None:
    states.issue(STATE)

    assert states.consume(secret) is None


def test_every_trip_has_a_secret_of_256_bits_of_its_own(states: RedisOAuthStateStore) -> None:
    secrets = {states.issue(STATE) for _ in range(20)}

    assert len(secrets) == 20
    assert {len(base64.urlsafe_b64decode(f"{secret}=")) for secret in secrets} == {32}


@pytest.mark.real_redis
def test_of_many_browsers_with_the_same_state_one_gets_it(real_store: redis.Redis) -> None:
    states = RedisOAuthStateStore(real_store)
    secret = states.issue(STATE)

    outcomes = race(20, lambda _: states.consume(secret))

    assert [outcome for outcome in outcomes if outcome] == [STATE]
