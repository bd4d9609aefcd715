"""Slack's event payloads, read with suspicion: a signature says who sent them, not what is in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.formatting.incoming import read_question
from sectorflow_slack.storage.installations import InstallationStore

Json = Any

#: A message with files has a subtype and is a question all the same; no other subtype is.
QUESTION_SUBTYPES = (None, "file_share")

#: Seconds since the epoch that no event comes after; JSON can carry integers that no float holds.
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
        """Read an envelope; None where it is no ``event_callback`` or lacks what each of them has."""
        body = payload.get("event")
        app_id, event_id = text(payload, "api_app_id"), text(payload, "event_id")
        if (
            payload.get("type") != "event_callback"
            or not isinstance(body, dict)
            or not app_id
            or not event_id
        ):
            return None
        return cls(app_id, text(body, "type"), event_id, _seconds(payload.get("event_time")), body, payload)

    @property
    def ids(self) -> dict[str, str]:
        """Give what a log line says of this event."""
        return {"app_id": self.app_id, "event_id": self.event_id, "event_type": self.type}


def _seconds(time: Json) -> float:
    if isinstance(time, int) and not isinstance(time, bool) and 0 <= time < FAR_FUTURE:
        return float(time)
    return 0.0


def text(mapping: Mapping[str, Json], name: str) -> str:
    """Give a field that should be a string; "" where it is anything else."""
    value = mapping.get(name)
    # JSON can carry half of a character (\ud800), which no store and no log takes.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def tenants(payload: Mapping[str, Json]) -> Iterator[str]:
    """List under which teams or enterprises the installation of an event may be kept, best first.

    ``authorizations[0]`` is the installation the event is for, an org-wide one if it says so. In a shared
    channel the envelope's ``team_id`` can be the other organisation (docs.slack.dev, Events API): what is
    for one must not be answered on another's account, so that nothing else counts there.
    """
    authorization = _authorization(payload)
    found = [text(authorization, "enterprise_id")] if _is_org_wide(authorization) else []
    found.append(text(authorization, "team_id"))
    if not (any(found) and _is_shared(payload)):
        found += [text(payload, "team_id"), text(payload, "enterprise_id")]
    yield from dict.fromkeys(tenant for tenant in found if tenant)


def ended_tenant(payload: Mapping[str, Json]) -> str:
    """Give the one team or enterprise whose installation an event says the end of; "" where it names none.

    An org-wide one has a ``team_id`` of null, or says so. No other is looked for: the end of a team's
    installation, told twice, must not end that of its whole organisation.
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


def is_external_user(person: Collection[str], installation: Installation, *own: str) -> bool:
    """Say whether somebody in a channel that organisations share is of another than the installation's.

    ``person`` is the team and the organisation of theirs that Slack names, ``own`` what else is known to be
    the installation's. Whoever is not known to be of ours is a stranger: to take them for one of us would
    let another organisation ask on a customer's account.
    """
    ours = {installation.bot.team_id, installation.bot.enterprise_id, *own} - {None, ""}
    return ours.isdisjoint(person)


def is_question(event: Event, bot_user_id: str) -> bool:
    """Say whether an event is a person's question: a mention, or a message in a DM."""
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
    """Give the question that an event asks."""
    body, is_shared = event.body, _is_shared(event.payload)
    teams = _own_teams(event.payload, installation)
    organisation = text(_authorization(event.payload), "enterprise_id")
    return Question(
        id=question_id,
        installation=installation.key,
        event_id=event.event_id,
        channel_id=text(body, "channel"),
        user_id=text(body, "user"),
        ts=text(body, "ts"),
        thread_ts=text(body, "thread_ts") or None,
        text=read_question(text(body, "text"), installation.bot.bot_user_id),
        team_id=teams[0] if teams else "",
        is_direct=body.get("channel_type") == "im",
        is_external=is_shared and is_external_user({_home(body)}, installation, organisation, *teams),
        is_shared=is_shared,
        asked_at=now,
        has_files=bool(body.get("files")),
    )


def _own_teams(payload: Mapping[str, Json], installation: Installation) -> list[str]:
    """List the teams of an event that are the installation's, or of its organisation, best first.

    ``context_team_id`` is where the app is installed. In a shared channel the envelope's ``team_id`` may be
    another organisation's: neither counts there, unless our organisation is named beside it.
    """
    bot = installation.bot
    prefix = "context_" if text(payload, "context_team_id") else ""
    is_ours = text(payload, f"{prefix}enterprise_id") == bot.enterprise_id
    place = text(payload, f"{prefix}team_id") if is_ours or not _is_shared(payload) else ""
    return [team for team in (bot.team_id, text(_authorization(payload), "team_id"), place) if team]


def _is_shared(payload: Mapping[str, Json]) -> bool:
    """Say whether an event is of a channel that another organisation shares."""
    return bool(payload.get("is_ext_shared_channel"))


def _home(body: Mapping[str, Json]) -> str:
    """Give the team, or the organisation, of who asks; "" where Slack names none.

    Somebody's ``team`` in a mention is the channel's; where theirs is another one, the others name it, and
    they name an organisation rather than its teams (slack_bolt, tests of Slack Connect's payloads).
    """
    profile = body.get("user_profile")
    of_profile = text(profile, "team") if isinstance(profile, dict) else ""
    return text(body, "user_team") or text(body, "source_team") or of_profile or text(body, "team")


def first_installed(
    installations: InstallationStore, app_id: str, tenant_ids: Iterable[str]
) -> Installation | None:
    """Give the first that is installed of an app's possible tenants, as a payload names them.

    Raises:
        StorageUnavailable: the store could not be asked.

    """
    found = (installations.find(InstallationKey(app_id, tenant_id)) for tenant_id in tenant_ids)
    return next((each for each in found if each is not None), None)
