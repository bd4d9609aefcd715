"""What users do with messages: share others with them, edit and delete their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.slack.records import Message
from sandbox.slack.sharing import broadcast, forwarded, pasted_table
from sandbox.slack.world import World

#: A channel and a ``ts``.
Place = tuple[str, str]


@dataclass(frozen=True)
class Attached:
    """The attachments of a user's message: the place of a forwarded one, the rows of a table."""

    forward: Place | None = None
    table: list[list[str]] | None = None


def share(world: World, channel_id: str, root_ts: str | None, attached: Attached) -> dict[str, Any]:
    """Return the fields of a message for its attachments.

    With ``root_ts`` it is a reply in that thread that is also sent to the channel. LookupError if there is no
    such message.
    """
    fields: dict[str, Any] = {}
    if root_ts is not None:
        fields |= broadcast(_found(world, (channel_id, root_ts)))
    attachments = []
    if attached.forward is not None:
        message, channel = _found(world, attached.forward), world.channels[attached.forward[0]]
        author, team = world.users[message["user"]], world.teams[channel.team_id]
        attachments.append(forwarded(message, author=author, channel=channel, team=team))
    if attached.table:
        attachments.append(pasted_table(attached.table))
    return fields | ({"attachments": attachments} if attachments else {})


def edit_message(world: World, user_id: str, place: Place, text: str) -> Message:
    """Edit a user's own message; the apps get the events of the edit. LookupError if it is not theirs."""
    return world.update_message(*_own(world, user_id, place), text=text)


def delete_message(world: World, user_id: str, place: Place) -> None:
    """Delete a user's own message; LookupError if it is not theirs."""
    world.delete_message(*_own(world, user_id, place))


def _own(world: World, user_id: str, place: Place) -> Place:
    message = _found(world, place)
    if message.get("user") != user_id or "bot_id" in message:
        raise LookupError("this message is not the user's own")
    return place


def _found(world: World, place: Place) -> Message:
    message = world.find_message(*place)
    if message is None or message.get("is_ephemeral"):
        raise LookupError("no such message")
    return message
