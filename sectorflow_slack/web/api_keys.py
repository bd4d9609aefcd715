"""The guard of the install API: a key as bearer token."""

from __future__ import annotations

from sectorflow_slack.web import current_settings
from sectorflow_slack.web.bearer import require_bearer


def require_install_api_key() -> str:
    """Refuse a request whose bearer token is none of the install API's keys; gives the key's digest."""
    return require_bearer(current_settings.install_api_keys, "An install API key is needed.")
