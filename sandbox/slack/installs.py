"""The installs of apps in teams, and their tokens."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Protocol

from sandbox.slack.records import App, Channel, Install, Team, User, new_id

#: Slack (docs.slack.dev, using token rotation) lets an access token live twelve hours.
ROTATING_TOKEN_LIFE = 43_200
#: The colours of the bots' avatars, in turn from the second.
_BOT_COLOURS = ("#9a3b26", "#1264a3", "#6b3fa0", "#1b7a4b")


class WorldState(Protocol):
    """The parts of the world that installs need."""

    clock: Callable[[], float]
    lock: threading.RLock
    teams: dict[str, Team]
    channels: dict[str, Channel]
    apps: dict[str, App]

    def add_user(self, user: User) -> User:
        """Add a person or a bot user."""

    def touch(self) -> None:
        """Increment the version and wake all waiting threads."""


class Installs:
    """The installs of a world, found by app and team, by token or by bot user."""

    def __init__(self, world: WorldState) -> None:
        self._world = world
        self._by_key: dict[tuple[str, str], Install] = {}
        #: Revoked tokens, whose error differs from that of unknown ones.
        self.revoked_tokens: set[str] = set()

    def install(self, app_id: str, team_id: str, *, by: str = "", scopes: tuple[str, ...] = ()) -> Install:
        """Install an app in a team, or add the new scopes to its install.

        The bot token stays the same (docs.slack.dev, installing with OAuth).
        """
        return self._install(app_id, team_id, org_wide=False, by=by, scopes=scopes)

    def install_org_wide(
        self, app_id: str, team_id: str, *, by: str = "", scopes: tuple[str, ...] = ()
    ) -> Install:
        """Install an app in the whole organisation that a team belongs to."""
        return self._install(app_id, team_id, org_wide=True, by=by, scopes=scopes)

    def _install(
        self, app_id: str, team_id: str, *, org_wide: bool, by: str, scopes: tuple[str, ...]
    ) -> Install:
        world = self._world
        with world.lock:
            app, team = world.apps[app_id], world.teams[team_id]
            tenant = team.enterprise_id if org_wide and team.enterprise_id else team_id
            granted = scopes or app.scopes
            found = self._by_key.get((app_id, tenant))
            if found is None:
                found = Install(
                    app_id=app_id,
                    team_id=None if org_wide else team_id,
                    enterprise_id=team.enterprise_id,
                    bot_user_id=new_id("U"),
                    bot_id=new_id("B"),
                    bot_token="",
                )
                self._by_key[app_id, tenant] = found
                handle = app.name.lower().replace(" ", "_")
                colour = _BOT_COLOURS[len(self._by_key) % len(_BOT_COLOURS)]
                bot = User(found.bot_user_id, team_id, handle, app.name, colour, is_bot=True, app_id=app_id)
                world.add_user(bot)
            self._activate(found, granted, by)
            world.touch()
            return found

    def _activate(self, install: Install, scopes: tuple[str, ...], by: str) -> None:
        if not install.is_active or not install.bot_token:
            install.scopes = ()
            install.older_tokens.clear()
            self._issue(install)
        elif self._world.apps[install.app_id].token_rotation:
            # A token that expires is not returned again.
            self._issue(install)
        install.scopes = tuple(dict.fromkeys(install.scopes + scopes))
        install.installed_by = by or install.installed_by
        install.is_active = True

    def _issue(self, install: Install) -> None:
        """Issue a new token for an install, and a refresh token if the app's tokens rotate."""
        token = (
            f"xoxb-{secrets.randbelow(10**12):012d}-{secrets.randbelow(10**13):013d}-{secrets.token_hex(12)}"
        )
        if not self._world.apps[install.app_id].token_rotation:
            install.bot_token = token
            return
        if install.is_active and install.expires_at is not None:
            install.older_tokens[install.bot_token] = install.expires_at
        install.bot_token = "xoxe." + token
        install.refresh_token = f"xoxe-1-{secrets.token_hex(32)}"
        install.expires_at = self._world.clock() + ROTATING_TOKEN_LIFE

    def refresh(self, app_id: str, refresh_token: str) -> Install | None:
        """Exchange a refresh token, once, for new tokens; None if it is unknown or used.

        The previous access token works until it expires (docs.slack.dev, using token rotation).
        """
        with self._world.lock:
            for install in self.all():
                if install.app_id == app_id and install.refresh_token == refresh_token and install.is_active:
                    self._issue(install)
                    return install
            return None

    def age(self, install: Install, seconds: float) -> None:
        """Age an install's access tokens by ``seconds``; LookupError if they do not rotate."""
        with self._world.lock:
            if install.expires_at is None:
                raise LookupError("the tokens of this app do not rotate")
            install.expires_at -= seconds
            install.older_tokens = {token: at - seconds for token, at in install.older_tokens.items()}

    def uninstall(self, install: Install) -> None:
        """Deactivate an install and its token, and remove its bot from every channel."""
        with self._world.lock:
            install.is_active = False
            for channel in self._world.channels.values():
                if channel.kind != "im":
                    channel.members.discard(install.bot_user_id)
            self._world.touch()

    def authenticate(self, token: str) -> Install | str:
        """Return the install of a token, or Slack's error for the token."""
        found = next(
            (each for each in self.all() if token == each.bot_token or token in each.older_tokens), None
        )
        if token in self.revoked_tokens:
            return "token_revoked"
        if found is None:
            return "invalid_auth"
        if not found.is_active:
            return "account_inactive"
        expires_at = found.expires_at if token == found.bot_token else found.older_tokens[token]
        is_over = expires_at is not None and expires_at <= self._world.clock()
        return "token_expired" if is_over else found

    def all(self) -> list[Install]:
        """Return every install, inactive ones too."""
        with self._world.lock:
            return list(self._by_key.values())

    def find(self, app_id: str, team_id: str) -> Install | None:
        """Return an app's active install for a team, the team's own before the organisation's."""
        with self._world.lock:
            enterprise_id = self._world.teams[team_id].enterprise_id
            for tenant in (team_id, enterprise_id):
                found = self._by_key.get((app_id, tenant or ""))
                if found is not None and found.is_active:
                    return found
            return None

    def in_channel(self, app_id: str, channel: Channel) -> Install | None:
        """Return an app's install in one of the teams of a channel, the owning team's first."""
        teams = [channel.team_id, *sorted(channel.shared_with)]
        return next((found for team in teams if (found := self.find(app_id, team))), None)

    def members(self, channel: Channel) -> list[Install]:
        """Return the installs whose bots are in a channel."""
        return [each for each in self.all() if each.is_active and each.bot_user_id in channel.members]
