"""OAuth with Slack: from an install link to a stored installation."""

from __future__ import annotations

import hmac
import logging
import time
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
    OAuthResult,
    OAuthState,
    PendingInstallation,
    SlackApp,
)
from sectorflow_slack.domain.ports import Clock, SlackClient
from sectorflow_slack.services.resilience import best_effort
from sectorflow_slack.storage.apps import AppStore
from sectorflow_slack.storage.installations import InstallationStore
from sectorflow_slack.storage.oauth_states import UNDERWAY, OAuthStateStore
from sectorflow_slack.storage.pending import PendingStore
from sectorflow_slack.storage.rate_limits import RateLimit

logger = logging.getLogger(__name__)

#: Slack's codes for wrong credentials of the app: a second try cannot succeed.
CREDENTIAL_ERRORS = frozenset({"bad_client_secret", "invalid_client_id"})

#: How often one install link may lead to Slack: each trip stores a state, and a cookie in the browser.
TRIPS = "30 per hour"
#: After these the install link still works.
RETRIABLE = frozenset({"cancelled", "other_team", "slack_away", "slack_error", "stale"})
#: How long a repeated callback waits for the first one: as long as the exchange of a code may take.
WAIT_SECONDS = 12.0
PAUSE_SECONDS = 0.1

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


@dataclass(frozen=True, slots=True)
class CompletedOAuth:
    """The installation that a user consented to, and the page of the platform that the browser goes to."""

    installation: Installation
    #: The bot user's name at Slack; "" if Slack did not tell it.
    bot_name: str
    return_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthService:
    """Turns a pending installation into an installed one through OAuth."""

    apps: AppStore
    installations: InstallationStore
    pendings: PendingStore
    states: OAuthStateStore
    #: How often one install link may lead to Slack.
    trips: RateLimit
    slack: SlackClient
    redirect_uri: str
    clock: Clock

    def find(self, link: str) -> PendingInstallation:
        """Return the request of an install link; raise ``ConsentRefused`` if the link is dead."""
        pending = self.pendings.find_by_link(link)
        if pending is None or pending.status(self.clock()) != "pending" or self._app(pending) is None:
            raise ConsentRefused("dead_link")
        return pending

    def start(self, link: str) -> AuthorizeRedirect:
        """Return the redirect to Slack; raise ``ConsentRefused`` if the link is dead or used too often."""
        pending = self.find(link)
        app = self._app(pending)
        if app is None:
            raise ConsentRefused("dead_link")
        if self.trips.hit(pending.settings.id) is not None:
            raise ConsentRefused("too_often", link=link)
        state = self.states.issue(OAuthState(pending.settings.id, pending.settings.app_id))
        url = self.slack.authorize_url(app, state, self.redirect_uri, pending.team_id)
        return AuthorizeRedirect(url, state)

    def complete(self, callback: OAuthCallback) -> CompletedOAuth:
        """Store the installation that a user consented to; the same callback again returns the same.

        After ``ConsentRefused`` nothing is stored.
        """
        if not callback.state:
            raise ConsentRefused("stale")
        if not _is_equal(callback.state, callback.cookie):
            raise ConsentRefused("other_browser")
        found = self._consume(callback.state)
        if isinstance(found, OAuthState):
            found = self._finish(found, callback, callback.state)
        return self._completed(found)

    def _consume(self, secret: str) -> OAuthState | OAuthResult:
        """Consume a state; if another request has, wait for its result."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            found = self.states.consume(secret)
            if found is None:
                raise ConsentRefused("stale")
            if isinstance(found, OAuthState) or found.reason != UNDERWAY or time.monotonic() > deadline:
                return found
            time.sleep(PAUSE_SECONDS)

    def _finish(self, state: OAuthState, callback: OAuthCallback, secret: str) -> OAuthResult:
        try:
            result = self._install_for(state, callback)
        except ConsentRefused as refusal:
            result = OAuthResult(
                state.installation_id,
                refusal.reason,
                return_url=refusal.return_url,
                link=refusal.link,
            )
        # What was stored is there; without this, only a reload of the page cannot show it.
        with best_effort("result of an install not stored", {"installation_id": state.installation_id}):
            self.states.finish(secret, result)
        return result

    def _completed(self, result: OAuthResult) -> CompletedOAuth:
        if result.reason is not None:
            raise ConsentRefused(
                result.reason,
                installation_id=result.installation_id,
                return_url=result.return_url,
                link=result.link,
            )
        installation = self.installations.find_by_id(result.installation_id)
        if installation is None:
            raise ConsentRefused("dead_link")
        return CompletedOAuth(installation, result.bot_name, result.return_url)

    def _install_for(self, state: OAuthState, callback: OAuthCallback) -> OAuthResult:
        pending = self.pendings.find(state.installation_id)
        if pending is None and self._is_installed(state) and callback.code:
            # The user consented in two windows. Slack issued no second token: the code is not exchanged.
            return OAuthResult(state.installation_id)
        app = self._app(pending) if pending else None
        if pending is None or app is None or app.app_id != state.app_id:
            raise ConsentRefused("dead_link")
        if pending.status(self.clock()) != "pending":
            raise _refused(pending, "dead_link")
        if callback.error is not None or not callback.code:
            raise _refused(pending, "cancelled" if callback.error == "access_denied" else "slack_error")
        bot = self._exchange(app, callback.code, pending)
        self._check_bot(bot, pending)
        return self._install(bot, pending)

    def _is_installed(self, state: OAuthState) -> bool:
        found = self.installations.find_by_id(state.installation_id)
        return found is not None and found.key.app_id == state.app_id

    def _install(self, bot: BotInstall, requested: PendingInstallation) -> OAuthResult:
        """Store the installation with its current settings, which may have changed during OAuth."""
        for _ in range(TRIES):
            pending = self.pendings.find(requested.settings.id)
            if pending is None or pending.status(self.clock()) != "pending":
                return self._install_again(bot, requested)
            installation = Installation(pending.settings, bot, installed_at=self.clock())
            try:
                saved = self.installations.save(installation, pending.slack_app, pending.replaces)
            except RevisionConflict:
                continue
            if not saved:
                self._return_token(bot)
                raise self._failed(requested, "already_installed")
            logger.info("installed", extra=_ids(pending) | installation.key.ids)
            return self._installed(bot, requested)
        self._return_token(bot)
        raise _refused(requested, "stale")

    def _install_again(self, bot: BotInstall, requested: PendingInstallation) -> OAuthResult:
        """Return the result of a second consent that overlapped with the first one."""
        self._return_token(bot)
        installed = self.installations.find(InstallationKey(bot.app_id, bot.tenant_id))
        if installed is None or installed.settings.id != requested.settings.id:
            raise _refused(requested, "dead_link")
        return self._installed(bot, requested)

    def _installed(self, bot: BotInstall, requested: PendingInstallation) -> OAuthResult:
        try:
            bot_name = self.slack.bot_name(bot.bot_token)
        except SlackError as error:
            logger.warning("name of the app not loaded: %s", error.code, extra=_ids(requested))
            bot_name = ""
        return OAuthResult(requested.settings.id, bot_name=bot_name, return_url=requested.return_url)

    def _app(self, pending: PendingInstallation) -> SlackApp | None:
        return pending.slack_app or self.apps.find(pending.settings.app_id)

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
    return ConsentRefused(
        reason,
        installation_id=pending.settings.id,
        return_url=pending.return_url,
        link=pending.link if reason in RETRIABLE else None,
    )


def _is_equal(state: str, cookie: str | None) -> bool:
    return hmac.compare_digest(state.encode("utf-8", "replace"), (cookie or "").encode("utf-8", "replace"))
