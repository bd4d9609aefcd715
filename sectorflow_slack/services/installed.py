"""Which installation a payload of Slack's is for."""

from __future__ import annotations

from collections.abc import Iterable

from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.stores import InstallationStore


def first_installed(
    installations: InstallationStore, app_id: str, tenant_ids: Iterable[str]
) -> Installation | None:
    """Give the first that is installed of an app's possible tenants, as a payload names them.

    Raises:
        StorageUnavailable: the store could not be asked.

    """
    found = (installations.find(InstallationKey(app_id, tenant_id)) for tenant_id in tenant_ids)
    return next((each for each in found if each is not None), None)
