"""Slack's Web API: messages and views; what is about apps and tokens is in ``slack_apps``."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from sectorflow_slack.clients.slack_replies import read_app, read_faults, read_fresh_token, read_install, word
from sectorflow_slack.clients.slack_transport import (
    RATE_ERRORS,
    SlackConnection,
    call,
    header,
    refused_message,
    respond,
)
from sectorflow_slack.domain.errors import ManifestRefused, SlackBusy, SlackError, SlackRefused
from sectorflow_slack.domain.installations import BotInstall, FreshToken, SlackApp
from sectorflow_slack.domain.questions import Address, Message
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


#: A dialog opens within 3 s of the press or not at all (docs.slack.dev, views.open), and in the same
#: 3 s Slack waits for the answer to the press itself.
DIALOG_TIMEOUT_SECONDS = 2.0

#: As many prompts as Slack shows (docs.slack.dev, assistant.threads.setSuggestedPrompts).
MAX_PROMPTS = 4


class SlackWebClient(SlackApps):
    """Calls Slack for any app and team; tokens come with each call.

    None of these methods needs a ``team_id``, also not with the token of an org-wide install: each names a
    channel, a person or a press, and that tells the team.
    """

    def post(self, bot_token: str, address: Address, message: Message) -> str:
        """Post a message (``chat.postMessage``) and return its ``ts``.

        Link previews are off: Slack would fetch whatever URL an LLM wrote.

        Raises:
            SlackRefusedMessage: the message's form was refused.
            SlackError: it was not posted, or Slack did not say.

        """
        reply = call(
            self._client(bot_token).chat_postMessage,
            refusal=refused_message,
            unfurl_links=False,
            unfurl_media=False,
            **_arguments(address, message),
        )
        return word(reply, "ts")

    def update(self, bot_token: str, channel_id: str, ts: str, message: Message) -> None:
        """Put another message in the place of one of ours (``chat.update``).

        Raises:
            SlackRefusedMessage: the message's form was refused.
            SlackError: it was not put there, or Slack did not say.

        """
        call(
            self._client(bot_token).chat_update,
            refusal=refused_message,
            channel=channel_id,
            ts=ts,
            text=message.text,
            blocks=list(message.blocks),
        )

    def delete(self, bot_token: str, channel_id: str, ts: str) -> None:
        """Delete one of our messages (``chat.delete``); one that is gone already is as good."""
        try:
            call(self._client(bot_token).chat_delete, channel=channel_id, ts=ts)
        except SlackRefused as error:
            if error.code != "message_not_found":
                raise

    def post_ephemeral(self, bot_token: str, address: Address, user_id: str, message: Message) -> None:
        """Post a message that one person sees (``chat.postEphemeral``).

        Raises:
            SlackRefusedMessage: the message's form was refused.
            SlackRefused: also where the person or the app is not in the channel (``user_not_in_channel``,
                ``channel_not_found``).
            SlackError: it was not posted, or Slack did not say.

        """
        call(
            self._client(bot_token).chat_postEphemeral,
            refusal=refused_message,
            user=user_id,
            **_arguments(address, message),
        )

    def set_status(self, bot_token: str, channel_id: str, thread_ts: str, status: str) -> None:
        """Show in a thread that the app is at work (``assistant.threads.setStatus``); "" ends it.

        Slack ends it too: with the app's next message there, or after two minutes.
        """
        client = self._client(bot_token)
        call(client.assistant_threads_setStatus, channel_id=channel_id, thread_ts=thread_ts, status=status)

    def set_suggested_prompts(
        self, bot_token: str, channel_id: str, title: str, prompts: Mapping[str, str]
    ) -> None:
        """Offer up to four prompts, message by title (``assistant.threads.setSuggestedPrompts``).

        No thread is named: of an app with an ``agent_view`` Slack takes a call that names one, and shows
        nothing.
        """
        offered = [{"title": title, "message": message} for title, message in prompts.items()]
        call(
            self._client(bot_token).assistant_threads_setSuggestedPrompts,
            channel_id=channel_id,
            title=title,
            prompts=offered[:MAX_PROMPTS],
        )

    def publish_home(self, bot_token: str, user_id: str, view: Mapping[str, object]) -> None:
        """Put a view on a person's Home tab of the app (``views.publish``)."""
        call(self._client(bot_token).views_publish, user_id=user_id, view=dict(view))

    def open_view(self, bot_token: str, trigger_id: str, view: Mapping[str, object]) -> None:
        """Open a dialog for who pressed a button within the last 3 s (``views.open``)."""
        client = self._client(bot_token, DIALOG_TIMEOUT_SECONDS)
        call(client.views_open, trigger_id=trigger_id, view=dict(view))

    def probe(self) -> float | None:
        """Ask Slack for nothing (``api.test``) and give by how much its clock is ahead of ours (seconds).

        It is negative where ours is ahead, and right to a second: that is as much as ``Date`` says. None
        where there is no ``Date``.

        Raises:
            SlackError: Slack does not answer, or not as it should.

        """
        date = header(respond(self._client().api_test), "Date")
        try:
            return parsedate_to_datetime(date or "").timestamp() - self._clock()
        except (TypeError, ValueError, OverflowError):
            return None


def _arguments(address: Address, message: Message) -> dict[str, Any]:
    """Give what every new message is posted with; what is not set is left out."""
    arguments: dict[str, Any] = {"channel": address.channel_id, "text": message.text}
    if message.blocks:
        arguments["blocks"] = list(message.blocks)
    if address.thread_ts:
        arguments["thread_ts"] = address.thread_ts
    if address.username:
        arguments["username"] = address.username
    return arguments
