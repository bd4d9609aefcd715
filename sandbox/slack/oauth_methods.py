"""oauth.v2.access, auth.* and apps.uninstall (docs.slack.dev, methods)."""

from __future__ import annotations

from flask import request

from sandbox.slack.calls import Answer, Call, Method, SlackError
from sandbox.slack.codes import Code
from sandbox.slack.records import App, Install


def access(call: Call) -> Answer:
    """Exchange a code, or a refresh token, for a bot token.

    A refresh token works once and for its own app (docs.slack.dev, using token rotation).
    """
    app = _client(call)
    if call.optional_text("grant_type") == "refresh_token":
        install = call.world.installs.refresh(app.app_id, call.optional_text("refresh_token"))
        if install is None:
            raise SlackError("invalid_refresh_token")
        return _grant(call, app, install, install.installed_by)
    redirect_uri = call.optional_text("redirect_uri") or None
    code = call.sandbox.codes.redeem(call.optional_text("code"), app.app_id, redirect_uri)
    if isinstance(code, str):
        raise SlackError(code)
    return _grant(call, app, _install(call, code), code.user_id)


def api_test(call: Call) -> Answer:
    """Return the arguments; needs no token."""
    return {"args": {name: value for name, value in call.arguments.items() if name != "token"}}


def auth_test(call: Call) -> Answer:
    """Return the identity of the token."""
    install = call.install
    bot = call.world.users[install.bot_user_id]
    team = call.world.teams[bot.team_id]
    enterprise = {"enterprise_id": install.enterprise_id} if install.enterprise_id else {}
    return {
        "url": f"https://{team.domain}.slack.com/",
        "team": team.name,
        "user": bot.name,
        "team_id": team.id,
        "user_id": bot.id,
        "bot_id": install.bot_id,
        "is_enterprise_install": install.team_id is None,
        **enterprise,
    }


def auth_revoke(call: Call) -> Answer:
    """Revoke the token, which uninstalls the app too."""
    if call.flag("test"):
        return {"revoked": False}
    install = call.install
    call.world.installs.revoked_tokens |= {install.bot_token, *install.older_tokens}
    call.sandbox.events.uninstall(install)
    return {"revoked": True}


def apps_uninstall(call: Call) -> Answer:
    """Uninstall the app from the token's team."""
    app = _client(call)
    if app.app_id != call.install.app_id:
        raise SlackError("client_id_token_mismatch")
    call.sandbox.events.uninstall(call.install)
    return {}


def _client(call: Call) -> App:
    """Return the app of the client id and secret, from HTTP Basic or the form."""
    client_id, client_secret = call.optional_text("client_id"), call.optional_text("client_secret")
    basic = request.authorization
    if basic is not None and basic.type == "basic":
        client_id, client_secret = basic.username or "", basic.password or ""
    app = next((each for each in call.world.apps.values() if each.client_id == client_id), None)
    if app is None:
        raise SlackError("invalid_client_id")
    if app.client_secret != client_secret:
        raise SlackError("bad_client_secret")
    return app


def _install(call: Call, code: Code) -> Install:
    installs = call.world.installs
    install = installs.install_org_wide if code.org_wide else installs.install
    return install(code.app_id, code.team_id, by=code.user_id, scopes=code.scopes)


def _grant(call: Call, app: App, install: Install, user_id: str) -> Answer:
    """Return the answer of oauth.v2.access; ``team`` is null for an org-wide install."""
    home = call.world.teams[call.world.users[install.bot_user_id].team_id]
    team = {"id": home.id, "name": home.name} if install.team_id else None
    enterprise = {"id": home.enterprise_id, "name": home.enterprise_name} if home.enterprise_id else None
    answer: Answer = {
        "app_id": app.app_id,
        "authed_user": {"id": user_id},
        "scope": ",".join(install.scopes),
        "token_type": "bot",
        "access_token": install.bot_token,
        "bot_user_id": install.bot_user_id,
        "team": team,
        "enterprise": enterprise,
        "is_enterprise_install": install.team_id is None,
    }
    if install.refresh_token is not None and install.expires_at is not None:
        seconds = round(install.expires_at - call.world.clock())
        answer |= {"refresh_token": install.refresh_token, "expires_in": seconds}
    return answer


METHODS = {
    "api.test": Method(api_test, needs_bot=False),
    "oauth.v2.access": Method(access, needs_bot=False, takes_json=False),
    "auth.test": Method(auth_test),
    "auth.revoke": Method(auth_revoke),
    "apps.uninstall": Method(apps_uninstall),
}
