"""Protocols of Slack, SectorFlow and the clock.

Methods raise ``SlackError`` and ``SectorFlowError``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sectorflow_slack.domain.installations import (
    BotInstall,
    FreshToken,
    SectorFlowSettings,
    SlackApp,
    Workspace,
)
from sectorflow_slack.domain.questions import Address, Message, Reply


class Clock(Protocol):
    """The current time."""

    def __call__(self) -> float:
        """Return the seconds since the epoch, UTC."""


class SlackClient(Protocol):
    """The part of Slack's Web API that the service calls."""

    def probe(self) -> float | None:
        """Return by how many seconds Slack's clock is ahead of this machine's; None if unknown."""

    def authorize_url(self, app: SlackApp, state: str, redirect_uri: str, team_id: str | None) -> str:
        """Return the URL of Slack's consent page."""

    def exchange_code(self, app: SlackApp, code: str, redirect_uri: str) -> BotInstall:
        """Exchange an OAuth code for a bot token (``oauth.v2.access``)."""

    def refresh(self, app: SlackApp, refresh_token: str) -> FreshToken:
        """Exchange a refresh token for the next bot token (``oauth.v2.access``); it works once."""

    def revoke(self, bot_token: str) -> None:
        """Revoke a bot token (``auth.revoke``)."""

    def bot_name(self, bot_token: str) -> str:
        """Return the name of the token's bot user (``auth.test``); "" if the reply has none."""

    def create_app(
        self, config_token: str, manifest: Mapping[str, object], timeout: float
    ) -> tuple[SlackApp, str | None]:
        """Create an app (``apps.manifest.create``); return it and its workspace, if Slack names that.

        Raises:
            ManifestRefused: nothing was created; the error has the faults of the manifest.
            SlackRefused: nothing was created.
            SlackBusy: nothing was created if ``never_sent`` or ``retry_after`` is set; else that is in doubt.

        """

    def delete_app(self, config_token: str, app_id: str) -> None:
        """Delete an app for good (``apps.manifest.delete``)."""

    def post(self, bot_token: str, address: Address, message: Message, client_msg_id: str = "") -> str:
        """Post a message (``chat.postMessage``) and return its ``ts``."""

    def update(self, bot_token: str, channel_id: str, ts: str, message: Message) -> None:
        """Replace one of the app's messages (``chat.update``)."""

    def delete(self, bot_token: str, channel_id: str, ts: str) -> None:
        """Delete one of the app's messages (``chat.delete``)."""

    def post_ephemeral(self, bot_token: str, address: Address, user_id: str, message: Message) -> None:
        """Post a message that is visible to one user (``chat.postEphemeral``)."""

    def set_session_status(
        self, bot_token: str, channel_id: str, thread_ts: str, *, is_processing: bool, title: str = ""
    ) -> None:
        """Show in a thread that the agent works on it, or that it is done (``agents.sessions.setStatus``).

        ``title`` is that of a new session.
        """

    def set_status(self, bot_token: str, channel_id: str, thread_ts: str, status: str) -> None:
        """Show a status in a thread (``assistant.threads.setStatus``); "" clears it."""

    def set_suggested_prompts(
        self, bot_token: str, channel_id: str, title: str, prompts: Mapping[str, str]
    ) -> None:
        """Offer up to four prompts, by title, under a heading (``assistant.threads.setSuggestedPrompts``)."""

    def publish_home(self, bot_token: str, user_id: str, view: Mapping[str, object]) -> None:
        """Publish a user's Home tab (``views.publish``)."""

    def open_view(self, bot_token: str, trigger_id: str, view: Mapping[str, object]) -> None:
        """Open a dialog for the interaction of this ``trigger_id``, within 3 s (``views.open``)."""

    def update_view(self, bot_token: str, view_id: str, view: Mapping[str, object]) -> None:
        """Show another view in a dialog that is open (``views.update``)."""


class SectorFlowClient(Protocol):
    """The part of SectorFlow's REST API that the service and its commands call."""

    def probe(self) -> int:
        """Return the HTTP status of SectorFlow's API, whatever it is."""

    def expert_name(self, api_token: str, plus_id: str) -> str:
        """Return an expert's title (``GET /plus/{plusId}``); "" if the reply has none."""

    def sample_prompts(self, api_token: str, workspace_id: str) -> tuple[str, ...]:
        """Return a workspace's sample prompts (``GET /chat/{workspaceId}/sample-prompts``), if any."""

    def get_workspace(self, api_token: str, workspace_id: str, timeout: float) -> Workspace:
        """Load a workspace; the errors show if the token or the id is wrong."""

    def ask(
        self,
        settings: SectorFlowSettings,
        question: str,
        thread_id: str | None,
        timeout: float | None = None,
    ) -> Reply:
        """Ask every model of ``settings`` and return an answer for each, in their order.

        ``timeout`` is in seconds, and shortens the usual one.
        """

    def list_models(self, api_token: str, timeout: float = ...) -> Sequence[Mapping[str, Any]]:
        """List the models that the token's user may use, SectorFlow's own among them."""

    def list_experts(self, api_token: str, timeout: float = ...) -> Sequence[Mapping[str, Any]]:
        """List the experts that the token's user may use."""

    def list_workspaces(self, api_token: str, timeout: float = ...) -> Sequence[Mapping[str, Any]]:
        """List the workspaces of the token's user."""

    def create_workspace(self, api_token: str, workspace: Mapping[str, Any]) -> Mapping[str, Any]:
        """Create a workspace."""

    def update_workspace(
        self, api_token: str, workspace_id: str, workspace: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Change a workspace."""
