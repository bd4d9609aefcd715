"""Slack apps and their tokens: manifests, OAuth and token rotation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sectorflow_slack.clients.slack_calls import RATE_ERRORS, SlackConnection, call
from sectorflow_slack.clients.slack_replies import read_app, read_faults, read_fresh_token, read_install
from sectorflow_slack.domain.errors import ManifestRefused, SlackBusy, SlackError, SlackRefused
from sectorflow_slack.domain.installations import BotInstall, FreshToken, SlackApp
from sectorflow_slack.domain.slack import SCOPES

#: After these an app may be there all the same: they name a step that comes late.
LATE_ERRORS = frozenset({"failed_adding_collaborator", "failed_creating_app"})

#: Apps may be made once a minute (Tier 1; docs.slack.dev, rate limits).
CREATE_AGAIN_SECONDS = 60.0


class SlackApps(SlackConnection):
    """The part of Slack's API that is about apps, and about getting and giving back tokens."""

    def authorize_url(self, app: SlackApp, state: str, redirect_uri: str, team_id: str | None) -> str:
        """Give the address of Slack's consent page.

        Built here because slack_sdk's ``AuthorizeUrlGenerator`` percent-encodes nothing.
        """
        query = {
            "client_id": app.client_id,
            "scope": ",".join(SCOPES),
            "redirect_uri": redirect_uri,
            "state": state,
        }
        if team_id:
            query["team"] = team_id
        return f"{self._base_url}/oauth/v2/authorize?{urlencode(query)}"

    def exchange_code(self, app: SlackApp, code: str, redirect_uri: str) -> BotInstall:
        """Turn an OAuth code into a bot token (``oauth.v2.access``).

        Raises:
            InstallIncomplete: Slack gave a token, but no whole install.
            SlackRefused: Slack said no, or gave no install at all ("unexpected_reply").
            SlackBusy: Slack did not answer.

        """
        now = self._clock()
        reply = call(
            self._client().oauth_v2_access,
            client_id=app.client_id,
            client_secret=app.client_secret,
            code=code,
            redirect_uri=redirect_uri,
        )
        return read_install(reply, app.app_id, now)

    def refresh(self, app: SlackApp, refresh_token: str) -> FreshToken:
        """Turn a refresh token into the next bot token (``oauth.v2.access``); it works once.

        Raises:
            SlackRefused: Slack said no, or gave no whole pair of tokens ("unexpected_reply").
            SlackBusy: Slack did not answer.

        """
        # The time before the call: a token is never believed to live longer than it does.
        now = self._clock()
        reply = call(
            self._client().oauth_v2_access,
            client_id=app.client_id,
            client_secret=app.client_secret,
            grant_type="refresh_token",
            refresh_token=refresh_token,
        )
        return read_fresh_token(reply, app.app_id, now)

    def revoke(self, bot_token: str) -> None:
        """Take a bot token back (``auth.revoke``)."""
        call(self._client(bot_token).auth_revoke)

    def create_app(
        self, config_token: str, manifest: Mapping[str, object], timeout: float
    ) -> tuple[SlackApp, str | None]:
        """Make an app (``apps.manifest.create``); returns it and, where Slack says, its workspace.

        Slack asks the manifest's events URL for a challenge before it answers, hence the ``timeout``
        (seconds). It is not known to make an app once only: whoever is in doubt must not just call again.

        Raises:
            ManifestRefused: nothing was made; Slack says what is wrong with the manifest.
            SlackRefused: nothing was made.
            SlackBusy: nothing was made where ``never_sent`` or ``retry_after`` is set; else nobody knows.

        """

        def refusal(code: str, reply: Mapping[str, Any]) -> SlackError:
            return _manifest_error(code, reply.get("errors"), config_token)

        client = self._client(config_token, timeout)
        try:
            reply = call(client.apps_manifest_create, refusal=refusal, manifest=dict(manifest))
        except SlackBusy as error:
            if error.code in RATE_ERRORS and error.retry_after is None:
                raise SlackBusy(error.code, CREATE_AGAIN_SECONDS) from None
            raise
        return read_app(reply)

    def delete_app(self, config_token: str, app_id: str) -> None:
        """Delete an app for good (``apps.manifest.delete``)."""
        call(self._client(config_token).apps_manifest_delete, app_id=app_id)


def _manifest_error(code: str, errors: Any, config_token: str) -> SlackError:
    if code in LATE_ERRORS:
        return SlackBusy(code)
    if code == "invalid_manifest" or (isinstance(errors, list) and errors):
        return ManifestRefused(code, read_faults(errors, config_token) or {"": (code,)})
    return SlackRefused(code)
