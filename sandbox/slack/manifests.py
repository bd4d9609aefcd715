"""App manifests: what Slack refuses in one, and the app that one makes (docs.slack.dev, app manifest)."""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import urlsplit

from sandbox.slack.records import App, new_id

MAX_NAME = 35
MAX_DESCRIPTION = 140
MAX_BOT_NAME = 80
MAX_BOT_EVENTS = 100
MAX_SCOPES = 255

ManifestFault = dict[str, str]
_KNOWN = {
    "": {"_metadata", "display_information", "features", "oauth_config", "settings"},
    "/display_information": {"name", "description", "long_description", "background_color"},
    "/features": {"bot_user", "app_home", "agent_view", "shortcuts", "slash_commands", "unfurl_domains"},
    "/features/bot_user": {"display_name", "always_online"},
    "/features/app_home": {"home_tab_enabled", "messages_tab_enabled", "messages_tab_read_only_enabled"},
    "/features/agent_view": {"agent_description", "suggested_prompts", "actions"},
    "/oauth_config": {"redirect_urls", "scopes", "token_management_enabled", "pkce_enabled"},
    "/oauth_config/scopes": {"bot", "user", "bot_optional", "user_optional"},
    "/settings": {
        "event_subscriptions",
        "interactivity",
        "org_deploy_enabled",
        "socket_mode_enabled",
        "token_rotation_enabled",
        "is_mcp_enabled",
        "allowed_ip_address_ranges",
        "siws_links",
    },
    "/settings/event_subscriptions": {"request_url", "bot_events", "user_events", "metadata_subscriptions"},
    "/settings/interactivity": {"is_enabled", "request_url", "message_menu_options_url"},
}
#: The scope an event needs.
_EVENT_SCOPES = {
    "app_mention": "app_mentions:read",
    "message.im": "im:history",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.mpim": "mpim:history",
}


def manifest_faults(manifest: Any) -> list[ManifestFault]:
    """Give everything for which Slack would refuse a manifest."""
    if not isinstance(manifest, dict):
        return [_fault("/", "must be an object")]
    faults = [fault for pointer, known in _KNOWN.items() for fault in _unknown(manifest, pointer, known)]
    return faults or [
        *_display_faults(manifest),
        *_bot_faults(manifest),
        *_url_faults(manifest),
        *_events(manifest),
    ]


def make_app(manifest: dict[str, Any], team_id: str) -> App:
    """Make the app of a manifest, with credentials of its own; it can be installed in that team only."""
    events = _at(manifest, "/settings/event_subscriptions")
    return App(
        app_id=new_id("A"),
        client_id=f"{secrets.randbelow(10**13):013d}.{secrets.randbelow(10**13):013d}",
        client_secret=secrets.token_hex(16),
        signing_secret=secrets.token_hex(16),
        verification_token=secrets.token_urlsafe(18),
        name=manifest["display_information"]["name"],
        home_team_id=team_id,
        redirect_urls=tuple(_at(manifest, "/oauth_config").get("redirect_urls", ())),
        scopes=tuple(_at(manifest, "/oauth_config/scopes").get("bot", ())),
        bot_events=tuple(events.get("bot_events", ())),
        events_url=events.get("request_url"),
        interactivity_url=_at(manifest, "/settings/interactivity").get("request_url"),
        token_rotation=bool(_at(manifest, "/settings").get("token_rotation_enabled")),
        manifest=manifest,
    )


def _at(manifest: dict[str, Any], pointer: str) -> dict[str, Any]:
    """Give the object at a place of a manifest, empty where there is none."""
    value: Any = manifest
    for name in pointer.split("/")[1:]:
        value = value.get(name, {}) if isinstance(value, dict) else {}
    return value if isinstance(value, dict) else {}


def _fault(pointer: str, message: str) -> ManifestFault:
    return {"message": message, "pointer": pointer}


def _unknown(manifest: dict[str, Any], pointer: str, known: set[str]) -> list[ManifestFault]:
    extra = sorted(_at(manifest, pointer).keys() - known) if pointer else sorted(manifest.keys() - known)
    return [_fault(f"{pointer}/{name}", "No additional properties are allowed") for name in extra]


def _display_faults(manifest: dict[str, Any]) -> list[ManifestFault]:
    display = _at(manifest, "/display_information")
    name, description = display.get("name"), display.get("description", "")
    faults = []
    if not isinstance(name, str) or not name:
        faults.append(_fault("/display_information/name", "Missing required field"))
    elif len(name) > MAX_NAME:
        faults.append(_fault("/display_information/name", f"Must be {MAX_NAME} characters or fewer"))
    if len(description) > MAX_DESCRIPTION:
        limit = f"Must be {MAX_DESCRIPTION} characters or fewer"
        faults.append(_fault("/display_information/description", limit))
    return faults


def _bot_faults(manifest: dict[str, Any]) -> list[ManifestFault]:
    scopes = _at(manifest, "/oauth_config/scopes").get("bot", [])
    bot = _at(manifest, "/features/bot_user")
    faults = []
    if len(scopes) > MAX_SCOPES:
        faults.append(_fault("/oauth_config/scopes/bot", f"No more than {MAX_SCOPES} items"))
    if scopes and not bot:
        faults.append(_fault("/features/bot_user", "Bot scopes need a bot user"))
    name = bot.get("display_name", "")
    if bot and not re.fullmatch(rf"[A-Za-z0-9_. -]{{1,{MAX_BOT_NAME}}}", name):
        faults.append(_fault("/features/bot_user/display_name", "Invalid display name"))
    return faults


def _url_faults(manifest: dict[str, Any]) -> list[ManifestFault]:
    """Refuse URLs that are not https; on loopback http is taken, so that the sandbox can be used."""
    urls = {
        f"/oauth_config/redirect_urls/{index}": url
        for index, url in enumerate(_at(manifest, "/oauth_config").get("redirect_urls", []))
    }
    for pointer in ("/settings/event_subscriptions", "/settings/interactivity"):
        if "request_url" in _at(manifest, pointer):
            urls[f"{pointer}/request_url"] = _at(manifest, pointer)["request_url"]
    return [_fault(pointer, "Invalid URL") for pointer, url in urls.items() if not is_allowed_url(url)]


def _events(manifest: dict[str, Any]) -> list[ManifestFault]:
    pointer = "/settings/event_subscriptions"
    subscriptions = _at(manifest, pointer)
    events = subscriptions.get("bot_events", [])
    scopes = set(_at(manifest, "/oauth_config/scopes").get("bot", []))
    faults = []
    if len(events) > MAX_BOT_EVENTS:
        faults.append(_fault(f"{pointer}/bot_events", f"No more than {MAX_BOT_EVENTS} items"))
    if events and not subscriptions.get("request_url"):
        message = "Event Subscription requires either Request URL or Socket Mode Enabled"
        faults.append(_fault(pointer, message))
    for event in events:
        needed = _EVENT_SCOPES.get(event)
        if needed and needed not in scopes:
            faults.append(_fault(f"{pointer}/bot_events", f"{event} requires the scope {needed}"))
    return faults


def is_allowed_url(url: Any) -> bool:
    """Tell whether Slack would call or redirect to a URL: https, or http on loopback."""
    if not isinstance(url, str):
        return False
    parts = urlsplit(url)
    is_loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback))
