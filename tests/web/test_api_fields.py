"""Every rule of the fields that an installation is registered with."""

from __future__ import annotations

import dataclasses
import time
import uuid
from typing import Any

import fakeredis
import pytest
import redis
import responses
from flask.testing import FlaskClient

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import Connections, build_services
from sectorflow_slack.config import Settings
from tests.values import (
    AUTHORIZED,
    CUSTOMERS_APP,
    MODEL_IDS,
    OWN_APP,
    WORKSPACE_ID,
    FixedClock,
    install_request,
)
from tests.web.flows import CUSTOMERS_APP_FIELDS, INSTALLATIONS, errors_of, post, register

A_UUID = "01442edd-1154-4d9c-b4e6-151ba35f8f56"
NO_UUIDS = [
    "01442edd11544d9cb4e6151ba35f8f56",
    "{01442edd-1154-4d9c-b4e6-151ba35f8f56}",
    "urn:uuid:01442edd-1154-4d9c-b4e6-151ba35f8f56",
    "01442edd-1154-4d9c-b4e6-151ba35f8f56\n",
    " 01442edd-1154-4d9c-b4e6-151ba35f8f56",
    "01442edd-1154-4d9c-b4e6-151ba35f8f5",
    "01442edd-1154-4d9c-b4e6-151ba35f8f567",
    "g1442edd-1154-4d9c-b4e6-151ba35f8f56",
    "٠1442edd-1154-4d9c-b4e6-151ba35f8f56",  # noqa: RUF001  a digit, but not of a UUID
    "../01442edd-1154-4d9c-b4e6-151ba35f8f56",
    7,
    True,
    ["01442edd-1154-4d9c-b4e6-151ba35f8f56"],
    {},
]
NO_VISIBLE_ASCII = [
    "",
    " ",
    "to ken",
    "token\n",
    "\ttoken",
    "tokén",
    "token\x00",
    "\x7f",
    "🔑",
    None,
    7,
    ["token"],
]


@pytest.fixture
def store() -> redis.Redis:
    """One store is enough: fields are checked before it is asked."""
    return fakeredis.FakeRedis(decode_responses=True)


def many_uuids(count: int) -> list[str]:
    return [str(uuid.UUID(int=number)) for number in range(count)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("appName", "A"),
        ("appName", "A" * 35),
        ("appName", "🃏" * 35),
        ("appName", "👩\u200d🔬 Lab \u200fعربي"),
        ("appName", "Æon ⚙️ Füße 日本語"),
        ("appName", "<script>alert(1)</script>"),
        ("apiToken", "t"),
        ("apiToken", "t" * 4096),
        ("apiToken", "".join(map(chr, range(0x21, 0x7F)))),
        ("modelIds", many_uuids(1)),
        ("modelIds", many_uuids(20)),
        ("plusId", ""),
        ("plusId", A_UUID),
        ("display", "separated"),
        ("display", "tabs"),
        ("customerId", ""),
        ("customerId", "c" * 255),
        ("customerId", "Кунде/№ 7"),
        ("customerId", None),
        ("allowExternalUsers", True),
        ("allowExternalUsers", False),
        ("teamId", "T0ACME"),
        ("teamId", "E0ACME"),
        ("teamId", None),
        ("replaces", None),
        ("slackApp", None),
        ("returnUrl", None),
    ],
)
def test_what_the_rules_allow_is_taken_and_shown_as_it_came(
    client: FlaskClient, sectorflow: responses.RequestsMock, field: str, value: Any
) -> None:
    shown = register(client, **{field: value})

    assert shown.get(field, value) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("appName", value) for value in ("", " ", "\u3000", "A" * 36, "🃏" * 36, None, 7, ["A"], {})],
        *[
            ("appName", value)
            for value in (
                *[f"A{mark}B" for mark in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"],
                *[
                    "\u200b",
                    "\u200b\u200c\u200d",
                    " \u2060 ",
                    "\ufeff",
                    "\u00ad",
                    "\u3164",
                    "\u2800",
                    "\ufe0f",
                ],
                "A\n",
                "A\x00",
                "\x00",
                "A\tB",
                "A\x7f",
                "A\x85",
                "A\u2028B",
                "\ud83c",
            )
        ],
        *[("apiToken", value) for value in (*NO_VISIBLE_ASCII, "t" * 4097)],
        *[("workspaceId", value) for value in (*NO_UUIDS, "", None)],
        *[("modelIds", [value]) for value in (*NO_UUIDS, "", None)],
        *[("modelIds", value) for value in ([], many_uuids(21), None, A_UUID, {}, 7, [A_UUID, A_UUID])],
        ("modelIds", [A_UUID, A_UUID.upper()]),
        *[("plusId", value) for value in (*NO_UUIDS, "\n", None)],
        *[("display", value) for value in ("", "Tabs", "tabs\n", "carousel", None, 7, [], {})],
        *[
            ("customerId", value)
            for value in ("c" * 256, 7, [], {}, "\x00", "c\n", "\x7f", "\x85", "\ud83c", "c\udfff")
        ],
        *[("allowExternalUsers", value) for value in ("true", "", 1, 0, None, [], {})],
        *[("teamId", value) for value in ("", "T", "t0acme", "C0ACME", "T0ACME\n", "T0:ACME", 7, "T" * 32)],
        *[("replaces", value) for value in (*NO_UUIDS, "")],
        *[("slackApp", value) for value in ("A0CUSTOMER", 7, [], True)],
        *[("returnUrl", value) for value in ("", 7, [], {})],
    ],
)
def test_what_the_rules_forbid_is_named_and_nothing_else(
    client: FlaskClient, sectorflow: responses.RequestsMock, field: str, value: Any
) -> None:
    response = post(client, **{field: value})

    assert errors_of(response).keys() == {field}


@pytest.mark.parametrize("field", ["appName", "apiToken", "workspaceId", "modelIds"])
def test_what_is_required_may_not_be_left_out(client: FlaskClient, field: str) -> None:
    body = install_request()
    del body[field]

    response = client.post(INSTALLATIONS, json=body, headers=AUTHORIZED)

    assert errors_of(response) == {field: ["Missing data for required field."]}


def test_what_is_optional_has_its_default(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    body = install_request()
    del body["plusId"]

    shown = client.post(INSTALLATIONS, json=body, headers=AUTHORIZED).json or {}

    assert (shown["plusId"], shown["display"], shown["customerId"]) == ("", "separated", None)
    assert (shown["allowExternalUsers"], shown["teamId"]) == (False, None)


@pytest.mark.parametrize("name", ["color", "status", "id", "APPNAME", "app_name", "", "__class__"])
def test_an_unknown_field_is_refused(client: FlaskClient, name: str) -> None:
    response = post(client, **{name: "x"})

    assert errors_of(response) == {name: ["Unknown field."]}


def test_uuids_in_upper_case_are_the_same_in_lower_case(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    shown = register(
        client, workspaceId=WORKSPACE_ID.upper(), modelIds=[A_UUID.upper()], plusId=A_UUID.upper()
    )

    assert (shown["workspaceId"], shown["modelIds"], shown["plusId"]) == (WORKSPACE_ID, [A_UUID], A_UUID)


def test_the_order_of_the_models_is_kept(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    model_ids = list(reversed(MODEL_IDS))

    shown = register(client, modelIds=model_ids)

    assert shown["modelIds"] == model_ids


def test_spaces_around_a_name_do_not_count(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    shown = register(client, appName="  Acme  ")

    assert shown["appName"] == "Acme"


def test_a_very_long_name_is_refused_as_fast_as_a_short_one(client: FlaskClient) -> None:
    began = time.monotonic()

    response = post(client, appName="a" * 500_000 + "\x00\x00")

    assert errors_of(response).keys() == {"appName"}
    assert time.monotonic() - began < 2


def test_every_wrong_field_is_named_at_once(client: FlaskClient) -> None:
    response = post(
        client,
        appName="",
        apiToken="ö",
        workspaceId="x",
        modelIds=[A_UUID, A_UUID],
        plusId="x",
        display="x",
        customerId=7,
        allowExternalUsers="x",
        teamId="x",
        replaces="x",
        slackApp={"appId": OWN_APP.app_id, "clientId": "x", "configToken": "x"},
        returnUrl="https://elsewhere.example/",
        color="x",
    )

    found = errors_of(response)
    assert found.keys() == {*install_request(), "display", "customerId", "allowExternalUsers", "teamId"} | {
        "replaces",
        "slackApp",
        "returnUrl",
        "color",
    }
    assert found["slackApp"].keys() == {"clientId", "clientSecret", "signingSecret", "configToken"}


def test_what_only_asking_around_shows_is_named_beside_what_the_eye_sees(client: FlaskClient) -> None:
    response = post(
        client,
        appName="",
        modelIds=["x", A_UUID],
        returnUrl="http://app.sectorflow.example/",
        slackApp={**CUSTOMERS_APP_FIELDS, "appId": OWN_APP.app_id},
    )

    assert errors_of(response).keys() == {"appName", "modelIds", "returnUrl", "slackApp"}


def test_each_wrong_model_is_named_by_its_place(client: FlaskClient) -> None:
    response = post(client, modelIds=[A_UUID, "x", A_UUID, 7])

    assert errors_of(response)["modelIds"].keys() == {"1", "3"}


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
    settings: Settings, connections: Connections, changes: dict[str, Any]
) -> None:
    settings = dataclasses.replace(settings, slack_app=None)
    client = create_app(settings, build_services(settings, connections, FixedClock())).test_client()

    response = post(client, **changes)

    assert errors_of(response).keys() == {"slackApp"}


@pytest.mark.parametrize("app_id", [OWN_APP.app_id, CUSTOMERS_APP.app_id])
def test_a_service_without_an_app_of_its_own_takes_any_that_is_named(
    settings: Settings, connections: Connections, sectorflow: responses.RequestsMock, app_id: str
) -> None:
    settings = dataclasses.replace(settings, slack_app=None)
    client = create_app(settings, build_services(settings, connections, FixedClock())).test_client()

    shown = register(client, slackApp={**CUSTOMERS_APP_FIELDS, "appId": app_id})

    assert shown["appId"] == app_id


RETURN_URLS = [
    "https://app.sectorflow.example",
    "https://app.sectorflow.example/",
    "https://APP.SectorFlow.example/slack/done",
    "https://app.sectorflow.example/done?tab=slack&x=%20[1]",
    "https://app.sectorflow.example?tab=slack",
    "https://app.sectorflow.example/" + "x" * (2048 - 31),
]
NO_RETURN_URLS = [
    "http://app.sectorflow.example/",
    "HTTPS://app.sectorflow.example/\n",
    "//app.sectorflow.example/",
    "/done",
    "javascript:alert(1)",
    "https:app.sectorflow.example",
    "https:///app.sectorflow.example",
    "https://app.sectorflow.example@evil.example/",
    "https://app.sectorflow.example:x@evil.example/",
    "https://user@app.sectorflow.example/",
    "https://user:word@app.sectorflow.example/",
    "https://@app.sectorflow.example/",
    "https://app.sectorflow.example:443/",
    "https://app.sectorflow.example:/",
    "https://app.sectorflow.example:8443/",
    "https://evil.app.sectorflow.example/",
    "https://sectorflow.example/",
    "https://app.sectorflow.example.evil.example/",
    "https://app.sectorflow.example./",
    "https://.app.sectorflow.example/",
    "https://evil.example\\.app.sectorflow.example/",
    "https://app.sectorflow.example\\@evil.example/",
    "https://app.sectorflow.example/\\evil.example",
    "https:\\\\app.sectorflow.example/",
    "https://evil.example#app.sectorflow.example/",
    "https://evil.example?app.sectorflow.example/",
    "https://app.sectorflow.example/#done",
    "https://app.sectorflow.example/#",
    "https://app.sectorflow.example#",
    "https://app.sectorflow.example/\n",
    "https://app.sectorflow.example/\r\nSet-Cookie: a=b",
    "https://app.sector\tflow.example/",
    " https://app.sectorflow.example/",
    "https://app.sectorflow.example /",
    "https://app.sectorflow。example/",
    "https://аpp.sectorflow.example/",  # noqa: RUF001  a Cyrillic letter
    "https://app.sectorflow.example/é",
    'https://app.sectorflow.example/"onload=',
    "https://%61pp.sectorflow.example/",
    "https://[::1]/",
    "https://app.sectorflow.example/" + "x" * (2049 - 31),
]


@pytest.mark.parametrize("url", RETURN_URLS)
def test_a_browser_may_be_sent_to_a_trusted_host(
    client: FlaskClient, sectorflow: responses.RequestsMock, url: str
) -> None:
    response = post(client, returnUrl=url)

    assert response.status_code == 201


@pytest.mark.parametrize("url", NO_RETURN_URLS)
def test_a_browser_is_sent_nowhere_else(
    client: FlaskClient, sectorflow: responses.RequestsMock, url: str
) -> None:
    response = post(client, returnUrl=url)

    assert errors_of(response).keys() == {"returnUrl"}


def test_a_browser_is_sent_nowhere_when_no_host_is_trusted(
    settings: Settings, connections: Connections
) -> None:
    settings = dataclasses.replace(settings, return_url_hosts=frozenset())
    client = create_app(settings, build_services(settings, connections)).test_client()

    response = post(client, returnUrl=RETURN_URLS[0])

    assert errors_of(response).keys() == {"returnUrl"}
