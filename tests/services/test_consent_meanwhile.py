"""What happens to an installation while a person is at Slack's consent page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import Changed, ConsentRefused
from sectorflow_slack.domain.installations import Installation, InstallationKey, PendingInstallation
from sectorflow_slack.services.consent import ConsentAnswer, ConsentService
from tests.fakes import FakeSlackClient
from tests.values import BOT_TOKEN, OWN_APP, TEAM_ID, make_pending, make_terms

ID = make_terms().id
KEY = InstallationKey(OWN_APP.app_id, TEAM_ID)


@pytest.fixture
def pending(consent: ConsentService) -> PendingInstallation:
    consent.pendings.save(make_pending())
    return make_pending()


def go(consent: ConsentService) -> tuple[Installation, PendingInstallation]:
    trip = consent.begin(make_pending().link)
    return consent.complete(ConsentAnswer(trip.state, trip.state, "a-code"))


def refused(consent: ConsentService) -> str:
    with pytest.raises(ConsentRefused) as caught:
        go(consent)
    return caught.value.reason


def test_terms_that_change_while_slack_is_asked_are_those_that_count(
    consent: ConsentService, pending: PendingInstallation, slack: FakeSlackClient
) -> None:
    terms = replace(pending.terms, app_name="New name", revision=2)
    meanwhile(slack, lambda: consent.pendings.change(replace(pending, terms=terms), 1))

    installation, came_from = go(consent)

    assert installation.terms == came_from.terms == terms
    assert consent.installations.find(KEY) == installation


def test_what_is_deleted_while_slack_is_asked_stays_deleted_and_its_token_is_given_back(
    consent: ConsentService, pending: PendingInstallation, slack: FakeSlackClient
) -> None:
    meanwhile(slack, lambda: consent.pendings.remove(ID))

    assert refused(consent) == "dead_link"

    assert consent.installations.find(KEY) is None
    assert slack.revoked == [BOT_TOKEN]


def test_terms_that_change_all_the_time_are_no_reason_to_go_on_for_ever(
    consent: ConsentService,
    pending: PendingInstallation,
    slack: FakeSlackClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consent.installations, "save", changing)

    assert refused(consent) == "stale"

    assert slack.revoked == [BOT_TOKEN]
    assert consent.pendings.find(ID) == pending


def changing(*_: object) -> bool:
    raise Changed


def meanwhile(slack: FakeSlackClient, happens: Callable[[], object]) -> None:
    """Have something happen while Slack exchanges the code."""
    slack.exchanges.play = lambda: happens() and None  # type: ignore[method-assign]


def test_consent_given_twice_at_once_through_one_link_makes_one_installation(
    consent: ConsentService, pending: PendingInstallation, slack: FakeSlackClient
) -> None:
    trips = [consent.begin(pending.link) for _ in range(2)]
    first = ConsentAnswer(trips[0].state, trips[0].state, "a-code")
    meanwhile(slack, lambda: finish_first(consent, slack, first))

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.complete(ConsentAnswer(trips[1].state, trips[1].state, "a-code"))

    assert consent.installations.find(KEY) is not None
    assert slack.revoked == []


def finish_first(consent: ConsentService, slack: FakeSlackClient, answer: ConsentAnswer) -> None:
    slack.exchanges.play = lambda: None  # type: ignore[method-assign]
    consent.complete(answer)
