"""Slack's interaction payloads. The signature proves the sender, not the fields: every type is checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sectorflow_slack.formatting.block_kit import (
    DOWN,
    FOLLOW_UP_BLOCK,
    FOLLOW_UP_INPUT,
    GO_ON,
    MODEL_BLOCK,
    MODEL_INPUT,
    MODELS_BLOCK,
    MODELS_DIALOG,
    MORE,
    UP,
    VOTE,
    ActionValue,
    action_of,
)
from sectorflow_slack.services.event_payloads import MAX_TEXT_CHARS, are_ids, text

Json = Any

#: Choices of the menu that are no actions by themselves.
_CHOICES = {UP: VOTE, DOWN: VOTE}
_QUESTION_ID = re.compile(r"[0-9a-f]{32}")
_TRIGGER_ID = re.compile(r"[A-Za-z0-9._-]{0,200}")
#: The id of a DM (docs.slack.dev, conversation objects).
_DM = re.compile(r"D[A-Z0-9]{1,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interaction:
    value: ActionValue | None
    app_id: str
    #: The enterprise or team that the installation may be stored under, best first.
    tenant_ids: tuple[str, ...]
    user_id: str
    #: The user's own team, and its organisation if Slack names it.
    user_tenants: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockAction(_Interaction):
    """A click on a button, or a choice from a menu (docs.slack.dev, ``block_actions`` payload)."""

    #: One of ``formatting.block_kit``.
    action: str
    #: The value of a failed question's button, its id; "" for other values.
    question_id: str
    #: The value of the Home tab's button, the DM with the user; "" for other values.
    dm_id: str
    channel_id: str
    message_ts: str
    thread_ts: str
    trigger_id: str

    @property
    def ephemeral_place(self) -> dict[str, str]:
        """Return the user and the thread: the fields of a job that posts for this user alone."""
        return {"user_id": self.user_id, "channel_id": self.channel_id, "thread_ts": self.thread_ts}


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSubmission(_Interaction):
    """What a dialog was sent with (docs.slack.dev, ``view_submission`` payload), or a button in it."""

    #: The dialog's ``callback_id``, one of ``formatting.block_kit``.
    dialog: str
    #: The id of the view: the same if Slack sends the submission again.
    id: str
    question: str
    #: The models that were chosen, in any order; not all need exist.
    model_ids: tuple[str, ...]
    #: The DM that the dialog asks in; "" for other dialogs.
    dm_id: str
    #: Whether a button was pressed, so that the dialog is still open.
    is_open: bool = False


def read_block_actions(payload: Mapping[str, Json]) -> Iterator[BlockAction]:
    """Yield the actions of a ``block_actions`` payload; none of any other payload, or with impossible ids."""
    if payload.get("type") != "block_actions":
        return
    container, user = _object(payload, "container"), _object(payload, "user")
    for action in _objects(payload.get("actions")):
        value = text(action, "value") or text(_object(action, "selected_option"), "value")
        decoded = ActionValue.decode(value)
        name = action_of(text(action, "action_id"))
        found = BlockAction(
            action=_CHOICES.get(decoded.choice, decoded.choice) if name == MORE and decoded else name,
            question_id=value if _QUESTION_ID.fullmatch(value) else "",
            dm_id=value if _DM.fullmatch(value) else "",
            value=decoded,
            app_id=text(payload, "api_app_id"),
            tenant_ids=_tenants(payload),
            user_id=text(user, "id"),
            user_tenants=_user_tenants(payload),
            channel_id=text(_object(payload, "channel"), "id") or text(container, "channel_id"),
            message_ts=text(container, "message_ts"),
            thread_ts=text(container, "thread_ts"),
            trigger_id=text(payload, "trigger_id"),
        )
        ids = (*_ids_of(found), found.channel_id, found.message_ts, found.thread_ts)
        if are_ids(ids) and _TRIGGER_ID.fullmatch(found.trigger_id):
            yield found


def read_view_submission(payload: Mapping[str, Json]) -> ViewSubmission | None:
    """Return the submission of a dialog; None for any other payload, or with impossible ids or text.

    A button that goes on with one model is as good as a submission with that model alone.
    """
    view, user = _object(payload, "view"), _object(payload, "user")
    pressed = [
        text(action, "value")
        for action in _objects(payload.get("actions"))
        if payload.get("type") == "block_actions" and action_of(text(action, "action_id")) == GO_ON
    ]
    dialog, metadata = text(view, "callback_id"), text(view, "private_metadata")
    is_sent = dialog == MODELS_DIALOG if pressed else payload.get("type") == "view_submission"
    if not is_sent or not dialog:
        return None
    values = _object(_object(view, "state"), "values")
    found = ViewSubmission(
        dialog=dialog,
        id=text(view, "id"),
        value=ActionValue.decode(metadata),
        question=text(_object(_object(values, FOLLOW_UP_BLOCK), FOLLOW_UP_INPUT), "value").strip(),
        model_ids=tuple(pressed or _chosen(values)),
        dm_id=metadata if _DM.fullmatch(metadata) else "",
        is_open=bool(pressed),
        app_id=text(payload, "api_app_id"),
        # In a shared channel, the payload's team may be the other organisation's (slack-bolt's order).
        tenant_ids=tuple(
            dict.fromkeys(filter(None, (text(view, "app_installed_team_id"), *_tenants(payload))))
        ),
        user_id=text(user, "id"),
        user_tenants=_user_tenants(payload),
    )
    is_possible = are_ids((*_ids_of(found), found.id)) and len(found.question) <= MAX_TEXT_CHARS
    return found if is_possible else None


def _ids_of(found: _Interaction) -> tuple[str, ...]:
    return (found.user_id, *found.tenant_ids, *found.user_tenants)


def _chosen(values: Mapping[str, Json]) -> Iterator[str]:
    """Yield the models that are chosen in a dialog's menu or checkboxes."""
    for block_id in values:
        if action_of(block_id) in {MODEL_BLOCK, MODELS_BLOCK}:
            field = _object(_object(values, block_id), MODEL_INPUT)
            for option in (_object(field, "selected_option"), *_objects(field.get("selected_options"))):
                yield text(option, "value")


def _tenants(payload: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the tenants that the installation may be stored under; an org-wide one may have no team."""
    team = text(_object(payload, "team"), "id")
    enterprise = text(_object(payload, "enterprise"), "id")
    org_wide = payload.get("is_enterprise_install") in (True, "true")
    return tuple(tenant for tenant in ((enterprise, team) if org_wide else (team,)) if tenant)


def _user_tenants(payload: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the user's own team and, if it is the payload's ``team``, its organisation."""
    team, own = _object(payload, "team"), text(_object(payload, "user"), "team_id")
    organisation = text(team, "enterprise_id") if own and text(team, "id") == own else ""
    return tuple(filter(None, (own, organisation)))


def _object(mapping: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    value = mapping.get(name)
    return value if isinstance(value, dict) else {}


def _objects(value: Json) -> list[Mapping[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
