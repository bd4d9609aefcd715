"""What tests of consent do again and again: asking for it, going to Slack and coming back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import ConsentRefused
from sectorflow_slack.domain.installations import Installation, PendingInstallation
from sectorflow_slack.services.consent import ConsentAnswer, ConsentService
from tests.values import make_pending, make_terms

LINK = make_pending().link
ID = make_terms().id
RETURN_URL = "https://app.sectorflow.example/done"


def register(consent: ConsentService, **changes: Any) -> PendingInstallation:
    """Have the platform ask for an installation, whose link is ``LINK`` unless ``changes`` say otherwise."""
    pending = make_pending(**changes)
    consent.pendings.save(pending)
    return pending


def go(consent: ConsentService, link: str = LINK, **changes: Any) -> tuple[Installation, PendingInstallation]:
    """Go to Slack and come back, as one browser does."""
    trip = consent.begin(link)
    answer = ConsentAnswer(trip.state, trip.state, "a-code")
    return consent.complete(replace(answer, **changes))


def refused(consent: ConsentService, link: str = LINK, **changes: Any) -> ConsentRefused:
    """Go to Slack and come back to be refused; gives why."""
    with pytest.raises(ConsentRefused) as caught:
        go(consent, link, **changes)
    return caught.value


def status(consent: ConsentService, installation_id: str = ID) -> tuple[str, str | None]:
    """How far a request that is not installed came, and how it failed."""
    pending = consent.pendings.find(installation_id)
    assert pending is not None
    return pending.status(consent.clock()), pending.failure
