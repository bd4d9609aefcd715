"""The page at ``/install``: sign in with a SectorFlow API token, then install, change and remove apps.

Every form is sent by POST and answered with a redirect, so that reload and back never repeat an action.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import replace
from typing import cast

from flask import Blueprint, Response, abort, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as BaseResponse

from sectorflow_slack.domain.errors import (
    AppNotCreated,
    InstallRefused,
    RequestInProgress,
    RevisionConflict,
)
from sectorflow_slack.domain.install_form import Draft, FormSession
from sectorflow_slack.domain.installations import AnyInstallation, IdempotencyKey, Installation
from sectorflow_slack.domain.slack import VISIBLE_ASCII
from sectorflow_slack.services.idempotency import FIELD as IDEMPOTENCY_KEY
from sectorflow_slack.services.idempotency import fingerprint
from sectorflow_slack.services.install_page import (
    MAX_TRIALS,
    SignInRefused,
    TooBusy,
    TrialRefused,
    names,
)
from sectorflow_slack.web import current_services, current_settings
from sectorflow_slack.web.install_forms import (
    MESSAGES,
    REFUSED,
    SESSION_TOKEN_REFUSED,
    Faulty,
    arrange,
    body_of,
    change_of,
    check_question,
    fill,
    models_of,
    refused,
    request_of,
)
from sectorflow_slack.web.install_views import app_view, form_values, trial_views, until
from sectorflow_slack.web.pages import refusal_page

blueprint = Blueprint("install_page", __name__, url_prefix="/install")

COOKIE = "sectorflow_slack_install"
#: A day: the session in Redis ends sooner, and its end can be told from a first visit.
COOKIE_SECONDS = 24 * 3600
MAX_TOKEN_LENGTH = 4096
#: Where a user need not have signed in.
OPEN_ENDPOINTS = frozenset({"install_page.home", "install_page.sign_in", "install_page.sign_out"})
BY_HAND = "You can also create it by hand: choose “An app that exists already”."
TOKEN_FAULTS = {"malformed": MESSAGES["apiToken"], "refused": REFUSED["apiToken"]}


@blueprint.errorhandler(TooBusy)
def refuse_too_many(_: TooBusy) -> Response:
    """Refuse a request for which SectorFlow would have to be asked, while many others wait for it."""
    return _refuse_too_much(5.0)


@blueprint.before_request
def guard() -> ResponseReturnValue | None:
    """Refuse requests while the page is off, forms of other sites, and users who have not signed in."""
    if not current_settings.install_page:
        abort(404)
    if request.method == "POST":
        if _is_too_much("install_address", _address()):
            return _refuse_too_much(60.0)
        csrf = request.form.get("csrf", "").encode()
        if not _cookie() or not hmac.compare_digest(csrf, _csrf(_cookie()).encode()):
            return refusal_page("out_of_date")
    found = current_services.install_page.forms.find(_cookie()) if _cookie() else None
    if found is None and request.endpoint not in OPEN_ENDPOINTS:
        return redirect(url_for(".home", over=""), 303)
    g.install_session = found
    return None


# Signing in and out


@blueprint.get("")
def home() -> ResponseReturnValue:
    """Show the form to sign in, or the installations of the user who has."""
    if g.install_session is None:
        return _sign_in_page()
    session = _session()
    found = [app_view(each) for each in current_services.install_page.list(session)]
    return _page("install/home.html", session=session, installations=found)


@blueprint.post("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Check the token with SectorFlow and start a session."""
    token = request.form.get("apiToken", "").strip()
    if len(token) > MAX_TOKEN_LENGTH or re.fullmatch(VISIBLE_ASCII, token) is None:
        return redirect(url_for(".home", fault="malformed"), 303)
    limits = {"install_signin": _address(), "install_everyone": "", "install_token": token}
    if any(_is_too_much(name, caller) for name, caller in limits.items()):
        return _refuse_too_much(60.0)
    service = current_services.install_page
    try:
        secret = service.sign_in(token)
    except SignInRefused:
        return redirect(url_for(".home", fault="refused"), 303)
    service.forms.end(_cookie())
    session = service.forms.find(secret)
    has_some = session is not None and bool(service.list(session))
    response = redirect(url_for(".home" if has_some else ".new"), 303)
    _set_cookie(response, secret)
    return response


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Delete the session with the token and all forms."""
    current_services.install_page.forms.end(_cookie())
    response = redirect(url_for(".home"), 303)
    _set_cookie(response, secrets.token_urlsafe(32))
    return response


def _sign_in_page() -> Response:
    fault = TOKEN_FAULTS.get(request.args.get("fault", ""))
    response = _page("install/sign_in.html", fault=fault, is_over="over" in request.args)
    if not _cookie():
        _set_cookie(response, g.install_secret)
    return response


# The form


@blueprint.get("/new")
def new() -> ResponseReturnValue:
    """Store an empty form, or one filled with the installation that is to be replaced, and show it.

    The form has its own address from the start: a user who comes back to it finds what was sent.
    """
    draft = _first_draft(_session())
    number = current_services.install_page.forms.save_draft(_cookie(), draft)
    return redirect(url_for(".show", number=number), 303)


@blueprint.get("/forms/<int:number>")
def show(number: int) -> ResponseReturnValue:
    """Show a stored form."""
    session = _session()
    draft = current_services.install_page.forms.find_draft(_cookie(), number)
    return redirect(url_for(".home")) if draft is None else _form_page(session, draft)


@blueprint.post("/forms/<int:number>")
def act(number: int) -> ResponseReturnValue:
    """Store a form again and do what the button says."""
    session = _session()
    draft = current_services.install_page.forms.find_draft(_cookie(), number)
    return redirect(url_for(".home"), 303) if draft is None else _act(session, draft, number)


def _first_draft(session: FormSession) -> Draft:
    service = current_services.install_page
    replaced = request.args.get("replaces")
    if replaced is not None:
        return service.draft_of(_find(session, replaced), replaces=True)
    return service.first_draft(session, has_own_app=current_settings.slack_app is not None)


def _act(session: FormSession, draft: Draft, number: int | None) -> ResponseReturnValue:
    """Fill the draft with the posted values, do what the button says, and redirect."""
    action = request.form.get("action", "update")
    draft = fill(draft, request.form, session.offer)
    forms = current_services.install_page.forms
    number = forms.save_draft(_cookie(), draft, number)
    asks_sectorflow = action in {"try", "complete", "save", "reload"}
    if asks_sectorflow and _is_too_much("install_token", session.api_token):
        return _refuse_too_much(60.0)
    try:
        if action == "complete":
            return _complete(session, draft, number)
        if action == "save":
            return _save(session, draft)
        draft = _try(session, draft) if action == "try" else _rearrange(session, draft, action)
    except Faulty as error:
        draft = replace(draft, faults=error.faults, attempt=draft.attempt + 1, trial=())
    forms.save_draft(_cookie(), draft, number)
    anchor = "faults" if draft.faults else "trial" if action == "try" else draft.focus or None
    return redirect(url_for(".show", number=number, _anchor=anchor), 303)


def _rearrange(session: FormSession, draft: Draft, action: str) -> Draft:
    if action == "reload":
        try:
            current_services.install_page.reload(_cookie(), session)
        except SignInRefused:
            raise Faulty({"": SESSION_TOKEN_REFUSED}) from None
    return arrange(draft, action)


def _try(session: FormSession, draft: Draft) -> Draft:
    check_question(draft)
    try:
        return replace(draft, trial=current_services.install_page.ask(_cookie(), session, draft))
    except TrialRefused as refusal:
        raise Faulty({"question": str(refusal)}) from None


def _complete(session: FormSession, draft: Draft, number: int) -> BaseResponse:
    """Register the installation and redirect to its install link."""
    body = body_of(draft, session.api_token)
    digest = fingerprint(body)
    name = hashlib.sha256(f"{_cookie()}:{number}:{draft.attempt}:{digest}".encode()).hexdigest()
    service = current_services.install_page
    try:
        found = service.complete(session, request_of(body), IdempotencyKey(f"install-page:{name}", digest))
    except InstallRefused as refusal:
        raise Faulty(_by_field(refusal, draft, session)) from None
    except AppNotCreated as error:
        raise Faulty({"slackApp.configToken": _not_created(error)}) from None
    except RequestInProgress:
        raise Faulty({"": "Your request is in progress. Press the button again in a moment."}) from None
    service.forms.save_draft(_cookie(), replace(draft, config_token=""), number)
    if isinstance(found, Installation) or found.status(current_services.registration.clock()) != "pending":
        return redirect(url_for(".app", installation_id=found.settings.id), 303)
    return redirect(url_for("oauth.show", link=found.link), 303)


def _by_field(refusal: InstallRefused, draft: Draft, session: FormSession) -> dict[str, str]:
    if refusal.field == IDEMPOTENCY_KEY:
        return {"": "This form was completed before, and its installation is gone. Press the button again."}
    return refused(refusal.faults, draft, names(session.offer))


def _not_created(error: AppNotCreated) -> str:
    if error.in_doubt:
        return (
            "Slack did not say whether it created the app. Look at your apps at https://api.slack.com/apps, "
            "delete the new one if it is there, and press the button again."
        )
    faults = [message for messages in error.faults.values() for message in messages]
    by_hand = [] if error.retry_after is not None else [BY_HAND]
    return " ".join([error.message, *faults, *by_hand])


def _save(session: FormSession, draft: Draft) -> BaseResponse:
    """Change the installation that the form was filled from, and redirect to its page."""
    service = current_services.install_page
    try:
        changed = service.change(session, draft.changes, change_of(draft), draft.revision)
    except InstallRefused as refusal:
        raise Faulty(_by_field(refusal, draft, session)) from None
    except RevisionConflict:
        raise Faulty({"": "This app was changed elsewhere meanwhile. Open it again from the list."}) from None
    if changed is None:
        abort(refusal_page("gone"))
    if draft.new_api_token:
        return redirect(url_for(".home"), 303)
    return redirect(url_for(".app", installation_id=changed.settings.id, saved=""), 303)


# One installation


@blueprint.get("/apps/<uuid:installation_id>")
def app(installation_id: object) -> ResponseReturnValue:
    """Show an installation of the user, with the form that changes it."""
    session = _session()
    draft = current_services.install_page.draft_of(_find(session, str(installation_id)))
    return _form_page(session, draft, is_saved="saved" in request.args)


@blueprint.post("/apps/<uuid:installation_id>")
def change(installation_id: object) -> ResponseReturnValue:
    """Store a form that changes an installation, and do what the button says."""
    session = _session()
    draft = current_services.install_page.draft_of(_find(session, str(installation_id)))
    # Of the version that the page showed.
    revision = request.form.get("revision", 0, int)
    return _act(session, replace(draft, revision=revision), None)


@blueprint.get("/apps/<uuid:installation_id>/remove")
def ask_to_remove(installation_id: object) -> ResponseReturnValue:
    """Ask whether an installation is to be removed."""
    session = _session()
    found = app_view(_find(session, str(installation_id)))
    return _page("install/remove.html", session=session, installation=found)


@blueprint.post("/apps/<uuid:installation_id>/remove")
def remove(installation_id: object) -> ResponseReturnValue:
    """Remove an installation of the user."""
    session = _session()
    if not current_services.install_page.delete(session, str(installation_id)):
        abort(refusal_page("gone"))
    return redirect(url_for(".home"), 303)


def _find(session: FormSession, installation_id: str) -> AnyInstallation:
    found = current_services.install_page.find(session, installation_id)
    return found if found is not None else abort(refusal_page("gone"))


# Pages


def _form_page(session: FormSession, draft: Draft, *, is_saved: bool = False) -> Response:
    edited = draft.changes or draft.replaces
    installation = _find(session, edited) if edited else None
    known = installation.settings.sectorflow.model_names if installation else {}
    return _page(
        "install/form.html",
        session=session,
        draft=draft,
        is_saved=is_saved,
        installation=app_view(installation) if installation and draft.changes else None,
        models=models_of(draft, session.offer, known),
        trial=trial_views(draft.trial),
        own_app=current_settings.slack_app,
        model_names=names(session.offer),
        trials_left=max(0, MAX_TRIALS - session.trials),
        **form_values(draft.app_name),
    )


def _page(template: str, **values: object) -> Response:
    g.install_secret = _cookie() or secrets.token_urlsafe(32)
    csrf = _csrf(cast(str, g.install_secret))
    return make_response(render_template(template, csrf=csrf, until=until(), **values))


def _refuse_too_much(seconds: float) -> Response:
    response = refusal_page("too_many")
    response.headers["Retry-After"] = str(int(seconds))
    return response


# The browser


def _session() -> FormSession:
    return cast(FormSession, g.install_session)


def _cookie() -> str:
    return request.cookies.get(COOKIE, "")[:100]


def _csrf(secret: str) -> str:
    """Return the value that each form of the browser with this cookie has; other sites do not know it."""
    return hashlib.sha256(f"csrf:{secret}".encode("utf-8", "replace")).hexdigest()


def _set_cookie(response: BaseResponse, secret: str) -> None:
    response.set_cookie(
        COOKIE,
        secret,
        max_age=COOKIE_SECONDS,
        path="/install",
        secure=current_settings.serves_https,
        httponly=True,
        samesite="Lax",
    )


def _is_too_much(limit: str, caller: str) -> bool:
    return current_services.install_page.wait(limit, caller) is not None


def _address() -> str:
    """Return the address that the nearest proxy has seen, or our own peer's; a limit must not rely on it."""
    return request.access_route[-1] if request.access_route else ""
