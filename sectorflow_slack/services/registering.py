"""From a request to what is kept of it until a person consents: pure, but for the secret of its link."""

from __future__ import annotations

import secrets

from sectorflow_slack.domain.errors import InstallRefused
from sectorflow_slack.domain.installations import InstallRequest, PendingInstallation, Terms

#: How long an install link may be followed.
LINK_LIFETIME_SECONDS = 24 * 3600


def team_of_made(asked: str | None, named: str | None) -> str | None:
    """Pin an app that was made to the workspace it can be installed in, or to its org where that was asked.

    Raises:
        InstallRefused: another team was asked for than the one that Slack ``named``.

    """
    if asked is None or named is None or asked == named:
        return named or asked
    if asked.startswith("E"):
        return asked
    raise InstallRefused("teamId", "The app configuration token is for another Slack workspace.")


def pending_of(
    request: InstallRequest, app_id: str, installation_id: str, *, now: float
) -> PendingInstallation:
    """Give what is kept of a request until a person consents, with a link of 256 bits."""
    return PendingInstallation(
        terms=Terms(
            id=installation_id,
            app_id=app_id,
            app_name=request.app_name,
            sectorflow=request.sectorflow,
            created_at=now,
            display=request.display,
            customer_id=request.customer_id,
            allow_external_users=request.allow_external_users,
        ),
        slack_app=request.slack_app,
        link=secrets.token_urlsafe(32),
        expires_at=now + LINK_LIFETIME_SECONDS,
        team_id=request.team_id,
        replaces=request.replaces,
        return_url=request.return_url,
    )
