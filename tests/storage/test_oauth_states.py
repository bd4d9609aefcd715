"""One-time OAuth states."""

import base64

import pytest

from sectorflow_slack.domain.installations import OAuthResult, OAuthState
from sectorflow_slack.storage.oauth_states import LIFETIME_SECONDS, UNDERWAY
from tests.storage.conftest import dump

STATE, OTHER = OAuthState("an-installation", "A0OWN"), OAuthState("another", "A0CUSTOMER")


def test_each_state_is_consumed_once(db):
    first, second = db.states.issue(STATE), db.states.issue(OTHER)

    assert db.states.consume(second) == OTHER
    underway = OAuthResult(STATE.installation_id, UNDERWAY)
    assert [db.states.consume(first) for _ in range(3)] == [STATE, underway, underway]


@pytest.mark.parametrize(
    "result",
    [
        OAuthResult("an-installation", bot_name="acme", return_url="https://app.example/done"),
        OAuthResult("an-installation", "cancelled", link="the-planted-link"),
    ],
)
def test_a_consumed_state_has_a_result_for_ten_minutes(db, result):
    secret = db.states.issue(STATE)
    db.states.consume(secret)

    db.states.finish(secret, result)

    assert [db.states.consume(secret), db.states.consume(secret)] == [result, result]
    (key,) = dump(db.redis)
    assert 0 < db.redis.ttl(key) <= LIFETIME_SECONDS
    assert "planted" not in str(dump(db.redis)) + repr(result)


def test_a_state_that_was_moved_to_another_key_is_unknown(db):
    first, second = db.states.issue(STATE), db.states.issue(OTHER)
    keys = sorted(dump(db.redis))
    db.redis.copy(keys[0], keys[1], replace=True)

    found = [db.states.consume(secret) for secret in (first, second)]

    assert found.count(None) == 1


@pytest.mark.parametrize("secret", ["", "never issued", "half a pair: \ud800", "x" * 10_000])
def test_an_unknown_secret_has_no_state(db, secret):
    db.states.issue(STATE)

    assert db.states.consume(secret) is None


def test_every_state_has_its_own_secret_of_256_bits(db):
    secrets = {db.states.issue(STATE) for _ in range(20)}

    assert len(secrets) == 20
    assert {len(base64.urlsafe_b64decode(f"{secret}=")) for secret in secrets} == {32}
