"""Which events an app hears of, in Slack's envelope (docs.slack.dev, Events API)."""

from __future__ import annotations

import json
from typing import Any

from sandbox.slack.challenges import answers_challenge
from sandbox.slack.changes import Change
from sandbox.slack.delivery import Deliveries, Delivery, DeliverySettings, Parcel
from sandbox.slack.mentions import mentioned_ids
from sandbox.slack.records import App, Channel, Install, Message, new_id
from sandbox.slack.sessions import Session
from sandbox.slack.world import World

_MESSAGE_EVENTS = {
    "channel": "message.channels",
    "group": "message.groups",
    "mpim": "message.mpim",
    "im": "message.im",
}
#: What the sandbox adds to a message and Slack does not send.
_OWN_FIELDS = ("pings", "channel", "invited_app_id")


class EventSender:
    """Tells the apps what happens, by signed requests to their events URLs."""

    def __init__(self, world: World, settings: DeliverySettings) -> None:
        self._world = world
        self._deliveries = Deliveries(settings, world.clock)

    def announce(self, change: Change) -> None:
        """Send the events that a change of a message means, to each app in the channel that listens."""
        channel = self._world.channels[change.message["channel"]]
        if change.message.get("is_ephemeral"):
            return
        for install in self._world.installs.members(channel):
            for event in self._events_for(install, channel, self._told(channel, change)):
                at_home = self._place(install, channel.team_id)
                self.send_event(
                    install, event, **{**at_home, **self._shared(install, channel, change.message)}
                )

    def send_event(self, install: Install, event: dict[str, Any], **envelope: Any) -> str:
        """Send any event to an app, in an envelope whose fields may be given; give its ``event_id``."""
        app = self._world.apps[install.app_id]
        body = {**self._envelope(app, install, event), **envelope}
        self.send_raw(app, json.dumps(body).encode(), body["event_id"])
        return str(body["event_id"])

    def send_raw(self, app: App, body: bytes, event_id: str) -> None:
        """Send any body to an app's events URL, signed."""
        self._deliveries.send(Parcel(app, event_id, body))

    def replay(self, event_id: str) -> None:
        """Send an event again that was sent before."""
        self._deliveries.replay(event_id)

    def uninstall(self, install: Install) -> None:
        """End an install and tell its app: ``tokens_revoked`` and ``app_uninstalled``, in no sure order."""
        self._world.installs.uninstall(install)
        tokens = {"oauth": [], "bot": [install.bot_user_id]}
        for event in ({"type": "tokens_revoked", "tokens": tokens}, {"type": "app_uninstalled"}):
            if self._listens(install, str(event["type"])):
                self.send_event(install, event)

    def open_home(self, install: Install, user_id: str, tab: str = "messages") -> Channel:
        """Tell an app that somebody opened its ``home`` or its ``messages`` tab, and give the DM.

        The Home tab comes with its view, where it has one (docs.slack.dev, app_home_opened).
        """
        app = self._world.apps[install.app_id]
        if tab not in ("home", "messages") or not app.shows(tab):
            raise LookupError(f"the app has no tab {tab}")
        channel = self._world.open_dm(user_id, install.bot_user_id)
        opened = {"type": "app_home_opened", "user": user_id, "channel": channel.id, "tab": tab}
        view = self._world.surfaces.home_views.get((app.app_id, user_id))
        shown = {"view": view} if tab == "home" and view is not None else {}
        if self._listens(install, "app_home_opened"):
            event = {**opened, **shown, "event_ts": f"{self._world.clock():.6f}"}
            self.send_event(install, event, **self._place(install, channel.team_id))
        return channel

    def stop_session(self, session: Session, user_id: str) -> None:
        """Tell an agent that somebody pressed Stop; the session's status is the agent's own to change.

        LookupError where the session has no such button (docs.slack.dev, agent_session_stopped).
        """
        channel = self._world.channels[session.channel_id]
        install = self._world.installs.in_channel(session.app_id, channel)
        if session.status != "processing" or not session.can_stop or install is None:
            raise LookupError("there is nothing to stop")
        if user_id not in channel.members:
            raise LookupError("this person does not see the session")
        place = {"channel": channel.id, "thread_ts": session.thread_ts, "user": user_id}
        stopped = {"type": "agent_session_stopped", **place, "streaming_message_ts": []}
        event = {**stopped, "event_ts": f"{self._world.clock():.6f}"}
        self.send_event(install, event, **self._place(install, channel.team_id))

    def verify_url(self, app: App, url: str) -> bool:
        """Ask a URL to echo a challenge, as Slack does when an events URL is set; tell whether it did."""
        return answers_challenge(app, url, int(self._world.clock()))

    def log(self) -> list[Delivery]:
        """Give every attempt to deliver an event, oldest first."""
        return self._deliveries.log()

    def close(self) -> None:
        """Send nothing any more."""
        self._deliveries.close()

    def _listens(self, install: Install, event_type: str) -> bool:
        return event_type in self._world.apps[install.app_id].bot_events

    def _events_for(self, install: Install, channel: Channel, change: Change) -> list[dict[str, Any]]:
        if change.kind == "invited":
            is_invited = change.message["invited_app_id"] == install.app_id
            return [mention_event(change.message)] if is_invited else []
        events = []
        if self._is_mention(install, channel, change):
            events.append(mention_event(change.message))
        if self._listens(install, _MESSAGE_EVENTS[channel.kind]):
            events.append(message_event(channel, change))
        return events

    def _told(self, channel: Channel, change: Change) -> Change:
        """Add, in a channel shared by organisations, where the author is from.

        ``user_team`` names an organisation rather than one of its teams (docs.slack.dev, Slack Connect).
        """
        author = self._world.users.get(change.message.get("user", ""))
        if not channel.shared_with or author is None or author.is_bot:
            return change
        team = self._world.teams[author.team_id]
        origin = {"user_team": team.enterprise_id or team.id, "source_team": team.id}
        return Change(change.kind, {**change.message, **origin}, change.previous)

    def _is_mention(self, install: Install, channel: Channel, change: Change) -> bool:
        """Tell whether an app is told of a mention: never in a DM, never of its own messages."""
        message, previous = change.message, change.previous or {}
        if channel.kind == "im" or change.kind == "deleted" or not self._listens(install, "app_mention"):
            return False
        if message.get("subtype") not in (None, "file_share") or message.get("user") == install.bot_user_id:
            return False
        named = install.bot_user_id in mentioned_ids(message["text"])
        return named and install.bot_user_id not in mentioned_ids(previous.get("text", ""))

    def _place(self, install: Install, team_id: str) -> dict[str, Any]:
        """Give the team of an event where the organisation has the app: the one that it happened in."""
        team = self._world.teams[team_id]
        if install.team_id is not None or team.enterprise_id != install.enterprise_id:
            return {}
        return {"team_id": team.id, "context_team_id": team.id}

    def _shared(self, install: Install, channel: Channel, message: Message) -> dict[str, Any]:
        """Give the envelope's fields that differ in a channel shared by organisations.

        The envelope's ``team_id`` may then be the other organisation's, and ``enterprise_id`` goes with it;
        ``authorizations`` stays right.
        """
        if not channel.shared_with:
            return {}
        own_team = install.team_id or channel.team_id
        team = message.get("team", own_team)
        return {
            "team_id": team,
            "enterprise_id": install.enterprise_id if team == own_team else None,
            "is_ext_shared_channel": True,
            "context_team_id": own_team,
            "context_enterprise_id": install.enterprise_id,
        }

    def _envelope(self, app: App, install: Install, event: dict[str, Any]) -> dict[str, Any]:
        authorization = {
            "enterprise_id": install.enterprise_id,
            "team_id": install.team_id,
            "user_id": install.bot_user_id,
            "is_bot": True,
            "is_enterprise_install": install.team_id is None,
        }
        team_id = install.team_id or self._world.users[install.bot_user_id].team_id
        return {
            "token": app.verification_token,
            "team_id": team_id,
            **({"enterprise_id": install.enterprise_id} if install.enterprise_id else {}),
            "context_team_id": team_id,
            "context_enterprise_id": install.enterprise_id,
            "api_app_id": app.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": new_id("Ev"),
            "event_time": int(self._world.clock()),
            "authorizations": [authorization],
            "is_ext_shared_channel": False,
            "event_context": "4-" + new_id("E"),
        }


def mention_event(message: Message) -> dict[str, Any]:
    """Give the ``app_mention`` event of a message; shared files are in it, and no subtype."""
    sent = {name: value for name, value in _sent(message).items() if name != "subtype"}
    return {**sent, "type": "app_mention", "channel": message["channel"], "event_ts": message["ts"]}


def message_event(channel: Channel, change: Change) -> dict[str, Any]:
    """Give the ``message`` event of a change, with Slack's subtype where it is an edit or a deletion."""
    message = change.message
    place = {"channel": channel.id, "channel_type": channel.kind, "event_ts": message["ts"]}
    if change.kind == "posted":
        return {**_sent(message), **place}
    event = {
        "type": "message",
        "subtype": f"message_{change.kind}",
        "hidden": True,
        "ts": message["ts"],
        **place,
    }
    if change.kind == "deleted":
        event["deleted_ts"] = message["ts"]
    else:
        event["message"] = _sent(message)
    return {**event, "previous_message": _sent(change.previous or message)}


def _sent(message: Message) -> dict[str, Any]:
    """Give a message without what only the sandbox knows of it."""
    return {name: value for name, value in message.items() if name not in _OWN_FIELDS}
