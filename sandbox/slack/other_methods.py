"""blocks.validate, apps.manifest.* and tooling.tokens.rotate (docs.slack.dev, methods).

Methods that the service's scopes do not cover answer ``missing_scope``.
"""

from __future__ import annotations

import json
from typing import Any

from flask import request

from sandbox.slack.blocks import check_message
from sandbox.slack.calls import Answer, Call, Method, SlackError
from sandbox.slack.config_tokens import LIFE, ConfigToken
from sandbox.slack.manifest_rules import manifest_faults
from sandbox.slack.manifests import make_app
from sandbox.slack.records import App
from sandbox.slack.rules import Fault


def validate_blocks(call: Call) -> Answer:
    """Check blocks without posting them; needs no token."""
    blocks = call.value("blocks")
    faults: list[Fault] = check_message("-", blocks, one_table=call.sandbox.settings.one_table)
    if faults:
        raise SlackError("invalid_blocks", errors=faults)
    return {}


def create_app(call: Call) -> Answer:
    """Create an app from a manifest and verify its events URL during the call.

    ``team_id`` is for an organisation's token; a team other than the token's own is refused
    (docs.slack.dev, apps.manifest.create).
    """
    owner, manifest = _owner(call), _manifest(call)
    if call.optional_text("team_id") not in ("", owner.team_id):
        raise SlackError("invalid_team_id")
    app = make_app(manifest, owner.team_id)
    url = app.events_url
    if url is not None and not call.sandbox.events.verify_url(app, url):
        message = "URL didn't respond with the value of the challenge parameter."
        pointer = "/settings/event_subscriptions/request_url"
        raise SlackError("invalid_manifest", errors=[{"message": message, "pointer": pointer}])
    call.world.add_app(app)
    scopes = ",".join(app.scopes)
    authorize = f"{request.host_url}oauth/v2/authorize?client_id={app.client_id}&scope={scopes}"
    return {
        "app_id": app.app_id,
        "credentials": app.credentials,
        "oauth_authorize_url": authorize,
        "team_id": owner.team_id,
        "team_domain": call.world.teams[owner.team_id].domain,
    }


def validate_manifest(call: Call) -> Answer:
    """Check a manifest without creating an app."""
    _owner(call)
    _manifest(call)
    return {"errors": []}


def export_manifest(call: Call) -> Answer:
    """Return an app's manifest, without its credentials."""
    return {"manifest": _owned_app(call).manifest}


def delete_app(call: Call) -> Answer:
    """Delete an app and its installs."""
    app = _owned_app(call)
    for install in call.world.installs.all():
        if install.app_id == app.app_id and install.is_active:
            call.world.installs.uninstall(install)
    app.events_url = None
    app.is_deleted = True
    return {}


def rotate_config_token(call: Call) -> Answer:
    """Renew an app configuration token; the refresh token works once."""
    new = call.sandbox.config_tokens.rotate(call.optional_text("refresh_token"))
    if new is None:
        raise SlackError("invalid_refresh_token")
    issued = int(new.issued_at)
    who = {"team_id": new.team_id, "user_id": new.user_id}
    return {
        "token": new.token,
        "refresh_token": new.refresh_token,
        **who,
        "iat": issued,
        "exp": issued + LIFE,
    }


def _owner(call: Call) -> ConfigToken:
    if not call.token:
        raise SlackError("not_authed")
    if not call.token.startswith("xoxe.xoxp-"):
        raise SlackError("not_allowed_token_type")
    found = call.sandbox.config_tokens.authenticate(call.token)
    if isinstance(found, str):
        raise SlackError(found)
    return found


def _owned_app(call: Call) -> App:
    owner = _owner(call)
    app = call.world.apps.get(call.text("app_id"))
    if app is None or app.is_deleted or app.home_team_id != owner.team_id:
        raise SlackError("invalid_app_id")
    return app


def _manifest(call: Call) -> dict[str, Any]:
    try:
        manifest = json.loads(call.text("manifest"))
    except ValueError:
        raise SlackError("invalid_manifest", errors=[{"message": "not JSON", "pointer": "/"}]) from None
    faults = manifest_faults(manifest)
    if faults:
        raise SlackError("invalid_manifest", errors=faults)
    manifest_: dict[str, Any] = manifest
    return manifest_


def _uncovered(call: Call) -> Answer:
    raise SlackError("unknown_method", req_method=call.method)


_UNCOVERED = {
    "conversations.history": "channels:history",
    "conversations.info": "channels:read",
    "conversations.join": "channels:join",
    "conversations.list": "channels:read",
    "conversations.members": "channels:read",
    "conversations.open": "im:write",
    "conversations.replies": "channels:history",
    "files.getUploadURLExternal": "files:write",
    "reactions.add": "reactions:write",
    "team.info": "team:read",
    "users.info": "users:read",
    "users.list": "users:read",
}

METHODS = {
    "blocks.validate": Method(validate_blocks, needs_bot=False, takes_json=False),
    "apps.manifest.create": Method(create_app, needs_bot=False, takes_json=False),
    "apps.manifest.validate": Method(validate_manifest, needs_bot=False, takes_json=False),
    "apps.manifest.export": Method(export_manifest, needs_bot=False, takes_json=False),
    "apps.manifest.delete": Method(delete_app, needs_bot=False, takes_json=False),
    "tooling.tokens.rotate": Method(rotate_config_token, needs_bot=False, takes_json=False),
    **{name: Method(_uncovered, (scope,)) for name, scope in _UNCOVERED.items()},
}
