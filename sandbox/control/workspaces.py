"""Set-up of the fake Slack: teams, channels, installs, and apps in channels."""

from __future__ import annotations

from flask import Response, jsonify

from sandbox.control.base import control, read_body, shown
from sandbox.slack.records import Channel, Team, User, new_id
from sandbox.slack.seed import SECTORFLOW_APP_ID, TEAM_ID
from sandbox.state import current_sandbox


@control.post("/install-app")
def install_app() -> Response:
    """Install an app without consent: ``app_id``, ``team_id``; its bot joins ``channels``.

    With ``org_wide`` it serves the whole organisation that the team belongs to.
    """
    world, body = current_sandbox().world, read_body()
    app_id, team_id = body.get("app_id", SECTORFLOW_APP_ID), body.get("team_id", TEAM_ID)
    if body.get("org_wide") and world.teams[team_id].enterprise_id is None:
        raise LookupError("the team belongs to no organisation")
    make = world.installs.install_org_wide if body.get("org_wide") else world.installs.install
    install = make(app_id, team_id, by=body.get("user", ""))
    for channel_id in body.get("channels", []):
        world.invite(app_id, channel_id)
    return jsonify(install={**shown(install), "bot_token": install.bot_token})


@control.post("/invite")
def invite() -> Response:
    """Add an app's bot to a channel: ``app_id``, ``channel``, optionally ``by`` and ``mention_ts``."""
    body = read_body()
    app_id = body.get("app_id", SECTORFLOW_APP_ID)
    current_sandbox().world.invite(
        app_id, body["channel"], by=body.get("by"), mention_ts=body.get("mention_ts")
    )
    return jsonify(ok=True)


@control.post("/remove")
def remove() -> Response:
    """Remove an app's bot from a channel: ``app_id``, ``channel``."""
    body = read_body()
    current_sandbox().world.remove(body.get("app_id", SECTORFLOW_APP_ID), body["channel"])
    return jsonify(ok=True)


@control.post("/team")
def add_team() -> Response:
    """Add a workspace with a person and a channel: ``name``, one word; return their ids.

    With ``enterprise_id`` (E…) it belongs to that organisation.
    """
    body = read_body()
    team, person = _add_team(body["name"], body.get("enterprise_id"))
    channel = Channel(new_id("C"), team.id, "general", members={person.id})
    current_sandbox().world.add_channel(channel)
    return jsonify(team=team.id, user=person.id, channel=channel.id)


@control.post("/share")
def share() -> Response:
    """Share ``channel`` with another organisation's new workspace ``name``, by Slack Connect.

    Return the ``team`` and a person of it, ``user``, who is in the channel.
    """
    body = read_body()
    world = current_sandbox().world
    channel = world.channels[body["channel"]]
    team, person = _add_team(body["name"], body.get("enterprise_id"))
    with world.lock:
        channel.shared_with.add(team.id)
        channel.members.add(person.id)
        world.touch()
    return jsonify(team=team.id, user=person.id)


@control.post("/channel")
def add_channel() -> Response:
    """Add a channel of ``team_id`` with all its people: ``name``; return its id."""
    world, body = current_sandbox().world, read_body()
    team_id = body.get("team_id", TEAM_ID)
    people = {user.id for user in world.users.values() if user.team_id == team_id and not user.is_bot}
    channel = world.add_channel(Channel(new_id("C"), team_id, body["name"], members=people))
    return jsonify(channel=channel.id)


def _add_team(name: str, enterprise_id: str | None) -> tuple[Team, User]:
    world = current_sandbox().world
    of_org = f"{name.title()} Organisation" if enterprise_id else None
    team = world.add_team(Team(new_id("T"), name.title(), name, enterprise_id, of_org))
    return team, world.add_user(User(new_id("U"), team.id, f"{name}-person", f"{name.title()} Person"))
