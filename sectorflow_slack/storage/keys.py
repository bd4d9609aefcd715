"""Names of the Redis keys that several modules use; ``{tenant_id}`` is a team or an enterprise."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from sectorflow_slack.domain.installations import InstallationKey

METRICS = "metrics"
FAILED_QUESTIONS = "dead-letters"
INSTALLATIONS_WITH_QUESTIONS = "installations-with-questions"

ById = Callable[[str], str]
#: The key is written ``{app_id}:{tenant_id}``.
ByInstallation = Callable[[InstallationKey], str]

#: A Slack app's credentials.
app_key: ById = "app:{}".format
#: The tenants that have installed the app.
tenants_key: ById = "app-tenants:{}".format
#: An installation's record.
installation_key: Callable[[InstallationKey | str], str] = "installation:{}".format
#: The ``{app_id}:{tenant_id}`` of the installation with this id.
installation_id_key: ById = "installation-id:{}".format
#: A pending installation's record.
pending_key: ById = "pending:{}".format
#: A pending installation's tokens, secrets and link.
pending_secrets_key: ById = "pending-secrets:{}".format
#: Marks an installation as deleted a moment ago.
removed_key: ById = "removed:{}".format
#: The tokens that are still to be revoked.
revocation_key: ByInstallation = "revocation:{}".format
#: An open question's record.
question_key: ById = "question:{}".format
#: A question that can be asked again.
failed_question_key: ById = "letter:{}".format
#: The list on which idle workers block: of ``questions`` or of ``jobs``.
wakes_key: ById = "wakes:{}".format


def digest(text: str) -> str:
    """Return the SHA-256 of a text, which may have lone surrogates, for a key that must not hold it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
