"""One-time OAuth states."""

import base64

import pytest

from sectorflow_slack.domain.installations import OAuthState
from tests.storage.conftest import dump

STATE, OTHER = OAuthState("an-installation", "A0OWN"), OAuthState("another", "A0CUSTOMER")


def test_each_state_is_consumed_once(db):
    first, second = db.states.issue(STATE), db.states.issue(OTHER)

    assert db.states.consume(second) == OTHER
    assert [db.states.consume(first), db.states.consume(first)] == [STATE, None]
    assert dump(db.redis) == {}


@pytest.mark.parametrize("secret", ["", "never issued", "half a pair: \ud800", "x" * 10_000])
def test_an_unknown_secret_has_no_state(db, secret):
    db.states.issue(STATE)

    assert db.states.consume(secret) is None


def test_every_state_has_its_own_secret_of_256_bits(db):
    secrets = {db.states.issue(STATE) for _ in range(20)}

    assert len(secrets) == 20
    assert {len(base64.urlsafe_b64decode(f"{secret}=")) for secret in secrets} == {32}
