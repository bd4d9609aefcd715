"""The content of the Home tab, and the prompts that the app suggests in a direct message."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from sectorflow_slack.domain.errors import SectorFlowError
from sectorflow_slack.domain.installations import Installation, Workspace
from sectorflow_slack.domain.ports import SectorFlowClient
from sectorflow_slack.formatting.views import HomeFacts, suggested_prompts
from sectorflow_slack.formatting.words import words_for
from sectorflow_slack.services.asking import model_names

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AppHomeService:
    """Loads names and prompts from SectorFlow; missing ones are left out."""

    sectorflow: SectorFlowClient
    support_url: str = ""
    privacy_url: str = ""

    def facts(self, installation: Installation) -> HomeFacts:
        """Return the facts about an installation for the Home tab."""
        settings, sectorflow = installation.settings, installation.settings.sectorflow
        workspace = self._workspace(installation)
        known = dict(sectorflow.model_names) | workspace.model_names
        names = tuple(known.get(model_id, "") for model_id in sectorflow.model_ids)
        return HomeFacts(
            app_name=settings.app_name,
            workspace_name=workspace.name,
            expert_name=self._expert_name(installation),
            model_names=names if any(names) else model_names(installation),
            display=settings.display,
            support_url=self.support_url,
            privacy_url=self.privacy_url,
        )

    def prompts(self, installation: Installation) -> Mapping[str, str]:
        """Return up to four suggested prompts, by title."""
        settings = installation.settings.sectorflow
        try:
            samples = self.sectorflow.sample_prompts(settings.api_token, settings.workspace_id)
        except SectorFlowError as error:
            logger.info("no sample prompts: %s", type(error).__name__)
            samples = ()
        return suggested_prompts(samples, words_for(""))

    def _workspace(self, installation: Installation) -> Workspace:
        settings = installation.settings.sectorflow
        try:
            return self.sectorflow.get_workspace(
                settings.api_token, settings.workspace_id, timeout=TIMEOUT_SECONDS
            )
        except SectorFlowError as error:
            logger.info("workspace not loaded: %s", type(error).__name__)
            return Workspace(settings.workspace_id, "")

    def _expert_name(self, installation: Installation) -> str:
        settings = installation.settings.sectorflow
        if not settings.plus_id:
            return ""
        try:
            return self.sectorflow.expert_name(settings.api_token, settings.plus_id)
        except SectorFlowError as error:
            logger.info("expert not loaded: %s", type(error).__name__)
            return ""
