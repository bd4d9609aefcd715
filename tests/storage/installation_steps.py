"""What tests of lists of installations share: builders by number, in the order of their registration."""

from __future__ import annotations

from sectorflow_slack.domain.installations import Installation, InstallationPage, PendingInstallation
from tests.values import NOW, make_bot, make_pending, make_terms

DAY = 24 * 3600


def installed(number: int, app_id: str = "A0OWN", **changes: object) -> Installation:
    terms = make_terms(id=f"i{number}", created_at=NOW + number, app_id=app_id, **changes)
    return Installation(terms, make_bot(team_id=f"T{number}", app_id=app_id), installed_at=NOW)


def waiting(number: int, team_id: str | None = None, **changes: object) -> PendingInstallation:
    terms = make_terms(id=f"i{number}", created_at=NOW + number, **changes)
    return make_pending(settings=terms, link=f"link-{number}", team_id=team_id, expires_at=NOW + number + DAY)


def ids(page: InstallationPage) -> list[str]:
    return [item.settings.id for item in page.items]
