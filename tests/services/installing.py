"""An installation's life in tests: requested, consented to at Slack, changed, deleted."""

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
)
from sectorflow_slack.services import Services
from sectorflow_slack.services.answering import AnswerService
from sectorflow_slack.services.oauth import OAuthCallback, OAuthService
from sectorflow_slack.services.registration import RegistrationService
from sectorflow_slack.services.tokens import TokenService
from sectorflow_slack.storage.installations import InstallationStore
from tests.fakes import FakeSectorFlowClient, FakeSlackClient
from tests.values import (
    OWN_APP,
    TEAM_ID,
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
    return replace(InstallRequest("Acme Assistant", make_settings().sectorflow), **changes)


@dataclass(frozen=True, slots=True)
class InstallFlow:
    """The services on empty stores, with fakes of Slack, SectorFlow and the clock."""

    services: Services
    slack: FakeSlackClient
    sectorflow: FakeSectorFlowClient
    store: redis.Redis
    clock: FixedClock

    @property
    def registration(self) -> RegistrationService:
        return self.services.registration

    @property
    def oauth(self) -> OAuthService:
        return self.services.oauth

    @property
    def answers(self) -> AnswerService:
        return self.services.answers

    @property
    def tokens(self) -> TokenService:
        return self.services.tokens

    @property
    def installations(self) -> InstallationStore:
        return self.services.oauth.installations

    def register(self, key: IdempotencyKey | None = None, **changes: Any) -> PendingInstallation:
        """Request an installation as the platform does."""
        pending = self.registration.register(make_request(**changes), key)
        assert isinstance(pending, PendingInstallation)
        return pending

    def pend(self, **changes: Any) -> PendingInstallation:
        """Store an installation that waits for consent, with the id ``ID`` and the link ``LINK``."""
        pending = make_pending(**changes)
        self.oauth.pendings.save(pending)
        return pending

    def install(self, installation: Installation | None = None, replaces: str | None = None) -> Installation:
        """Store an installation; by default with the id ``ID`` and the key ``KEY``."""
        installation = installation or make_installation()
        self.installations.save(installation, None, replaces)
        return installation

    def leave(self, link: str = LINK) -> OAuthCallback:
        """Follow a link to Slack in one browser; return the callback that it will send."""
        redirect = self.oauth.start(link)
        return OAuthCallback(redirect.state, redirect.state, "a-code")

    def go(self, link: str = LINK, **changes: Any) -> Installation:
        """Follow a link to Slack and come back in one browser."""
        return self.oauth.complete(replace(self.leave(link), **changes)).installation

    def refused(self, link: str = LINK, **changes: Any) -> ConsentRefused:
        """Do the same and return the refusal."""
        with pytest.raises(ConsentRefused) as caught:
            self.go(link, **changes)
        return caught.value

    def status(self, installation_id: str = ID) -> tuple[str, str | None]:
        """Return the status and failure of an installation that is not installed."""
        pending = self.oauth.pendings.find(installation_id)
        assert pending is not None
        return pending.status(self.clock()), pending.failure

    def find(self, key: InstallationKey = KEY) -> Installation | None:
        return self.installations.find(key)


def before(monkeypatch: pytest.MonkeyPatch, store: Any, name: str, happens: Callable[[], object]) -> None:
    """Run ``happens`` once, just before the store's method ``name``."""
    real, left = getattr(store, name), [happens]

    def interrupted(*args: object) -> object:
        if left:
            left.pop()()
        return real(*args)

    monkeypatch.setattr(store, name, interrupted)
