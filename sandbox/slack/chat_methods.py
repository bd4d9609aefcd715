"""chat.postMessage, chat.update, chat.delete and chat.postEphemeral (docs.slack.dev, methods)."""

from __future__ import annotations

from typing import Any

from sandbox.slack.blocks import check_message, is_rich_text
from sandbox.slack.calls import Answer, Call, Method, SlackError
from sandbox.slack.channel_arguments import find_channel, find_parent
from sandbox.slack.records import Message
from sandbox.slack.rules import Fault
from sandbox.slack.sharing import broadcast

#: chat.postMessage truncates longer texts, chat.update refuses them.
MAX_TEXT = 40_000
MAX_UPDATE_TEXT = 4_000

_CUSTOM = ("username", "icon_url", "icon_emoji")
_UNFURLS = ("unfurl_links", "unfurl_media", "link_names")


def post_message(call: Call) -> Answer:
    """Post a message as the app's bot."""
    channel = find_channel(call, call.text("channel"))
    thread_ts = find_parent(call, channel)
    content = _content(call)
    content["text"] = content["text"][:MAX_TEXT]
    if thread_ts is not None and call.flag("reply_broadcast"):
        content |= broadcast(call.world.thread(channel.id, thread_ts)[0])
    content["client_msg_id"] = call.optional_text("client_msg_id") or None
    author = _author(call)
    # Of two simultaneous posts with one id the second finds the first.
    with call.world.lock:
        message = _posted_before(call, channel.id, content["client_msg_id"])
        if message is None:
            message = call.world.post_message(channel.id, thread_ts=thread_ts, **content, **author)
    return {"channel": channel.id, "ts": message["ts"], "message": _shown(message)}


def update(call: Call) -> Answer:
    """Change one of the app's own messages."""
    channel = find_channel(call, call.text("channel"))
    message = _own(call, channel.id, "cant_update_message")
    content = _content(call)
    if len(content["text"]) > MAX_UPDATE_TEXT:
        raise SlackError("msg_too_long")
    if content["blocks"] and is_rich_text(message.get("blocks")) and not is_rich_text(content["blocks"]):
        # Docs.slack.dev, chat.update: rich-text blocks cannot be replaced with non-rich-text blocks.
        raise SlackError("block_mismatch")
    changes: dict[str, Any] = {"blocks": content["blocks"]}
    if "text" in call.arguments:
        changes["text"] = content["text"]
    if content["blocks"]:
        # Slack marks an update with blocks as edited no more than it was.
        changes["edited"] = message.get("edited")
    changed = call.world.update_message(channel.id, message["ts"], **changes)
    shown = _shown(changed)
    return {"channel": channel.id, "ts": message["ts"], "text": changed["text"], "message": shown}


def delete(call: Call) -> Answer:
    """Delete one of the app's own messages."""
    channel = find_channel(call, call.text("channel"))
    message = _own(call, channel.id, "cant_delete_message")
    call.world.delete_message(channel.id, message["ts"])
    return {"channel": channel.id, "ts": message["ts"]}


def post_ephemeral(call: Call) -> Answer:
    """Post a message that only one user sees."""
    channel = find_channel(call, call.text("channel"))
    user_id = call.text("user")
    if user_id not in channel.members:
        raise SlackError("user_not_in_channel")
    content = _content(call) | {"is_ephemeral": True, "ephemeral_for": user_id}
    thread_ts = find_parent(call, channel)
    message = call.world.post_message(channel.id, thread_ts=thread_ts, **content, **_author(call))
    return {"message_ts": message["ts"]}


def _content(call: Call) -> dict[str, Any]:
    """Read text and blocks; raise Slack's errors for their faults."""
    text = call.optional_text("text")
    blocks = call.value("blocks", error="invalid_blocks_format")
    if blocks is not None and not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    refuse_faults(check_message(text, blocks, one_table=call.sandbox.settings.one_table))
    content: dict[str, Any] = {"text": text, "blocks": blocks or None, "metadata": _metadata(call)}
    content |= {name: call.flag(name) for name in _UNFURLS if name in call.arguments}
    return content


def refuse_faults(faults: list[Fault]) -> None:
    """Raise Slack's error for blocks that have faults."""
    if not faults:
        return
    errors = [f"{each['message']} [json-pointer:/blocks{each['pointer']}]" for each in faults]
    error = faults[0]["error"]
    if error == "no_text":
        raise SlackError(error)
    raise SlackError(
        error, errors=errors, response_metadata={"messages": [f"[ERROR] {each}" for each in errors]}
    )


def _posted_before(call: Call, channel_id: str, client_msg_id: str | None) -> Message | None:
    """Return the app's message with the same ``client_msg_id``, if the sandbox's settings recognise it.

    One in another channel, or deleted since, raises the errors of chat.postMessage's table.
    """
    if client_msg_id is None or not call.sandbox.settings.knows_client_msg_ids:
        return None
    place = call.world.place_of(call.install.bot_id, client_msg_id)
    if place is None:
        return None
    if place[0] != channel_id:
        raise SlackError("duplicate_channel_not_found")
    message = call.world.find_message(*place)
    if message is None:
        raise SlackError("duplicate_message_not_found")
    return message


def _metadata(call: Call) -> dict[str, Any] | None:
    metadata = call.value("metadata", error="invalid_metadata_format")
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or metadata.keys() != {"event_type", "event_payload"}:
        raise SlackError("invalid_metadata_format")
    return metadata


def _author(call: Call) -> dict[str, Any]:
    """Return the author's fields; a custom name or icon needs ``chat:write.customize``."""
    custom = {name: call.optional_text(name) for name in _CUSTOM if call.arguments.get(name)}
    if custom and "chat:write.customize" not in call.install.scopes:
        raise SlackError(
            "missing_scope", needed="chat:write.customize", provided=",".join(call.install.scopes)
        )
    install = call.install
    team = call.world.users[install.bot_user_id].team_id
    return {
        "user": install.bot_user_id,
        "bot_id": install.bot_id,
        "app_id": install.app_id,
        "team": team,
        **custom,
    }


def _own(call: Call, channel_id: str, error: str) -> Message:
    """Return the message of ``ts``, which must be the app's own."""
    message = call.world.find_message(channel_id, call.text("ts"))
    if message is None or message.get("is_ephemeral"):
        raise SlackError("message_not_found")
    if message.get("bot_id") != call.install.bot_id:
        raise SlackError(error)
    return message


def _shown(message: Message) -> Message:
    return {name: value for name, value in message.items() if name not in ("pings", "channel")}


METHODS = {
    "chat.postMessage": Method(post_message, ("chat:write",)),
    "chat.update": Method(update, ("chat:write",)),
    "chat.delete": Method(delete, ("chat:write",)),
    "chat.postEphemeral": Method(post_ephemeral, ("chat:write",)),
}
