"""Registering installations: what the platform asks for, checked and kept until a person consents."""

from __future__ import annotations

import logging
import secrets
import uuid
from dataclasses import dataclass

from sectorflow_slack.domain.errors import (
    InstallRefused,
    SectorFlowError,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.interfaces import (
    Clock,
    InstallationStore,
    PendingStore,
    SectorFlowClient,
)
from sectorflow_slack.domain.models import (
    Installation,
    InstallRequest,
    PendingInstallation,
    SectorFlowSettings,
    SlackApp,
    Terms,
)

logger = logging.getLogger(__name__)

#: How long an install link may be followed.
LINK_LIFETIME_SECONDS = 24 * 3600
#: SectorFlow is given less than half of the 10 s in which the install API answers: one that falls silent
#: in the middle of its answer may take twice this.
CHECK_TIMEOUT_SECONDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallService:
    """Takes requests in and tells where each stands."""

    installations: InstallationStore
    pendings: PendingStore
    sectorflow: SectorFlowClient
    own_app: SlackApp | None
    clock: Clock

    def register(self, request: InstallRequest) -> PendingInstallation:
        """Take a request in and give the installation that waits for a person's consent.

        Raises:
            InstallRefused: a field is wrong for a reason that only the stores or SectorFlow know.

        """
        app_id = self.app_id_of(request.slack_app)
        team_id = self._team_to_replace(request, app_id) if request.replaces else request.team_id
        now = self.clock()
        pending = PendingInstallation(
            terms=Terms(
                id=str(uuid.uuid4()),
                app_id=app_id,
                app_name=request.app_name,
                sectorflow=self._checked(request.sectorflow),
                created_at=now,
                display=request.display,
                customer_id=request.customer_id,
                allow_external_users=request.allow_external_users,
            ),
            slack_app=request.slack_app,
            link=secrets.token_urlsafe(32),
            expires_at=now + LINK_LIFETIME_SECONDS,
            team_id=team_id,
            replaces=request.replaces,
            return_url=request.return_url,
        )
        self.pendings.save(pending)
        logger.info("installation registered", extra={"installation_id": pending.terms.id, "app_id": app_id})
        return pending

    def app_id_of(self, slack_app: SlackApp | None) -> str:
        """Give the app that a request is for: the one it brings, else the service's own.

        Raises:
            InstallRefused: there is none, or it brings credentials for the service's own.

        """
        if slack_app is None:
            if self.own_app is None:
                raise InstallRefused("slackApp", "This service has no Slack app of its own; name one.")
            return self.own_app.app_id
        if self.own_app and slack_app.app_id == self.own_app.app_id:
            raise InstallRefused("slackApp", "This is the service's own app; leave slackApp out to use it.")
        return slack_app.app_id

    def find(self, installation_id: str) -> Installation | PendingInstallation | None:
        """Load an installation in whatever state it is."""
        return self.installations.find_by_id(installation_id) or self.pendings.find(installation_id)

    def _team_to_replace(self, request: InstallRequest, app_id: str) -> str:
        replaced = self.installations.find_by_id(request.replaces or "")
        if replaced is None or replaced.key.app_id != app_id:
            raise InstallRefused("replaces", "No installed installation of this app has this id.")
        if request.team_id not in {None, replaced.key.tenant_id}:
            raise InstallRefused("replaces", "The installation with this id is in another team.")
        return replaced.key.tenant_id

    def _checked(self, sectorflow: SectorFlowSettings) -> SectorFlowSettings:
        """Ask SectorFlow whether token and workspace are good; being away or odd stops nothing."""
        try:
            workspace = self.sectorflow.get_workspace(
                sectorflow.api_token, sectorflow.workspace_id, timeout=CHECK_TIMEOUT_SECONDS
            )
        except TokenRefused:
            raise InstallRefused("apiToken", "SectorFlow refuses this token.") from None
        except WorkspaceMissing:
            raise InstallRefused("workspaceId", "SectorFlow knows no such workspace.") from None
        except SectorFlowError as error:
            logger.warning("workspace not checked: %s", type(error).__name__)
            return sectorflow
        return SectorFlowSettings(
            api_token=sectorflow.api_token,
            workspace_id=sectorflow.workspace_id,
            model_ids=sectorflow.model_ids,
            plus_id=sectorflow.plus_id,
            model_names=workspace.model_names,
        )
