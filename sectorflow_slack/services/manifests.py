"""The manifest of Slack apps that use this service (docs.slack.dev, app manifest)."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from sectorflow_slack.domain.slack import EVENTS, EVENTS_PATH, INTERACTIONS_PATH, OAUTH_REDIRECT_PATH, SCOPES

#: Slack's limit for the name of a bot user, and the characters that Slack refuses there.
MAX_BOT_NAME = 80
_NOT_IN_BOT_NAMES = re.compile(r"[^a-z0-9._-]+")
#: For app names without any Latin letter or digit.
NAMELESS_BOT = "assistant"

_SLACK_HOSTS = frozenset({"slack.com", "slack-gov.com"})


def app_manifest(app_name: str, public_url: str) -> dict[str, object]:
    """Return the manifest of an app with a name of 1 to 35 characters.

    Slack verifies the events URL, which is below ``public_url``, while it creates the app.
    """
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": app_name,
            "description": f"{app_name} answers questions with the models of SectorFlow.",
        },
        "features": _features(app_name),
        "oauth_config": {
            "redirect_urls": [public_url + OAUTH_REDIRECT_PATH],
            "scopes": {"bot": list(SCOPES)},
        },
        "settings": {
            "event_subscriptions": {"request_url": public_url + EVENTS_PATH, "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, "request_url": public_url + INTERACTIONS_PATH},
            # An organisation may install the app for all its workspaces at once.
            "org_deploy_enabled": True,
            "socket_mode_enabled": False,
            # Rotation cannot be turned off again, and after the loss of a refresh token the customer must
            # reinstall the app. Tokens are stored encrypted, and revoked on deletion.
            "token_rotation_enabled": False,
        },
    }


def _features(app_name: str) -> dict[str, object]:
    return {
        "bot_user": {"display_name": bot_name(app_name), "always_online": True},
        # Without its Messages tab, an app gets no direct messages.
        "app_home": {
            "home_tab_enabled": True,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": False,
        },
        "agent_view": {
            "agent_description": f"Ask {app_name} anything: write to it here, or mention it in a channel. "
            "It answers with the models that your organisation chose in SectorFlow."
        },
    }


def bot_name(app_name: str) -> str:
    """Return the name of an app's bot user: lower case, ``a-z 0-9 - _ .`` only, 1 to 80 characters."""
    folded = unicodedata.normalize("NFKD", app_name.casefold()).encode("ascii", "ignore").decode().lower()
    return _NOT_IN_BOT_NAMES.sub("-", folded).strip("-._")[:MAX_BOT_NAME].rstrip("-._") or NAMELESS_BOT


def creation_link(manifest: Mapping[str, object], slack_base_url: str) -> str:
    """Return the URL of the page that creates an app from a manifest; a sandbox serves the page itself."""
    host = urlsplit(slack_base_url).hostname
    base = f"https://api.{host}" if host in _SLACK_HOSTS else slack_base_url
    filled_in = json.dumps(manifest, separators=(",", ":"))
    return f"{base}/apps?{urlencode({'new_app': '1', 'manifest_json': filled_in}, quote_via=quote)}"
