"""A client of the install API to copy. Needs ``requests``; see docs/platform.md."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

import requests
from requests.exceptions import ChunkedEncodingError

#: How long a call is retried while the service is busy or down; longer than a window of its rate limit.
RETRY_SECONDS = 90.0


class Installation(TypedDict):
    """The fields of an installation that this client uses."""

    id: str
    status: Literal["pending", "installed", "failed", "expired"]
    appName: str
    teamName: str | None
    customerId: str | None
    workspaceId: str
    modelIds: list[str]
    plusId: str
    display: Literal["separated", "tabs", "folded"]
    installUrl: str | None
    expiresAt: str | None
    failure: str | None


@dataclass(frozen=True)
class Version:
    """An installation, and the ETag of this version of it."""

    installation: Installation = field(repr=False)  # its link is a secret
    etag: str


class InstallApiError(Exception):
    """The service refused; ``errors`` are messages by field (422), or Slack's by manifest pointer (502).

    ``status`` is 404 if there is no such installation, and 412 if it has changed since that version.
    """

    def __init__(self, status: int, message: str, errors: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message
        self.errors = dict(errors or {})


class TryLater(InstallApiError):
    """All retries failed; repeating the call later with the same key is safe."""


@dataclass(frozen=True)
class InstallApi:
    """The service at a URL, with one of its install API keys."""

    service: str
    key: str = field(repr=False)
    retry_seconds: float = RETRY_SECONDS

    def register(self, body: Mapping[str, Any], attempt: str) -> Version:
        """Register an installation; ``attempt`` is the idempotency key of all tries of one request."""
        return _version(self._call("POST", "", json=body, headers={"Idempotency-Key": attempt}))

    def find(self, installation_id: str) -> Version:
        """Return an installation."""
        return _version(self._call("GET", f"/{installation_id}"))

    def list(self, **filters: str) -> Iterator[Installation]:
        """List installations, oldest first; ``status``, ``appId``, ``teamId``, ``customerId`` are filters."""
        query = {**filters, "limit": "100"}
        while True:
            page = self._call("GET", "", params=query).json()
            yield from page["items"]
            if page["nextCursor"] is None:
                return
            query["cursor"] = page["nextCursor"]

    def change(self, version: Version, **settings: Any) -> Version:
        """Change settings of an installation, unless it has changed since ``version``."""
        match = {"If-Match": version.etag}
        return _version(self._call("PATCH", f"/{version.installation['id']}", json=settings, headers=match))

    def delete(self, installation_id: str) -> None:
        """Delete an installation, unless it is deleted already."""
        try:
            self._call("DELETE", f"/{installation_id}")
        except InstallApiError as error:
            if error.status != 404:
                raise

    def wait(self, installation_id: str, seconds: float, pause: float = 5.0) -> Version:
        """Poll an installation until it is not pending, for at most ``seconds``."""
        deadline = time.monotonic() + seconds
        while (version := self.find(installation_id)).installation["status"] == "pending":
            if time.monotonic() + pause > deadline:
                break
            time.sleep(pause)
        return version

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Make a call, and retry it while the service is busy or down; every call is idempotent."""
        options["headers"] = {"Authorization": f"Bearer {self.key}", **options.get("headers", {})}
        url, deadline = f"{self.service}/api/v1/installations{path}", time.monotonic() + self.retry_seconds
        while True:
            status, wait = 0, 2.0
            # A POST is answered within 10 s.
            with suppress(requests.ConnectionError, requests.Timeout, ChunkedEncodingError):
                response = requests.request(method, url, timeout=15, allow_redirects=False, **options)
                is_proxys = response.status_code in {502, 504} and not _is_json(response)
                if not is_proxys and response.status_code not in {429, 503}:
                    return _checked(response)
                status, named = response.status_code, response.headers.get("Retry-After", "")
                wait = float(named) if named.isdecimal() else wait
            if time.monotonic() + wait > deadline:
                raise TryLater(status, "The service is not reachable or too busy.")
            time.sleep(wait)


def _version(response: requests.Response) -> Version:
    return Version(response.json(), response.headers["ETag"])


def _checked(response: requests.Response) -> requests.Response:
    if 200 <= response.status_code < 300:
        return response
    body = response.json() if _is_json(response) else {}
    errors = {name: each for part in body.get("errors", {}).values() for name, each in _flat(part).items()}
    raise InstallApiError(response.status_code, body.get("message", response.reason), errors)


def _is_json(response: requests.Response) -> bool:
    return response.headers.get("Content-Type", "").startswith("application/json")


def _flat(errors: Mapping[str, Any], parent: str = "") -> dict[str, list[str]]:
    """Join the names of nested fields with dots: ``slackApp.configToken``."""
    flat: dict[str, list[str]] = {}
    for name, inner in errors.items():
        path = f"{parent}.{name}" if parent else name
        flat.update(_flat(inner, path) if isinstance(inner, dict) else {path: list(inner)})
    return flat
