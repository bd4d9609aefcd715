"""Examples for the OpenAPI document. All ids and tokens are made up."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_SETTINGS: Json = {
    "appName": "Acme Assistant",
    "workspaceId": "3234f6d5-ebe5-4e83-ae2b-3daf6ed02c22",
    "modelIds": ["01442edd-1154-4d9c-b4e6-151ba35f8f56", "d4c52732-787e-4dec-b974-b1806035fb44"],
    "plusId": "95c3e65b-5bac-43a3-9ef0-48e4e0923a48",
    "display": "separated",
    "allowExternalUsers": False,
    "customerId": "customer-4711",
}
_REQUEST: Json = {**_SETTINGS, "apiToken": "the-sectorflow-users-token"}
_EXISTING: Json = {
    "appId": "A012ABCDEF0",
    "clientId": "1111111111.2222222222",
    "clientSecret": "the-client-secret-of-the-app",
    "signingSecret": "the-signing-secret-of-the-app",
}

REQUESTS: Json = {
    "shared": {"summary": "The service's own app", "value": _REQUEST},
    "existing": {"summary": "An existing app", "value": {**_REQUEST, "slackApp": _EXISTING}},
    "new": {
        "summary": "A new app, created from the manifest",
        "value": {**_REQUEST, "slackApp": {"configToken": "xoxe.xoxp-the-configuration-token"}},
    },
}
PENDING: Json = {
    **_SETTINGS,
    "id": "8b6cbd5c-0c9f-4a55-9f5c-2f9f0a3a0001",
    "status": "pending",
    "appId": "A012ABCDEF0",
    "teamId": None,
    "teamName": None,
    "botUserId": None,
    "createdAt": "2026-01-15T09:30:00+00:00",
    "installedAt": None,
    "installUrl": "https://slack.example.com/slack/install/a-secret-link",
    "expiresAt": "2026-01-16T09:30:00+00:00",
    "failure": None,
}
INSTALLED: Json = {
    **PENDING,
    "status": "installed",
    "teamId": "T012ABCDEF0",
    "teamName": "Acme",
    "botUserId": "U012ABCDEF0",
    "installedAt": "2026-01-15T10:00:00+00:00",
    "installUrl": None,
    "expiresAt": None,
}
PAGE: Json = {"items": [INSTALLED], "nextCursor": None}
FEEDBACK: Json = {
    "items": [
        {"modelId": _SETTINGS["modelIds"][0], "modelName": "GPT-4o", "up": 12, "down": 3},
        {"modelId": _SETTINGS["modelIds"][1], "modelName": None, "up": 0, "down": 0},
    ]
}
CHANGE: Json = {"modelIds": ["c4b14a75-6aed-4358-ac87-07fb0e72caa4"], "display": "tabs"}
