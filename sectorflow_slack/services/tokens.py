"""Keeping bot tokens alive that expire: apps with token rotation (docs.slack.dev, using token rotation)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial

from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused
from sectorflow_slack.domain.installations import BotInstall, FreshToken, Installation, SlackApp
from sectorflow_slack.domain.ports import Clock, SlackClient
from sectorflow_slack.services.resilience import retry_while_store_is_down
from sectorflow_slack.storage.apps import AppStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.locks import Locks

logger = logging.getLogger(__name__)

#: A token of twelve hours is renewed when it has less than this to live, as Slack's own SDK does it.
RENEW_BEFORE_SECONDS = 2 * 3600
#: What a token must have left to be used: what is begun with it should end with it.
USABLE_SECONDS = 60
#: A process that dies while it renews holds others up for no longer than this.
LOCK_SECONDS = 30.0
#: How long one waits that has no other token to use.
WAIT_SECONDS = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenService:
    """Renews bot tokens, one process at a time: a refresh token works once.

    The old token stays where it is until the new one is stored. Whoever can still use the old one does not
    wait for the new.
    """

    apps: AppStore
    installations: InstallationStore
    slack: SlackClient
    locks: Locks
    clock: Clock

    def ensure_fresh(self, installation: Installation) -> Installation:
        """Give the installation with a bot token that can be used now; renews it in good time.

        Raises:
            SlackError: its token has expired, and there is no new one.
            StorageUnavailable: the stores could not be asked.

        """
        if self._lives(installation.bot, RENEW_BEFORE_SECONDS):
            return installation
        if not self._lives(installation.bot, USABLE_SECONDS):
            return self._renewed(installation)
        with self.locks.hold(_lock(installation), LOCK_SECONDS) as held:
            if not held:
                return installation
            try:
                return self._renew(installation)
            except SlackError as error:
                logger.warning("bot token not renewed: %s", error.code, extra=_ids(installation))
                return installation

    def renew_now(self, installation: Installation) -> Installation:
        """Give the installation with another bot token: Slack said of this one that it has expired.

        Raises:
            SlackError: there is no other.
            StorageUnavailable: the stores could not be asked.

        """
        if not installation.bot.refresh_token:
            raise SlackRefused("token_expired")
        return self._renewed(installation)

    def _renewed(self, installation: Installation) -> Installation:
        """Wait for whoever renews it already, else renew it."""
        with self.locks.hold(_lock(installation), LOCK_SECONDS, wait=WAIT_SECONDS) as held:
            if held:
                return self._renew(installation)
        current = self._renewed_by_others(installation)
        if current is None:
            raise SlackBusy("token_not_renewed_yet")
        return current

    def _renew(self, installation: Installation) -> Installation:
        """Renew the token, unless somebody has meanwhile; the lock is held."""
        current = self._renewed_by_others(installation)
        if current is not None:
            return current
        app = self._app(installation)
        try:
            fresh = self.slack.refresh(app, installation.bot.refresh_token)
        except SlackRefused:
            # Whoever held the lock before and lost it may have used the refresh token since.
            current = self._renewed_by_others(installation)
            if current is None:
                raise
            return current
        return self._store(installation, fresh)

    def _store(self, installation: Installation, fresh: FreshToken) -> Installation:
        renewed = replace(installation, bot=installation.bot.with_token(fresh))
        if not retry_while_store_is_down(partial(self.installations.renew, installation, renewed)):
            logger.warning("fresh bot token not kept", extra=_ids(installation))
            current = self.installations.find(installation.key)
            if current is None:
                self._revoke(fresh, installation)
            return current or installation
        logger.info("bot token renewed", extra=_ids(installation))
        return renewed

    def _revoke(self, fresh: FreshToken, installation: Installation) -> None:
        """Take back a token that came after its installation was forgotten: nobody else knows of it."""
        try:
            self.slack.revoke(fresh.bot_token)
        except SlackError as error:
            logger.warning("fresh bot token not revoked: %s", error.code, extra=_ids(installation))

    def _renewed_by_others(self, installation: Installation) -> Installation | None:
        """Give the installation as it is stored, where it has another token by now."""
        current = self.installations.find(installation.key)
        if current is None or current.bot.bot_token == installation.bot.bot_token:
            return None
        return current

    def _app(self, installation: Installation) -> SlackApp:
        app = self.apps.find(installation.key.app_id)
        if app is None:
            raise SlackRefused("invalid_client_id")
        return app

    def _lives(self, bot: BotInstall, seconds: float) -> bool:
        """Say whether a bot token is good for so long; one without an end, or without a successor, always."""
        if bot.token_expires_at is None or not bot.refresh_token:
            return True
        return bot.token_expires_at - self.clock() > seconds


def _lock(installation: Installation) -> str:
    return f"token:{installation.key}"


def _ids(installation: Installation) -> dict[str, str]:
    return {"installation": str(installation.key)}
