"""Slack's event payloads. The signature proves the sender, not the fields, so every type is checked."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.questions import IncomingQuestion, Lease, Question
from sectorflow_slack.formatting.incoming import read_question
from sectorflow_slack.storage.installations import InstallationStore

Json = Any

#: A message with files, and a thread's reply that is also sent to the channel, have a subtype and can be
#: questions; messages with other subtypes are none.
QUESTION_SUBTYPES = (None, "file_share", "thread_broadcast")
#: Slack's own users, who write without a ``bot_id`` ("… archived the channel").
SLACKS_OWN_USERS = frozenset({"USLACK", "USLACKBOT"})
#: An edit that brings the mention is a question if its message is not older than this.
EDITED_SECONDS = 600

#: Slack's ids and timestamps; anything else would become the name of a key.
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: Slack's longest message (docs.slack.dev, chat.postMessage).
MAX_TEXT_CHARS = 40_000
#: The ids of an event that a worker reads: of its envelope, of the authorization in that, and of the event.
_TENANTS = ("team_id", "enterprise_id")
_ENVELOPE_IDS = ("event_id", *_TENANTS, "context_team_id", "context_enterprise_id")
_BODY_IDS = ("channel", "channel_type", "user", "ts", "thread_ts", "team", "user_team", "source_team")
#: What it reads besides. All but the text is left out if it would take too much room in Redis.
_LARGE = ("blocks", "attachments", "files", "user_profile")
MAX_RECORD_CHARS = 250_000

#: No event is later, in seconds since the epoch. JSON integers can be too large for a float.
FAR_FUTURE = 2**40


@dataclass(frozen=True, slots=True)
class Event:
    """An ``event_callback`` (docs.slack.dev, Events API): the envelope and the event in it."""

    app_id: str
    type: str
    event_id: str
    time: float
    body: Mapping[str, Json] = field(repr=False)
    payload: Mapping[str, Json] = field(repr=False)

    @classmethod
    def read(cls, payload: Mapping[str, Json]) -> Event | None:
        """Return the event of an envelope.

        None if it is no ``event_callback``, lacks a required field, or has one that Slack would not send:
        an id of another form, or a text that is longer than a message can be.
        """
        body = payload.get("event")
        app_id, event_id = text(payload, "api_app_id"), text(payload, "event_id")
        if payload.get("type") != "event_callback" or not isinstance(body, dict):
            return None
        if not app_id or not event_id or len(text(body, "text")) > MAX_TEXT_CHARS:
            return None
        parts = ((payload, _ENVELOPE_IDS), (_authorization(payload), _TENANTS), (body, _BODY_IDS))
        if not all(_ID.fullmatch(each) for part, names in parts for each in _texts(part, names).values()):
            return None
        return cls(app_id, text(body, "type"), event_id, _seconds(payload.get("event_time")), body, payload)

    @property
    def ids(self) -> dict[str, str]:
        """Return the fields of log lines about this event."""
        return {"app_id": self.app_id, "event_id": self.event_id, "event_type": self.type}


def _seconds(time: Json) -> float:
    if isinstance(time, int) and not isinstance(time, bool) and 0 <= time < FAR_FUTURE:
        return float(time)
    return 0.0


def text(mapping: Mapping[str, Json], name: str) -> str:
    """Return a string field; "" if it has another type."""
    value = mapping.get(name)
    if not isinstance(value, str):
        return ""
    # JSON can contain a lone surrogate (\ud800), which neither Redis nor the log accepts.
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _texts(mapping: Mapping[str, Json], names: Iterable[str]) -> dict[str, str]:
    """Return the string fields with these names that are not empty."""
    return {name: value for name in names if (value := text(mapping, name))}


def tenants(payload: Mapping[str, Json]) -> Iterator[str]:
    """Yield the teams and enterprises that the installation of an event may be stored under, best first.

    ``authorizations[0]`` is the installation that the event is for. In a shared channel, the envelope's
    ``team_id`` can be the other organisation's (docs.slack.dev, Events API), so only the authorization
    counts there: an event for one customer must not be answered on another's account.
    """
    authorization = _authorization(payload)
    found = [text(authorization, "enterprise_id")] if _is_org_wide(authorization) else []
    found.append(text(authorization, "team_id"))
    if not (any(found) and _is_shared(payload)):
        found += [text(payload, "team_id"), text(payload, "enterprise_id")]
    yield from dict.fromkeys(tenant for tenant in found if _ID.fullmatch(tenant))


def ended_tenant(payload: Mapping[str, Json]) -> str:
    """Return the team or enterprise whose installation has ended; "" if the event names none.

    There is no fallback: if the end of a team's installation is reported twice, the second event must not
    end the installation of its organisation.
    """
    authorization = _authorization(payload)
    named = authorization if any(text(authorization, name) for name in _TENANTS) else payload
    names = _TENANTS[::-1] if _is_org_wide(named) else _TENANTS
    return next((found for name in names if (found := text(named, name))), "")


def _is_org_wide(named: Mapping[str, Json]) -> bool:
    return named.get("is_enterprise_install") in (True, "true")


def _authorization(payload: Mapping[str, Json]) -> Mapping[str, Json]:
    authorizations = payload.get("authorizations")
    if isinstance(authorizations, list) and authorizations and isinstance(authorizations[0], dict):
        return authorizations[0]
    return {}


def is_external_user(user_tenants: Collection[str], installation: Installation, *own: str) -> bool:
    """Whether a user in a shared channel belongs to another organisation than the installation.

    ``user_tenants`` are the user's team and organisation as Slack names them, ``own`` further teams that
    belong to the installation. A user of unknown origin is external: otherwise, another organisation could
    ask on the customer's account.
    """
    ours = {installation.bot.team_id, installation.bot.enterprise_id, *own} - {None, ""}
    return ours.isdisjoint(user_tenants)


def is_question(event: Event, now: float) -> bool:
    """Whether an event may be a user's question: a mention, or a message in a DM.

    An edit is one if it brought the mention: its message was never asked. Whether the app itself wrote the
    message is left to acceptance, which knows the installation.
    """
    body = event.body
    if event.type == "message" and (body.get("channel_type") != "im" or body.get("edited")):
        return False
    if body.get("edited") and now - _seconds_of(text(body, "ts")) > EDITED_SECONDS:
        return False
    of_app = any(body.get(name) for name in ("bot_id", "bot_profile", "hidden"))
    return (
        body.get("subtype") in QUESTION_SUBTYPES
        and not of_app
        and text(body, "app_id") in {"", event.app_id}
        and text(body, "user") not in {"", *SLACKS_OWN_USERS}
        and bool(text(body, "channel"))
        and bool(text(body, "ts"))
    )


def _seconds_of(ts: str) -> float:
    try:
        return float(ts)
    except ValueError:
        return 0.0


def as_incoming(event: Event, *, question_id: str, now: float) -> IncomingQuestion:
    """Return what acceptance needs of a question, with the parts of its event that a worker reads."""
    body, envelope = event.body, event.payload
    small = _texts(body, (*_BODY_IDS, "text"))
    kept = {
        **_texts(envelope, _ENVELOPE_IDS),
        "authorizations": [_texts(_authorization(envelope), _TENANTS)],
        "is_ext_shared_channel": _is_shared(envelope),
        "asked_at": now,
        "event": {**small, **{name: body[name] for name in _LARGE if name in body}},
    }
    record = json.dumps(kept)
    if len(record) > MAX_RECORD_CHARS:
        record = json.dumps({**kept, "event": small})
    ts = text(body, "ts")
    return IncomingQuestion(
        id=question_id,
        app_id=event.app_id,
        tenant_ids=tuple(tenants(envelope)),
        event_id=event.event_id,
        channel_id=text(body, "channel"),
        user_id=text(body, "user"),
        ts=ts,
        thread_ts=text(body, "thread_ts") or ts,
        record=record,
    )


def question_of(lease: Lease, installation: Installation | None) -> Question:
    """Return the question that a worker has leased.

    Without its installation, the mention is left in its text, and a user in a shared channel is external.
    """
    if lease.question is not None:
        return replace(lease.question, holder=lease.holder)
    question = _read_record(lease, installation.bot.bot_user_id if installation else "")
    if installation is None:
        return question
    envelope, body = lease.record, lease.record["event"]
    teams = _own_teams(envelope, installation)
    organisation = text(_authorization(envelope), "enterprise_id")
    is_external = is_external_user({_user_tenant(body)}, installation, organisation, *teams)
    return replace(
        question,
        team_id=teams[0] if teams else "",
        is_external=question.is_shared and is_external,
    )


def _read_record(lease: Lease, bot_user_id: str) -> Question:
    envelope, body = lease.record, lease.record["event"]
    read = read_question(body, bot_user_id)
    return Question(
        id=lease.id,
        installation=lease.installation,
        event_id=text(envelope, "event_id"),
        channel_id=text(body, "channel"),
        user_id=text(body, "user"),
        ts=text(body, "ts"),
        thread_ts=text(body, "thread_ts") or None,
        text=read.text,
        team_id="",
        is_direct=body.get("channel_type") == "im",
        is_shared=_is_shared(envelope),
        is_external=_is_shared(envelope),
        asked_at=float(envelope["asked_at"]),
        has_files="files" in read.left_out,
        left_out=read.left_out,
        holder=lease.holder,
    )


def _own_teams(payload: Mapping[str, Json], installation: Installation) -> list[str]:
    """List the teams of an event that belong to the installation or its organisation, best first.

    ``context_team_id`` is where the app is installed. In a shared channel, the envelope's ``team_id`` may
    be another organisation's: there, either counts only if it comes with the installation's enterprise.
    """
    bot = installation.bot
    prefix = "context_" if text(payload, "context_team_id") else ""
    is_ours = text(payload, f"{prefix}enterprise_id") == bot.enterprise_id
    team_id = text(payload, f"{prefix}team_id") if is_ours or not _is_shared(payload) else ""
    return [team for team in (bot.team_id, text(_authorization(payload), "team_id"), team_id) if team]


def _is_shared(payload: Mapping[str, Json]) -> bool:
    """Whether the channel of an event is shared with another organisation."""
    return bool(payload.get("is_ext_shared_channel"))


def _user_tenant(body: Mapping[str, Json]) -> str:
    """Return the user's team or organisation; "" if Slack names none.

    The ``team`` of a mention is the channel's. If the user's own is another one, the other fields have it,
    and they have an organisation rather than its teams (slack_bolt, tests of Slack Connect's payloads).
    """
    profile = body.get("user_profile")
    of_profile = text(profile, "team") if isinstance(profile, dict) else ""
    return text(body, "user_team") or text(body, "source_team") or of_profile or text(body, "team")


def first_installed(
    installations: InstallationStore, app_id: str, tenant_ids: Iterable[str]
) -> Installation | None:
    """Return the installation of the first tenant that has the app."""
    found = (installations.find(InstallationKey(app_id, tenant_id)) for tenant_id in tenant_ids)
    return next((each for each in found if each is not None), None)
