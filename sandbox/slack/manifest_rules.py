"""Slack's rules for app manifests (docs.slack.dev, app manifest; slackapi/manifest-schema)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from sandbox.slack.rules import Faults, Rule, boolean, both, fault, items, matching, number, shape, string

MAX_URL = 3_500
_ANY = string(10_000, least=0)


def anything(value: Any, pointer: str, faults: Faults) -> None:
    """Accept any value: parts of a manifest that no app here has."""


def request_url(value: Any, pointer: str, faults: Faults) -> None:
    """Accept a URL that Slack would call."""
    if not is_allowed_url(value) or len(value) > MAX_URL:
        faults.append(fault(pointer, "invalid_url", "Invalid URL"))


_SCOPES = items(string(100), 255, least=0)
_DISPLAY = shape(
    {"name": string(35)},
    {
        "description": string(140),
        "long_description": string(4_000, least=175),
        "background_color": matching(r"#(?:[0-9a-fA-F]{3}){1,2}", "must be a colour in hex"),
    },
)
_BOT_USER = shape(
    {"display_name": matching(r"[a-z0-9._-]{1,80}", "Invalid display name: a-z 0-9 - _ . only, 1 to 80")},
    {"always_online": boolean},
)
#: New apps have no ``assistant_view`` (docs.slack.dev, changelog of the second quarter of 2026).
_AGENT_VIEW = shape(
    {"agent_description": string(300)},
    {
        "suggested_prompts": items(shape({"title": _ANY, "message": _ANY}), 4),
        "actions": items(shape({"name": _ANY, "description": _ANY}), 100),
    },
)
_TABS = ("home_tab_enabled", "messages_tab_enabled", "messages_tab_read_only_enabled")
_FEATURES: dict[str, Rule] = {
    "bot_user": _BOT_USER,
    "app_home": shape({}, dict.fromkeys(_TABS, boolean)),
    "agent_view": _AGENT_VIEW,
    **dict.fromkeys(("shortcuts", "slash_commands", "unfurl_domains", "code_channels", "search"), anything),
}
_OAUTH: dict[str, Rule] = {
    "redirect_urls": items(request_url, 1_000, least=0),
    "scopes": shape({}, dict.fromkeys(("bot", "user", "bot_optional", "user_optional"), _SCOPES)),
    "token_management_enabled": boolean,
    "pkce_enabled": boolean,
}
_EVENTS = items(string(100), 100, least=0)
_SETTINGS: dict[str, Rule] = {
    "event_subscriptions": shape(
        {},
        {
            "request_url": request_url,
            "bot_events": _EVENTS,
            "user_events": _EVENTS,
            "metadata_subscriptions": anything,
        },
    ),
    "interactivity": shape(
        {"is_enabled": boolean}, {"request_url": request_url, "message_menu_options_url": request_url}
    ),
    **dict.fromkeys(
        ("org_deploy_enabled", "socket_mode_enabled", "token_rotation_enabled", "is_mcp_enabled"), boolean
    ),
    "allowed_ip_address_ranges": items(string(50), 10, least=0),
    "siws_links": anything,
}
#: The scope an event needs.
_EVENT_SCOPES = {
    "app_mention": "app_mentions:read",
    "message.im": "im:history",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.mpim": "mpim:history",
}


def _bot(manifest: Any, pointer: str, faults: Faults) -> None:
    """Refuse bot scopes without a bot user, and optional scopes that are not among the others."""
    scopes = at(manifest, "/oauth_config/scopes")
    if scopes.get("bot") and not at(manifest, "/features/bot_user"):
        faults.append(fault("/features/bot_user", "missing_field", "Bot scopes need a bot user"))
    for kind in ("bot", "user"):
        if set(scopes.get(f"{kind}_optional", [])) - set(scopes.get(kind, [])):
            place = f"/oauth_config/scopes/{kind}_optional"
            faults.append(fault(place, "invalid_value", f"must also be in scopes.{kind}"))


def _events(manifest: Any, pointer: str, faults: Faults) -> None:
    """Refuse events without a request URL, or without their scope."""
    place = "/settings/event_subscriptions"
    events = at(manifest, place).get("bot_events", [])
    is_by_socket = at(manifest, "/settings").get("socket_mode_enabled")
    if events and not at(manifest, place).get("request_url") and not is_by_socket:
        message = "Event Subscription requires either Request URL or Socket Mode Enabled"
        faults.append(fault(place, "missing_field", message))
    scopes = at(manifest, "/oauth_config/scopes").get("bot", [])
    for event in events:
        needed = _EVENT_SCOPES.get(event)
        if needed and needed not in scopes:
            message = f"{event} requires the scope {needed}"
            faults.append(fault(f"{place}/bot_events", "missing_scope", message))


def _rotation(manifest: Any, pointer: str, faults: Faults) -> None:
    """Refuse token rotation without a redirect URL."""
    rotates = at(manifest, "/settings").get("token_rotation_enabled")
    if rotates and not at(manifest, "/oauth_config").get("redirect_urls"):
        message = "Token rotation requires at least one redirect URL"
        faults.append(fault("/oauth_config/redirect_urls", "missing_field", message))


_MANIFEST = shape(
    {"display_information": _DISPLAY},
    {
        "_metadata": shape({}, {"major_version": number(1, 2), "minor_version": number(0, 1_000)}),
        "features": shape({}, _FEATURES),
        "oauth_config": shape({}, _OAUTH),
        "settings": shape({}, _SETTINGS),
    },
)
_TOGETHER = both(_bot, _events, _rotation)


def manifest_faults(manifest: Any) -> list[dict[str, str]]:
    """Return the faults for which Slack would refuse a manifest, each a ``message`` and a ``pointer``."""
    faults: Faults = []
    _MANIFEST(manifest, "", faults)
    if not faults:
        _TOGETHER(manifest, "", faults)
    return list(_shown(faults))


def at(manifest: dict[str, Any], pointer: str) -> dict[str, Any]:
    """Return the object at a pointer of a manifest, empty if there is none."""
    value: Any = manifest
    for name in pointer.split("/")[1:]:
        value = value.get(name, {}) if isinstance(value, dict) else {}
    return value if isinstance(value, dict) else {}


def is_allowed_url(url: Any) -> bool:
    """Whether Slack would call or redirect to a URL: https, or, in the sandbox, http on loopback."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback))


def _shown(faults: Faults) -> Iterator[dict[str, str]]:
    for each in faults:
        yield {"message": each["message"], "pointer": each["pointer"] or "/"}
