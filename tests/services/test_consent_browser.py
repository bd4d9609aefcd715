"""One browser goes all the way, and what it was given for the way counts once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sectorflow_slack.domain.errors import ConsentRefused
from sectorflow_slack.domain.installations import OAuthState
from sectorflow_slack.services.consent import ConsentAnswer, ConsentService
from tests.fakes import FakeSlackClient
from tests.services.consenting import ID, LINK, refused, register, status
from tests.values import OWN_APP


@pytest.mark.parametrize("cookie", [None, "", "another", "\ud800", "ü"])
def test_consent_counts_only_from_the_browser_that_was_sent_off(
    consent: ConsentService, slack: FakeSlackClient, cookie: str | None
) -> None:
    register(consent)

    error = refused(consent, cookie=cookie)

    assert (error.reason, error.installation_id) == ("other_browser" if cookie else "no_cookie", None)
    assert slack.exchanged == []
    assert status(consent) == ("pending", None)


@pytest.mark.parametrize("state", [None, ""])
def test_consent_without_a_state_counts_for_nothing(consent: ConsentService, state: str | None) -> None:
    register(consent)

    error = refused(consent, state=state, cookie=state)

    assert error.reason == "other_browser"


@pytest.mark.parametrize("state", ["made-up", "\ud800"])
def test_a_state_that_was_never_issued_is_stale(consent: ConsentService, state: str) -> None:
    register(consent)

    error = refused(consent, state=state, cookie=state)

    assert error.reason == "stale"


def test_a_state_counts_once(consent: ConsentService, slack: FakeSlackClient) -> None:
    register(consent)
    trip = consent.begin(LINK)
    answer = ConsentAnswer(trip.state, trip.state, "a-code")
    consent.complete(answer)

    with pytest.raises(ConsentRefused, match="stale"):
        consent.complete(answer)

    assert len(slack.exchanged) == 1


def test_a_state_is_used_up_by_a_refusal_too(consent: ConsentService) -> None:
    register(consent)
    trip = consent.begin(LINK)
    with pytest.raises(ConsentRefused, match="cancelled"):
        consent.complete(ConsentAnswer(trip.state, trip.state, None, "access_denied"))

    with pytest.raises(ConsentRefused, match="stale"):
        consent.complete(ConsentAnswer(trip.state, trip.state, "a-code"))


def test_of_many_that_bring_one_state_at_once_one_installs(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    register(consent)
    trip = consent.begin(LINK)

    def complete(number: int) -> str:
        try:
            consent.complete(ConsentAnswer(trip.state, trip.state, f"code-{number}"))
        except ConsentRefused as error:
            return error.reason
        return "installed"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(complete, range(8)))

    assert sorted(outcomes) == ["installed"] + ["stale"] * 7
    assert len(slack.exchanged) == 1


def test_a_state_of_another_app_counts_for_nothing(consent: ConsentService) -> None:
    register(consent)
    state = consent.states.issue(OAuthState(ID, "A0OTHER"))

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.complete(ConsentAnswer(state, state, "a-code"))


def test_a_state_of_an_installation_that_is_gone_counts_for_nothing(consent: ConsentService) -> None:
    state = consent.states.issue(OAuthState("gone", OWN_APP.app_id))

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.complete(ConsentAnswer(state, state, "a-code"))
