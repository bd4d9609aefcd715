"""Slack apps and their installations, from what is asked for to what is installed.

Times are seconds since the epoch, UTC. Ids are the strings that Slack and SectorFlow gave.
A field that is secret is left out of its ``repr``, so that no log line or traceback shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

Display = Literal["separated", "tabs"]
Status = Literal["pending", "installed", "failed", "expired"]


@dataclass(frozen=True, slots=True)
class Workspace:
    """A SectorFlow workspace, as far as the service needs it."""

    id: str
    name: str
    #: Display names by model id.
    model_names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SlackApp:
    """A Slack app and what proves that a request is from it or for it."""

    app_id: str
    client_id: str
    client_secret: str = field(repr=False)
    signing_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SectorFlowSettings:
    """What SectorFlow is asked with, as the install API took it."""

    api_token: str = field(repr=False)
    workspace_id: str
    model_ids: tuple[str, ...]
    plus_id: str = ""
    #: Display names by model id as the workspace gave them; may lack some or all.
    model_names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InstallationSettings:
    """What the platform asked for when it registered an installation; shared by all its states."""

    id: str
    app_id: str
    app_name: str
    sectorflow: SectorFlowSettings
    created_at: float
    display: Display = "separated"
    customer_id: str | None = None
    allow_external_users: bool = False
    #: Goes up with each change of these terms, so that nobody undoes a change unseen.
    revision: int = 1


@dataclass(frozen=True, slots=True)
class InstallRequest:
    """What the platform asks for when it registers an installation."""

    app_name: str
    sectorflow: SectorFlowSettings
    display: Display = "separated"
    customer_id: str | None = None
    allow_external_users: bool = False
    team_id: str | None = None
    replaces: str | None = None
    #: An app that exists already; None for the service's own, or where one is to be made.
    slack_app: SlackApp | None = None
    #: Makes a new app in this token's workspace; used once and never stored.
    config_token: str | None = field(default=None, repr=False)
    return_url: str | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """An ``Idempotency-Key`` and a digest of its body: the same two again ask for nothing new."""

    key: str
    fingerprint: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """What the platform changes about an installation; None leaves a setting as it is."""

    app_name: str | None = None
    api_token: str | None = field(default=None, repr=False)
    workspace_id: str | None = None
    model_ids: tuple[str, ...] | None = None
    plus_id: str | None = None
    display: Display | None = None
    allow_external_users: bool | None = None


@dataclass(frozen=True, slots=True)
class PendingInstallation:
    """An installation that waits for a person's consent, or that failed or expired."""

    settings: InstallationSettings
    #: The credentials that came with the request, or of the app made for it; None for the service's own app.
    slack_app: SlackApp | None
    link: str = field(repr=False)
    expires_at: float
    team_id: str | None = None
    replaces: str | None = None
    return_url: str | None = None
    failure: str | None = None

    def status(self, now: float) -> Status:
        """Say where this installation stands at ``now``."""
        if self.failure is not None:
            return "failed"
        return "pending" if now < self.expires_at else "expired"


@dataclass(frozen=True, slots=True)
class BotInstall:
    """What Slack gave when a person consented (``oauth.v2.access``)."""

    app_id: str
    bot_token: str = field(repr=False)
    bot_user_id: str
    #: None for an org-wide install.
    team_id: str | None
    team_name: str
    enterprise_id: str | None = None
    is_enterprise_install: bool = False
    #: Set where the app has token rotation on: what the next token is asked for with, and until when
    #: the present one is good.
    refresh_token: str = field(default="", repr=False)
    token_expires_at: float | None = None

    @property
    def tenant_id(self) -> str:
        """Give the id that this installation is kept under: the team, or the org of an org-wide one."""
        tenant = self.enterprise_id if self.is_enterprise_install else self.team_id
        if not tenant:
            raise ValueError("an install names a team or an enterprise")
        return tenant

    def with_token(self, fresh: FreshToken) -> BotInstall:
        """Give the same install with the next bot token."""
        return replace(
            self,
            bot_token=fresh.bot_token,
            refresh_token=fresh.refresh_token,
            token_expires_at=fresh.expires_at,
        )


@dataclass(frozen=True, slots=True)
class InstallationKey:
    """An app and the team (or, org-wide, the enterprise) it is installed in."""

    app_id: str
    tenant_id: str

    def __str__(self) -> str:
        return f"{self.app_id}:{self.tenant_id}"


@dataclass(frozen=True, slots=True)
class Installation:
    """One app in one team, with the SectorFlow settings it answers with."""

    settings: InstallationSettings
    bot: BotInstall
    installed_at: float

    @property
    def key(self) -> InstallationKey:
        """Give the pair that finds this installation."""
        return InstallationKey(self.settings.app_id, self.bot.tenant_id)


@dataclass(frozen=True, slots=True)
class OAuthState:
    """What one trip to Slack's consent page is bound to."""

    installation_id: str
    app_id: str


@dataclass(frozen=True, slots=True)
class FreshToken:
    """What Slack gives for a refresh token: the next bot token, and the next refresh token."""

    bot_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float


@dataclass(frozen=True, slots=True)
class Revocation:
    """A bot token that is to be taken back at Slack: its installation was deleted."""

    #: The installation that was deleted: another one may have taken its place.
    installation_id: str
    key: InstallationKey
    bot_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    token_expires_at: float | None = None
    #: How often Slack was asked in vain.
    tries: int = 0


@dataclass(frozen=True, slots=True)
class InstallationQuery:
    """Which installations are listed: those that fit every filter that is given, oldest first."""

    limit: int = 20
    #: Where the page before ended; opaque to whoever asks.
    cursor: str | None = None
    status: Status | None = None
    app_id: str | None = None
    team_id: str | None = None
    customer_id: str | None = None


@dataclass(frozen=True, slots=True)
class InstallationPage:
    """One page of a list. Tokens and secrets are left blank, but for the links of pending ones."""

    items: tuple[Installation | PendingInstallation, ...]
    #: None on the last page.
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AppSummary:
    """A Slack app as operators see it: no secrets."""

    app_id: str
    client_id: str
    #: Whether it is the service's own, set by variables.
    is_own: bool
    tenant_ids: tuple[str, ...]
    #: Whether a newer signing secret waits for the first event that verifies with it.
    secret_waits: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """What an ``Idempotency-Key`` stands for."""

    #: ``mine``: the caller registers under ``installation_id``, which is the same at each try.
    #: ``underway``: another request does just now. ``done``: it was registered.
    #: ``other_body``: the key came with another body. ``in_doubt``: an app may have been made at Slack.
    state: Literal["mine", "underway", "done", "other_body", "in_doubt"]
    installation_id: str


@dataclass(frozen=True, slots=True)
class Renewal:
    """What became of one Redis key's sealed values."""

    renewed: int = 0
    current: int = 0
    #: Fields that no key opens, or that were sealed for another place.
    lost: tuple[str, ...] = ()
