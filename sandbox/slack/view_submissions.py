"""Submission of modals, and the effect of the app's answer (docs.slack.dev, view_submission)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from sandbox.slack.block_ids import with_ids
from sandbox.slack.interactions import send, submission
from sandbox.slack.modals import MAX_INPUT, check_modal, inputs_of
from sandbox.slack.surfaces import Modal
from sandbox.slack.world import World

#: What a user has put into the inputs, by ``block_id``: a text, an option's value, or several of checkboxes.
Values = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class SubmitResult:
    """The result of a submission."""

    #: The status of the app's answer; None without one, or if the input was invalid and Slack sent nothing.
    status: int | None
    is_closed: bool
    #: The errors shown below the inputs, by ``block_id``.
    errors: dict[str, str] = field(default_factory=dict)


def submit(world: World, view_id: str, values: Values) -> SubmitResult:
    """Submit a modal; an input without a value has its initial one.

    Slack's client sends nothing if a required input is empty, or an input too short or too long. 200 with an
    empty body closes the modal, and so does the ``response_action`` ``clear``; ``errors`` shows errors,
    ``update`` shows another view; any other answer leaves it open.
    """
    modal = world.surfaces.modals.get(view_id)
    if modal is None:
        raise LookupError("no such modal is open")
    if wrong := _wrong(modal.view, values):
        return _show(world, modal, None, wrong)
    view = {**modal.view, "state": {"values": _state(modal.view, values)}}
    app = world.apps[modal.app_id]
    install = next(
        (
            each
            for each in world.installs.all()
            if each.app_id == modal.app_id and each.is_active and each.tenant_id == modal.tenant_id
        ),
        None,
    )
    if install is None:
        raise LookupError("the app is not installed any more")
    answer = send(world, app, submission(world, app, install, modal.user_id, view))
    return _after(world, modal, answer)


def _wrong(view: dict[str, Any], values: Values) -> dict[str, str]:
    """Return the errors that Slack's client shows without a submission."""
    inputs = dict(inputs_of(view))
    if unknown := values.keys() - inputs.keys():
        raise LookupError(f"no such input: {', '.join(sorted(unknown))}")
    said = {}
    for block_id, block in inputs.items():
        element = block["element"]
        text = values.get(block_id, _initial(element))
        if not (text.strip() if isinstance(text, str) else text):
            if not block.get("optional"):
                said[block_id] = "Please complete this required field."
        elif element["type"] == "plain_text_input":
            least, most = element.get("min_length", 0), element.get("max_length", MAX_INPUT)
            if not least <= len(text) <= most:
                said[block_id] = f"Please enter {least} to {most} characters."
    return said


def _initial(element: dict[str, Any]) -> str | list[str]:
    """Return what an input has before the user changes it."""
    if element["type"] == "checkboxes":
        return [str(option["value"]) for option in element.get("initial_options", [])]
    return str(element.get("initial_value") or element.get("initial_option", {}).get("value", ""))


def _state(view: dict[str, Any], values: Values) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for block_id, block in inputs_of(view):
        element = block["element"]
        text = values.get(block_id, _initial(element)) or None
        given: dict[str, Any] = {"type": element["type"], "value": text}
        if element["type"] == "checkboxes":
            options = [each for each in element["options"] if each["value"] in (text or ())]
            given = {"type": "checkboxes", "selected_options": options}
        elif element["type"] != "plain_text_input":
            options = [each for each in element.get("options", []) if each["value"] == text]
            given = {"type": element["type"], "selected_option": options[0] if options else None}
        state[block_id] = {element["action_id"]: given}
    return state


def _after(world: World, modal: Modal, answer: requests.Response | None) -> SubmitResult:
    if answer is None or answer.status_code != 200:
        return _show(world, modal, answer.status_code if answer is not None else None, {})
    told = _told(answer)
    action = told.get("response_action", "clear" if not told else "")
    if action == "clear":
        world.surfaces.close_modal(modal.view["id"])
        return SubmitResult(200, is_closed=True)
    if action == "update" and not check_modal(told.get("view")):
        with world.lock:
            modal.view |= {**told["view"], "blocks": with_ids(told["view"]["blocks"])}
    return _show(world, modal, 200, _errors(modal, told) if action == "errors" else {})


def _errors(modal: Modal, told: dict[str, Any]) -> dict[str, str]:
    """Return the app's errors by ``block_id``; none if it names another block."""
    errors, known = told.get("errors"), dict(inputs_of(modal.view))
    is_right = isinstance(errors, dict) and errors.keys() <= known.keys()
    return {str(key): str(text) for key, text in (errors or {}).items()} if is_right else {}


def _told(answer: requests.Response) -> dict[str, Any]:
    """Read the app's answer: {} for an empty body; a body that is not JSON leaves the modal open."""
    if not answer.content:
        return {}
    try:
        told = answer.json()
    except ValueError:
        told = None
    return told if isinstance(told, dict) and told else {"response_action": ""}


def _show(world: World, modal: Modal, status: int | None, errors: dict[str, str]) -> SubmitResult:
    with world.lock:
        modal.errors = errors
        world.touch()
    return SubmitResult(status, is_closed=False, errors=errors)
