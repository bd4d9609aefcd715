"""App configuration tokens: created by a user for one workspace, valid for twelve hours."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

#: Docs.slack.dev, tooling.tokens.rotate.
LIFE = 43_200
SEEDED_TOKEN = "xoxe.xoxp-1-sandbox-config-token"  # noqa: S105 - made up, for a sandbox
SEEDED_REFRESH_TOKEN = "xoxe-1-sandbox-refresh-token"  # noqa: S105 - made up, for a sandbox
OWNER_ID = "U0MAYA00001"


@dataclass(frozen=True)
class ConfigToken:
    """A token that creates and manages apps in one workspace, and its refresh token."""

    token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    team_id: str
    user_id: str
    issued_at: float

    @property
    def expires_at(self) -> float:
        """Return when the token expires."""
        return self.issued_at + LIFE


class ConfigTokens:
    """All app configuration tokens; one exists from the start."""

    def __init__(self, team_id: str, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        first = ConfigToken(SEEDED_TOKEN, SEEDED_REFRESH_TOKEN, team_id, OWNER_ID, clock())
        self._tokens = [first]

    def authenticate(self, token: str) -> ConfigToken | str:
        """Return a token's record, or Slack's error for it."""
        with self._lock:
            found = next((each for each in self._tokens if each.token == token), None)
        if found is None:
            return "invalid_auth"
        return "token_expired" if found.expires_at <= self._clock() else found

    def age(self, seconds: float) -> None:
        """Age every token by ``seconds``."""
        with self._lock:
            self._tokens = [replace(each, issued_at=each.issued_at - seconds) for each in self._tokens]

    def rotate(self, refresh_token: str) -> ConfigToken | None:
        """Exchange a refresh token, once, for a new pair; None if it is unknown or used."""
        with self._lock:
            found = next((each for each in self._tokens if each.refresh_token == refresh_token), None)
            if found is None:
                return None
            new = ConfigToken(
                f"xoxe.xoxp-1-{secrets.token_hex(24)}",
                f"xoxe-1-{secrets.token_hex(24)}",
                found.team_id,
                found.user_id,
                self._clock(),
            )
            self._tokens.remove(found)
            self._tokens.append(new)
            return new
