"""Steps of installing that tests share: ask for an installation, go to Slack and come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import ConsentRefused
from sectorflow_slack.domain.installations import (
    Installation,
    InstallationKey,
    InstallRequest,
    PendingInstallation,
    SectorFlowSettings,
)
from sectorflow_slack.services.consent import ConsentAnswer, ConsentService
from tests.values import (
    API_TOKEN,
    MODEL_IDS,
    OWN_APP,
    PLUS_ID,
    TEAM_ID,
    WORKSPACE_ID,
    make_pending,
    make_terms,
)

LINK = make_pending().link
ID = make_terms().id
KEY = InstallationKey(OWN_APP.app_id, TEAM_ID)
RETURN_URL = "https://app.sectorflow.example/done"


def make_request(**changes: Any) -> InstallRequest:
    """What the platform asks for."""
    settings = SectorFlowSettings(API_TOKEN, WORKSPACE_ID, MODEL_IDS, PLUS_ID)
    return InstallRequest(**{"app_name": "Acme Assistant", "sectorflow": settings, **changes})


def register(consent: ConsentService, **changes: Any) -> PendingInstallation:
    """Store an installation that waits for consent, with the link ``LINK`` unless ``changes`` name another."""
    pending = make_pending(**changes)
    consent.pendings.save(pending)
    return pending


def go(consent: ConsentService, link: str = LINK, **changes: Any) -> tuple[Installation, PendingInstallation]:
    """Go to Slack and come back in one browser."""
    trip = consent.begin(link)
    return consent.complete(replace(ConsentAnswer(trip.state, trip.state, "a-code"), **changes))


def refused(consent: ConsentService, link: str = LINK, **changes: Any) -> ConsentRefused:
    """Go to Slack, come back and return the refusal."""
    with pytest.raises(ConsentRefused) as caught:
        go(consent, link, **changes)
    return caught.value


def status(consent: ConsentService, installation_id: str = ID) -> tuple[str, str | None]:
    """Return the status and failure of an installation that is not installed."""
    pending = consent.pendings.find(installation_id)
    assert pending is not None
    return pending.status(consent.clock()), pending.failure


def before(monkeypatch: pytest.MonkeyPatch, store: Any, name: str, happens: Callable[[], object]) -> None:
    """Run ``happens`` once, just before the store's method ``name``."""
    real = getattr(store, name)

    def interrupted(*args: object) -> object:
        monkeypatch.setattr(store, name, real)
        happens()
        return real(*args)

    monkeypatch.setattr(store, name, interrupted)
