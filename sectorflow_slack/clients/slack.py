"""Slack's Web API: OAuth and tokens, apps, messages, and views."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

import requests
from slack_sdk import WebClient

from sectorflow_slack.clients.slack_replies import read_app, read_faults, read_fresh_token, read_install, word
from sectorflow_slack.clients.slack_transport import (
    RATE_ERRORS,
    TIMEOUT_SECONDS,
    PooledWebClient,
    call,
    header,
    refused_message,
    respond,
)
from sectorflow_slack.domain.errors import ManifestRefused, SlackBusy, SlackError, SlackRefused
from sectorflow_slack.domain.installations import BotInstall, FreshToken, SlackApp
from sectorflow_slack.domain.questions import Address, Message
from sectorflow_slack.domain.slack import SCOPES

#: After these an app may exist all the same: they name a late step of its creation.
LATE_ERRORS = frozenset({"failed_adding_collaborator", "failed_creating_app"})

#: Apps may be created once a minute (Tier 1; docs.slack.dev, rate limits).
CREATE_AGAIN_SECONDS = 60.0

#: A modal must open within 3 s of the block action (docs.slack.dev, views.open), and Slack waits the same
#: 3 s for the response to the action.
MODAL_TIMEOUT_SECONDS = 2.0

#: Slack's errors that name the ``client_msg_id`` (docs.slack.dev, chat.postMessage): nothing was posted.
CLIENT_MSG_ID_ERRORS = frozenset({"duplicate_message_not_found", "duplicate_channel_not_found"})

#: As many prompts as Slack shows (docs.slack.dev, assistant.threads.setSuggestedPrompts).
MAX_PROMPTS = 4


class SlackWebClient:
    """Calls Slack for any app and team; tokens are arguments.

    No method needs a ``team_id``, not even with the token of an org-wide installation: the channel, the user
    or the trigger determines the team. Methods that take a message raise ``SlackRefusedMessage`` if Slack
    refuses its form; after any other ``SlackError``, the message was not taken, or that is unknown.
    """

    def __init__(
        self, session: requests.Session, *, base_url: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._session = session
        self._base_url = base_url
        self._clock = clock

    def _client(self, token: str | None = None, timeout: float | None = None) -> WebClient:
        seconds = TIMEOUT_SECONDS if timeout is None else timeout
        return PooledWebClient(self._session, self._base_url, token, seconds)

    def authorize_url(self, app: SlackApp, state: str, redirect_uri: str, team_id: str | None) -> str:
        """Return the URL of Slack's consent page.

        slack_sdk's ``AuthorizeUrlGenerator`` percent-encodes nothing, so this does not use it.
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
        """Exchange an OAuth code for a bot token (``oauth.v2.access``); see ``read_install``."""
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
        """Exchange a refresh token, which works once, for the next bot token (``oauth.v2.access``)."""
        # The time before the call, so that the expiry is never too late.
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
        """Revoke a bot token (``auth.revoke``)."""
        call(self._client(bot_token).auth_revoke)

    def bot_name(self, bot_token: str) -> str:
        """Return the name of the token's bot user (``auth.test``); "" if the reply has none."""
        name = call(self._client(bot_token, MODAL_TIMEOUT_SECONDS).auth_test).get("user")
        return name if isinstance(name, str) else ""

    def create_app(
        self, config_token: str, manifest: Mapping[str, object], timeout: float
    ) -> tuple[SlackApp, str | None]:
        """Create an app in ``timeout`` seconds, in which Slack verifies the events URL of the manifest.

        The errors are those of ``domain.ports``. A repeated call may create a second app.
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

    def post(self, bot_token: str, address: Address, message: Message, client_msg_id: str = "") -> str:
        """Post a message (``chat.postMessage``) and return its ``ts``.

        Link previews are off, because Slack would fetch every URL that an LLM wrote. Slack does not document
        ``client_msg_id`` as an argument, but has errors for it: after one of them the message is posted
        without it, so that it is not lost.
        """
        arguments = {**_arguments(address, message), "unfurl_links": False, "unfurl_media": False}
        post = partial(call, self._client(bot_token).chat_postMessage, refusal=refused_message)
        if client_msg_id:
            try:
                return word(post(**arguments, client_msg_id=client_msg_id), "ts")
            except SlackRefused as error:
                if error.code not in CLIENT_MSG_ID_ERRORS:
                    raise
        return word(post(**arguments), "ts")

    def update(self, bot_token: str, channel_id: str, ts: str, message: Message) -> None:
        """Replace one of the app's messages (``chat.update``)."""
        call(
            self._client(bot_token).chat_update,
            refusal=refused_message,
            channel=channel_id,
            ts=ts,
            text=message.text,
            blocks=list(message.blocks),
        )

    def delete(self, bot_token: str, channel_id: str, ts: str) -> None:
        """Delete one of the app's messages, unless it is deleted already (``chat.delete``)."""
        try:
            call(self._client(bot_token).chat_delete, channel=channel_id, ts=ts)
        except SlackRefused as error:
            if error.code != "message_not_found":
                raise

    def post_ephemeral(self, bot_token: str, address: Address, user_id: str, message: Message) -> None:
        """Post a message that only one user sees, who must be in the channel (``chat.postEphemeral``)."""
        call(
            self._client(bot_token).chat_postEphemeral,
            refusal=refused_message,
            user=user_id,
            **_arguments(address, message),
        )

    def set_session_status(
        self, bot_token: str, channel_id: str, thread_ts: str, *, is_processing: bool, title: str = ""
    ) -> None:
        """Set the status of the agent's session in a thread (``agents.sessions.setStatus``).

        While it is ``processing``, Slack shows a Stop button; that ends by itself after an hour. A new
        session gets the ``title``; Slack ignores it for others.
        """
        call(
            self._client(bot_token).agents_sessions_setStatus,
            channel_id=channel_id,
            thread_ts=thread_ts,
            status="processing" if is_processing else "active",
            title=title or None,
        )

    def set_status(self, bot_token: str, channel_id: str, thread_ts: str, status: str) -> None:
        """Set the app's status in a thread, or clear it with "" (``assistant.threads.setStatus``)."""
        client = self._client(bot_token)
        call(client.assistant_threads_setStatus, channel_id=channel_id, thread_ts=thread_ts, status=status)

    def set_suggested_prompts(
        self, bot_token: str, channel_id: str, title: str, prompts: Mapping[str, str]
    ) -> None:
        """Set up to four suggested prompts, messages by title (``assistant.threads.setSuggestedPrompts``).

        The call names no thread: for an app with an ``agent_view``, Slack accepts a call with a thread, but
        shows nothing.
        """
        offered = [{"title": title, "message": message} for title, message in prompts.items()]
        call(
            self._client(bot_token).assistant_threads_setSuggestedPrompts,
            channel_id=channel_id,
            title=title,
            prompts=offered[:MAX_PROMPTS],
        )

    def publish_home(self, bot_token: str, user_id: str, view: Mapping[str, object]) -> None:
        """Publish a view on a user's Home tab of the app (``views.publish``)."""
        call(self._client(bot_token).views_publish, user_id=user_id, view=dict(view))

    def open_view(self, bot_token: str, trigger_id: str, view: Mapping[str, object]) -> None:
        """Open a modal within 3 s of the block action that the trigger is from (``views.open``)."""
        client = self._client(bot_token, MODAL_TIMEOUT_SECONDS)
        call(client.views_open, trigger_id=trigger_id, view=dict(view))

    def update_view(self, bot_token: str, view_id: str, view: Mapping[str, object]) -> None:
        """Show another view in a modal that is open (``views.update``)."""
        call(self._client(bot_token).views_update, view_id=view_id, view=dict(view))

    def probe(self) -> float | None:
        """Call ``api.test`` and return how many seconds Slack's clock is ahead of this machine's.

        Negative if this machine's clock is ahead; accurate to a second. None if the response has no ``Date``.
        """
        date = header(respond(self._client().api_test), "Date")
        try:
            return parsedate_to_datetime(date or "").timestamp() - self._clock()
        except (TypeError, ValueError, OverflowError):
            return None


def _manifest_error(code: str, errors: Any, config_token: str) -> SlackError:
    if code in LATE_ERRORS:
        return SlackBusy(code)
    if code == "invalid_manifest" or (isinstance(errors, list) and errors):
        return ManifestRefused(code, read_faults(errors, config_token) or {"": (code,)})
    return SlackRefused(code)


def _arguments(address: Address, message: Message) -> dict[str, Any]:
    arguments: dict[str, Any] = {"channel": address.channel_id, "text": message.text}
    if message.blocks:
        arguments["blocks"] = list(message.blocks)
    if address.thread_ts:
        arguments["thread_ts"] = address.thread_ts
    if address.username:
        arguments["username"] = address.username
    return arguments
