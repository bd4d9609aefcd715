"""An installation as operators see it: as the install API shows it, without the link, which is a secret."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sectorflow_slack.domain.installations import Installation, PendingInstallation
from sectorflow_slack.web.showing import show

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


def shown(installation: Installation | PendingInstallation) -> Shown:
    """Give what is shown of an installation; moments as the install API writes them, ISO 8601 in UTC."""
    fields = {name: value for name, value in show(installation).items() if name != "installUrl"}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()
    }
