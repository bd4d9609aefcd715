"""The one-time OAuth codes of users' consent."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

#: Docs.slack.dev, installing with OAuth: a code lives ten minutes.
CODE_LIFE = 600.0


@dataclass
class Code:
    """A user's consent, until the app exchanges the code."""

    value: str = field(repr=False)
    app_id: str
    team_id: str
    user_id: str
    scopes: tuple[str, ...]
    #: The redirect URI of the authorize request, if any.
    redirect_uri: str | None
    expires_at: float
    org_wide: bool = False
    is_used: bool = False


class Codes:
    """The store of all codes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._codes: dict[str, Code] = {}

    def issue(
        self,
        app_id: str,
        team_id: str,
        user_id: str,
        *,
        scopes: tuple[str, ...],
        redirect_uri: str | None,
        org_wide: bool = False,
    ) -> Code:
        """Issue a code for a user's consent."""
        value = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(32)}"
        code = Code(
            value,
            app_id,
            team_id,
            user_id,
            scopes,
            redirect_uri,
            self._clock() + CODE_LIFE,
            org_wide=org_wide,
        )
        with self._lock:
            self._codes[value] = code
        return code

    def redeem(self, value: str, app_id: str, redirect_uri: str | None) -> Code | str:
        """Use up a code; return it, or Slack's error if it can't be used."""
        with self._lock:
            code = self._codes.get(value)
            if code is None or code.app_id != app_id or code.expires_at <= self._clock():
                return "invalid_code"
            if code.is_used:
                return "code_already_used"
            if code.redirect_uri != redirect_uri:
                return "bad_redirect_uri"
            code.is_used = True
            return code
