"""Read Slack's replies about apps and tokens. A reply without a required field is a failure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sectorflow_slack.domain.errors import InstallIncomplete, SlackBusy, SlackRefused
from sectorflow_slack.domain.installations import BotInstall, FreshToken, InstallationKey, SlackApp
from sectorflow_slack.domain.slack import VISIBLE_ASCII

#: The error code for a reply without a required field; none of Slack's own codes.
UNEXPECTED = "unexpected_reply"

#: Slack's faults of a manifest are shown to admins, up to these limits.
MAX_FAULTS = 50
MAX_FAULT_LENGTH = 500

_MAX_WORD_LENGTH = 4096
#: Longer than any token lives.
_MAX_LIFETIME_SECONDS = 10 * 365 * 86_400
_ANY_TOKEN = re.compile(r"xox[a-z][-.]\S+", re.IGNORECASE)

Json = Mapping[str, Any]


def read_install(reply: Json, app_id: str, now: float) -> BotInstall:
    """Read the reply to an OAuth code that was exchanged at ``now`` (``oauth.v2.access``).

    Raises:
        InstallIncomplete: the reply has a token, but other required fields are missing.
        SlackRefused: there is no token.

    """
    try:
        return _read_whole_install(reply, now)
    except SlackRefused:
        bot_token = word(reply, "access_token")
        if not bot_token:
            raise
        tenant_id = _tenant_id(reply)
        key = InstallationKey(word(reply, "app_id") or app_id, tenant_id) if tenant_id else None
        raise InstallIncomplete(bot_token, key) from None


def read_fresh_token(reply: Json, app_id: str, now: float) -> FreshToken:
    """Read the reply to a refresh token that was exchanged at ``now``; it must be about this app."""
    bot_token = word(reply, "access_token")
    refresh_token, expires_at = _expiry(reply, now)
    if not bot_token or expires_at is None or reply.get("app_id", app_id) != app_id:
        raise SlackRefused(UNEXPECTED)
    return FreshToken(bot_token, refresh_token, expires_at)


def read_app(reply: Json) -> tuple[SlackApp, str | None]:
    """Read the created app and, if Slack names it, its team (``apps.manifest.create``).

    With incomplete credentials, an app was created that cannot be used: ``SlackBusy``.
    """
    credentials = _part(reply, "credentials")
    app = SlackApp(
        app_id=word(reply, "app_id"),
        client_id=word(credentials, "client_id"),
        client_secret=word(credentials, "client_secret"),
        signing_secret=word(credentials, "signing_secret"),
    )
    if not (app.app_id and app.client_id and app.client_secret and app.signing_secret):
        raise SlackBusy(UNEXPECTED)
    return app, word(reply, "team_id") or None


def read_faults(found: Any, config_token: str) -> dict[str, tuple[str, ...]]:
    """Read the ``errors`` of a refused manifest: messages by JSON pointer, or by "" if there is none.

    Skips entries without a message. Replaces every text that looks like a token.
    """
    faults: dict[str, tuple[str, ...]] = {}
    for entry in found[:MAX_FAULTS] if isinstance(found, list) else ():
        fault = entry if isinstance(entry, dict) else {}
        message = _readable(fault.get("message"), config_token) or _readable(fault.get("code"), config_token)
        if message:
            pointer = _readable(fault.get("pointer"), config_token)
            faults[pointer] = (*faults.get(pointer, ()), message)
    return faults


def word(mapping: Json, name: str) -> str:
    """Return an id or a token, which is visible ASCII characters, or "" if there is none."""
    value = mapping.get(name)
    if not isinstance(value, str) or len(value) > _MAX_WORD_LENGTH:
        return ""
    return value if re.fullmatch(VISIBLE_ASCII, value) else ""


def _read_whole_install(reply: Json, now: float) -> BotInstall:
    team, enterprise = _part(reply, "team"), _part(reply, "enterprise")
    refresh_token, expires_at = _expiry(reply, now)
    install = BotInstall(
        app_id=word(reply, "app_id"),
        bot_token=word(reply, "access_token"),
        bot_user_id=word(reply, "bot_user_id"),
        team_id=word(team, "id") or None,
        team_name=_text(team, "name") or _text(enterprise, "name"),
        enterprise_id=word(enterprise, "id") or None,
        is_enterprise_install=_is_org_wide(reply),
        installer_id=word(_part(reply, "authed_user"), "id"),
        refresh_token=refresh_token,
        token_expires_at=expires_at,
    )
    if not (install.app_id and install.bot_token and install.bot_user_id and _tenant_id(reply)):
        raise SlackRefused(UNEXPECTED)
    return install


def _is_org_wide(reply: Json) -> bool:
    # Slack sometimes sends a string for the boolean (slack_bolt, request/internals.py).
    return reply.get("is_enterprise_install") in (True, "true")


def _tenant_id(reply: Json) -> str:
    return word(_part(reply, "enterprise" if _is_org_wide(reply) else "team"), "id")


def _expiry(reply: Json, now: float) -> tuple[str, float | None]:
    """Return the refresh token and when the token expires; "" and None for a token that never expires."""
    seconds, refresh_token = reply.get("expires_in"), reply.get("refresh_token")
    if seconds is None and refresh_token is None:
        return "", None
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not word(reply, "refresh_token"):
        raise SlackRefused(UNEXPECTED)
    if not 0 < seconds <= _MAX_LIFETIME_SECONDS:
        raise SlackRefused(UNEXPECTED)
    return word(reply, "refresh_token"), now + seconds


def _readable(value: Any, config_token: str) -> str:
    if not isinstance(value, str):
        return ""
    if config_token:
        value = value.replace(config_token, "…")
    return " ".join(_ANY_TOKEN.sub("…", value).split())[:MAX_FAULT_LENGTH]


def _part(mapping: Json, name: str) -> dict[str, Any]:
    value = mapping.get(name)
    return value if isinstance(value, dict) else {}


def _text(mapping: Json, name: str) -> str:
    value = mapping.get(name)
    return value if isinstance(value, str) else ""
