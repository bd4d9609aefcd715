"""Apps from manifests (docs.slack.dev, app manifest)."""

from __future__ import annotations

import secrets
from typing import Any

from sandbox.slack.manifest_rules import at, manifest_faults
from sandbox.slack.records import App, new_id

__all__ = ["make_app", "manifest_faults"]


def make_app(manifest: dict[str, Any], team_id: str) -> App:
    """Create the app of a manifest, with new credentials; it can be installed in that team only.

    An agent has the scope ``assistant:write`` (docs.slack.dev, agent sessions).
    """
    events, settings = at(manifest, "/settings/event_subscriptions"), at(manifest, "/settings")
    scopes = tuple(at(manifest, "/oauth_config/scopes").get("bot", ()))
    if at(manifest, "/features/agent_view"):
        scopes = tuple(dict.fromkeys([*scopes, "assistant:write"]))
    return App(
        app_id=new_id("A"),
        client_id=f"{secrets.randbelow(10**13):013d}.{secrets.randbelow(10**13):013d}",
        client_secret=secrets.token_hex(16),
        signing_secret=secrets.token_hex(16),
        verification_token=secrets.token_urlsafe(18),
        name=manifest["display_information"]["name"],
        home_team_id=team_id,
        redirect_urls=tuple(at(manifest, "/oauth_config").get("redirect_urls", ())),
        scopes=scopes,
        bot_events=tuple(events.get("bot_events", ())),
        events_url=events.get("request_url"),
        interactivity_url=at(manifest, "/settings/interactivity").get("request_url"),
        token_rotation=bool(settings.get("token_rotation_enabled")),
        org_deploy=bool(settings.get("org_deploy_enabled")),
        manifest=manifest,
    )
