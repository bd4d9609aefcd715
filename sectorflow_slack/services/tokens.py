"""Bot tokens that expire: renewal for apps with token rotation (docs.slack.dev, using token rotation)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial

from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused
from sectorflow_slack.domain.installations import BotInstall, FreshToken, Installation
from sectorflow_slack.domain.ports import Clock, SlackClient
from sectorflow_slack.services.resilience import retry_while_store_is_down
from sectorflow_slack.storage.apps import AppStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.locks import Locks

logger = logging.getLogger(__name__)

#: A token, which lives for twelve hours, is renewed this long before its end, as in Slack's own SDK.
RENEW_BEFORE_SECONDS = 2 * 3600
#: How long a token must still live to be used, so that it does not expire during a job.
USABLE_SECONDS = 60
#: How long a renewal lock outlives a crashed process.
LOCK_SECONDS = 30.0
#: How long a process without a usable token waits for the renewal by another.
WAIT_SECONDS = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenService:
    """Renews bot tokens, one process at a time because a refresh token works once.

    The old token stays stored until it is replaced. While it is usable, other processes use it without
    waiting.
    """

    apps: AppStore
    installations: InstallationStore
    slack: SlackClient
    locks: Locks
    clock: Clock

    def ensure_fresh(self, installation: Installation) -> Installation:
        """Return the installation with a usable bot token, renewed if it expires soon.

        Raises ``SlackError`` if it has expired and could not be renewed.
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
                logger.warning("bot token not renewed: %s", error.code, extra=installation.key.ids)
                return installation

    def renew_now(self, installation: Installation) -> Installation:
        """Return the installation with another bot token, after Slack refused this one as expired.

        Raises ``SlackError`` if it could not be renewed.
        """
        if not installation.bot.refresh_token:
            raise SlackRefused("token_expired")
        return self._renewed(installation)

    def _renewed(self, installation: Installation) -> Installation:
        """Renew the token, or wait for the process that renews it already."""
        with self.locks.hold(_lock(installation), LOCK_SECONDS, wait=WAIT_SECONDS) as held:
            if held:
                return self._renew(installation)
        current = self._renewed_by_others(installation)
        if current is None:
            raise SlackBusy("token_not_renewed_yet")
        return current

    def _renew(self, installation: Installation) -> Installation:
        """Renew the token unless another process has; the caller holds the lock."""
        current = self._renewed_by_others(installation)
        if current is not None:
            return current
        app = self.apps.find(installation.key.app_id)
        if app is None:
            raise SlackRefused("invalid_client_id")
        try:
            fresh = self.slack.refresh(app, installation.bot.refresh_token)
        except SlackRefused:
            # A process whose lock expired during its call may have used the refresh token.
            current = self._renewed_by_others(installation)
            if current is None:
                raise
            return current
        return self._store(installation, fresh)

    def _store(self, installation: Installation, fresh: FreshToken) -> Installation:
        renewed = replace(installation, bot=installation.bot.with_token(fresh))
        if not retry_while_store_is_down(partial(self.installations.renew, installation, renewed)):
            logger.warning("fresh bot token not stored", extra=installation.key.ids)
            current = self.installations.find(installation.key)
            if current is None:
                self._revoke(fresh, installation)
            return current or installation
        logger.info("bot token renewed", extra=installation.key.ids)
        return renewed

    def _revoke(self, fresh: FreshToken, installation: Installation) -> None:
        """Revoke a token that arrived after its installation was deleted: it is stored nowhere."""
        try:
            self.slack.revoke(fresh.bot_token)
        except SlackError as error:
            logger.warning("fresh bot token not revoked: %s", error.code, extra=installation.key.ids)

    def _renewed_by_others(self, installation: Installation) -> Installation | None:
        """Return the stored installation if it has another token by now, else None."""
        current = self.installations.find(installation.key)
        if current is None or current.bot.bot_token == installation.bot.bot_token:
            return None
        return current

    def _lives(self, bot: BotInstall, seconds: float) -> bool:
        """Whether a bot token lives that long; always true if it does not expire or cannot be renewed."""
        if bot.token_expires_at is None or not bot.refresh_token:
            return True
        return bot.token_expires_at - self.clock() > seconds


def _lock(installation: Installation) -> str:
    return f"token:{installation.key}"
