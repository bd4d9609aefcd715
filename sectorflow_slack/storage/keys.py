"""Names of the Redis keys that several modules use; ``{tenant_id}`` is a team or an enterprise."""

from __future__ import annotations

from sectorflow_slack.domain.installations import InstallationKey

METRICS = "metrics"
FAILED_QUESTIONS = "dead-letters"
INSTALLATIONS_WITH_QUESTIONS = "installations-with-questions"


def app_key(app_id: str) -> str:
    """Return ``app:{app_id}``: a Slack app's credentials."""
    return f"app:{app_id}"


def tenants_key(app_id: str) -> str:
    """Return ``app-tenants:{app_id}``: the tenants that have installed the app."""
    return f"app-tenants:{app_id}"


def installation_key(key: InstallationKey | str) -> str:
    """Return ``installation:{app_id}:{tenant_id}``: an installation's record."""
    return f"installation:{key}"


def installation_id_key(installation_id: str) -> str:
    """Return ``installation-id:{id}``: the ``{app_id}:{tenant_id}`` of the installation with this id."""
    return f"installation-id:{installation_id}"


def pending_key(installation_id: str) -> str:
    """Return ``pending:{id}``: a pending installation's record."""
    return f"pending:{installation_id}"


def pending_secrets_key(installation_id: str) -> str:
    """Return ``pending-secrets:{id}``: a pending installation's tokens, secrets and link."""
    return f"pending-secrets:{installation_id}"


def removed_key(installation_id: str) -> str:
    """Return ``removed:{id}``: marks an installation as deleted a moment ago."""
    return f"removed:{installation_id}"


def revocation_key(key: InstallationKey) -> str:
    """Return ``revocation:{app_id}:{tenant_id}``: the tokens that are still to be revoked."""
    return f"revocation:{key}"


def question_key(question_id: str) -> str:
    """Return ``question:{id}``: an open question's record."""
    return f"question:{question_id}"


def waiting_key(key: InstallationKey) -> str:
    """Return ``waiting:{app_id}:{tenant_id}``: the ids of the questions that wait for a worker."""
    return f"waiting:{key}"


def later_key(key: InstallationKey) -> str:
    """Return ``later:{app_id}:{tenant_id}``: the ids of the questions that are tried again later."""
    return f"later:{key}"


def underway_key(key: InstallationKey) -> str:
    """Return ``underway:{app_id}:{tenant_id}``: the ids of leased questions."""
    return f"underway:{key}"


def failed_question_key(question_id: str) -> str:
    """Return ``letter:{id}``: a question that can be asked again."""
    return f"letter:{question_id}"
