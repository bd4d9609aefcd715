"""Slack apps and their installations, from the request to the revocation of the token.

Times are seconds since the epoch, UTC; ids are Slack's and SectorFlow's strings. Secret fields are left out
of ``repr``, so that no log line or traceback shows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args

#: How answers are shown: one below the other, one at a time behind tabs, or each in a frame that opens.
Display = Literal["separated", "tabs", "folded"]
DISPLAYS: Final[tuple[Display, ...]] = get_args(Display)
#: What some workspaces refuse in a message: blocks of type ``container``, or more than one table.
Refusal = Literal["containers", "second_table"]
REFUSALS: Final[tuple[Refusal, ...]] = get_args(Refusal)
Status = Literal["pending", "installed", "failed", "expired"]


@dataclass(frozen=True, slots=True)
class Workspace:
    """The part of a SectorFlow workspace that the service needs."""

    id: str
    name: str
    #: Display names by model id.
    model_names: dict[str, str] = field(default_factory=dict)
    #: The ids of all its models, in lower case; None if SectorFlow does not list them.
    model_ids: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class SlackApp:
    """A Slack app with its credentials."""

    app_id: str
    client_id: str
    client_secret: str = field(repr=False)
    signing_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SectorFlowSettings:
    """An installation's token, workspace, models and expert at SectorFlow."""

    api_token: str = field(repr=False)
    workspace_id: str
    model_ids: tuple[str, ...]
    plus_id: str = ""
    #: The workspace's display names by model id; may lack some or all.
    model_names: dict[str, str] = field(default_factory=dict)
    #: The workspace's name; "" if SectorFlow has not told it.
    workspace_name: str = ""


@dataclass(frozen=True, slots=True)
class InstallationSettings:
    """The settings of an installation, pending or installed, as the platform registered or changed them."""

    id: str
    app_id: str
    app_name: str
    sectorflow: SectorFlowSettings
    created_at: float
    display: Display = "separated"
    customer_id: str | None = None
    allow_external_users: bool = False
    #: Incremented by each change, so that no change overwrites another one unnoticed.
    revision: int = 1
    #: A keyed digest of the API token; "" in records of 0.1.0.
    token_digest: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class InstallRequest:
    """The platform's request for an installation."""

    app_name: str
    sectorflow: SectorFlowSettings
    display: Display = "separated"
    customer_id: str | None = None
    allow_external_users: bool = False
    team_id: str | None = None
    replaces: str | None = None
    #: An existing app; None for the service's own app, or to create one.
    slack_app: SlackApp | None = None
    #: Creates a new app in this token's workspace; used once and never stored.
    config_token: str | None = field(default=None, repr=False)
    return_url: str | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """An ``Idempotency-Key`` and a digest of the request's body."""

    key: str
    fingerprint: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """The platform's change of settings; None leaves a setting as it is."""

    app_name: str | None = None
    api_token: str | None = field(default=None, repr=False)
    workspace_id: str | None = None
    model_ids: tuple[str, ...] | None = None
    plus_id: str | None = None
    display: Display | None = None
    allow_external_users: bool | None = None


@dataclass(frozen=True, slots=True)
class PendingInstallation:
    """An installation that waits for a user's consent, or that failed or expired."""

    settings: InstallationSettings
    #: The app of the request, or the one created for it; None for the service's own app.
    slack_app: SlackApp | None
    link: str = field(repr=False)
    expires_at: float
    team_id: str | None = None
    replaces: str | None = None
    return_url: str | None = None
    failure: str | None = None

    def status(self, now: float) -> Status:
        """Return the status of this installation at ``now``."""
        if self.failure is not None:
            return "failed"
        return "pending" if now < self.expires_at else "expired"


@dataclass(frozen=True, slots=True)
class BotInstall:
    """Slack's grant after a user's consent (``oauth.v2.access``)."""

    app_id: str
    bot_token: str = field(repr=False)
    bot_user_id: str
    #: None for an org-wide install.
    team_id: str | None
    team_name: str
    enterprise_id: str | None = None
    is_enterprise_install: bool = False
    #: The user who consented; "" if Slack names none, and in records of earlier releases.
    installer_id: str = ""
    #: Set if the app has token rotation on.
    refresh_token: str = field(default="", repr=False)
    token_expires_at: float | None = None

    @property
    def tenant_id(self) -> str:
        """Return the team, or the organisation of an org-wide install: installations are stored under it."""
        tenant = self.enterprise_id if self.is_enterprise_install else self.team_id
        if not tenant:
            raise ValueError("an install names a team or an enterprise")
        return tenant

    def with_token(self, fresh: FreshToken) -> BotInstall:
        """Return the same install with the next bot token."""
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

    @classmethod
    def parse(cls, text: str) -> InstallationKey:
        """Return the key that ``str`` wrote."""
        return cls(*text.split(":"))

    @property
    def ids(self) -> dict[str, str]:
        """Return the field of log lines about this installation."""
        return {"installation": str(self)}


@dataclass(frozen=True, slots=True)
class Installation:
    """One app in one team, with the SectorFlow settings it answers with."""

    settings: InstallationSettings
    bot: BotInstall
    installed_at: float
    #: What Slack has refused here, so that it is not sent again.
    refused: frozenset[Refusal] = frozenset()

    @property
    def key(self) -> InstallationKey:
        """Return the key that this installation is stored under."""
        return InstallationKey(self.settings.app_id, self.bot.tenant_id)


#: An installation in any state.
AnyInstallation = Installation | PendingInstallation


@dataclass(frozen=True, slots=True)
class OAuthState:
    """The installation and the app that an OAuth state was issued for."""

    installation_id: str
    app_id: str


@dataclass(frozen=True, slots=True)
class OAuthResult:
    """How the OAuth of a state ended: in an installation, or for a ``reason`` in a refusal."""

    installation_id: str
    reason: str | None = None
    #: The bot user's name at Slack; "" if Slack did not tell it.
    bot_name: str = ""
    return_url: str | None = None
    #: The install link, if the user may try again.
    link: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class FreshToken:
    """Slack's response to a refresh token: the next bot token and the next refresh token."""

    bot_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float


@dataclass(frozen=True, slots=True)
class Revocation:
    """A bot token that must be revoked because its installation was deleted."""

    #: The deleted installation; a newer one may have the same key.
    installation_id: str
    key: InstallationKey
    bot_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    token_expires_at: float | None = None
    #: How many tries have failed.
    tries: int = 0


@dataclass(frozen=True, slots=True)
class InstallationQuery:
    """Filters of a list of installations; all given ones must match. The oldest comes first."""

    limit: int = 20
    #: The ``next_cursor`` of the page before; opaque to callers.
    cursor: str | None = None
    status: Status | None = None
    app_id: str | None = None
    team_id: str | None = None
    customer_id: str | None = None
    token_digest: str | None = None


@dataclass(frozen=True, slots=True)
class InstallationPage:
    """One page of a list. Tokens and secrets are blank, except the links of pending installations."""

    items: tuple[AnyInstallation, ...]
    #: None on the last page.
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AppSummary:
    """A Slack app for operators: no secrets."""

    app_id: str
    client_id: str
    #: Whether it is the service's own app, set by environment variables.
    is_own: bool
    tenant_ids: tuple[str, ...]
    #: Whether there is a newer signing secret that has verified no event yet.
    secret_waits: bool


#: ``mine``: the caller must register ``installation_id``, which is the same for each try.
#: ``underway``: another request is doing so. ``done``: it is registered.
#: ``other_body``: the key came with another body. ``in_doubt``: Slack may have created an app.
ClaimState = Literal["mine", "underway", "done", "other_body", "in_doubt"]


@dataclass(frozen=True, slots=True)
class Claim:
    """The state of an ``Idempotency-Key``."""

    state: ClaimState
    installation_id: str


@dataclass(frozen=True, slots=True)
class Renewal:
    """The result of re-encrypting the values of one Redis key."""

    renewed: int = 0
    current: int = 0
    #: Fields that no key decrypts.
    lost: tuple[str, ...] = ()
