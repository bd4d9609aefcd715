"""OAuth with Slack: from an install link to a stored installation."""

from __future__ import annotations

import hmac
import logging
from dataclasses import dataclass, field, replace

from sectorflow_slack.domain.errors import (
    CannotDecrypt,
    ConsentRefused,
    InstallIncomplete,
    RevisionConflict,
    SlackBusy,
    SlackError,
)
from sectorflow_slack.domain.installations import (
    BotInstall,
    Installation,
    InstallationKey,
    OAuthState,
    PendingInstallation,
    SlackApp,
)
from sectorflow_slack.domain.ports import Clock, SlackClient
from sectorflow_slack.storage.apps import AppStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.oauth_states import OAuthStateStore
from sectorflow_slack.storage.pending import PendingStore

logger = logging.getLogger(__name__)

#: Slack's codes for wrong credentials of the app: a second try cannot succeed.
CREDENTIAL_ERRORS = frozenset({"bad_client_secret", "invalid_client_id"})

#: Attempts to store an installation whose settings change at the same time.
TRIES = 5


@dataclass(frozen=True, slots=True)
class AuthorizeRedirect:
    """The URL of Slack's consent page, and the state that the browser must bring back."""

    url: str = field(repr=False)
    state: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuthCallback:
    """The parameters and the cookie of a browser that returns from Slack's consent page."""

    state: str | None = field(repr=False)
    #: The state that the browser got with the redirect to Slack.
    cookie: str | None = field(repr=False)
    code: str | None = field(repr=False)
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthService:
    """Turns a pending installation into an installed one through OAuth."""

    apps: AppStore
    installations: InstallationStore
    pendings: PendingStore
    states: OAuthStateStore
    slack: SlackClient
    redirect_uri: str
    clock: Clock

    def start(self, link: str) -> AuthorizeRedirect:
        """Return the redirect to Slack's consent page; raise ``ConsentRefused`` if the link is dead."""
        pending = self.pendings.find_by_link(link)
        app = self._app(pending) if pending else None
        if pending is None or app is None or pending.status(self.clock()) != "pending":
            raise ConsentRefused("dead_link")
        state = self.states.issue(OAuthState(pending.settings.id, pending.settings.app_id))
        url = self.slack.authorize_url(app, state, self.redirect_uri, pending.team_id)
        return AuthorizeRedirect(url, state)

    def complete(self, callback: OAuthCallback) -> tuple[Installation, PendingInstallation]:
        """Store the installation that a user consented to; return it and its request.

        After ``ConsentRefused`` nothing is stored.
        """
        pending, app = self._check_callback(callback)
        if callback.error is not None or not callback.code:
            raise _refused(pending, "cancelled" if callback.error == "access_denied" else "slack_error")
        bot = self._exchange(app, callback.code, pending)
        self._check_bot(bot, pending)
        return self._install(bot, pending)

    def _install(
        self, bot: BotInstall, requested: PendingInstallation
    ) -> tuple[Installation, PendingInstallation]:
        """Store the installation with its current settings, which may have changed during OAuth."""
        for _ in range(TRIES):
            pending = self.pendings.find(requested.settings.id)
            if pending is None or pending.status(self.clock()) != "pending":
                self._return_token(bot)
                raise _refused(requested, "dead_link")
            installation = Installation(pending.settings, bot, installed_at=self.clock())
            try:
                saved = self.installations.save(installation, pending.slack_app, pending.replaces)
            except RevisionConflict:
                continue
            if not saved:
                self._return_token(bot)
                raise self._failed(requested, "already_installed")
            logger.info("installed", extra=_ids(pending) | installation.key.ids)
            return installation, pending
        self._return_token(bot)
        raise _refused(requested, "stale")

    def _app(self, pending: PendingInstallation) -> SlackApp | None:
        return pending.slack_app or self.apps.find(pending.settings.app_id)

    def _check_callback(self, callback: OAuthCallback) -> tuple[PendingInstallation, SlackApp]:
        """Consume the state and return the request and the app that the browser got it for."""
        if callback.state and not callback.cookie:
            raise ConsentRefused("no_cookie")
        if not callback.state or not _is_equal(callback.state, callback.cookie):
            raise ConsentRefused("other_browser")
        state = self.states.consume(callback.state)
        if state is None:
            raise ConsentRefused("stale")
        pending = self.pendings.find(state.installation_id)
        app = self._app(pending) if pending else None
        if (
            pending is None
            or app is None
            or app.app_id != state.app_id
            or pending.status(self.clock()) != "pending"
        ):
            raise ConsentRefused("dead_link")
        return pending, app

    def _exchange(self, app: SlackApp, code: str, pending: PendingInstallation) -> BotInstall:
        try:
            return self.slack.exchange_code(app, code, self.redirect_uri)
        except SlackBusy as error:
            logger.warning("code not exchanged: %s", error.code, extra=_ids(pending))
            raise _refused(pending, "slack_away") from None
        except SlackError as error:
            logger.warning("code refused: %s", error.code, extra=_ids(pending))
            if isinstance(error, InstallIncomplete):
                self._revoke_incomplete(error)
            if error.code in CREDENTIAL_ERRORS:
                raise self._failed(pending, "bad_credentials") from None
            raise _refused(pending, "slack_error") from None

    def _check_bot(self, bot: BotInstall, pending: PendingInstallation) -> None:
        """Check that Slack installed the requested app in the requested team."""
        if bot.app_id != pending.settings.app_id:
            self._return_token(bot)
            raise self._failed(pending, "other_app")
        if pending.team_id is not None and pending.team_id != bot.tenant_id:
            self._return_token(bot)
            raise _refused(pending, "other_team")

    def _return_token(self, bot: BotInstall) -> None:
        """Revoke a bot token that is not needed, or store it with the installation that is there already.

        Slack issues the same bot token if an app is installed again, but a new one if the app was
        uninstalled in between or has token rotation on. The existing installation gets the new token and
        install time: its own token may be invalid, and Slack's event about that may still be on its way.
        """
        for _ in range(TRIES):
            try:
                existing = self.installations.find(InstallationKey(bot.app_id, bot.tenant_id))
            except CannotDecrypt as error:
                # The unreadable installation may use this token, and its record cannot be updated.
                logger.error("token not revoked: %s cannot be decrypted", error.location)
                return
            if existing is None:
                self._revoke(bot.bot_token)
                return
            # If its token was renewed at the same time, try again: this token is newer still.
            if self.installations.renew(existing, replace(existing, bot=bot, installed_at=self.clock())):
                logger.info("bot token handed over", extra=existing.key.ids)
                return

    def _revoke_incomplete(self, error: InstallIncomplete) -> None:
        """Revoke the token of an incomplete install, unless an installation may use it."""
        try:
            is_free = error.key is not None and self.installations.find(error.key) is None
        except CannotDecrypt:
            is_free = False
        if is_free:
            self._revoke(error.bot_token)
        else:
            logger.error("token not revoked: an installation may use it")

    def _revoke(self, bot_token: str) -> None:
        try:
            self.slack.revoke(bot_token)
        except SlackError as error:
            logger.warning("token not revoked: %s", error.code)

    def _failed(self, pending: PendingInstallation, reason: str) -> ConsentRefused:
        self.pendings.fail(pending.settings.id, reason)
        logger.warning("installation failed: %s", reason, extra=_ids(pending))
        return _refused(pending, reason)


def _ids(pending: PendingInstallation) -> dict[str, str]:
    return {"installation_id": pending.settings.id}


def _refused(pending: PendingInstallation, reason: str) -> ConsentRefused:
    return ConsentRefused(reason, installation_id=pending.settings.id, return_url=pending.return_url)


def _is_equal(state: str, cookie: str | None) -> bool:
    return hmac.compare_digest(state.encode("utf-8", "replace"), (cookie or "").encode("utf-8", "replace"))
