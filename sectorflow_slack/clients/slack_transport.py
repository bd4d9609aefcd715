"""How Slack is called: slack_sdk over the process's one HTTP session, and what each failure means."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.request import Request

import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from sectorflow_slack.clients.http import never_sent, retry_after_seconds, send
from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused, SlackRefusedMessage

#: Slack answers in well under a second; a call that takes longer than this is made again later.
TIMEOUT_SECONDS = 10.0

#: Slack says these of a message whose form it does not take (docs.slack.dev, chat.postMessage; the
#: second and third are not documented but seen).
MESSAGE_ERRORS = frozenset(
    {"invalid_blocks", "msg_blocks_too_long", "msg_too_long", "invalid_blocks_format", "invalid_arguments"}
)
#: Slack says these where it limits the rate: it has done nothing.
RATE_ERRORS = frozenset({"rate_limited", "ratelimited"})
#: Slack says these when something on its side failed; the same call may do well later.
BUSY_ERRORS = RATE_ERRORS | {
    "fatal_error",
    "internal_error",
    "message_limit_exceeded",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
}

#: What slack_sdk raises where something came back that it cannot read.
_UNREADABLE = (SlackClientError, OSError, ValueError, AttributeError, RecursionError)

#: Makes an error of a code that Slack said no with, and of the reply that it stands in.
Refusal = Callable[[str, Mapping[str, Any]], SlackError]


class PooledWebClient(WebClient):
    """A ``WebClient`` that keeps connections open and follows no redirect.

    slack_sdk opens a new connection for each call, with a new TLS context unless it is given one, and
    ``urllib`` follows redirects with the bearer token. The one method that touches the network is
    replaced; slack_sdk is pinned, and a test makes a call through it.
    """

    def __init__(self, session: requests.Session, base_url: str, token: str | None, seconds: float) -> None:
        silent = logging.getLogger("slack_sdk.silent")
        silent.setLevel(logging.CRITICAL)  # at DEBUG it writes bodies, at ERROR pieces of them
        super().__init__(token=token, base_url=f"{base_url}/api/", retry_handlers=[], logger=silent)
        self._session = session
        self._seconds = seconds

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        data = req.data if isinstance(req.data, bytes) else None
        headers = {name: str(value) for name, value in req.header_items()}
        request = requests.Request("POST", url, headers=headers, data=data)
        response, body = send(self._session, request, self._seconds)
        return {
            "status": response.status_code,
            "headers": response.headers,
            "body": body.decode("utf-8", "replace"),
        }


class SlackConnection:
    """What every part of the client has: the session, where Slack is, and the time."""

    def __init__(
        self, session: requests.Session, *, base_url: str, clock: Callable[[], float] = time.time
    ) -> None:
        """Take the session, where Slack is (``https://slack.com``) and what tells the time."""
        self._session = session
        self._base_url = base_url
        self._clock = clock

    def _client(self, token: str | None = None, seconds: float | None = None) -> WebClient:
        limit = TIMEOUT_SECONDS if seconds is None else seconds
        return PooledWebClient(self._session, self._base_url, token, limit)


def refused(code: str, _reply: Mapping[str, Any]) -> SlackError:
    """Make the error of a call that Slack said no to."""
    return SlackRefused(code)


def refused_message(code: str, _reply: Mapping[str, Any]) -> SlackError:
    """Make the error of a message that Slack said no to: a plainer one may do where its form was wrong."""
    return SlackRefusedMessage(code) if code in MESSAGE_ERRORS else SlackRefused(code)


def call(
    method: Callable[..., SlackResponse], *, refusal: Refusal = refused, **arguments: Any
) -> dict[str, Any]:
    """Call a method of slack_sdk and give the reply's fields.

    Raises:
        SlackBusy: Slack was away, failed or limits the rate, or what came back is none of its replies.
        SlackError: what ``refusal`` makes of Slack's no.

    """
    data = respond(method, refusal=refusal, **arguments).data
    return data if isinstance(data, dict) else {}


def respond(
    method: Callable[..., SlackResponse], *, refusal: Refusal = refused, **arguments: Any
) -> SlackResponse:
    """Call as ``call`` does, and give the whole response: its headers too."""
    try:
        return method(**arguments)
    except SlackApiError as error:
        # str(error) holds the whole response, which may hold a token: only Slack's code goes on.
        raise _error_of(error.response, refusal) from None
    except requests.RequestException as error:
        raise SlackBusy(type(error).__name__, never_sent=never_sent(error)) from None
    except _UNREADABLE as error:
        raise SlackBusy(type(error).__name__) from None


def header(response: SlackResponse, name: str) -> str | None:
    """Give a header of a response, however its name is written."""
    for found, value in dict(response.headers or {}).items():
        if found.lower() == name.lower():
            return str(value)
    return None


def _error_of(response: SlackResponse, refusal: Refusal) -> SlackError:
    status = response.status_code
    data = response.data if isinstance(response.data, dict) else {}
    code = data.get("error")
    if status == 429:
        return SlackBusy("ratelimited", retry_after_seconds(header(response, "Retry-After")))
    if not isinstance(code, str) or not code.replace("_", "").isalnum() or len(code) > 80:
        # Not Slack's own words: a proxy's page, or one of Slack's on a bad day.
        return SlackBusy(f"status_{status}")
    if status >= 500 or code in BUSY_ERRORS:
        return SlackBusy(code)
    return refusal(code, data)
