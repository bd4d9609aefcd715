"""What the platform asks for."""

from __future__ import annotations

from typing import Any

from sectorflow_slack.domain.installations import InstallRequest, SectorFlowSettings
from tests.values import API_TOKEN, MODEL_IDS, PLUS_ID, WORKSPACE_ID


def request(**changes: Any) -> InstallRequest:
    settings = SectorFlowSettings(API_TOKEN, WORKSPACE_ID, MODEL_IDS, PLUS_ID)
    return InstallRequest(**{"app_name": "Acme Assistant", "sectorflow": settings, **changes})
