"""The app that an installation is for, by its credentials: the customer's, or the service's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import responses
from flask.testing import FlaskClient

from tests.values import CUSTOMERS_APP, OWN_APP
from tests.web.fields.wrong_values import NO_VISIBLE_ASCII
from tests.web.flows import CUSTOMERS_APP_FIELDS, errors_of, post, register


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("appId", value) for value in ("", "B0X", "a0customer", "A", "A0\n", "A0:B", "A" * 32, None, 7)],
        *[("clientId", value) for value in ("", "1", "1.2.3", "1.2\n", "x.y", "\u0661.\u0662", None, 7)],
        *[("clientSecret", value) for value in (*NO_VISIBLE_ASCII, "s" * 256)],
        *[("signingSecret", value) for value in (*NO_VISIBLE_ASCII, "s" * 256)],
        ("configToken", "xoxe.xoxp-1"),
        ("configToken", None),
        ("color", "red"),
    ],
)
def test_each_wrong_field_of_an_existing_app_is_named(client: FlaskClient, field: str, value: Any) -> None:
    response = post(client, slackApp={**CUSTOMERS_APP_FIELDS, field: value})

    assert errors_of(response)["slackApp"].keys() == {field}


@pytest.mark.parametrize("field", CUSTOMERS_APP_FIELDS)
def test_an_existing_app_needs_all_of_its_credentials(client: FlaskClient, field: str) -> None:
    fields = {name: value for name, value in CUSTOMERS_APP_FIELDS.items() if name != field}

    response = post(client, slackApp=fields)

    assert errors_of(response) == {"slackApp": {field: ["Missing data for required field."]}}


def test_an_existing_app_is_the_app_of_the_installation(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    shown = register(client, slackApp=CUSTOMERS_APP_FIELDS)

    assert shown["appId"] == CUSTOMERS_APP.app_id


def test_nobody_brings_credentials_for_the_services_own_app(client: FlaskClient) -> None:
    response = post(client, slackApp={**CUSTOMERS_APP_FIELDS, "appId": OWN_APP.app_id})

    assert errors_of(response).keys() == {"slackApp"}


@pytest.mark.parametrize("changes", [{}, {"slackApp": None}])
def test_a_service_without_an_app_of_its_own_needs_one_to_be_named(
    client_where: Callable[..., FlaskClient], changes: dict[str, Any]
) -> None:
    client = client_where(slack_app=None)

    response = post(client, **changes)

    assert errors_of(response).keys() == {"slackApp"}


@pytest.mark.parametrize("app_id", [OWN_APP.app_id, CUSTOMERS_APP.app_id])
def test_a_service_without_an_app_of_its_own_takes_any_that_is_named(
    client_where: Callable[..., FlaskClient], sectorflow: responses.RequestsMock, app_id: str
) -> None:
    client = client_where(slack_app=None)

    shown = register(client, slackApp={**CUSTOMERS_APP_FIELDS, "appId": app_id})

    assert shown["appId"] == app_id
