from __future__ import annotations

import pytest

from sectorflow_slack.domain.installations import InstallationQuery
from sectorflow_slack.services import Services
from sectorflow_slack.services.consent import ConsentAnswer
from tests.services.asking import request


def test_installations_of_every_state_are_listed_page_by_page(services: Services) -> None:
    ids = [services.installs.register(request(customer_id=str(number))).terms.id for number in range(3)]
    first = services.installs.find(ids[0])
    trip = services.consent.begin(first.link)
    services.consent.complete(ConsentAnswer(trip.state, trip.state, "a-code"))
    services.installs.pendings.fail(ids[1], "other_app")

    page = services.installs.list(InstallationQuery(limit=2))
    rest = services.installs.list(InstallationQuery(limit=2, cursor=page.next_cursor))

    assert sorted(each.terms.id for each in (*page.items, *rest.items)) == sorted(ids)
    assert (len(page.items), rest.next_cursor) == (2, None)
    installed = services.installs.list(InstallationQuery(status="installed"))
    assert [each.terms.id for each in installed.items] == [ids[0]]


def test_a_cursor_that_no_page_gave_is_refused(services: Services) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        services.installs.list(InstallationQuery(cursor="made-up"))
