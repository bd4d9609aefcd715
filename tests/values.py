"""Made-up values that tests share, and builders of the larger ones."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, replace
from typing import Any

from sectorflow_slack.domain.installations import (
    BotInstall,
    Installation,
    InstallationKey,
    InstallationSettings,
    PendingInstallation,
    SectorFlowSettings,
    SlackApp,
)
from sectorflow_slack.domain.questions import Question

NOW = 1_800_000_000.0
INSTALL_API_KEY = "install-key-of-the-platform"
WORKSPACE_ID = "3234f6d5-ebe5-4e83-ae2b-3daf6ed02c22"
PLUS_ID = "95c3e65b-5bac-43a3-9ef0-48e4e0923a48"
MODEL_IDS = (
    "01442edd-1154-4d9c-b4e6-151ba35f8f56",
    "d4c52732-787e-4dec-b974-b1806035fb44",
    "c4b14a75-6aed-4358-ac87-07fb0e72caa4",
)
API_TOKEN = "sf-token-that-nobody-may-see"
BOT_TOKEN = "xoxb-token-that-nobody-may-see"
OWN_APP = SlackApp("A0OWN", "111.222", "own-client-secret", "own-signing-secret")
CUSTOMERS_APP = SlackApp("A0CUSTOMER", "333.444", "customer-client-secret", "customer-signing-secret")
TEAM_ID = "T0ACME"
BOT_USER_ID = "U0BOT"


@dataclass
class FixedClock:
    """A clock that stands still until a test moves it."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


_SETTINGS = InstallationSettings(
    id="8b6cbd5c-0c9f-4a55-9f5c-2f9f0a3a0001",
    app_id=OWN_APP.app_id,
    app_name="Acme Assistant",
    sectorflow=SectorFlowSettings(API_TOKEN, WORKSPACE_ID, MODEL_IDS, PLUS_ID),
    created_at=NOW,
)
_BOT = BotInstall(OWN_APP.app_id, BOT_TOKEN, BOT_USER_ID, TEAM_ID, "Acme")
_PENDING = PendingInstallation(_SETTINGS, None, "a-link-that-must-stay-secret", NOW + 86_400)


def make_settings(**changes: Any) -> InstallationSettings:
    return replace(_SETTINGS, **changes)


def make_bot(**changes: Any) -> BotInstall:
    return replace(_BOT, **changes)


def make_installation(settings: InstallationSettings = _SETTINGS, bot: BotInstall = _BOT) -> Installation:
    return Installation(settings, bot, installed_at=NOW)


def make_pending(**changes: Any) -> PendingInstallation:
    return replace(_PENDING, **changes)


def make_question(number: int = 1, **changes: Any) -> Question:
    question = Question(
        id=f"{number:032x}",
        installation=InstallationKey(OWN_APP.app_id, TEAM_ID),
        event_id=f"Ev{number}",
        channel_id="C0GENERAL",
        user_id="U0ANN",
        ts=f"{number}.000100",
        thread_ts=None,
        text="Tell me a joke",
        team_id=TEAM_ID,
        asked_at=NOW,
    )
    return replace(question, **changes)


def make_event(event: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """An Events API envelope around an ``app_mention``; ``event`` changes the inner one."""
    mention = {
        "type": "app_mention",
        "user": "U0ANN",
        "text": f"<@{BOT_USER_ID}> Tell me a joke",
        "ts": "1700000000.000100",
        "event_ts": "1700000000.000100",
        "channel": "C0GENERAL",
    }
    team = {"enterprise_id": None, "team_id": TEAM_ID, "is_enterprise_install": False}
    envelope = {
        "token": "deprecated",
        "team_id": TEAM_ID,
        "api_app_id": OWN_APP.app_id,
        "type": "event_callback",
        "event_id": "Ev0001",
        "event_time": int(NOW),
        "authorizations": [{**team, "user_id": BOT_USER_ID, "is_bot": True}],
        "is_ext_shared_channel": False,
    }
    return {**envelope, **changes, "event": {**mention, **(event or {})}}


def make_block_action(question_id: str, **changes: Any) -> dict[str, Any]:
    """A ``block_actions`` payload of the button that asks a failed question again."""
    payload = {
        "type": "block_actions",
        "api_app_id": OWN_APP.app_id,
        "team": {"id": TEAM_ID, "domain": "acme"},
        "enterprise": None,
        "is_enterprise_install": False,
        "user": {"id": "U0ANN", "team_id": TEAM_ID},
        "channel": {"id": "C0GENERAL", "name": "general"},
        "container": {"type": "message", "message_ts": "1700000001.000001", "channel_id": "C0GENERAL"},
        "actions": [{"type": "button", "action_id": "ask_again", "value": question_id}],
    }
    return {**payload, **changes}


def signed(body: bytes, secret: str = OWN_APP.signing_secret, at: float | None = None) -> dict[str, str]:
    """The headers that Slack would send with ``body``."""
    timestamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={digest.hexdigest()}",
    }


def encoded(payload: Any) -> bytes:
    return json.dumps(payload).encode()


def install_request(**changes: Any) -> dict[str, Any]:
    """The body of a POST to the install API."""
    body = {
        "appName": "Acme Assistant",
        "apiToken": API_TOKEN,
        "workspaceId": WORKSPACE_ID,
        "modelIds": list(MODEL_IDS),
        "plusId": PLUS_ID,
    }
    return {**body, **changes}


AUTHORIZED = {"Authorization": f"Bearer {INSTALL_API_KEY}"}
