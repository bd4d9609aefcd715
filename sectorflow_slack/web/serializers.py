"""Installations as the install API returns them, with their versions."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from sectorflow_slack.domain.installations import (
    AnyInstallation,
    Installation,
    InstallationSettings,
    Status,
)
from sectorflow_slack.domain.slack import INSTALL_PATH
from sectorflow_slack.web import current_services, current_settings


def serialize(installation: AnyInstallation) -> dict[str, Any]:
    """Return the fields of an installation in any state."""
    if isinstance(installation, Installation):
        return _settings_fields(installation.settings) | {
            "status": "installed",
            "teamId": installation.bot.tenant_id,
            "teamName": installation.bot.team_name,
            "botUserId": installation.bot.bot_user_id,
            "installedAt": _time(installation.installed_at),
        }
    status = _status(installation)
    fields = _settings_fields(installation.settings) | {
        "status": status,
        "teamId": installation.team_id,
        "failure": installation.failure,
    }
    if status == "pending":
        # The link is blank if no encryption key opens it: a URL without its secret would be of no use.
        link = f"{current_settings.public_url}{INSTALL_PATH}/{installation.link}"
        fields["installUrl"] = link if installation.link else None
        fields["expiresAt"] = _time(installation.expires_at)
    return fields


def version(installation: AnyInstallation) -> str:
    """Return the ETag of an installation, without its quotes.

    Every change makes a new one, even of the token, which no response contains.
    """
    installed_at = installation.installed_at if isinstance(installation, Installation) else None
    settings = installation.settings
    parts = (settings.id, settings.revision, _status(installation), installed_at)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _status(installation: AnyInstallation) -> Status:
    if isinstance(installation, Installation):
        return "installed"
    return installation.status(current_services.registration.clock())


def _settings_fields(settings: InstallationSettings) -> dict[str, Any]:
    unset = dict.fromkeys(
        ("teamId", "teamName", "botUserId", "installedAt", "installUrl", "expiresAt", "failure")
    )
    return unset | {
        "id": settings.id,
        "appName": settings.app_name,
        "appId": settings.app_id,
        "customerId": settings.customer_id,
        "allowExternalUsers": settings.allow_external_users,
        "workspaceId": settings.sectorflow.workspace_id,
        "modelIds": list(settings.sectorflow.model_ids),
        "plusId": settings.sectorflow.plus_id,
        "display": settings.display,
        "createdAt": _time(settings.created_at),
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
