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
        {
            "modelId": _SETTINGS["modelIds"][0],
            "modelName": "GPT-4o",
            "up": 12,
            "down": 3,
            "asked": 90,
            "failed": 1,
            "p50Seconds": 3.4,
            "credits": 180.0,
        },
        {
            "modelId": _SETTINGS["modelIds"][1],
            "modelName": None,
            "up": 0,
            "down": 0,
            "asked": 0,
            "failed": 0,
            "p50Seconds": None,
            "credits": 0.0,
        },
    ]
}
_WRONG_FIELDS: Json = {
    "json": {
        "modelIds": {"1": ["Not a valid UUID."]},
        "display": ["Must be one of: separated, tabs, folded."],
    }
}
_SLACKS_FAULTS: Json = {
    "slack": {"/settings/event_subscriptions": ["URL didn't respond with the challenge."]}
}


def _error(code: int, status: str, message: str, **more: Any) -> Json:
    return {"code": code, "status": status, "message": message, **more}


#: An error of each status.
ERRORS: dict[int, Json] = {
    400: _error(400, "Bad Request", "The body is not valid JSON."),
    401: _error(401, "Unauthorized", "An install API key is needed."),
    404: _error(404, "Not Found", "There is no such installation."),
    412: _error(
        412,
        "Precondition Failed",
        "The installation is not the version that If-Match names; get it again.",
    ),
    413: _error(413, "Request Entity Too Large", "The body is larger than 1 MiB."),
    415: _error(415, "Unsupported Media Type", "The body must be application/json."),
    422: _error(
        422,
        "Unprocessable Entity",
        "The request is wrong; errors names each fault.",
        errors=_WRONG_FIELDS,
    ),
    429: _error(429, "Too Many Requests", "Too many requests; Retry-After says how long to wait."),
    502: _error(
        502,
        "Bad Gateway",
        "Slack refused the app's manifest; no app was created.",
        errors=_SLACKS_FAULTS,
    ),
    503: _error(503, "Service Unavailable", "Redis is unavailable; try again."),
}
CHANGE: Json = {"modelIds": ["c4b14a75-6aed-4358-ac87-07fb0e72caa4"], "display": "tabs"}
