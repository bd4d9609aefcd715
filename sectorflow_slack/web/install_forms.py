"""The forms of the page at ``/install``: posted fields as a draft, a draft as a request of the install API.

The schemas of the install API check the values, so that both ways to register have the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from marshmallow import Schema, ValidationError
from werkzeug.datastructures import MultiDict

from sectorflow_slack.domain.install_form import Choice, Draft, Offer, Source
from sectorflow_slack.domain.installations import DISPLAYS, InstallRequest, SettingsChange
from sectorflow_slack.services.install_page import FIRST_MODELS, names
from sectorflow_slack.web.fields import MAX_MODELS
from sectorflow_slack.web.request_schemas import InstallationRequestSchema, SettingsChangeSchema

Json = dict[str, Any]

SOURCES = ("own", "new", "existing")
#: The longest value that is stored: the install API allows tokens of 4,096 characters.
MAX_LENGTH = 5_000
#: More than can be chosen, so that the message about too many can be shown.
MAX_POSTED_MODELS = 2 * MAX_MODELS
#: Messages in place of those of the schemas, which are written for programs.
MESSAGES = {
    "appName": "Enter a name of 1 to 35 characters.",
    "workspaceId": "Choose a workspace, or type its id.",
    "modelIds": f"Choose 1 to {MAX_MODELS} models.",
    "plusId": "Choose an expert, type its id, or choose none.",
    "apiToken": "Enter the token without spaces or line breaks.",
    "slackApp": "This is the app of this service. Choose it above instead.",
    "slackApp.configToken": "Enter the app configuration token.",
    "slackApp.appId": "Enter the app's id, for example A0123ABCDEF.",
    "slackApp.clientId": "Enter the app's client id: two numbers with a dot between them.",
    "slackApp.clientSecret": "Enter the app's client secret.",
    "slackApp.signingSecret": "Enter the app's signing secret.",
}
#: Messages in place of those of the install API's refusals.
REFUSED = {
    "apiToken": "SectorFlow refuses this token. Copy it again, or create a new one.",
    "slackApp.configToken": "Slack refuses this app configuration token. Generate a new one.",
    "replaces": "Only the same Slack app can be replaced, and only while it is installed. "
    "Install another one as a new app.",
    "status": "This app was never installed, and its link has ended. Install it as a new app.",
}
SESSION_TOKEN_REFUSED = "SectorFlow refuses your token by now. Sign out, and sign in with a new one."  # noqa: S105


class Faulty(Exception):
    """One or more values are wrong; ``faults`` are the messages by field."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__("faulty form")
        self.faults = faults


def fill(draft: Draft, form: MultiDict[str, str], offer: Offer) -> Draft:
    """Return the draft with the posted values; a secret that is left blank stays as it was."""

    def text(name: str, before: str) -> str:
        return form.get(name, before).strip()[:MAX_LENGTH]

    def secret(name: str, before: str) -> str:
        return text(name, "") or before

    source, display = form.get("source", draft.source), form.get("display", draft.display)
    filled = replace(
        draft,
        app_name=text("appName", draft.app_name),
        workspace_id=text("workspaceId", draft.workspace_id).lower(),
        model_ids=tuple(form.getlist("model"))[:MAX_POSTED_MODELS],
        plus_id=text("plusId", draft.plus_id).lower(),
        display=display if display in DISPLAYS else draft.display,
        allow_external_users="allowExternalUsers" in form,
        source=cast(Source, source) if source in SOURCES else draft.source,
        app_id=text("appId", draft.app_id),
        client_id=text("clientId", draft.client_id),
        client_secret=secret("clientSecret", draft.client_secret),
        signing_secret=secret("signingSecret", draft.signing_secret),
        config_token=secret("configToken", draft.config_token),
        new_api_token=secret("newApiToken", draft.new_api_token),
        question=text("question", draft.question),
        faults={},
        focus="",
    )
    filled = filled.with_models(*_added(form))
    if filled.workspace_id != draft.workspace_id and form.get("chosenFor") == draft.workspace_id:
        return _with_models_of_workspace(filled, offer)
    return filled


def _added(form: MultiDict[str, str]) -> list[str]:
    """Return the ids of the models that are ticked or typed."""
    added = (each.strip().lower()[:MAX_LENGTH] for each in form.getlist("add"))
    return [each for each in added if each][:MAX_POSTED_MODELS]


def _with_models_of_workspace(draft: Draft, offer: Offer) -> Draft:
    """Keep the chosen models that the new workspace has; choose its first ones if it has none of them."""
    workspace = offer.workspace(draft.workspace_id)
    if workspace is None or not workspace.model_ids:
        return draft
    kept = tuple(each for each in draft.model_ids if each in workspace.model_ids)
    return replace(draft, model_ids=kept or workspace.model_ids[:FIRST_MODELS])


def arrange(draft: Draft, action: str) -> Draft:
    """Apply a button that moves or removes a model; the focus goes back to the place of the button."""
    verb, _, model_id = action.partition(":")
    if verb == "remove":
        return replace(draft.without_model(model_id), focus="models")
    if verb in {"up", "down"}:
        moved = draft.with_model_moved(model_id, -1 if verb == "up" else 1)
        return replace(moved, focus=_still_there(moved, verb, model_id))
    return replace(draft, focus="models" if verb == "add" else "")


def _still_there(draft: Draft, verb: str, model_id: str) -> str:
    """Return the id of the button, or of the opposite one if the model has reached the end."""
    is_at_end = draft.model_ids and model_id == draft.model_ids[0 if verb == "up" else -1]
    return f"{'down' if verb == 'up' else 'up'}-{model_id}" if is_at_end else f"{verb}-{model_id}"


def body_of(draft: Draft, api_token: str) -> Json:
    """Return the body that registers the installation of a draft with the install API."""
    body: Json = {
        **_settings(draft),
        "apiToken": api_token,
        "replaces": draft.replaces or None,
    }
    if draft.source == "new":
        body["slackApp"] = {"configToken": draft.config_token}
    if draft.source == "existing":
        body["slackApp"] = {
            "appId": draft.app_id,
            "clientId": draft.client_id,
            "clientSecret": draft.client_secret,
            "signingSecret": draft.signing_secret,
        }
    return body


def request_of(body: Json) -> InstallRequest:
    """Check a body that registers an installation; raise ``Faulty`` if a value is wrong."""
    return cast(InstallRequest, _checked(InstallationRequestSchema(), body))


def change_of(draft: Draft) -> SettingsChange:
    """Return the change of settings that a draft is; raise ``Faulty`` if a value is wrong."""
    token = {"apiToken": draft.new_api_token} if draft.new_api_token else {}
    return cast(SettingsChange, _checked(SettingsChangeSchema(), {**_settings(draft), **token}))


def check_question(draft: Draft) -> None:
    """Raise ``Faulty`` unless the test question can be asked."""
    faults = {}
    try:
        _checked(SettingsChangeSchema(), _settings(draft))
    except Faulty as error:
        faults = error.faults
    if not draft.question:
        faults["question"] = "Enter a question."
    if faults:
        raise Faulty(faults)


def refused(faults: Mapping[str, str], draft: Draft, known: Mapping[str, str]) -> dict[str, str]:
    """Return what the install API refuses, for people; ``known`` are the names of models by id."""
    found: dict[str, str] = {}
    models = []
    for field, message in faults.items():
        name, _, place = field.partition(".")
        if name == "modelIds" and place:
            model_id = draft.model_ids[int(place)]
            models.append(known.get(model_id) or model_id)
        elif field == "apiToken" and not draft.new_api_token:
            found[""] = SESSION_TOKEN_REFUSED
        else:
            found[field] = REFUSED.get(field, message)
    if models:
        found["modelIds"] = (
            f"SectorFlow does not offer you {' and '.join(models)}. Remove what it does not offer."
        )
    return found


def _settings(draft: Draft) -> Json:
    return {
        "appName": draft.app_name,
        "workspaceId": draft.workspace_id,
        "modelIds": list(draft.model_ids),
        "plusId": draft.plus_id,
        "display": draft.display,
        "allowExternalUsers": draft.allow_external_users,
    }


def _checked(schema: Schema, body: Json) -> object:
    try:
        return schema.load(body)
    except ValidationError as error:
        messages = cast("Mapping[str, Any]", error.messages)
        raise Faulty({field: MESSAGES.get(field, text) for field, text in _flat(messages)}) from None


def _flat(messages: Mapping[Any, Any], outer: str = "") -> list[tuple[str, str]]:
    """Return the first message of each field; those of a list's items are its own."""
    found: list[tuple[str, str]] = []
    for name, value in messages.items():
        field = outer if isinstance(name, int) else f"{outer}.{name}".lstrip(".")
        found += _flat(value, field) if isinstance(value, Mapping) else [(field, str(value[0]))]
    return found


@dataclass(frozen=True, slots=True)
class Models:
    """The models on the page: the chosen ones in order, and those that can be added."""

    chosen: tuple[Choice, ...]
    #: Of the chosen workspace.
    here: tuple[Choice, ...]
    #: Others that the token's user may use.
    elsewhere: tuple[Choice, ...]


def models_of(draft: Draft, offer: Offer, known: Mapping[str, str]) -> Models:
    """Return the models for the page; ``known`` are names that an installation has."""
    named = {**known, **names(offer)}
    workspace = offer.workspace(draft.workspace_id)
    left = [each for each in offer.models or () if each.id not in draft.model_ids]
    is_here = set(workspace.model_ids) if workspace else set()
    return Models(
        tuple(Choice(each, named.get(each) or each) for each in draft.model_ids),
        tuple(each for each in left if each.id in is_here),
        tuple(each for each in left if each.id not in is_here),
    )
