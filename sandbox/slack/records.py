"""The records of the fake Slack: teams, users, channels, apps and installs."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from typing import Any, Literal

#: A message as Slack stores it: ``ts``, ``channel``, ``user``, ``text``, ``blocks``, ``thread_ts``, …
#: plus ``pings``, the mentions in it that notify people.
Message = dict[str, Any]
ChannelKind = Literal["channel", "group", "mpim", "im"]

_ID_ALPHABET = string.ascii_uppercase + string.digits


def new_id(prefix: str) -> str:
    """Generate an id like Slack's: a letter for the kind, then ten capitals and digits."""
    return prefix + "".join(secrets.choice(_ID_ALPHABET) for _ in range(10))


@dataclass(frozen=True)
class Team:
    """A Slack workspace, perhaps one of an organisation (Enterprise Grid)."""

    id: str
    name: str
    domain: str
    enterprise_id: str | None = None
    enterprise_name: str | None = None


@dataclass(frozen=True)
class User:
    """A person or an app's bot user."""

    id: str
    team_id: str
    name: str
    real_name: str
    #: The CSS colour of the avatar.
    colour: str = "#4a154b"
    is_bot: bool = False
    app_id: str | None = None

    @property
    def initials(self) -> str:
        """Return the avatar's one or two letters."""
        words = self.real_name.split()
        return "".join(word[0] for word in words[:2]).upper()


@dataclass
class Channel:
    """A public or private channel, a group DM or a DM."""

    id: str
    team_id: str
    name: str
    kind: ChannelKind = "channel"
    members: set[str] = field(default_factory=set)
    #: Other teams that share this channel through Slack Connect.
    shared_with: set[str] = field(default_factory=set)
    topic: str = ""
    is_archived: bool = False

    @property
    def team_ids(self) -> set[str]:
        """Return every team whose users and apps can be in this channel."""
        return {self.team_id} | self.shared_with


@dataclass
class App:
    """A Slack app with its configuration."""

    app_id: str
    client_id: str
    client_secret: str = field(repr=False)
    signing_secret: str = field(repr=False)
    verification_token: str = field(repr=False)
    name: str
    home_team_id: str
    redirect_urls: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    bot_events: tuple[str, ...] = ()
    events_url: str | None = None
    interactivity_url: str | None = None
    is_distributed: bool = False
    token_rotation: bool = False
    #: Whether an organisation may install it for all its workspaces at once.
    org_deploy: bool = False
    is_deleted: bool = False
    #: The manifest the app was created from, if any.
    manifest: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def credentials(self) -> dict[str, str]:
        """Return the credentials in the answer of apps.manifest.create (docs.slack.dev)."""
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "verification_token": self.verification_token,
            "signing_secret": self.signing_secret,
        }

    def shows(self, tab: str) -> bool:
        """Whether the app has a ``home`` or a ``messages`` tab; one without a manifest has both."""
        tabs = self.manifest.get("features", {}).get("app_home", {})
        return bool(tabs.get(f"{tab}_tab_enabled")) if self.manifest else True

    @property
    def is_agent(self) -> bool:
        """Whether the app is declared as an agent; one without a manifest is."""
        return "agent_view" in self.manifest.get("features", {}) if self.manifest else True

    @property
    def takes_messages(self) -> bool:
        """Whether users can message the app in its DM (docs.slack.dev, app manifest, app_home)."""
        tabs = self.manifest.get("features", {}).get("app_home", {})
        return self.shows("messages") and not tabs.get("messages_tab_read_only_enabled")


@dataclass
class Install:
    """One app in one team, or in one organisation when ``team_id`` is None."""

    app_id: str
    team_id: str | None
    enterprise_id: str | None
    bot_user_id: str
    bot_id: str
    bot_token: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    installed_by: str = ""
    is_active: bool = True
    refresh_token: str | None = field(default=None, repr=False)
    #: Seconds since the epoch; None if tokens do not rotate.
    expires_at: float | None = None
    #: Renewed tokens that still work, with their expiry.
    older_tokens: dict[str, float] = field(default_factory=dict, repr=False)

    @property
    def tenant_id(self) -> str:
        """Return the team's id, or the organisation's for an org-wide install."""
        return self.team_id or self.enterprise_id or ""
