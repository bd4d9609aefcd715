"""An installation as operators see it: the install API's names, without the link, which is a secret."""

from __future__ import annotations

from typing import Any

from sectorflow_slack.commands.speaking import moment
from sectorflow_slack.domain.installations import Installation, PendingInstallation, Terms

Shown = dict[str, Any]

#: What a list shows of each, and under which heading.
COLUMNS = {
    "id": "id",
    "status": "status",
    "appId": "app",
    "appName": "name",
    "teamId": "team",
    "teamName": "team name",
    "customerId": "customer",
    "createdAt": "created",
}


def shown(installation: Installation | PendingInstallation, now: float) -> Shown:
    """Give what is shown of an installation at ``now``."""
    if isinstance(installation, Installation):
        return {
            **_terms(installation.terms, "installed"),
            "teamId": installation.bot.tenant_id,
            "teamName": installation.bot.team_name,
            "botUserId": installation.bot.bot_user_id,
            "installedAt": moment(installation.installed_at),
        }
    status = installation.status(now)
    return {
        **_terms(installation.terms, status),
        "teamId": installation.team_id,
        "expiresAt": moment(installation.expires_at) if status == "pending" else None,
        "failure": installation.failure,
    }


def _terms(terms: Terms, status: str) -> Shown:
    return {
        "id": terms.id,
        "status": status,
        "appName": terms.app_name,
        "appId": terms.app_id,
        "teamId": None,
        "teamName": None,
        "customerId": terms.customer_id,
        "allowExternalUsers": terms.allow_external_users,
        "workspaceId": terms.sectorflow.workspace_id,
        "modelIds": list(terms.sectorflow.model_ids),
        "plusId": terms.sectorflow.plus_id,
        "display": terms.display,
        "botUserId": None,
        "createdAt": moment(terms.created_at),
        "installedAt": None,
        "expiresAt": None,
        "failure": None,
    }
