"""Values that each field of the install API takes, and does not take."""

from __future__ import annotations

import uuid
from typing import Any

from tests.web.flows import CUSTOMERS_APP_FIELDS

A_UUID = "01442edd-1154-4d9c-b4e6-151ba35f8f56"
MANY_UUIDS = [str(uuid.UUID(int=number)) for number in range(21)]
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
    [A_UUID],
    {},
]
NO_VISIBLE_ASCII = [
    *("", " ", "to ken", "token\n", "\ttoken", "tokén", "token\x00", "\x7f", "🔑", None, 7, ["token"])
]
TURNING = [f"A{mark}B" for mark in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]
UNSEEN = [*("\u200b", "\u200b\u200c\u200d", " \u2060 ", "\ufeff", "\u00ad", "\u3164", "\u2800", "\ufe0f")]
#: The second one takes a reader that tries each way to read it longer than the test suite.
NO_NAMES = [
    *("", " ", "\u3000", "A" * 36, "a" * 500_000 + "\x00\x00", "🃏" * 36, *TURNING, *UNSEEN),
    *("A\n", "A\x00", "\x00", "A\tB", "A\x7f", "A\x85", "A\u2028B", "\ud83c", None, 7, ["A"], {}),
]

#: Values that each field of a registration takes, and does not take.
GOOD: dict[str, list[Any]] = {
    "appName": ["A", "A" * 35, "🃏" * 35, "👩\u200d🔬 Lab \u200fعربي", "Æon ⚙️ Füße 日本語", "<script>"],
    "apiToken": ["t", "t" * 4096, "".join(map(chr, range(0x21, 0x7F)))],
    "modelIds": [MANY_UUIDS[:1], MANY_UUIDS[:20]],
    "plusId": ["", A_UUID],
    "display": ["separated", "tabs"],
    "customerId": ["", "c" * 255, "Кунде/№ 7", None],
    "allowExternalUsers": [True, False],
    "teamId": ["T0ACME", "E0ACME", None],
    "replaces": [A_UUID, None],
    "slackApp": [CUSTOMERS_APP_FIELDS, {"configToken": "xoxe.xoxp-1"}, None],
    "returnUrl": [
        None,
        "https://app.sectorflow.example",
        "https://app.sectorflow.example/",
        "https://APP.SectorFlow.example/slack/done",
        "https://app.sectorflow.example/done?tab=slack&x=%20[1]",
        "https://app.sectorflow.example?tab=slack",
        "https://app.sectorflow.example/" + "x" * (2048 - 31),
    ],
}
BAD: dict[str, list[Any]] = {
    "appName": NO_NAMES,
    "apiToken": [*NO_VISIBLE_ASCII, "t" * 4097],
    "workspaceId": [*NO_UUIDS, "", None],
    "modelIds": [
        *[[value] for value in (*NO_UUIDS, "", None)],
        *([], MANY_UUIDS, None, A_UUID, {}, 7, [A_UUID, A_UUID], [A_UUID, A_UUID.upper()]),
    ],
    "plusId": [*NO_UUIDS, "\n", None],
    "display": ["", "Tabs", "tabs\n", "carousel", None, 7, [], {}],
    "customerId": ["c" * 256, 7, [], {}, "\x00", "c\n", "\x7f", "\x85", "\ud83c", "c\udfff"],
    "allowExternalUsers": ["true", "", 1, 0, None, [], {}],
    "teamId": ["", "T", "t0acme", "C0ACME", "T0ACME\n", "T0:ACME", 7, "T" * 32],
    "replaces": [*NO_UUIDS, ""],
    "slackApp": ["A0CUSTOMER", 7, [], True],
    "returnUrl": [
        *("", 7, [], {}),
        "http://app.sectorflow.example/",
        "HTTPS://app.sectorflow.example/\n",
        "//app.sectorflow.example/",
        "/done",
        "javascript:alert(1)",
        "https:app.sectorflow.example",
        "https:///app.sectorflow.example",
        "https://app.sectorflow.example@evil.example/",
        "https://app.sectorflow.example:x@evil.example/",
        "https://user@app.sectorflow.example/",
        "https://user:word@app.sectorflow.example/",
        "https://@app.sectorflow.example/",
        "https://app.sectorflow.example:443/",
        "https://app.sectorflow.example:/",
        "https://app.sectorflow.example:8443/",
        "https://evil.app.sectorflow.example/",
        "https://sectorflow.example/",
        "https://app.sectorflow.example.evil.example/",
        "https://app.sectorflow.example./",
        "https://.app.sectorflow.example/",
        "https://evil.example\\.app.sectorflow.example/",
        "https://app.sectorflow.example\\@evil.example/",
        "https://app.sectorflow.example/\\evil.example",
        "https:\\\\app.sectorflow.example/",
        "https://evil.example#app.sectorflow.example/",
        "https://evil.example?app.sectorflow.example/",
        "https://app.sectorflow.example/#done",
        "https://app.sectorflow.example/#",
        "https://app.sectorflow.example#",
        "https://app.sectorflow.example/\n",
        "https://app.sectorflow.example/\r\nSet-Cookie: a=b",
        "https://app.sector\tflow.example/",
        " https://app.sectorflow.example/",
        "https://app.sectorflow.example /",
        "https://app.sectorflow。example/",
        "https://аpp.sectorflow.example/",  # noqa: RUF001  a Cyrillic letter
        "https://app.sectorflow.example/é",
        'https://app.sectorflow.example/"onload=',
        "https://%61pp.sectorflow.example/",
        "https://[::1]/",
        "https://app.sectorflow.example/" + "x" * (2049 - 31),
    ],
    **{name: ["x"] for name in ("color", "status", "id", "APPNAME", "app_name", "", "__class__")},
}
#: Fields that a change may not have, though a registration may.
UNCHANGEABLE = {"customerId", "teamId", "replaces", "slackApp", "returnUrl"}
