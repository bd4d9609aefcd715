"""Small fakes of what the services call: they keep what they were asked and do what they are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sectorflow_slack.domain.models import (
    Address,
    BotInstall,
    InstallationKey,
    Message,
    ModelAnswer,
    Reply,
    SectorFlowSettings,
    SlackApp,
    Workspace,
)
from tests.values import WORKSPACE_ID, make_bot


class Script:
    """What happens in the next calls, one after the other: an error is raised, else the call goes on."""

    def __init__(self) -> None:
        self._next: list[BaseException | None] = []

    def then(self, *outcomes: BaseException | None) -> None:
        self._next += outcomes

    def play(self) -> None:
        outcome = self._next.pop(0) if self._next else None
        if outcome is not None:
            raise outcome


@dataclass
class FakeSlackClient:
    """Slack: gives one bot install for any code, takes every message."""

    bot: BotInstall = field(default_factory=make_bot)
    exchanges: Script = field(default_factory=Script)
    revocations: Script = field(default_factory=Script)
    posts: Script = field(default_factory=Script)
    exchanged: list[tuple[SlackApp, str, str]] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    updates: Script = field(default_factory=Script)
    posted: list[tuple[str, Address, Message]] = field(default_factory=list)
    updated: list[tuple[str, str, str, Message]] = field(default_factory=list)

    def authorize_url(self, app: SlackApp, state: str, redirect_uri: str, team_id: str | None) -> str:
        return f"https://slack.test/authorize?{app.client_id}&{state}&{redirect_uri}&{team_id}"

    def exchange_code(self, app: SlackApp, code: str, redirect_uri: str) -> BotInstall:
        self.exchanged.append((app, code, redirect_uri))
        self.exchanges.play()
        return self.bot

    def revoke(self, bot_token: str) -> None:
        self.revoked.append(bot_token)
        self.revocations.play()

    def post(self, bot_token: str, address: Address, message: Message) -> str:
        self.posts.play()
        self.posted.append((bot_token, address, message))
        return f"1700000001.{len(self.posted):06}"

    def update(self, bot_token: str, channel_id: str, ts: str, message: Message) -> None:
        self.updates.play()
        self.updated.append((bot_token, channel_id, ts, message))

    @property
    def texts(self) -> list[str]:
        """The fallback texts of what was posted."""
        return [message.text for _, _, message in self.posted]

    @property
    def addresses(self) -> list[Address]:
        return [address for _, address, _ in self.posted]


@dataclass
class FakeSectorFlowClient:
    """SectorFlow: each model answers with its own name, in a new thread unless one goes on."""

    answers: Script = field(default_factory=Script)
    checks: Script = field(default_factory=Script)
    workspace: Workspace = field(default_factory=lambda: Workspace(WORKSPACE_ID, "Team"))
    #: Given instead of the usual reply.
    reply: Reply | None = None
    asked: list[tuple[SectorFlowSettings, str, str | None]] = field(default_factory=list)
    checked: list[tuple[str, str, float]] = field(default_factory=list)

    def get_workspace(self, api_token: str, workspace_id: str, timeout: float) -> Workspace:
        self.checked.append((api_token, workspace_id, timeout))
        self.checks.play()
        return self.workspace

    def ask(self, settings: SectorFlowSettings, question: str, thread_id: str | None) -> Reply:
        self.asked.append((settings, question, thread_id))
        self.answers.play()
        return self.reply or make_reply(settings.model_ids, thread_id or f"thread-{len(self.asked)}")


@dataclass
class FakeTaskQueue:
    """A queue that only remembers; ``enqueues`` says when it fails."""

    enqueues: Script = field(default_factory=Script)
    jobs: list[tuple[InstallationKey, float]] = field(default_factory=list)

    def answer_next(self, key: InstallationKey, delay: float = 0.0) -> None:
        self.enqueues.play()
        self.jobs.append((key, delay))


def make_reply(model_ids: tuple[str, ...], thread_id: str | None = None, **changes: Any) -> Reply:
    """A reply in which each model says its number."""
    answers = (
        ModelAnswer(**{"model_id": model_id, "name": f"Model {n}", "text": f"Answer {n}", **changes})
        for n, model_id in enumerate(model_ids, start=1)
    )
    return Reply(tuple(answers), thread_id)
