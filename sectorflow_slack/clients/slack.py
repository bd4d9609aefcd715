"""Slack's Web API, by slack_sdk's ``WebClient`` over the process's one HTTP session."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request

import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from sectorflow_slack.clients.http import send
from sectorflow_slack.clients.retry_after import retry_after_seconds
from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused, SlackRefusedMessage
from sectorflow_slack.domain.models import Address, BotInstall, Message, SlackApp
from sectorflow_slack.domain.slack import SCOPES

#: Slack answers in well under a second; a call that takes longer than this is made again later.
TIMEOUT_SECONDS = 10.0

#: Slack says these of a message whose form it does not take (docs.slack.dev, chat.postMessage; the
#: second and third are not documented but seen).
MESSAGE_ERRORS = frozenset(
    {"invalid_blocks", "msg_blocks_too_long", "msg_too_long", "invalid_blocks_format", "invalid_arguments"}
)
#: Slack says these when something on its side failed; the same call may do well later.
BUSY_ERRORS = frozenset(
    {
        "fatal_error",
        "internal_error",
        "message_limit_exceeded",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)


#: What slack_sdk raises where nothing came back, or nothing that it can read.
_NO_ANSWER = (
    requests.RequestException,
    SlackClientError,
    OSError,
    ValueError,
    AttributeError,
    RecursionError,
)


class _PooledWebClient(WebClient):
    """A ``WebClient`` that keeps connections open and follows no redirect.

    slack_sdk opens a new connection for each call, with a new TLS context unless it is given one, and
    ``urllib`` follows redirects with the bearer token. The one method that touches the network is
    replaced; slack_sdk is pinned, and a test makes a call through it.
    """

    def __init__(self, session: requests.Session, base_url: str, token: str | None = None) -> None:
        silent = logging.getLogger("slack_sdk.silent")
        silent.setLevel(logging.CRITICAL)  # at DEBUG it writes bodies, at ERROR pieces of them
        super().__init__(token=token, base_url=f"{base_url}/api/", retry_handlers=[], logger=silent)
        self._session = session

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        data = req.data if isinstance(req.data, bytes) else None
        headers = {name: str(value) for name, value in req.header_items()}
        request = requests.Request("POST", url, headers=headers, data=data)
        response, body = send(self._session, request, TIMEOUT_SECONDS)
        return {
            "status": response.status_code,
            "headers": response.headers,
            "body": body.decode("utf-8", "replace"),
        }


class SlackWebClient:
    """Calls Slack for any app and team; tokens come with each call."""

    def __init__(self, session: requests.Session, *, base_url: str) -> None:
        """Take the session and where Slack is (``https://slack.com``)."""
        self._session = session
        self._base_url = base_url

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
        """Turn an OAuth code into a bot token (``oauth.v2.access``)."""
        client = self._client()
        reply = _call(
            client.oauth_v2_access,
            client_id=app.client_id,
            client_secret=app.client_secret,
            code=code,
            redirect_uri=redirect_uri,
        )
        return _read_install(reply)

    def revoke(self, bot_token: str) -> None:
        """Take a bot token back (``auth.revoke``)."""
        _call(self._client(bot_token).auth_revoke)

    def post(self, bot_token: str, address: Address, message: Message) -> str:
        """Post a message (``chat.postMessage``) and return its ``ts``.

        Link previews are off: Slack would fetch whatever URL an LLM wrote.
        """
        arguments: dict[str, Any] = {
            "channel": address.channel_id,
            "text": message.text,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if message.blocks:
            arguments["blocks"] = list(message.blocks)
        if address.thread_ts:
            arguments["thread_ts"] = address.thread_ts
        if address.username:
            arguments["username"] = address.username
        reply = _call(self._client(bot_token).chat_postMessage, **arguments)
        return str(reply.get("ts", ""))

    def update(self, bot_token: str, channel_id: str, ts: str, message: Message) -> None:
        """Put another message in the place of one of ours (``chat.update``)."""
        _call(
            self._client(bot_token).chat_update,
            channel=channel_id,
            ts=ts,
            text=message.text,
            blocks=list(message.blocks),
        )

    def _client(self, token: str | None = None) -> WebClient:
        return _PooledWebClient(self._session, self._base_url, token)


def _call(method: Any, **arguments: Any) -> dict[str, Any]:
    try:
        reply: SlackResponse = method(**arguments)
    except SlackApiError as error:
        # str(error) holds the whole response, which may hold a token: only Slack's code goes on.
        raise _slack_error(error.response) from None
    except _NO_ANSWER as error:
        raise SlackBusy(type(error).__name__) from None
    return reply.data if isinstance(reply.data, dict) else {}


def _slack_error(response: SlackResponse) -> SlackError:
    headers = {name.lower(): value for name, value in dict(response.headers or {}).items()}
    status = response.status_code
    data = response.data if isinstance(response.data, dict) else {}
    code = data.get("error")
    if status == 429:
        return SlackBusy("ratelimited", retry_after_seconds(headers.get("retry-after")))
    if not isinstance(code, str) or not code.replace("_", "").isalnum() or len(code) > 80:
        # Not Slack's own words: a proxy's page, or one of Slack's on a bad day.
        return SlackBusy(f"status_{status}")
    if status >= 500 or code in BUSY_ERRORS:
        return SlackBusy(code)
    if code in MESSAGE_ERRORS:
        return SlackRefusedMessage(code)
    return SlackRefused(code)


def _read_install(reply: dict[str, Any]) -> BotInstall:
    team, enterprise = _part(reply, "team"), _part(reply, "enterprise")
    install = BotInstall(
        app_id=_text(reply, "app_id"),
        bot_token=_text(reply, "access_token"),
        bot_user_id=_text(reply, "bot_user_id"),
        team_id=_text(team, "id") or None,
        team_name=_text(team, "name") or _text(enterprise, "name"),
        enterprise_id=_text(enterprise, "id") or None,
        # Slack has been seen to send the word for the boolean (slack_bolt, request/internals.py).
        is_enterprise_install=reply.get("is_enterprise_install") in (True, "true"),
        token_expires="expires_in" in reply,
    )
    tenant_id = install.enterprise_id if install.is_enterprise_install else install.team_id
    if not (install.app_id and install.bot_token and install.bot_user_id and tenant_id):
        raise SlackRefused("unexpected_reply")
    return install


def _part(mapping: dict[str, Any], name: str) -> dict[str, Any]:
    value = mapping.get(name)
    return value if isinstance(value, dict) else {}


def _text(mapping: dict[str, Any], name: str) -> str:
    value = mapping.get(name)
    return value if isinstance(value, str) else ""
