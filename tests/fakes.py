"""Small fakes of Slack and SectorFlow: they record each call and follow a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sectorflow_slack.domain.errors import SlackRefused
from sectorflow_slack.domain.installations import (
    BotInstall,
    FreshToken,
    SectorFlowSettings,
    SlackApp,
    Workspace,
)
from sectorflow_slack.domain.questions import Address, Message, ModelAnswer, Reply
from tests.values import MODEL_IDS, NOW, PLUS_ID, TEAM_ID, make_bot

MADE_APP = SlackApp("A0MADE", "555.666", "made-client-secret", "made-signing-secret")

#: The outcome of a call: an error is raised, a function is called, or (None) nothing special.
Outcome = BaseException | Callable[[], object] | None


class Script:
    """The outcomes of the next calls, one after the other; each call after them has none."""

    def __init__(self) -> None:
        self._next: list[Outcome] = []

    def then(self, *outcomes: Outcome) -> None:
        self._next += outcomes

    def play(self) -> None:
        outcome = self._next.pop(0) if self._next else None
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome is not None:
            outcome()


@dataclass
class FakeSlackClient:
    """Slack: exchanges any code for one bot install, takes every message."""

    bot: BotInstall = field(default_factory=make_bot)
    #: The app that is created, and the workspace that Slack names with it.
    made_app: SlackApp = MADE_APP
    made_in: str | None = TEAM_ID
    #: Called while Slack works on a refresh.
    during_refresh: Callable[[], None] = lambda: None

    exchanges: Script = field(default_factory=Script)
    revocations: Script = field(default_factory=Script)
    refreshes: Script = field(default_factory=Script)
    creations: Script = field(default_factory=Script)
    deletions: Script = field(default_factory=Script)
    posts: Script = field(default_factory=Script)
    updates: Script = field(default_factory=Script)
    removals: Script = field(default_factory=Script)
    sessions: Script = field(default_factory=Script)
    statuses: Script = field(default_factory=Script)

    exchanged: list[tuple[SlackApp, str, str]] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    refreshed: list[tuple[SlackApp, str]] = field(default_factory=list)
    #: Config token, manifest and time-out.
    created: list[tuple[str, Mapping[str, object], float]] = field(default_factory=list)
    deleted_apps: list[tuple[str, str]] = field(default_factory=list)
    posted: list[tuple[str, Address, Message]] = field(default_factory=list)
    updated: list[tuple[str, str, str, Message]] = field(default_factory=list)
    #: Bot token, channel and ``ts``.
    removed: list[tuple[str, str, str]] = field(default_factory=list)
    ephemerals: list[tuple[Address, str, Message]] = field(default_factory=list)
    #: The ``client_msg_id`` of each posted message; "" for none.
    client_msg_ids: list[str] = field(default_factory=list)
    #: Channel, thread, and whether the agent's session is processing.
    sessions_set: list[tuple[str, str, bool]] = field(default_factory=list)
    session_titles: list[str] = field(default_factory=list)
    #: Channel, thread and text.
    status_set: list[tuple[str, str, str]] = field(default_factory=list)
    #: Channel, title, and the prompts by their titles.
    suggested: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    homes: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    dialogs: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    updated_dialogs: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    #: The messages in Slack now, by their ``ts``.
    shown: dict[str, Message] = field(default_factory=dict)

    def authorize_url(self, app: SlackApp, state: str, redirect_uri: str, team_id: str | None) -> str:
        return f"https://slack.test/authorize?{app.client_id}&{state}&{redirect_uri}&{team_id}"

    def exchange_code(self, app: SlackApp, code: str, redirect_uri: str) -> BotInstall:
        self.exchanged.append((app, code, redirect_uri))
        self.exchanges.play()
        return self.bot

    def revoke(self, bot_token: str) -> None:
        self.revoked.append(bot_token)
        self.revocations.play()

    def bot_name(self, bot_token: str) -> str:
        return "acme-assistant"

    def create_app(self, config_token: str, manifest: Mapping[str, object], timeout: float) -> Any:
        self.created.append((config_token, manifest, timeout))
        self.creations.play()
        return self.made_app, self.made_in

    def delete_app(self, config_token: str, app_id: str) -> None:
        self.deleted_apps.append((config_token, app_id))
        self.deletions.play()

    def refresh(self, app: SlackApp, refresh_token: str) -> FreshToken:
        self.refreshed.append((app, refresh_token))
        self.during_refresh()
        self.refreshes.play()
        number = len(self.refreshed)
        return FreshToken(f"fresh-bot-token-{number}", f"fresh-refresh-token-{number}", NOW + 12 * 3600)

    def post(self, bot_token: str, address: Address, message: Message, client_msg_id: str = "") -> str:
        self.posts.play()
        self.posted.append((bot_token, address, message))
        self.client_msg_ids.append(client_msg_id)
        ts = f"1700000001.{len(self.posted):06}"
        self.shown[ts] = message
        return ts

    def update(self, bot_token: str, channel_id: str, ts: str, message: Message) -> None:
        self.updates.play()
        if ts in {gone for _, _, gone in self.removed}:
            raise SlackRefused("message_not_found")
        self.updated.append((bot_token, channel_id, ts, message))
        self.shown[ts] = message

    def delete(self, bot_token: str, channel_id: str, ts: str) -> None:
        self.removals.play()
        self.removed.append((bot_token, channel_id, ts))
        self.shown.pop(ts, None)

    def post_ephemeral(self, bot_token: str, address: Address, user_id: str, message: Message) -> None:
        self.ephemerals.append((address, user_id, message))

    def set_session_status(
        self, bot_token: str, channel_id: str, thread_ts: str, *, is_processing: bool, title: str = ""
    ) -> None:
        self.sessions.play()
        self.session_titles += [title] if title else []
        self.sessions_set.append((channel_id, thread_ts, is_processing))

    def set_status(self, bot_token: str, channel_id: str, thread_ts: str, status: str) -> None:
        self.statuses.play()
        self.status_set.append((channel_id, thread_ts, status))

    def set_suggested_prompts(self, bot_token: str, channel_id: str, title: str, prompts: Any) -> None:
        self.suggested.append((channel_id, title, dict(prompts)))

    def publish_home(self, bot_token: str, user_id: str, view: Mapping[str, object]) -> None:
        self.homes.append((user_id, view))

    def open_view(self, bot_token: str, trigger_id: str, view: Mapping[str, object]) -> None:
        self.dialogs.append((trigger_id, view))

    def update_view(self, bot_token: str, view_id: str, view: Mapping[str, object]) -> None:
        self.updated_dialogs.append((view_id, view))

    @property
    def texts(self) -> list[str]:
        """The fallback texts of the messages that were posted."""
        return [message.text for _, _, message in self.posted]

    @property
    def seen(self) -> list[str]:
        """The fallback texts of the messages in Slack now."""
        return [message.text for message in self.shown.values()]

    @property
    def addresses(self) -> list[Address]:
        return [address for _, address, _ in self.posted]


@dataclass
class FakeSectorFlowClient:
    """SectorFlow: each model answers with its number, in a new thread unless one is continued."""

    workspace: Workspace = field(default_factory=lambda: Workspace(""))
    #: Returned instead of the usual reply.
    reply: Reply | None = None
    expert: str = "Sales expert"
    samples: tuple[str, ...] = ()

    #: The lists of models and experts.
    model_ids: tuple[str, ...] = MODEL_IDS
    expert_ids: tuple[str, ...] = (PLUS_ID,)

    answers: Script = field(default_factory=Script)
    checks: Script = field(default_factory=Script)
    lists: Script = field(default_factory=Script)
    #: Of the calls for names and samples.
    names: Script = field(default_factory=Script)
    asked: list[tuple[SectorFlowSettings, str, str | None]] = field(default_factory=list)
    checked: list[tuple[str, str, float]] = field(default_factory=list)

    def get_workspace(self, api_token: str, workspace_id: str, timeout: float) -> Workspace:
        self.checked.append((api_token, workspace_id, timeout))
        self.checks.play()
        return self.workspace

    def list_models(self, api_token: str, timeout: float) -> list[dict[str, str]]:
        self.lists.play()
        return [{"id": model_id} for model_id in self.model_ids]

    def list_experts(self, api_token: str, timeout: float) -> list[dict[str, str]]:
        self.lists.play()
        return [{"id": plus_id} for plus_id in self.expert_ids]

    def expert_name(self, api_token: str, plus_id: str) -> str:
        self.names.play()
        return self.expert

    def sample_prompts(self, api_token: str, workspace_id: str) -> tuple[str, ...]:
        self.names.play()
        return self.samples

    def ask(
        self,
        settings: SectorFlowSettings,
        question: str,
        thread_id: str | None,
        timeout: float | None = None,
    ) -> Reply:
        self.asked.append((settings, question, thread_id))
        self.answers.play()
        return self.reply or make_reply(settings.model_ids, thread_id or f"thread-{len(self.asked)}")


def make_reply(model_ids: tuple[str, ...], thread_id: str | None = None, **changes: Any) -> Reply:
    """A reply in which each model answers with its number."""
    answers = (
        ModelAnswer(**{"model_id": model_id, "name": f"Model {n}", "text": f"Answer {n}", **changes})
        for n, model_id in enumerate(model_ids, start=1)
    )
    return Reply(tuple(answers), thread_id)
