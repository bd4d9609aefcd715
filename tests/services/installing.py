"""An installation's life as the tests of it play it: asked for, consented to at Slack, changed, deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.errors import ConsentRefused
from sectorflow_slack.domain.installations import (
    IdempotencyKey,
    Installation,
    InstallationKey,
    InstallRequest,
    PendingInstallation,
    SectorFlowSettings,
)
from sectorflow_slack.services import Services
from sectorflow_slack.services.answering import AnswerService
from sectorflow_slack.services.oauth import OAuthCallback, OAuthService
from sectorflow_slack.services.registration import RegistrationService
from sectorflow_slack.services.tokens import TokenService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.values import (
    API_TOKEN,
    MODEL_IDS,
    OWN_APP,
    PLUS_ID,
    TEAM_ID,
    WORKSPACE_ID,
    FixedClock,
    make_bot,
    make_installation,
    make_pending,
    make_settings,
)

LINK = make_pending().link
ID = make_settings().id
KEY = InstallationKey(OWN_APP.app_id, TEAM_ID)
RETURN_URL = "https://app.sectorflow.example/done"
ORG_WIDE = make_bot(team_id=None, enterprise_id="E0ORG", is_enterprise_install=True)
ONCE = IdempotencyKey("a-key", "digest-of-the-body")


def make_request(**changes: Any) -> InstallRequest:
    settings = SectorFlowSettings(API_TOKEN, WORKSPACE_ID, MODEL_IDS, PLUS_ID)
    return InstallRequest(**{"app_name": "Acme Assistant", "sectorflow": settings, **changes})


@dataclass(frozen=True, slots=True)
class InstallFlow:
    """The services on empty stores, with fakes of Slack, SectorFlow, the queue and the clock."""

    services: Services
    slack: FakeSlackClient
    sectorflow: FakeSectorFlowClient
    queue: FakeTaskQueue
    store: redis.Redis
    clock: FixedClock

    @property
    def installs(self) -> RegistrationService:
        return self.services.registration

    @property
    def consent(self) -> OAuthService:
        return self.services.oauth

    @property
    def answers(self) -> AnswerService:
        return self.services.answers

    @property
    def tokens(self) -> TokenService:
        return self.services.tokens

    def register(self, once: IdempotencyKey | None = None, **changes: Any) -> PendingInstallation:
        """Ask for an installation as the platform does."""
        pending = self.installs.register(make_request(**changes), once)
        assert isinstance(pending, PendingInstallation)
        return pending

    def pend(self, **changes: Any) -> PendingInstallation:
        """Store an installation that waits for consent, with the id ``ID`` and the link ``LINK``."""
        pending = make_pending(**changes)
        self.consent.pendings.save(pending)
        return pending

    def install(self, installation: Installation | None = None, replaces: str | None = None) -> Installation:
        """Store an installation, with the id ``ID`` at the place ``KEY`` unless another is named."""
        installation = installation or make_installation()
        self.consent.installations.save(installation, None, replaces)
        return installation

    def leave(self, link: str = LINK) -> OAuthCallback:
        """Go to Slack in one browser; return what it will bring back."""
        trip = self.consent.start(link)
        return OAuthCallback(trip.state, trip.state, "a-code")

    def go(self, link: str = LINK, **changes: Any) -> Installation:
        """Go to Slack and come back in one browser."""
        return self.consent.complete(replace(self.leave(link), **changes))[0]

    def refused(self, link: str = LINK, **changes: Any) -> ConsentRefused:
        """Go to Slack, come back and return the refusal."""
        with pytest.raises(ConsentRefused) as caught:
            self.go(link, **changes)
        return caught.value

    def status(self, installation_id: str = ID) -> tuple[str, str | None]:
        """Return the status and failure of an installation that is not installed."""
        pending = self.consent.pendings.find(installation_id)
        assert pending is not None
        return pending.status(self.clock()), pending.failure

    def find(self, key: InstallationKey = KEY) -> Installation | None:
        """Load the installation at a place."""
        return self.consent.installations.find(key)


def before(monkeypatch: pytest.MonkeyPatch, store: Any, name: str, happens: Callable[[], object]) -> None:
    """Run ``happens`` once, just before the store's method ``name``."""
    real, left = getattr(store, name), [happens]

    def interrupted(*args: object) -> object:
        if left:
            left.pop()()
        return real(*args)

    monkeypatch.setattr(store, name, interrupted)
