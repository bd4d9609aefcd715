"""Every rule of the fields that an installation is registered with."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
import responses
from flask.testing import FlaskClient

from tests.values import AUTHORIZED, MODEL_IDS, OWN_APP, WORKSPACE_ID, install_request
from tests.web.fields.wrong_values import NO_UUIDS, NO_VISIBLE_ASCII
from tests.web.flows import CUSTOMERS_APP_FIELDS, INSTALLATIONS, errors_of, post, register

A_UUID = "01442edd-1154-4d9c-b4e6-151ba35f8f56"


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
