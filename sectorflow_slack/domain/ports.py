"""What the services ask of Slack, of SectorFlow and of workers, as protocols; and the clock.

Methods raise ``SlackError``, ``SectorFlowError`` and (the queue) ``StorageUnavailable``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sectorflow_slack.domain.installations import (
    BotInstall,
    FreshToken,
    InstallationKey,
    SectorFlowSettings,
    SlackApp,
    Workspace,
)
from sectorflow_slack.domain.questions import Address, Message, Reply
from sectorflow_slack.domain.slack_jobs import SlackJob


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> float:
        """Give the seconds since the epoch, UTC."""


class TaskQueue(Protocol):
    """Wakes a worker."""

    def answer_next(self, key: InstallationKey, delay: float = 0.0) -> None:
        """Have a worker take the next question of this installation, in ``delay`` seconds."""

    def enqueue(self, job: SlackJob, delay: float = 0.0) -> None:
        """Have a worker run an errand, in ``delay`` seconds; questions do not keep it waiting."""


class SlackClient(Protocol):
    """Slack's Web API, as far as the service calls it."""

    def authorize_url(self, app: SlackApp, state: str, redirect_uri: str, team_id: str | None) -> str:
        """Give the address of Slack's consent page."""

    def exchange_code(self, app: SlackApp, code: str, redirect_uri: str) -> BotInstall:
        """Turn an OAuth code into a bot token (``oauth.v2.access``)."""

    def refresh(self, app: SlackApp, refresh_token: str) -> FreshToken:
        """Turn a refresh token into the next bot token (``oauth.v2.access``); it works once."""

    def revoke(self, bot_token: str) -> None:
        """Take a bot token back (``auth.revoke``)."""

    def create_app(
        self, config_token: str, manifest: Mapping[str, object], timeout: float
    ) -> tuple[SlackApp, str | None]:
        """Make an app (``apps.manifest.create``); returns it and, where Slack says, its workspace.

        Raises:
            ManifestRefused: nothing was made; Slack says what is wrong with the manifest.
            SlackRefused: nothing was made.
            SlackBusy: nothing was made where ``never_sent`` or ``retry_after`` is set; else nobody knows.

        """

    def delete_app(self, config_token: str, app_id: str) -> None:
        """Delete an app for good (``apps.manifest.delete``)."""

    def post(self, bot_token: str, address: Address, message: Message) -> str:
        """Post a message (``chat.postMessage``) and return its ``ts``."""

    def update(self, bot_token: str, channel_id: str, ts: str, message: Message) -> None:
        """Put another message in the place of one of ours (``chat.update``)."""

    def delete(self, bot_token: str, channel_id: str, ts: str) -> None:
        """Delete one of our messages (``chat.delete``)."""

    def post_ephemeral(self, bot_token: str, address: Address, user_id: str, message: Message) -> None:
        """Post a message that one person sees (``chat.postEphemeral``)."""

    def set_status(self, bot_token: str, channel_id: str, thread_ts: str, status: str) -> None:
        """Show in a thread that the app is at work (``assistant.threads.setStatus``); "" ends it."""

    def set_suggested_prompts(
        self, bot_token: str, channel_id: str, title: str, prompts: Mapping[str, str]
    ) -> None:
        """Offer up to four prompts in a DM, message by title (``assistant.threads.setSuggestedPrompts``).

        ``title`` stands above them.
        """

    def publish_home(self, bot_token: str, user_id: str, view: Mapping[str, object]) -> None:
        """Put a view on a person's Home tab of the app (``views.publish``)."""

    def open_view(self, bot_token: str, trigger_id: str, view: Mapping[str, object]) -> None:
        """Open a dialog for who pressed a button within the last 3 s (``views.open``)."""


class SectorFlowClient(Protocol):
    """SectorFlow's REST API, as far as the service calls it."""

    def expert_name(self, api_token: str, plus_id: str) -> str:
        """Give an expert's title (``GET /plus/{plusId}``); "" where the reply names none."""

    def sample_prompts(self, api_token: str, workspace_id: str) -> tuple[str, ...]:
        """Give prompts that suit a workspace (``GET /chat/{workspaceId}/sample-prompts``); may be none."""

    def get_workspace(self, api_token: str, workspace_id: str, timeout: float) -> Workspace:
        """Load a workspace; shows whether the token and the workspace are good."""

    def ask(self, settings: SectorFlowSettings, question: str, thread_id: str | None) -> Reply:
        """Ask every model of ``settings`` and return an answer for each, in their order."""
