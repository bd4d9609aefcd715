"""Listing installations: pages, filters, and what a query may not ask."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
import responses
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from sectorflow_slack.storage.index import member_of
from sectorflow_slack.web.fields import CURSOR
from tests.values import API_TOKEN, AUTHORIZED, BOT_TOKEN, CUSTOMERS_APP, OWN_APP, TEAM_ID, FixedClock
from tests.web.flows import CUSTOMERS_APP_FIELDS, INSTALLATIONS, consent_reply, install, register, show

DAY = 86_400


def ask(client: FlaskClient, **query: Any) -> TestResponse:
    return client.get(INSTALLATIONS, query_string=query, headers=AUTHORIZED)


def listed(client: FlaskClient, **query: Any) -> list[str]:
    """The ids that a query lists on its first page."""
    response = ask(client, **query)
    assert response.status_code == 200, response.text
    return [item["id"] for item in (response.json or {})["items"]]


def test_where_there_is_nothing_the_list_is_empty(client: FlaskClient) -> None:
    response = ask(client)

    assert (response.status_code, response.json) == (200, {"items": [], "nextCursor": None})


def test_an_installation_is_listed_as_it_is_shown(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    pending = register(client, customerId="customer-7")
    installed, _ = install(client, sectorflow)

    items = (ask(client).json or {})["items"]

    assert sorted(items, key=lambda item: item["id"]) == sorted(
        [pending, show(client, installed["id"])], key=lambda item: item["id"]
    )


def test_pages_hold_each_installation_once_oldest_first(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    registered = []
    for _ in range(7):
        registered.append(register(client)["id"])
        clock.now += 1

    pages, query = [], {"limit": 3}
    while True:
        page = ask(client, **query).json or {}
        pages.append([item["id"] for item in page["items"]])
        if page["nextCursor"] is None:
            break
        query = {"limit": 3, "cursor": page["nextCursor"]}

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [item for page in pages for item in page] == registered


def test_a_page_has_twenty_where_nothing_else_is_asked(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    for _ in range(21):
        register(client)

    first = ask(client).json or {}

    assert len(first["items"]) == 20
    assert len(listed(client, cursor=first["nextCursor"])) == 1


@given(installation_id=st.uuids(), created=st.integers(0, 10**15 - 1))
@example(installation_id=UUID(int=0), created=0)
@example(installation_id=UUID(int=2**128 - 1), created=10**15 - 1)
def test_every_cursor_that_a_page_can_give_is_documented(installation_id: UUID, created: int) -> None:
    assert re.fullmatch(CURSOR, member_of(str(installation_id), created / 1000))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cursor=st.from_regex(CURSOR, fullmatch=True))
def test_every_cursor_that_is_documented_is_a_place_in_the_list(client: FlaskClient, cursor: str) -> None:
    assert listed(client, cursor=cursor) == []


def test_each_filter_finds_what_fits_and_nothing_else(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    expired = register(client, customerId="old")["id"]
    clock.now += DAY
    installed = install(client, sectorflow)[0]["id"]
    failed = install(client, sectorflow, reply=consent_reply(app_id="A0OTHER"))[0]["id"]
    pending = register(client, slackApp=CUSTOMERS_APP_FIELDS, teamId="T0OTHER", customerId="Кунде 7")["id"]

    found = {
        name: listed(client, **query)
        for name, query in {
            "expired": {"status": "expired"},
            "installed": {"status": "installed"},
            "failed": {"status": "failed"},
            "pending": {"status": "pending"},
            "own app": {"appId": OWN_APP.app_id, "status": "installed"},
            "other app": {"appId": CUSTOMERS_APP.app_id},
            "team": {"teamId": TEAM_ID},
            "pinned team": {"teamId": "T0OTHER"},
            "customer": {"customerId": "Кунде 7"},
            "nobody": {"customerId": "кунде 7"},
            "neither": {"customerId": "old", "status": "pending"},
        }.items()
    }

    assert found == {
        "expired": [expired],
        "installed": [installed],
        "failed": [failed],
        "pending": [pending],
        "own app": [installed],
        "other app": [pending],
        "team": [installed],
        "pinned team": [pending],
        "customer": [pending],
        "nobody": [],
        "neither": [],
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            ("limit", value)
            for value in ("", "0", "101", "-1", "2.5", "x", "2_0", " 20", "٢", "1e1", "9" * 5000)
        ],
        *[
            ("cursor", value)
            for value in ("", "x", "MTIz", "é", "a b", "c" * 70, "c" * 513, "../0", "%00", "0", "-1:x")
        ],
        *[("status", value) for value in ("", "Pending", "gone")],
        *[("appId", value) for value in ("", "T0ACME", "A0:B", "a0own", "*")],
        *[("teamId", value) for value in ("", "A0OWN", "T0:ACME", "*")],
        *[("customerId", value) for value in ("c" * 256, "c\x00", "\n")],
        *[(name, "x") for name in ("page", "Limit", "app_id", "id", "key")],
    ],
)
def test_what_may_not_be_asked_is_named(client: FlaskClient, name: str, value: str) -> None:
    response = ask(client, **{name: value})

    assert response.status_code == 422
    assert (response.json or {})["errors"]["query"].keys() == {name}


def test_every_wrong_part_of_a_query_is_named_at_once(client: FlaskClient) -> None:
    response = ask(client, limit="x", status="x", page="2")

    assert (response.json or {})["errors"]["query"].keys() == {"limit", "status", "page"}


def test_a_list_holds_no_secret(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    register(client, slackApp=CUSTOMERS_APP_FIELDS)
    install(client, sectorflow)

    text = ask(client).text

    secrets = (API_TOKEN, BOT_TOKEN, CUSTOMERS_APP.client_secret, CUSTOMERS_APP.signing_secret)
    assert not [secret for secret in secrets if secret in text]
