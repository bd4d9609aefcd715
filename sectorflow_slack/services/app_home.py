"""The content of the Home tab, and the prompts that the app suggests in a direct message."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sectorflow_slack.domain.errors import SectorFlowError
from sectorflow_slack.domain.installations import Installation, Workspace
from sectorflow_slack.domain.ports import SectorFlowClient
from sectorflow_slack.formatting.views import HomeFacts, suggested_prompts
from sectorflow_slack.formatting.words import words_for

logger = logging.getLogger(__name__)

T = TypeVar("T")

TIMEOUT_SECONDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AppHomeService:
    """Loads names and prompts from SectorFlow; missing ones are left out."""

    sectorflow: SectorFlowClient
    support_url: str = ""
    privacy_url: str = ""

    def facts(self, installation: Installation) -> HomeFacts:
        """Return the facts about an installation for the Home tab."""
        settings, of = installation.settings, installation.settings.sectorflow
        load = partial(self.sectorflow.get_workspace, of.api_token, of.workspace_id, timeout=TIMEOUT_SECONDS)
        workspace = _loaded(load, Workspace(""), "workspace")
        names = {**of.model_names, **workspace.model_names}
        expert = partial(self.sectorflow.expert_name, of.api_token, of.plus_id)
        return HomeFacts(
            app_name=settings.app_name,
            workspace_name=workspace.name or of.workspace_name,
            expert_name=_loaded(expert, "", "expert") if of.plus_id else "",
            model_names=tuple(names.get(model_id, "") for model_id in of.model_ids),
            display=settings.display,
            support_url=self.support_url,
            privacy_url=self.privacy_url,
        )

    def prompts(self, installation: Installation) -> Mapping[str, str]:
        """Return up to four suggested prompts, by title."""
        of = installation.settings.sectorflow
        load = partial(self.sectorflow.sample_prompts, of.api_token, of.workspace_id)
        return suggested_prompts(_loaded(load, (), "prompts"), words_for(""))


def _loaded(load: Callable[[], T], otherwise: T, what: str) -> T:
    try:
        return load()
    except SectorFlowError as error:
        logger.info("%s not loaded: %s", what, type(error).__name__)
        return otherwise
