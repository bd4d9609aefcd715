"""An install link is dead once it served, once its time is over, and where nobody was given it."""

from __future__ import annotations

import pytest

from sectorflow_slack.domain.errors import ConsentRefused
from sectorflow_slack.services.consent import ConsentAnswer, ConsentService
from tests.fakes import FakeSlackClient
from tests.services.consenting import LINK, go, register, status
from tests.values import FixedClock, make_terms


def test_a_link_is_dead_once_it_led_to_an_installation(consent: ConsentService) -> None:
    register(consent)
    go(consent)

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.begin(LINK)


@pytest.mark.parametrize("link", ["", "another-link", "ü" * 9])
def test_a_link_that_nobody_was_given_is_dead(consent: ConsentService, link: str) -> None:
    register(consent)

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.begin(link)


def test_a_link_is_dead_after_its_time(consent: ConsentService, clock: FixedClock) -> None:
    pending = register(consent)
    clock.now = pending.expires_at

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.begin(LINK)


def test_a_link_is_dead_where_the_service_has_lost_its_app(consent: ConsentService) -> None:
    register(consent, terms=make_terms(app_id="A0GONE"))

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.begin(LINK)


def test_consent_that_comes_after_the_links_time_counts_for_nothing(
    consent: ConsentService, slack: FakeSlackClient, clock: FixedClock
) -> None:
    pending = register(consent)
    trip = consent.begin(LINK)
    clock.now = pending.expires_at

    with pytest.raises(ConsentRefused, match="dead_link"):
        consent.complete(ConsentAnswer(trip.state, trip.state, "a-code"))

    assert slack.exchanged == []
    assert status(consent) == ("expired", None)
