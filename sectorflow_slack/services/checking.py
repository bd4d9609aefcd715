"""Asking SectorFlow whether a token and a workspace are good, before anything is kept."""

from __future__ import annotations

import logging

from sectorflow_slack.domain.errors import InstallRefused, SectorFlowError, TokenRefused, WorkspaceMissing
from sectorflow_slack.domain.remotes import SectorFlowClient

logger = logging.getLogger(__name__)

#: SectorFlow is given less than half of the 10 s in which the install API answers: one that falls silent
#: in the middle of its answer may take twice this.
CHECK_TIMEOUT_SECONDS = 4.0
#: Where Slack is to make an app in the rest of the 10 s.
SHORT_CHECK_TIMEOUT_SECONDS = 2.0


def model_names(
    sectorflow: SectorFlowClient, api_token: str, workspace_id: str, timeout: float = CHECK_TIMEOUT_SECONDS
) -> dict[str, str] | None:
    """Give the names that a workspace has for its models; None where SectorFlow is away or odd.

    Raises:
        InstallRefused: SectorFlow refuses the token, or knows no such workspace.

    """
    try:
        return sectorflow.get_workspace(api_token, workspace_id, timeout=timeout).model_names
    except TokenRefused:
        raise InstallRefused("apiToken", "SectorFlow refuses this token.") from None
    except WorkspaceMissing:
        raise InstallRefused("workspaceId", "SectorFlow knows no such workspace.") from None
    except SectorFlowError as error:
        logger.warning("workspace not checked: %s", type(error).__name__)
        return None
