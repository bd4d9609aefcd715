"""Names of Redis keys that several modules use."""

from __future__ import annotations

from sectorflow_slack.domain.installations import InstallationKey


def installation_key(key: InstallationKey) -> str:
    """Give the key of an installation's record."""
    return f"installation:{key}"


def installation_id_key(installation_id: str) -> str:
    """Give the key of the way from an installation's id to its record."""
    return f"installation-id:{installation_id}"


def tenants_key(key: InstallationKey) -> str:
    """Give the key of the tenants that have an app."""
    return f"app-tenants:{key.app_id}"


def pending_key(installation_id: str) -> str:
    """Give the Redis key of a pending installation."""
    return f"pending:{installation_id}"


def removed_key(installation_id: str) -> str:
    """Give the Redis key that says that an installation was deleted a moment ago."""
    return f"removed:{installation_id}"


def pending_secrets_key(installation_id: str) -> str:
    """Give the Redis key of a pending installation's secrets."""
    return f"pending-secrets:{installation_id}"


def app_key(app_id: str) -> str:
    """Give the Redis key of an app."""
    return f"app:{app_id}"


def failed_question_key(letter_id: str) -> str:
    """Give the Redis key of a letter."""
    return f"letter:{letter_id}"


def feedback_key(key: InstallationKey) -> str:
    """Give the Redis key of an installation's votes."""
    return f"feedback:{key}"
