"""The events that apps receive, in Slack's envelope (docs.slack.dev, Events API)."""

from __future__ import annotations

import json
from typing import Any

from sandbox.slack.challenges import answers_challenge
from sandbox.slack.changes import Change
from sandbox.slack.delivery import Deliveries, Delivery, DeliverySettings, OutgoingEvent
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
#: The sandbox's own fields of a message, which Slack does not send.
_OWN_FIELDS = ("pings", "channel", "invited_app_id")
#: The subtypes of messages whose mentions are events.
_ASKING = (None, "file_share", "thread_broadcast")


class EventSender:
    """Sends the apps' events as signed requests to their events URLs."""

    def __init__(self, world: World, settings: DeliverySettings) -> None:
        self._world = world
        self._deliveries = Deliveries(settings, world.clock, world.traffic)

    def announce(self, change: Change) -> None:
        """Send the events of a message's change to each subscribed app in the channel."""
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
        """Send any event to an app, with ``envelope`` fields replaced; return its ``event_id``."""
        app = self._world.apps[install.app_id]
        body = {**self._envelope(app, install, event), **envelope}
        event_id, name = str(body["event_id"]), str(event.get("subtype") or event.get("type", ""))
        self._deliveries.send(OutgoingEvent(app, event_id, json.dumps(body).encode(), name))
        return event_id

    def replay(self, event_id: str) -> None:
        """Send an event again."""
        self._deliveries.replay(event_id)

    def uninstall(self, install: Install) -> None:
        """Uninstall an app and send ``tokens_revoked`` and ``app_uninstalled``, in no fixed order."""
        self._world.installs.uninstall(install)
        tokens = {"oauth": [], "bot": [install.bot_user_id]}
        for event in ({"type": "tokens_revoked", "tokens": tokens}, {"type": "app_uninstalled"}):
            if self._listens(install, str(event["type"])):
                self.send_event(install, event)

    def open_home(self, install: Install, user_id: str, tab: str = "messages") -> Channel:
        """Send ``app_home_opened`` for the ``home`` or ``messages`` tab, and return the DM.

        The event of the Home tab has its view, if there is one (docs.slack.dev, app_home_opened).
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
        """Send ``agent_session_stopped`` for a user; the session's status is the agent's own to change.

        LookupError if the session has no Stop button (docs.slack.dev, agent_session_stopped).
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
        """Verify an events URL by a challenge, as Slack does when it is set."""
        return answers_challenge(app, url, int(self._world.clock()))

    def log(self) -> list[Delivery]:
        """Return every attempt to deliver an event, oldest first."""
        return self._deliveries.log()

    def close(self) -> None:
        """Stop all deliveries and retries."""
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
        """Add the author's organisation and team, in a channel shared by organisations.

        ``user_team`` names an organisation rather than one of its teams (docs.slack.dev, Slack Connect).
        """
        author = self._world.users.get(change.message.get("user", ""))
        if not channel.shared_with or author is None or author.is_bot:
            return change
        team = self._world.teams[author.team_id]
        origin = {"user_team": team.enterprise_id or team.id, "source_team": team.id}
        return Change(change.kind, {**change.message, **origin}, change.previous)

    def _is_mention(self, install: Install, channel: Channel, change: Change) -> bool:
        """Whether an app gets ``app_mention``: never in a DM, never for its own messages."""
        message, previous = change.message, change.previous or {}
        if channel.kind == "im" or change.kind == "deleted" or not self._listens(install, "app_mention"):
            return False
        if message.get("subtype") not in _ASKING or message.get("user") == install.bot_user_id:
            return False
        named = install.bot_user_id in mentioned_ids(message["text"])
        return named and install.bot_user_id not in mentioned_ids(previous.get("text", ""))

    def _place(self, install: Install, team_id: str) -> dict[str, Any]:
        """Return the envelope's team fields for an org-wide install: the team of the event."""
        team = self._world.teams[team_id]
        if install.team_id is not None or team.enterprise_id != install.enterprise_id:
            return {}
        return {"team_id": team.id, "context_team_id": team.id}

    def _shared(self, install: Install, channel: Channel, message: Message) -> dict[str, Any]:
        """Return the envelope's fields for a channel shared by organisations.

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
    """Return the ``app_mention`` event of a message; that of a file has no subtype.

    An edit that brings the mention has ``edited`` and the message's own ``ts``.
    """
    sent = _sent(message)
    if sent.get("subtype") == "file_share":
        del sent["subtype"]
    return {**sent, "type": "app_mention", "channel": message["channel"], "event_ts": _changed_at(message)}


def message_event(channel: Channel, change: Change) -> dict[str, Any]:
    """Return the ``message`` event of a change, with Slack's subtype for an edit or a deletion."""
    message = change.message
    place = {"channel": channel.id, "channel_type": channel.kind, "event_ts": _changed_at(message)}
    if change.kind == "posted":
        return {**_sent(message), **place}
    kind = {"type": "message", "subtype": f"message_{change.kind}", "hidden": True}
    event = {**kind, "ts": _changed_at(message), **place}
    if change.kind == "deleted":
        event["deleted_ts"] = message["ts"]
    else:
        event["message"] = _sent(message)
    return {**event, "previous_message": _sent(change.previous or message)}


def _changed_at(message: Message) -> str:
    """Return the ``ts`` of a message's last edit, or its own."""
    return str(message.get("edited", message)["ts"])


def _sent(message: Message) -> dict[str, Any]:
    """Return a message without the sandbox's own fields."""
    return {name: value for name, value in message.items() if name not in _OWN_FIELDS}
