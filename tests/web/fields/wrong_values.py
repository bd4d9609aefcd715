"""What is wrong wherever a UUID, or a secret, is wanted."""

from __future__ import annotations

NO_UUIDS = [
    "01442edd11544d9cb4e6151ba35f8f56",
    "{01442edd-1154-4d9c-b4e6-151ba35f8f56}",
    "urn:uuid:01442edd-1154-4d9c-b4e6-151ba35f8f56",
    "01442edd-1154-4d9c-b4e6-151ba35f8f56\n",
    " 01442edd-1154-4d9c-b4e6-151ba35f8f56",
    "01442edd-1154-4d9c-b4e6-151ba35f8f5",
    "01442edd-1154-4d9c-b4e6-151ba35f8f567",
    "g1442edd-1154-4d9c-b4e6-151ba35f8f56",
    "٠1442edd-1154-4d9c-b4e6-151ba35f8f56",  # noqa: RUF001  a digit, but not of a UUID
    "../01442edd-1154-4d9c-b4e6-151ba35f8f56",
    7,
    True,
    ["01442edd-1154-4d9c-b4e6-151ba35f8f56"],
    {},
]
NO_VISIBLE_ASCII = [
    "",
    " ",
    "to ken",
    "token\n",
    "\ttoken",
    "tokén",
    "token\x00",
    "\x7f",
    "🔑",
    None,
    7,
    ["token"],
]
