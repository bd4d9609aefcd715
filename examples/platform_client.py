"""A client of SectorFlow for Slack's install API, to be copied. Needs ``requests``; see docs/platform.md."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

import requests
from requests.exceptions import ChunkedEncodingError

#: How long a call is repeated that can't be taken just now; one window of the service's rate limit and more.
PATIENCE_SECONDS = 90.0


class Installation(TypedDict):
    """What the service shows of an installation, as far as it is used here."""

    id: str
    status: Literal["pending", "installed", "failed", "expired"]
    appName: str
    teamName: str | None
    customerId: str | None
    workspaceId: str
    modelIds: list[str]
    plusId: str
    display: Literal["separated", "tabs"]
    installUrl: str | None
    expiresAt: str | None
    failure: str | None


@dataclass(frozen=True)
class Seen:
    """An installation, and the version of it that this is."""

    installation: Installation = field(repr=False)  # its link is a secret
    etag: str


class InstallApiError(Exception):
    """The service refused; ``errors`` are messages by field (422), or Slack's by place in the manifest (502).

    ``status`` is 404 where there is no such installation, 412 where it is not what was seen any more.
    """

    def __init__(self, status: int, message: str, errors: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message
        self.errors = dict(errors or {})


class TryLater(InstallApiError):
    """It was repeated for a while, in vain; the same again later, with the same key, does no harm."""


@dataclass(frozen=True)
class InstallApi:
    """The service at an address, with one of its install API keys."""

    service: str
    key: str = field(repr=False)
    patience: float = PATIENCE_SECONDS

    def register(self, body: Mapping[str, Any], attempt: str) -> Seen:
        """Register an installation. ``attempt`` is the same for each try of one and the same request."""
        return _seen(self._call("POST", "", json=body, headers={"Idempotency-Key": attempt}))

    def find(self, installation_id: str) -> Seen:
        """Ask how an installation stands."""
        return _seen(self._call("GET", f"/{installation_id}"))

    def list(self, **filters: str) -> Iterator[Installation]:
        """List installations, oldest first; ``status``, ``appId``, ``teamId``, ``customerId`` are filters."""
        query = {**filters, "limit": "100"}
        while True:
            page = self._call("GET", "", params=query).json()
            yield from page["items"]
            if page["nextCursor"] is None:
                return
            query["cursor"] = page["nextCursor"]

    def change(self, seen: Seen, **settings: Any) -> Seen:
        """Change settings of an installation, unless it is not any more what was seen."""
        match = {"If-Match": seen.etag}
        return _seen(self._call("PATCH", f"/{seen.installation['id']}", json=settings, headers=match))

    def delete(self, installation_id: str) -> None:
        """Delete an installation; one that is gone already is as good."""
        try:
            self._call("DELETE", f"/{installation_id}")
        except InstallApiError as error:
            if error.status != 404:
                raise

    def wait(self, installation_id: str, seconds: float, pause: float = 5.0) -> Seen:
        """Wait until a person has decided, for so many seconds at most; it may still be pending then."""
        deadline = time.monotonic() + seconds
        while (seen := self.find(installation_id)).installation["status"] == "pending":
            if time.monotonic() + pause > deadline:
                break
            time.sleep(pause)
        return seen

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Make a call, again and again while it can't be taken: none of them does harm twice."""
        options["headers"] = {"Authorization": f"Bearer {self.key}", **options.get("headers", {})}
        url, deadline = f"{self.service}/api/v1/installations{path}", time.monotonic() + self.patience
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
                raise TryLater(status, "The service could not be reached, or could not take the call.")
            time.sleep(wait)


def _seen(response: requests.Response) -> Seen:
    return Seen(response.json(), response.headers["ETag"])


def _checked(response: requests.Response) -> requests.Response:
    if 200 <= response.status_code < 300:
        return response
    said = response.json() if _is_json(response) else {}
    errors = {name: each for part in said.get("errors", {}).values() for name, each in _flat(part).items()}
    raise InstallApiError(response.status_code, said.get("message", response.reason), errors)


def _is_json(response: requests.Response) -> bool:
    return response.headers.get("Content-Type", "").startswith("application/json")


def _flat(errors: Mapping[str, Any], place: str = "") -> dict[str, list[str]]:
    """Name a field within another one with a dot: ``slackApp.configToken``."""
    flat: dict[str, list[str]] = {}
    for name, said in errors.items():
        here = f"{place}.{name}" if place else name
        flat.update(_flat(said, here) if isinstance(said, dict) else {here: list(said)})
    return flat
