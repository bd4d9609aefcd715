"""Slack's event payloads. The signature proves the sender, not the fields, so every type is checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.formatting.incoming import read_question
from sectorflow_slack.storage.installations import InstallationStore

Json = Any

#: A message with files has a subtype and can be a question; messages with other subtypes are none.
QUESTION_SUBTYPES = (None, "file_share")

#: No event is later, in seconds since the epoch. JSON integers can be too large for a float.
FAR_FUTURE = 2**40

_TENANTS = ("team_id", "enterprise_id")


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
        """Return the event of an envelope; None if it is no ``event_callback`` or lacks a required field."""
        body = payload.get("event")
        app_id, event_id = text(payload, "api_app_id"), text(payload, "event_id")
        if payload.get("type") != "event_callback" or not isinstance(body, dict):
            return None
        if not app_id or not event_id:
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
    # JSON can contain a lone surrogate (\ud800), which neither Redis nor the log accepts.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


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
    yield from dict.fromkeys(tenant for tenant in found if tenant)


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


def is_question(event: Event, bot_user_id: str) -> bool:
    """Whether an event is a user's question: a mention, or a message in a DM."""
    body = event.body
    if event.type == "message" and body.get("channel_type") != "im":
        return False
    return (
        body.get("subtype") in QUESTION_SUBTYPES
        and not body.get("bot_id")
        and not body.get("edited")
        and not body.get("hidden")
        and text(body, "user") not in {"", bot_user_id}
        and bool(text(body, "channel"))
        and bool(text(body, "ts"))
    )


def as_question(event: Event, installation: Installation, *, question_id: str, now: float) -> Question:
    """Return the question of an event."""
    body, is_shared = event.body, _is_shared(event.payload)
    teams = _own_teams(event.payload, installation)
    organisation = text(_authorization(event.payload), "enterprise_id")
    read = read_question(body, installation.bot.bot_user_id)
    return Question(
        id=question_id,
        installation=installation.key,
        event_id=event.event_id,
        channel_id=text(body, "channel"),
        user_id=text(body, "user"),
        ts=text(body, "ts"),
        thread_ts=text(body, "thread_ts") or None,
        text=read.text,
        team_id=teams[0] if teams else "",
        is_direct=body.get("channel_type") == "im",
        is_external=is_shared and is_external_user({_user_tenant(body)}, installation, organisation, *teams),
        is_shared=is_shared,
        asked_at=now,
        has_files="files" in read.left_out,
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
