"""The services of an installation's life: registered, consented to, changed, kept alive, ended."""

from __future__ import annotations

from sectorflow_slack.bootstrap.adapters import InstallAdapters, Remotes
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.slack import OAUTH_REDIRECT_PATH
from sectorflow_slack.services.app_making import AppMaker
from sectorflow_slack.services.claims import Claims
from sectorflow_slack.services.consent import ConsentService
from sectorflow_slack.services.installs import InstallService
from sectorflow_slack.services.revocations import RevocationService
from sectorflow_slack.services.tokens import TokenService


def build_installs(
    settings: Settings, stores: InstallAdapters, remotes: Remotes, revocations: RevocationService
) -> InstallService:
    """Put together what the install API calls."""
    return InstallService(
        installations=stores.installations,
        pendings=stores.pendings,
        directory=stores.directory,
        claims=Claims(idempotency=stores.idempotency),
        maker=AppMaker(slack=remotes.slack, idempotency=stores.idempotency, public_url=settings.public_url),
        revocations=revocations,
        sectorflow=remotes.sectorflow,
        own_app=settings.slack_app,
        clock=remotes.clock,
    )


def build_consent(settings: Settings, stores: InstallAdapters, remotes: Remotes) -> ConsentService:
    """Put together what takes a person through OAuth."""
    return ConsentService(
        apps=stores.apps,
        installations=stores.installations,
        pendings=stores.pendings,
        states=stores.states,
        slack=remotes.slack,
        redirect_uri=settings.public_url + OAUTH_REDIRECT_PATH,
        clock=remotes.clock,
    )


def build_tokens(stores: InstallAdapters, remotes: Remotes) -> TokenService:
    """Put together what keeps bot tokens alive."""
    return TokenService(
        apps=stores.apps,
        installations=stores.installations,
        slack=remotes.slack,
        locks=stores.locks,
        clock=remotes.clock,
    )


def build_revocations(stores: InstallAdapters, remotes: Remotes) -> RevocationService:
    """Put together what takes bot tokens back."""
    return RevocationService(
        revocations=stores.revocations,
        installations=stores.installations,
        apps=stores.apps,
        slack=remotes.slack,
        clock=remotes.clock,
    )
