"""Slack's pages for users: consent at ``/oauth/v2/authorize``, creating an app by hand at ``/apps``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox.slack.manifest_rules import is_allowed_url, manifest_faults
from sandbox.slack.manifests import make_app
from sandbox.slack.records import App, Team
from sandbox.slack.world import World
from sandbox.state import current_sandbox

consent = Blueprint(
    "consent", __name__, template_folder="templates", static_folder="static", static_url_path="/oauth/static"
)

#: Slack's descriptions of the scopes.
SCOPES = {
    "app_mentions:read": "View messages that directly mention it in conversations it is in",
    "assistant:write": "Act as an AI assistant",
    "channels:history": "View messages in public channels it has been added to",
    "chat:write": "Send messages as itself",
    "chat:write.customize": "Send messages with a customised name and icon",
    "chat:write.public": "Send messages to channels it isn't a member of",
    "commands": "Add shortcuts and slash commands",
    "im:history": "View messages in direct messages with it",
    "reactions:write": "Add and edit emoji reactions",
    "users:read": "View people in the workspace",
}


class ConsentError(Exception):
    """An authorize request that gets an error page; the text is Slack's error."""


@dataclass(frozen=True)
class AuthorizeRequest:
    """A valid authorize request of an app."""

    app: App
    scopes: tuple[str, ...]
    #: The URL the user is redirected to.
    target: str
    #: The redirect URI of the request; None if it had none and the app has just one.
    redirect_uri: str | None
    state: str
    teams: tuple[Team, ...]


@consent.after_request
def guard(response: Response) -> Response:
    """Set the security headers: no scripts, frames or other sites."""
    # No form-action: browsers apply it to the redirect after the form too, which goes to the app's own site.
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@consent.errorhandler(ConsentError)
def show_refusal(error: ConsentError) -> Response:
    """Show Slack's error page."""
    return make_response(render_template("consent/refused.html", error=str(error)), 400)


@consent.errorhandler(ValueError)
def show_bad_manifest(error: ValueError) -> Response:
    """Show the faults of a manifest."""
    return make_response(render_template("consent/refused.html", error=str(error)), 400)


@consent.get("/apps")
def offer_app() -> str:
    """Offer to create the app of ``?new_app=1&manifest_json=``, as Slack's page for apps does."""
    manifest = read_manifest(request.args.get("manifest_json", ""))
    name, teams = manifest["display_information"]["name"], current_sandbox().world.teams.values()
    scopes = [SCOPES.get(scope, scope) for scope in make_app(manifest, "").scopes]
    return render_template(
        "consent/new_app.html", name=name, teams=teams, wants=scopes, manifest=json.dumps(manifest)
    )


@consent.post("/apps")
def create_app_by_hand() -> str:
    """Create the app in the chosen workspace and show its credentials; its URLs are not verified."""
    world = current_sandbox().world
    team = world.teams.get(request.form.get("team", "")) or abort(400)
    app = world.add_app(make_app(read_manifest(request.form.get("manifest", "")), team.id))
    return render_template("consent/made_app.html", app=app)


def read_manifest(text: str) -> dict[str, Any]:
    """Read a manifest; ValueError with its faults if Slack would refuse it."""
    manifest = json.loads(text)
    if faults := manifest_faults(manifest):
        raise ValueError("; ".join(f"{each['pointer']}: {each['message']}" for each in faults))
    read: dict[str, Any] = manifest
    return read


@consent.get("/oauth/v2/authorize")
def ask() -> str:
    """Ask a user to consent to an app's scopes."""
    world = current_sandbox().world
    requested = read_authorize_request(world, request.args)
    people = [each for each in world.users.values() if not each.is_bot]
    wants = [SCOPES.get(scope, scope) for scope in requested.scopes]
    return render_template(
        "consent/ask.html", requested=requested, people=people, wants=wants, asked=request.args
    )


@consent.post("/oauth/v2/authorize")
def decide() -> BaseResponse:
    """Redirect the user to the app, with a code or ``access_denied``."""
    sandbox = current_sandbox()
    requested = read_authorize_request(sandbox.world, request.form)
    if request.form.get("decision") != "allow":
        return _back(requested, error="access_denied")
    chosen = [each for each in requested.teams if each.id == request.form.get("chosen_team")]
    team = (chosen or requested.teams)[0]
    person = sandbox.world.users.get(request.form.get("user", ""))
    if person is None or person.team_id != team.id:
        person = next(
            each for each in sandbox.world.users.values() if each.team_id == team.id and not each.is_bot
        )
    code = sandbox.codes.issue(
        requested.app.app_id,
        team.id,
        person.id,
        scopes=requested.scopes,
        redirect_uri=requested.redirect_uri,
        org_wide="org_wide" in request.form and requested.app.org_deploy and team.enterprise_id is not None,
    )
    return _back(requested, code=code.value)


def read_authorize_request(world: World, asked: Mapping[str, str]) -> AuthorizeRequest:
    """Read an authorize request; ConsentError if Slack would refuse it."""
    app = next((each for each in world.apps.values() if each.client_id == asked.get("client_id")), None)
    if app is None or app.is_deleted:
        raise ConsentError("invalid_client_id")
    redirect_uri = asked.get("redirect_uri") or None
    target = redirect_uri or (app.redirect_urls[0] if len(app.redirect_urls) == 1 else "")
    if not any(is_within(target, url) for url in app.redirect_urls):
        raise ConsentError("bad_redirect_uri")
    scopes = tuple(filter(None, asked.get("scope", "").split(",")))
    if not scopes or not set(scopes) <= SCOPES.keys():
        raise ConsentError("invalid_scope" if scopes else "no_scopes")
    return AuthorizeRequest(
        app, scopes, target, redirect_uri, asked.get("state", ""), _teams(world, app, asked.get("team"))
    )


def is_within(target: str, configured: str) -> bool:
    """Whether a redirect goes to a configured URL or below it (docs.slack.dev, OAuth)."""
    wanted, allowed = urlsplit(target), urlsplit(configured)
    if not is_allowed_url(target) or "#" in target or wanted[:2] != allowed[:2]:
        return False
    if ".." in wanted.path.split("/"):
        return False
    return wanted.path == allowed.path or wanted.path.startswith(allowed.path.rstrip("/") + "/")


def _teams(world: World, app: App, asked: str | None) -> tuple[Team, ...]:
    """Return the teams that a user may choose from.

    An app that is not distributed can be installed in its own workspace only, or, with
    ``org_deploy_enabled``, in its own organisation (docs.slack.dev, distribution).
    """
    peopled = {each.team_id for each in world.users.values() if not each.is_bot}
    teams = [each for each in world.teams.values() if each.id in peopled]
    if not app.is_distributed:
        teams = [each for each in teams if _is_home(world, app, each)]
        if asked and asked not in {each.id for each in teams}:
            raise ConsentError("invalid_team_for_non_distributed_app")
    if not teams:
        raise ConsentError("invalid_team_for_non_distributed_app")
    # `team` only preselects: the user may choose another workspace.
    return tuple(sorted(teams, key=lambda each: each.id != asked))


def _is_home(world: World, app: App, team: Team) -> bool:
    home = world.teams.get(app.home_team_id)
    shares = home is not None and home.enterprise_id is not None and home.enterprise_id == team.enterprise_id
    return team.id == app.home_team_id or (app.org_deploy and shares)


def _back(requested: AuthorizeRequest, **answer: str) -> BaseResponse:
    query = urlencode({**answer, "state": requested.state})
    return redirect(f"{requested.target}{'&' if '?' in requested.target else '?'}{query}")
