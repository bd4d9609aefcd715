"""How the install API shows an installation, and which version of it that is."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from sectorflow_slack.domain.installations import (
    Installation,
    InstallationSettings,
    PendingInstallation,
    Status,
)
from sectorflow_slack.domain.slack import INSTALL_PATH
from sectorflow_slack.web import current_services, current_settings

AnyInstallation = Installation | PendingInstallation


def serialize(installation: AnyInstallation) -> dict[str, Any]:
    """Give an installation's fields, in whatever state it is."""
    if isinstance(installation, Installation):
        return _settings_fields(installation.settings) | {
            "status": "installed",
            "teamId": installation.bot.tenant_id,
            "teamName": installation.bot.team_name,
            "botUserId": installation.bot.bot_user_id,
            "installedAt": _time(installation.installed_at),
        }
    status = _status(installation)
    shown = _settings_fields(installation.settings) | {
        "status": status,
        "teamId": installation.team_id,
        "failure": installation.failure,
    }
    if status == "pending":
        # A link that no encryption key opens is left out, not shown without its secret.
        link = f"{current_settings.public_url}{INSTALL_PATH}/{installation.link}"
        shown["installUrl"] = link if installation.link else None
        shown["expiresAt"] = _time(installation.expires_at)
    return shown


def version(installation: AnyInstallation) -> str:
    """Give the entity tag of an installation, without its quotes.

    It is another one after each change, also of the token alone, which no answer shows.
    """
    installed_at = installation.installed_at if isinstance(installation, Installation) else None
    terms = installation.settings
    parts = (terms.id, terms.revision, _status(installation), installed_at)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _status(installation: AnyInstallation) -> Status:
    if isinstance(installation, Installation):
        return "installed"
    return installation.status(current_services.registration.clock())


def _settings_fields(terms: InstallationSettings) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("teamId", "teamName", "botUserId", "installedAt", "installUrl", "expiresAt", "failure")
    )
    return nothing | {
        "id": terms.id,
        "appName": terms.app_name,
        "appId": terms.app_id,
        "customerId": terms.customer_id,
        "allowExternalUsers": terms.allow_external_users,
        "workspaceId": terms.sectorflow.workspace_id,
        "modelIds": list(terms.sectorflow.model_ids),
        "plusId": terms.sectorflow.plus_id,
        "display": terms.display,
        "createdAt": _time(terms.created_at),
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
