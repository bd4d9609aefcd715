"""Revocation of the bot tokens of deleted installations, repeated until Slack confirms it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from sectorflow_slack.domain.errors import CannotDecrypt, SlackError, SlackRefused, StorageUnavailable
from sectorflow_slack.domain.installations import Installation, Revocation
from sectorflow_slack.domain.ports import Clock, SlackClient
from sectorflow_slack.storage.apps import AppStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.revocations import RevocationStore

logger = logging.getLogger(__name__)

FIRST_DELAY_SECONDS = 60.0
LONGEST_DELAY_SECONDS = 3600.0
#: The first six tries take two hours, then there is one each hour for 30 days.
MAX_TRIES = 6 + 30 * 24
#: So few that the worker's other jobs are not delayed.
MAX_AT_ONCE = 20

#: Slack's codes for a token that does not work any more.
DEAD_TOKEN_CODES = frozenset({"account_inactive", "invalid_auth", "token_expired", "token_revoked"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationService:
    """Revokes tokens at once, and later again until Slack confirms it."""

    revocations: RevocationStore
    installations: InstallationStore
    apps: AppStore
    slack: SlackClient
    clock: Clock

    def revoke_now(self, installation: Installation) -> None:
        """Try once to revoke the token of an installation that was just deleted; workers repeat it.

        Rotating tokens are left to workers, because the stored one may be newer. A token that no key
        decrypts (here "") cannot be revoked.
        """
        bot = installation.bot
        if bot.refresh_token or not bot.bot_token:
            return
        revocation = Revocation(installation.settings.id, installation.key, bot.bot_token)
        try:
            self._revoke(revocation)
            self.revocations.complete(revocation)
        except (SlackError, StorageUnavailable, CannotDecrypt) as error:
            logger.warning("revocation left to workers: %s", error, extra=revocation.key.ids)

    def revoke_due(self) -> None:
        """Revoke the tokens that are due; those that Slack does not revoke now are due again later."""
        for _ in range(MAX_AT_ONCE):
            revocation = self.revocations.lease()
            if revocation is None:
                return
            self._complete_or_release(revocation)

    def _complete_or_release(self, revocation: Revocation) -> None:
        try:
            revocation = self._with_fresh_token(revocation)
            self._revoke(revocation)
        except SlackError as error:
            self._release(revocation, error.code, error.retry_after or 0.0)
        except CannotDecrypt as error:
            # No key decrypts the app, or an installation that may use this token.
            self._release(revocation, str(error))
        else:
            self.revocations.complete(revocation)

    def _release(self, revocation: Revocation, reason: str, retry_after: float = 0.0) -> None:
        if revocation.tries + 1 >= MAX_TRIES:
            logger.error("token never revoked: %s", reason, extra=revocation.key.ids)
            self.revocations.complete(revocation)
            return
        delay = min(FIRST_DELAY_SECONDS * 2 ** min(revocation.tries, 10), LONGEST_DELAY_SECONDS)
        logger.warning("token not revoked: %s", reason, extra={**revocation.key.ids, "delay": delay})
        tried = replace(revocation, tries=revocation.tries + 1)
        self.revocations.release(tried, max(delay, retry_after))

    def _revoke(self, revocation: Revocation) -> None:
        if self._is_in_use(revocation):
            return
        try:
            self.slack.revoke(revocation.bot_token)
        except SlackRefused as error:
            if error.code not in DEAD_TOKEN_CODES:
                raise
        logger.info("token revoked", extra=revocation.key.ids)

    def _is_in_use(self, revocation: Revocation) -> bool:
        """Whether an installation uses this token: a second install of an app gets the same one."""
        installation = self.installations.find(revocation.key)
        return installation is not None and installation.bot.bot_token == revocation.bot_token

    def _with_fresh_token(self, revocation: Revocation) -> Revocation:
        """Renew an expired token, so that its successor is revoked."""
        expires_at = revocation.token_expires_at
        if expires_at is None or not revocation.refresh_token or expires_at > self.clock():
            return revocation
        app = self.apps.find(revocation.key.app_id)
        if app is None:
            return revocation
        try:
            fresh = self.slack.refresh(app, revocation.refresh_token)
        except SlackRefused as error:
            logger.warning("token not renewed for revocation: %s", error.code, extra=revocation.key.ids)
            return revocation
        return replace(
            revocation,
            bot_token=fresh.bot_token,
            refresh_token=fresh.refresh_token,
            token_expires_at=fresh.expires_at,
        )
