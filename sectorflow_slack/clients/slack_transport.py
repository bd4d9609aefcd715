"""Call Slack with slack_sdk over the process's HTTP session, and translate its errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.request import Request

import requests
from requests.structures import CaseInsensitiveDict
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from sectorflow_slack.clients.http import never_sent, retry_after_seconds, send
from sectorflow_slack.domain.errors import SlackBusy, SlackError, SlackRefused, SlackRefusedMessage

#: Slack answers in well under a second; a call that takes longer than this is retried later.
TIMEOUT_SECONDS = 10.0

#: The error codes for a message with a form that Slack refuses (docs.slack.dev, chat.postMessage; the second
#: and third are undocumented, but were seen, and so was the last one for a second table).
MESSAGE_ERRORS = frozenset(
    {
        "invalid_blocks",
        "msg_blocks_too_long",
        "msg_too_long",
        "invalid_blocks_format",
        "invalid_arguments",
        "invalid_attachments",
    }
)
#: The error codes of a rate limit: Slack has done nothing.
RATE_ERRORS = frozenset({"rate_limited", "ratelimited"})
#: The error codes of a failure on Slack's side: the same call may succeed later.
BUSY_ERRORS = RATE_ERRORS | {
    "fatal_error",
    "internal_error",
    "message_limit_exceeded",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
}

#: The error that slack_sdk raises for a response that it cannot parse.
_UNREADABLE = (SlackClientError, OSError, ValueError, AttributeError, RecursionError)

#: Makes an error from Slack's error code and the reply that has it.
Refusal = Callable[[str, Mapping[str, Any]], SlackError]


class PooledWebClient(WebClient):
    """A ``WebClient`` that reuses connections and follows no redirect.

    slack_sdk opens a new connection, with a new TLS context, for each call, and ``urllib`` follows redirects
    with the bearer token. This class overrides the one method that uses the network; slack_sdk is pinned.
    """

    def __init__(self, session: requests.Session, base_url: str, token: str | None, seconds: float) -> None:
        silent = logging.getLogger("slack_sdk.silent")
        silent.setLevel(logging.CRITICAL)  # slack_sdk logs bodies at DEBUG, and pieces of them at ERROR
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


def refused(code: str, _reply: Mapping[str, Any]) -> SlackError:
    """Return the error for a refused call."""
    return SlackRefused(code)


def refused_message(code: str, _reply: Mapping[str, Any]) -> SlackError:
    """Return the error for a refused message; if its form was wrong, Slack may accept a plainer one."""
    return SlackRefusedMessage(code) if code in MESSAGE_ERRORS else SlackRefused(code)


def call(
    method: Callable[..., SlackResponse], *, refusal: Refusal = refused, **arguments: Any
) -> dict[str, Any]:
    """Call a method of slack_sdk and return the reply's fields.

    Raises:
        SlackBusy: Slack is down, failed or limits the rate, or the response is not one of Slack's replies.
        SlackError: Slack refused; ``refusal`` makes the error.

    """
    data = respond(method, refusal=refusal, **arguments).data
    return data if isinstance(data, dict) else {}


def respond(
    method: Callable[..., SlackResponse], *, refusal: Refusal = refused, **arguments: Any
) -> SlackResponse:
    """Do the same as ``call``, but return the whole response with its headers."""
    try:
        return method(**arguments)
    except SlackApiError as error:
        # str(error) has the whole response, perhaps with a token: the new error has only Slack's code.
        raise _error_of(error.response, refusal) from None
    except requests.RequestException as error:
        raise SlackBusy(type(error).__name__, never_sent=never_sent(error)) from None
    except _UNREADABLE as error:
        raise SlackBusy(type(error).__name__) from None


def header(response: SlackResponse, name: str) -> str | None:
    """Return a header of a response; upper and lower case are the same."""
    return CaseInsensitiveDict(response.headers or {}).get(name)


def _error_of(response: SlackResponse, refusal: Refusal) -> SlackError:
    status = response.status_code
    data = response.data if isinstance(response.data, dict) else {}
    code = data.get("error")
    if status == 429:
        return SlackBusy("ratelimited", retry_after_seconds(header(response, "Retry-After")))
    if not isinstance(code, str) or not code.replace("_", "").isalnum() or len(code) > 80:
        # Not an error code of Slack's, but an error page.
        return SlackBusy(f"status_{status}")
    if status >= 500 or code in BUSY_ERRORS:
        return SlackBusy(code)
    return refusal(code, data)
