"""The parts of a message besides its text: files, forwarded messages, tables, replies sent to the channel.

Sources: docs.slack.dev, file object, message event, thread_broadcast; forwarded messages and pasted tables as
workspaces send them.
"""

from __future__ import annotations

import mimetypes
from typing import Any

from sandbox.slack.records import Channel, Message, Team, User, new_id


def shared_files(user_id: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of a message for its files; none without files."""
    if not names:
        return {}
    files = [_file(user_id, name) for name in names]
    return {"subtype": "file_share", "upload": False, "files": files}


def _file(user_id: str, name: str) -> dict[str, Any]:
    file_id = new_id("F")
    kind = name.rpartition(".")[2].lower() or "binary"
    return {
        "id": file_id,
        "name": name,
        "title": name,
        "mimetype": mimetypes.guess_type(name)[0] or "application/octet-stream",
        "filetype": kind,
        "user": user_id,
        "size": 12_345,
        "mode": "hosted",
        "is_external": False,
        "file_access": "visible",
        # The app has no scope to read files.
        "url_private": f"https://files.slack.com/files-pri/{file_id}/{name}",
    }


def forwarded(message: Message, *, author: User, channel: Channel, team: Team) -> dict[str, Any]:
    """Return the attachment with which a message is forwarded."""
    link = f"https://{team.domain}.slack.com/archives/{channel.id}/p{message['ts'].replace('.', '')}"
    inner = {"team": team.id, "channel": channel.id, "ts": message["ts"]}
    return {
        "id": 1,
        "ts": message["ts"],
        "author_id": author.id,
        "author_name": author.real_name,
        "author_subname": author.real_name,
        "channel_id": channel.id,
        "channel_team": team.id,
        "is_msg_unfurl": True,
        "is_share": True,
        "from_url": link,
        "original_url": link,
        "author_link": f"https://{team.domain}.slack.com/team/{author.id}",
        "text": message["text"],
        "fallback": f"[{channel.name}] {author.real_name}: {message['text']}",
        "message_blocks": [{**inner, "message": {"blocks": message.get("blocks") or []}}],
        "mrkdwn_in": ["text"],
        "footer": f"Posted in #{channel.name}" if channel.kind == "channel" else "Direct message",
    }


def pasted_table(rows: list[list[str]]) -> dict[str, Any]:
    """Return the attachment of a pasted table; an empty cell has a space, as Slack refuses empty texts."""
    cells = [[{"type": "raw_text", "text": text or " "} for text in row] for row in rows]
    return {"id": 1, "fallback": "[no preview available]", "blocks": [{"type": "table", "rows": cells}]}


def broadcast(root: Message) -> dict[str, Any]:
    """Return the fields of a reply that is also sent to the channel; ``root`` is the thread's message."""
    return {"subtype": "thread_broadcast", "root": {name: root[name] for name in ("ts", "user", "text")}}
