"""Reading what Slack says of apps and tokens. A reply that lacks what it must have is no success."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sectorflow_slack.domain.errors import InstallIncomplete, SlackBusy, SlackRefused
from sectorflow_slack.domain.installations import BotInstall, FreshToken, InstallationKey, SlackApp
from sectorflow_slack.domain.slack import VISIBLE_ASCII

#: Slack says this of nothing; we do, of a success that cannot be one.
UNEXPECTED = "unexpected_reply"

#: What Slack says of a manifest is passed on to people, but never more of it than they would read.
MAX_FAULTS = 50
MAX_FAULT_LENGTH = 500

_MAX_WORD_LENGTH = 4096
#: Longer than any token lives.
_MAX_LIFETIME_SECONDS = 10 * 365 * 86_400
_ANY_TOKEN = re.compile(r"xox[a-z][-.]\S+", re.IGNORECASE)

Json = Mapping[str, Any]


def read_install(reply: Json, app_id: str, now: float) -> BotInstall:
    """Read what a code of an app was exchanged for (``oauth.v2.access``) at ``now``.

    Raises:
        InstallIncomplete: an app, a bot or a tenant is missing, or the token ends and has no successor.
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
        refresh_token=refresh_token,
        token_expires_at=expires_at,
    )
    if not (install.app_id and install.bot_token and install.bot_user_id and _tenant_id(reply)):
        raise SlackRefused(UNEXPECTED)
    return install


def _is_org_wide(reply: Json) -> bool:
    # Slack has been seen to send the word for the boolean (slack_bolt, request/internals.py).
    return reply.get("is_enterprise_install") in (True, "true")


def _tenant_id(reply: Json) -> str:
    return word(_part(reply, "enterprise" if _is_org_wide(reply) else "team"), "id")


def read_fresh_token(reply: Json, app_id: str, now: float) -> FreshToken:
    """Read what a refresh token was exchanged for at ``now``.

    Raises:
        SlackRefused: it is not whole, or another app's.

    """
    bot_token = word(reply, "access_token")
    refresh_token, expires_at = _expiry(reply, now)
    if not bot_token or expires_at is None or reply.get("app_id", app_id) != app_id:
        raise SlackRefused(UNEXPECTED)
    return FreshToken(bot_token, refresh_token, expires_at)


def read_app(reply: Json) -> tuple[SlackApp, str | None]:
    """Read which app was made (``apps.manifest.create``) and, where Slack says, in which team.

    Raises:
        SlackBusy: an app was made, but Slack did not give what it is used with.

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
    """Read the ``errors`` of a refused manifest: messages by JSON pointer; "" where there is none.

    Entries that say nothing are passed over. Whatever looks like a token is left out.
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
    """Give an id or a token: visible ASCII characters; "" where there is none."""
    value = mapping.get(name)
    if not isinstance(value, str) or len(value) > _MAX_WORD_LENGTH:
        return ""
    return value if re.fullmatch(VISIBLE_ASCII, value) else ""


def _expiry(reply: Json, now: float) -> tuple[str, float | None]:
    """Give the refresh token and when the token ends; "" and None for a token without an end."""
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
