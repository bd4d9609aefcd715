"""Making a Slack app by manifest, with a configuration token that is used for this and forgotten."""

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

#: Slack itself asks our events URL for a challenge meanwhile: in less than this, nothing would come of it.
MIN_SECONDS = 1.0

#: Slack says these where the configuration token is none, is another kind of token, or is over.
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
    """Makes apps at Slack, and takes back one that nothing comes of."""

    slack: SlackClient
    idempotency: IdempotencyStore
    public_url: str

    def create(
        self, app_name: str, config_token: str, once: IdempotencyKey | None, seconds: float
    ) -> tuple[SlackApp, str | None]:
        """Make an app within ``seconds``; gives it and, where Slack says, the workspace it is for.

        Raises:
            InstallRefused: the configuration token is no good.
            AppNotCreated: for another reason; says whether an app may be there all the same.
            RequestInProgress: somebody else makes it.
            StorageUnavailable: nothing was tried.

        """
        if seconds < MIN_SECONDS:
            raise AppNotCreated("No time was left to make the app at Slack, and none was made. Try again.")
        if once is not None:
            self.idempotency.mark_app_creation(once.key)
        try:
            made, team_id = self.slack.create_app(
                config_token, app_manifest(app_name, self.public_url), timeout=seconds
            )
        except SlackError as error:
            logger.warning("app not made: %s", error.code)
            raise _as_ours(error) from None
        logger.info("app made", extra={"app_id": made.app_id})
        return made, team_id

    def delete(self, config_token: str, app_id: str) -> None:
        """Delete an app that was just made.

        Raises:
            AppNotCreated: it is still there, and somebody has to delete it by hand.

        """
        try:
            self.slack.delete_app(config_token, app_id)
        except SlackError as error:
            logger.error("app left behind at Slack: %s", error.code, extra={"app_id": app_id})
            raise AppNotCreated(
                f"The app {app_id} was made at Slack, but could neither be kept nor deleted again. "
                f"{LOOK}, then ask anew.",
                in_doubt=True,
            ) from None
        logger.info("app deleted again", extra={"app_id": app_id})


def _as_ours(error: SlackError) -> SectorFlowSlackError:
    if isinstance(error, ManifestRefused):
        return AppNotCreated("Slack refused the app's manifest; no app was made.", faults=error.faults)
    if isinstance(error, SlackBusy) and not _did_nothing(error):
        return AppNotCreated(
            f"Slack did not say whether it made the app ({error.code}). {LOOK} if it is there, then ask "
            "anew, with another Idempotency-Key.",
            in_doubt=True,
        )
    if isinstance(error, SlackBusy):
        message = f"Slack is busy ({error.code}) and has made no app. Try again later."
        return AppNotCreated(message, retry_after=error.retry_after)
    if error.code in TOKEN_ERRORS:
        return InstallRefused(
            "slackApp.configToken", f"Slack refuses this app configuration token: {error.code}."
        )
    return AppNotCreated(f"Slack made no app: {error.code}.")


def _did_nothing(error: SlackBusy) -> bool:
    return error.never_sent or error.retry_after is not None
