"""Creation of a Slack app by manifest, with an app configuration token that is never stored."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sectorflow_slack.domain.errors import (
    AppNotCreated,
    InstallRefused,
    ManifestRefused,
    SectorFlowSlackError,
    SlackBusy,
    SlackError,
)
from sectorflow_slack.domain.installations import IdempotencyKey, SlackApp
from sectorflow_slack.domain.ports import SlackClient
from sectorflow_slack.services.manifests import app_manifest
from sectorflow_slack.storage.idempotency import IdempotencyStore

logger = logging.getLogger(__name__)

#: Slack verifies the events URL during the call, so a shorter one cannot succeed.
MIN_SECONDS = 1.0

#: Slack's codes for a configuration token that is invalid, expired, or another kind of token.
TOKEN_ERRORS = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
    }
)

LOOK = "Look at your apps at Slack (https://api.slack.com/apps) and delete it there"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCreator:
    """Creates apps at Slack, and deletes one that cannot be used."""

    slack: SlackClient
    idempotency: IdempotencyStore
    public_url: str

    def create(
        self, app_name: str, config_token: str, key: IdempotencyKey | None, seconds: float
    ) -> tuple[SlackApp, str | None]:
        """Create an app within ``seconds``; returns it and its workspace, if Slack names that.

        Raises:
            InstallRefused: Slack refuses the configuration token.
            AppNotCreated: for another reason; ``in_doubt`` if the app may exist.
            RequestInProgress: another request creates it.
            StorageUnavailable: nothing was tried.

        """
        if seconds < MIN_SECONDS:
            raise AppNotCreated("No time was left to create the app at Slack; none was created. Try again.")
        if key is not None:
            self.idempotency.mark_app_creation(key.key)
        try:
            app, team_id = self.slack.create_app(
                config_token, app_manifest(app_name, self.public_url), timeout=seconds
            )
        except SlackError as error:
            logger.warning("app not created: %s", error.code)
            raise _translate(error) from None
        logger.info("app created", extra={"app_id": app.app_id})
        return app, team_id

    def delete(self, config_token: str, app_id: str) -> None:
        """Delete an app that was just created; raise ``AppNotCreated`` if it must be deleted by hand."""
        try:
            self.slack.delete_app(config_token, app_id)
        except SlackError as error:
            logger.error("app left behind at Slack: %s", error.code, extra={"app_id": app_id})
            raise AppNotCreated(
                f"The app {app_id} was created at Slack, but could be neither stored nor deleted. "
                f"{LOOK}, then send the request again.",
                in_doubt=True,
            ) from None
        logger.info("app deleted again", extra={"app_id": app_id})


def _translate(error: SlackError) -> SectorFlowSlackError:
    if isinstance(error, ManifestRefused):
        return AppNotCreated("Slack refused the app's manifest; no app was created.", faults=error.faults)
    if isinstance(error, SlackBusy) and not (error.never_sent or error.retry_after is not None):
        return AppNotCreated(
            f"Slack did not report whether it created the app ({error.code}). {LOOK} if it exists, then "
            "send the request again with another Idempotency-Key.",
            in_doubt=True,
        )
    if isinstance(error, SlackBusy):
        message = f"Slack is busy ({error.code}) and has created no app. Try again later."
        return AppNotCreated(message, retry_after=error.retry_after)
    if error.code in TOKEN_ERRORS:
        return InstallRefused(
            "slackApp.configToken", f"Slack refuses this app configuration token: {error.code}."
        )
    return AppNotCreated(f"Slack created no app: {error.code}.")
