"""The rules of each field that the install API takes in, and the values that it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import RAISE

from sectorflow_slack.domain.installations import (
    InstallationQuery,
    InstallRequest,
    SectorFlowSettings,
    SettingsChange,
)
from sectorflow_slack.web.request_schemas import (
    IdempotencyKeySchema,
    InstallationQuerySchema,
    InstallationRequestSchema,
    ManifestQuerySchema,
    SettingsChangeSchema,
)
from tests.values import (
    API_TOKEN,
    CUSTOMERS_APP,
    MODEL_IDS,
    OWN_APP,
    PLUS_ID,
    TEAM_ID,
    WORKSPACE_ID,
    install_request,
)
from tests.web.field_values import A_UUID, BAD, GOOD, NO_NAMES, NO_VISIBLE_ASCII, UNCHANGEABLE
from tests.web.flows import CUSTOMERS_APP_FIELDS, errors_of, post


@pytest.fixture(autouse=True)
def in_request(app: Flask) -> Iterator[None]:
    """Schemas read the settings of the application that handles the request."""
    with app.test_request_context():
        yield


def faults(**changes: Any) -> dict[str, Any]:
    """The wrong fields of a registration that is good but for ``changes``."""
    return InstallationRequestSchema().validate(install_request(**changes))


# Registrations and changes


@pytest.mark.parametrize("field", GOOD)
def test_each_field_takes_the_values_that_its_rules_allow(field: str) -> None:
    changes = SettingsChangeSchema()
    schemas = [faults] if field in UNCHANGEABLE else [faults, lambda **body: changes.validate(body)]

    refused = [value for value in GOOD[field] for find in schemas if find(**{field: value})]

    assert refused == []


@pytest.mark.parametrize("field", BAD)
def test_a_registration_names_the_one_field_that_is_wrong(field: str) -> None:
    taken = [value for value in BAD[field] if faults(**{field: value}).keys() != {field}]

    assert taken == []


@pytest.mark.parametrize("field", BAD.keys() | UNCHANGEABLE)
def test_a_change_has_the_same_rules_and_fewer_fields(field: str) -> None:
    values = [*BAD[field], *(GOOD[field] if field in UNCHANGEABLE else ())]
    schema = SettingsChangeSchema()

    taken = [value for value in values if schema.validate({field: value}).keys() != {field}]

    assert taken == []


def test_a_registration_is_loaded_with_all_that_it_says() -> None:
    body = install_request(
        appName="  Acme  ",
        workspaceId=WORKSPACE_ID.upper(),
        modelIds=[A_UUID.upper(), MODEL_IDS[2]],
        plusId=PLUS_ID.upper(),
        display="tabs",
        customerId="customer-7",
        allowExternalUsers=True,
        teamId=TEAM_ID,
        replaces=A_UUID.upper(),
        slackApp=CUSTOMERS_APP_FIELDS,
        returnUrl="https://app.sectorflow.example/done",
    )

    assert InstallationRequestSchema().load(body) == InstallRequest(
        app_name="Acme",
        sectorflow=SectorFlowSettings(API_TOKEN, WORKSPACE_ID, (A_UUID, MODEL_IDS[2]), PLUS_ID),
        display="tabs",
        customer_id="customer-7",
        allow_external_users=True,
        team_id=TEAM_ID,
        replaces=A_UUID,
        slack_app=CUSTOMERS_APP,
        config_token=None,
        return_url="https://app.sectorflow.example/done",
    )


def test_optional_fields_have_defaults_and_the_others_are_required() -> None:
    required = {name: value for name, value in install_request().items() if name != "plusId"}

    loaded = InstallationRequestSchema().load(required)

    assert (loaded.sectorflow.plus_id, loaded.display, loaded.allow_external_users) == (
        "",
        "separated",
        False,
    )
    optional = ("customer_id", "team_id", "replaces", "slack_app", "config_token", "return_url")
    assert {name: getattr(loaded, name) for name in optional} == dict.fromkeys(optional)
    assert InstallationRequestSchema().validate({}) == {
        name: ["Missing data for required field."] for name in required
    }


def test_a_change_is_loaded_with_what_it_says_alone() -> None:
    body = {
        "appName": " Acme Two ",
        "apiToken": "a-new-token",
        "workspaceId": WORKSPACE_ID.upper(),
        "modelIds": [A_UUID.upper()],
        "plusId": PLUS_ID.upper(),
        "display": "tabs",
        "allowExternalUsers": False,
    }

    assert SettingsChangeSchema().load(body) == SettingsChange(
        app_name="Acme Two",
        api_token="a-new-token",
        workspace_id=WORKSPACE_ID,
        model_ids=(A_UUID,),
        plus_id=PLUS_ID,
        display="tabs",
        allow_external_users=False,
    )
    assert SettingsChangeSchema().load({}) == SettingsChange()


def test_each_wrong_model_is_named_by_its_place() -> None:
    assert faults(modelIds=[A_UUID, "x", A_UUID, 7])["modelIds"].keys() == {1, 3}


def test_every_wrong_field_is_named_at_once(client: FlaskClient) -> None:
    wrong = {
        "appName": "",
        "apiToken": "ö",
        "workspaceId": "x",
        "modelIds": ["x", A_UUID],
        "plusId": "x",
        "display": "x",
        "customerId": 7,
        "allowExternalUsers": "x",
        "teamId": "x",
        "replaces": "x",
        "slackApp": {"appId": OWN_APP.app_id, "clientId": "x", "configToken": "x"},
        "returnUrl": "https://elsewhere.example/",
        "color": "x",
    }

    found = errors_of(post(client, **wrong))

    assert found.keys() == wrong.keys()
    assert found["slackApp"].keys() == {"clientId", "clientSecret", "signingSecret", "configToken"}


def test_rules_across_fields_are_checked_beside_wrong_fields() -> None:
    found = faults(
        appName="",
        returnUrl="http://app.sectorflow.example/",
        slackApp={**CUSTOMERS_APP_FIELDS, "appId": OWN_APP.app_id},
    )

    assert found.keys() == {"appName", "returnUrl", "slackApp"}


def test_without_trusted_hosts_no_return_url_is_taken(client_with: Callable[..., FlaskClient]) -> None:
    client = client_with(return_url_hosts=frozenset())

    response = post(client, returnUrl="https://app.sectorflow.example/")

    assert errors_of(response).keys() == {"returnUrl"}


# The Slack app of a registration


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("appId", ["", "B0X", "a0customer", "A", "A0\n", "A0:B", "A" * 32, None, 7]),
        ("clientId", ["", "1", "1.2.3", "1.2\n", "x.y", "\u0661.\u0662", None, 7]),
        ("clientSecret", [*NO_VISIBLE_ASCII, "s" * 256]),
        ("signingSecret", [*NO_VISIBLE_ASCII, "s" * 256]),
        ("configToken", ["xoxe.xoxp-1", None]),
        ("color", ["red"]),
    ],
)
def test_each_wrong_field_of_an_existing_app_is_named(field: str, values: list[Any]) -> None:
    found = [faults(slackApp={**CUSTOMERS_APP_FIELDS, field: value})["slackApp"].keys() for value in values]

    assert found == [{field}] * len(values)


@pytest.mark.parametrize("field", CUSTOMERS_APP_FIELDS)
def test_an_existing_app_needs_all_of_its_credentials_and_no_token(field: str) -> None:
    rest = {name: value for name, value in CUSTOMERS_APP_FIELDS.items() if name != field}
    alone = {field: CUSTOMERS_APP_FIELDS[field]}

    lacking, mixed = faults(slackApp=rest), faults(slackApp={"configToken": "xoxe.xoxp-1", **alone})

    assert lacking == {"slackApp": {field: ["Missing data for required field."]}}
    assert mixed["slackApp"].keys() == {"configToken", *rest}
    assert "beside" in mixed["slackApp"]["configToken"][0]


def test_all_that_an_empty_app_lacks_is_named() -> None:
    assert faults(slackApp={})["slackApp"].keys() == {"configToken", *CUSTOMERS_APP_FIELDS}


def test_a_new_app_takes_a_token_and_nothing_else() -> None:
    tokens = [*NO_VISIBLE_ASCII, "t" * 4097, {}]

    found = [faults(slackApp={"configToken": token})["slackApp"].keys() for token in tokens]

    assert found == [{"configToken"}] * len(tokens)
    assert faults(slackApp={"configToken": "t", "color": "red"}) == {
        "slackApp": {"color": ["Unknown field."]}
    }
    loaded = InstallationRequestSchema().load(install_request(slackApp={"configToken": "t"}))
    assert (loaded.config_token, loaded.slack_app) == ("t", None)


@pytest.mark.parametrize("body", [{}, {"slackApp": None}, {"slackApp": CUSTOMERS_APP_FIELDS}])
def test_a_service_without_an_app_of_its_own_needs_one_to_be_named(
    client_with: Callable[..., FlaskClient], body: dict[str, Any]
) -> None:
    with client_with(slack_app=None).application.test_request_context():
        found = faults(**body)

    assert found.keys() == ({"slackApp"} if body.get("slackApp") is None else set())


# Queries and headers


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("limit", ["", "0", "101", "-1", "2.5", "x", "2_0", " 20", "٢", "1e1", "9" * 5000]),
        ("cursor", ["", "x", "MTIz", "é", "a b", "c" * 70, "c" * 513, "../0", "%00", "0", "-1:x"]),
        ("status", ["", "Pending", "gone"]),
        ("appId", ["", "T0ACME", "A0:B", "a0own", "*"]),
        ("teamId", ["", "A0OWN", "T0:ACME", "*"]),
        ("customerId", ["c" * 256, "c\x00", "\n"]),
        *[(name, ["x"]) for name in ("page", "Limit", "app_id", "id", "key")],
    ],
)
def test_a_query_for_installations_names_what_is_wrong(name: str, values: list[str]) -> None:
    schema = InstallationQuerySchema(unknown=RAISE)

    found = [schema.validate({name: value}).keys() for value in values]

    assert found == [{name}] * len(values)


def test_a_query_is_loaded_with_all_that_it_says() -> None:
    cursor = f"{'0' * 15}:{A_UUID}"
    query = {
        "limit": "100",
        "cursor": cursor,
        "status": "failed",
        "appId": "A0OWN",
        "teamId": "E0ACME",
        "customerId": "Кунде",
    }

    loaded = InstallationQuerySchema().load(query)

    assert loaded == InstallationQuery(
        limit=100, cursor=cursor, status="failed", app_id="A0OWN", team_id="E0ACME", customer_id="Кунде"
    )
    assert InstallationQuerySchema().load({}) == InstallationQuery(limit=20)


def test_a_manifest_is_asked_for_with_the_name_of_an_app_alone() -> None:
    schema = ManifestQuerySchema(unknown=RAISE)

    assert [name for name in NO_NAMES if schema.validate({"appName": name}).keys() != {"appName"}] == []
    assert schema.validate({}).keys() == {"appName"}
    assert schema.validate({"appName": "A", "name": "B"}).keys() == {"name"}
    assert schema.load({"appName": "  Acme "}) == "Acme"


def test_an_idempotency_key_is_up_to_255_visible_ascii_characters() -> None:
    schema = IdempotencyKeySchema()
    good = ["k", "k" * 255, "".join(map(chr, range(0x21, 0x7F))), '"quoted"']
    bad = ["", " ", "a b", "k" * 256, "schlüssel", "\x7f", "a\tb"]

    assert [schema.load({"Idempotency-Key": key}) for key in good] == good
    assert [key for key in bad if not schema.validate({"Idempotency-Key": key})] == []
    assert schema.load({}) is None
