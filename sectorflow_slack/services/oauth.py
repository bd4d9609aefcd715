"""Consent: a person's trip to Slack and back, and the installation it leads to."""

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

#: Slack says these where the credentials of the app are wrong: no second try can do better.
CREDENTIAL_ERRORS = frozenset({"bad_client_secret", "invalid_client_id"})

#: How often an installation is stored anew because the platform changes its terms at the same moment.
TRIES = 5


@dataclass(frozen=True, slots=True)
class AuthorizeRedirect:
    """Where to send a browser for consent, and the state it must bring back."""

    url: str = field(repr=False)
    state: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuthCallback:
    """What a browser brings back from Slack's consent page."""

    state: str | None = field(repr=False)
    #: The state this browser was sent off with.
    cookie: str | None = field(repr=False)
    code: str | None = field(repr=False)
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthService:
    """Takes a pending installation through OAuth to the stored bot token."""

    apps: AppStore
    installations: InstallationStore
    pendings: PendingStore
    states: OAuthStateStore
    slack: SlackClient
    redirect_uri: str
    clock: Clock

    def start(self, link: str) -> AuthorizeRedirect:
        """Send a person off to Slack's consent page.

        Raises:
            ConsentRefused: the link leads nowhere (any more).

        """
        pending = self.pendings.find_by_link(link)
        app = self._app(pending) if pending else None
        if pending is None or app is None or pending.status(self.clock()) != "pending":
            raise ConsentRefused("dead_link")
        state = self.states.issue(OAuthState(pending.settings.id, pending.settings.app_id))
        url = self.slack.authorize_url(app, state, self.redirect_uri, pending.team_id)
        return AuthorizeRedirect(url, state)

    def complete(self, answer: OAuthCallback) -> tuple[Installation, PendingInstallation]:
        """Turn a person's consent into an installation; returns it and the request it came from.

        Raises:
            ConsentRefused: the consent does not lead to one; nothing was stored of it.

        """
        pending, app = self._trip(answer)
        refusal = _Refusal(pending)
        if answer.error is not None or not answer.code:
            raise refusal.because("cancelled" if answer.error == "access_denied" else "slack_error")
        bot = self._exchange(app, answer.code, refusal)
        self._check_place(bot, refusal)
        return self._install(bot, refusal)

    def _install(self, bot: BotInstall, refusal: _Refusal) -> tuple[Installation, PendingInstallation]:
        """Store the installation with the terms that are in force at that moment; they may have changed."""
        for _ in range(TRIES):
            pending = self.pendings.find(refusal.pending.settings.id)
            if pending is None or pending.status(self.clock()) != "pending":
                self._give_back(bot)
                raise refusal.because("dead_link")
            installation = Installation(pending.settings, bot, installed_at=self.clock())
            try:
                saved = self.installations.save(installation, pending.slack_app, pending.replaces)
            except RevisionConflict:
                continue
            if not saved:
                self._give_back(bot)
                raise self._failed(refusal, "already_installed")
            ids = {"installation_id": pending.settings.id, "installation": str(installation.key)}
            logger.info("installed", extra=ids)
            return installation, pending
        self._give_back(bot)
        raise refusal.because("stale")

    def _app(self, pending: PendingInstallation) -> SlackApp | None:
        return pending.slack_app or self.apps.find(pending.settings.app_id)

    def _trip(self, answer: OAuthCallback) -> tuple[PendingInstallation, SlackApp]:
        """Find what this browser was sent off for; the state is of no use afterwards."""
        if answer.state and not answer.cookie:
            raise ConsentRefused("no_cookie")
        if not answer.state or not _same(answer.state, answer.cookie):
            raise ConsentRefused("other_browser")
        state = self.states.consume(answer.state)
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

    def _exchange(self, app: SlackApp, code: str, refusal: _Refusal) -> BotInstall:
        try:
            return self.slack.exchange_code(app, code, self.redirect_uri)
        except SlackBusy as error:
            logger.warning("code not exchanged: %s", error.code, extra=refusal.ids)
            raise refusal.because("slack_away") from None
        except SlackError as error:
            logger.warning("code refused: %s", error.code, extra=refusal.ids)
            if isinstance(error, InstallIncomplete):
                self._leave_behind(error)
            if error.code in CREDENTIAL_ERRORS:
                raise self._failed(refusal, "bad_credentials") from None
            raise refusal.because("slack_error") from None

    def _check_place(self, bot: BotInstall, refusal: _Refusal) -> None:
        """See that Slack installed the app that was asked for, in the team that was named."""
        pending = refusal.pending
        if bot.app_id != pending.settings.app_id:
            self._give_back(bot)
            raise self._failed(refusal, "other_app")
        if pending.team_id is not None and pending.team_id != bot.tenant_id:
            self._give_back(bot)
            raise refusal.because("other_team")

    def _give_back(self, bot: BotInstall) -> None:
        """Revoke a token that will not be stored, unless an installation lives by the same install.

        Slack gives the same bot token again when an app is installed again; another one where it was
        uninstalled meanwhile, or where its tokens end. The installation that is there goes on with what it
        gave, as installed now: its own token may be over, and Slack may still have to tell of that.
        """
        for _ in range(TRIES):
            try:
                living = self.installations.find(InstallationKey(bot.app_id, bot.tenant_id))
            except CannotDecrypt as error:
                # It may be the token of the installation there, and has nowhere else to go.
                logger.error("token left alone: %s", error.place)
                return
            if living is None:
                self._revoke(bot.bot_token)
                return
            # Where its token is renewed at the same moment, this one is newer still.
            if self.installations.renew(living, replace(living, bot=bot, installed_at=self.clock())):
                logger.info("bot token handed over", extra={"installation": str(living.key)})
                return

    def _leave_behind(self, error: InstallIncomplete) -> None:
        """Revoke a token that came with too little to be stored, unless an installation may live by it."""
        if error.key is None or not self._is_free(error.key):
            logger.error("token left alone: not enough came with it")
        else:
            self._revoke(error.bot_token)

    def _is_free(self, key: InstallationKey) -> bool:
        try:
            return self.installations.find(key) is None
        except CannotDecrypt:
            return False

    def _revoke(self, bot_token: str) -> None:
        try:
            self.slack.revoke(bot_token)
        except SlackError as error:
            logger.warning("token not revoked: %s", error.code)

    def _failed(self, refusal: _Refusal, reason: str) -> ConsentRefused:
        self.pendings.fail(refusal.pending.settings.id, reason)
        logger.warning("installation failed: %s", reason, extra=refusal.ids)
        return refusal.because(reason)


@dataclass(frozen=True, slots=True)
class _Refusal:
    pending: PendingInstallation

    @property
    def ids(self) -> dict[str, str]:
        return {"installation_id": self.pending.settings.id}

    def because(self, reason: str) -> ConsentRefused:
        return ConsentRefused(
            reason, installation_id=self.pending.settings.id, return_url=self.pending.return_url
        )


def _same(state: str, cookie: str | None) -> bool:
    return hmac.compare_digest(state.encode("utf-8", "replace"), (cookie or "").encode("utf-8", "replace"))
