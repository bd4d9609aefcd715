"""Values for the templates of the page at ``/install``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sectorflow_slack.domain.install_form import TrialAnswer
from sectorflow_slack.domain.installations import AnyInstallation, Installation, InstallationSettings, Status
from sectorflow_slack.domain.slack import INSTALL_PATH
from sectorflow_slack.formatting.block_kit import Block
from sectorflow_slack.services.install_page import MAX_TRIALS, answer_blocks
from sectorflow_slack.services.manifests import app_manifest, creation_link
from sectorflow_slack.storage.install_forms import LIFETIME_SECONDS
from sectorflow_slack.web import current_services, current_settings
from sectorflow_slack.web.feedback import feedback_on
from sectorflow_slack.web.pages import REFUSALS, open_slack_url

STATUS_WORDS: dict[Status, str] = {
    "installed": "Installed",
    "pending": "Waits for the consent in Slack",
    "failed": "Failed",
    "expired": "The link has expired",
}


#: Each display with its title and its description.
DISPLAY_WORDS = (
    ("separated", "Separated", "Each model's answer below the other."),
    ("tabs", "Tabs", "One answer at a time; a button for each model."),
    ("folded", "Folded", "The first answer open, the others to unfold."),
)
#: The ids of the fields on the page, by their names in the install API.
ANCHORS = {
    "appName": "app-name",
    "workspaceId": "workspace",
    "modelIds": "models",
    "plusId": "expert",
    "apiToken": "new-token",
    "question": "question",
    "slackApp": "step-app",
    "slackApp.configToken": "config-token",
    "slackApp.appId": "app-id",
    "slackApp.clientId": "client-id",
    "slackApp.clientSecret": "client-secret",
    "slackApp.signingSecret": "signing-secret",
}


@dataclass(frozen=True, slots=True)
class AppView:
    """An installation as the page shows it."""

    settings: InstallationSettings
    status: Status
    team: str
    is_own_app: bool
    #: Where to go on: the install link, or Slack; "" if neither.
    install_path: str = ""
    slack_url: str = ""
    #: Why it failed.
    failure: str = ""

    @property
    def status_words(self) -> str:
        """Return the status in words."""
        return STATUS_WORDS[self.status]

    @property
    def feedback(self) -> list[dict[str, Any]]:
        """Load the votes and figures by model."""
        found = current_services.registration.find(self.settings.id)
        if not isinstance(found, Installation):
            return []
        return feedback_on(found)


def app_view(installation: AnyInstallation) -> AppView:
    """Return an installation for the templates."""
    settings, own_app = installation.settings, current_settings.slack_app
    is_own = own_app is not None and own_app.app_id == settings.app_id
    if isinstance(installation, Installation):
        team = installation.bot.team_name or installation.key.tenant_id
        return AppView(settings, "installed", team, is_own, slack_url=open_slack_url(installation))
    status = installation.status(current_services.registration.clock())
    refusal = REFUSALS.get(installation.failure or "")
    return AppView(
        settings,
        status,
        installation.team_id or "",
        is_own,
        install_path=f"{INSTALL_PATH}/{installation.link}" if status == "pending" else "",
        failure=refusal.title if refusal else "",
    )


@dataclass(frozen=True, slots=True)
class TrialView:
    """One model's answer to the test question in Slack's blocks; without any if it failed."""

    name: str
    blocks: list[Block] = field(repr=False)


def trial_views(trial: Iterable[TrialAnswer]) -> list[TrialView]:
    """Return the answers to the test question for the templates."""
    return [TrialView(each.name, answer_blocks(each.text)) for each in trial]


def form_values(app_name: str) -> dict[str, Any]:
    """Return what the form shows beside its values."""
    manifest = app_manifest(app_name.strip()[:35] or "SectorFlow", current_settings.public_url)
    creation_url = creation_link(manifest, current_settings.slack_base_url)
    return {
        "displays": DISPLAY_WORDS,
        "anchors": ANCHORS,
        "max_trials": MAX_TRIALS,
        "session_seconds": LIFETIME_SECONDS,
        "creation_url": creation_url,
        "apps_url": creation_url.partition("?")[0],
    }


def until() -> datetime:
    """Return when a session ends that is used now."""
    return datetime.now(UTC) + timedelta(seconds=LIFETIME_SECONDS)
