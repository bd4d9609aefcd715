"""Shared files in messages and events (docs.slack.dev, file object)."""

from __future__ import annotations

import mimetypes
from typing import Any

from sandbox.slack.records import new_id


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
