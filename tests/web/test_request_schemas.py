"""The rules of each field of the install API's requests, and the values that they load."""

import uuid

import pytest
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
from tests.web.flows import CUSTOMERS_APP_FIELDS, errors_of

A_UUID = "01442edd-1154-4d9c-b4e6-151ba35f8f56"
MANY_UUIDS = [str(uuid.UUID(int=number)) for number in range(21)]
NO_UUIDS = [
    *(A_UUID.replace("-", ""), f"{{{A_UUID}}}", f"urn:uuid:{A_UUID}", f"{A_UUID}\n", f" {A_UUID}"),
    *(A_UUID[:-1], f"{A_UUID}7", f"g{A_UUID[1:]}", f"../{A_UUID}", 7, True, [A_UUID], {}),
    f"\u0660{A_UUID[1:]}",  # a digit, but not in ASCII
]
NO_VISIBLE_ASCII = [
    *("", " ", "to ken", "token\n", "\ttoken", "tokén", "token\x00", "\x7f", "🔑", None, 7, ["token"])
]
NO_NAMES = [
    *("", " ", "\u3000", "A" * 36, "🃏" * 36, "\ud83c", None, 7, ["A"], {}),
    *("A\n", "A\x00", "\x00", "A\tB", "A\x7f", "A\x85", "A\u2028B"),
    # Marks that turn the direction of text, and characters without a glyph.
    *(f"A{mark}B" for mark in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"),
    *("\u200b", "\u200b\u200c\u200d", " \u2060 ", "\ufeff", "\u00ad", "\u3164", "\u2800", "\ufe0f"),
    # A pattern that backtracks takes longer for this than the whole test suite.
    "a" * 500_000 + "\x00\x00",
]
HOST = "app.sectorflow.example"

#: Values that each field of a registration accepts.
GOOD = {
    "appName": ["A", "A" * 35, "🃏" * 35, "👩\u200d🔬 Lab \u200fعربي", "Æon ⚙️ Füße 日本語", "<script>"],
    "apiToken": ["t", "t" * 4096, "".join(map(chr, range(0x21, 0x7F)))],
    "modelIds": [MANY_UUIDS[:1], MANY_UUIDS[:20]],
    "plusId": ["", A_UUID],
    "display": ["separated", "tabs"],
    "customerId": ["", "c" * 255, "Кунде/№ 7", None],
    "allowExternalUsers": [True, False],
    "teamId": ["T0ACME", "E0ACME", None],
    "replaces": [A_UUID, None],
    "slackApp": [CUSTOMERS_APP_FIELDS, {"configToken": "xoxe.xoxp-1"}, None],
    "returnUrl": [
        *(None, f"https://{HOST}", f"https://{HOST}/", "https://APP.SectorFlow.example/slack/done"),
        *(f"https://{HOST}/done?tab=slack&x=%20[1]", f"https://{HOST}?tab=slack"),
        f"https://{HOST}/" + "x" * (2048 - 31),
    ],
}
#: Values that it refuses.
BAD = {
    "appName": NO_NAMES,
    "apiToken": [*NO_VISIBLE_ASCII, "t" * 4097],
    "workspaceId": [*NO_UUIDS, "", None],
    "modelIds": [
        *[[value] for value in (*NO_UUIDS, "", None)],
        *([], MANY_UUIDS, None, A_UUID, {}, 7, [A_UUID, A_UUID], [A_UUID, A_UUID.upper()]),
    ],
    "plusId": [*NO_UUIDS, "\n", None],
    "display": ["", "Tabs", "tabs\n", "carousel", None, 7, [], {}],
    "customerId": ["c" * 256, 7, [], {}, "\x00", "c\n", "\x7f", "\x85", "\ud83c", "c\udfff"],
    "allowExternalUsers": ["true", "", 1, 0, None, [], {}],
    "teamId": ["", "T", "t0acme", "C0ACME", "T0ACME\n", "T0:ACME", 7, "T" * 32],
    "replaces": [*NO_UUIDS, ""],
    "slackApp": ["A0CUSTOMER", 7, [], True],
    "returnUrl": [
        *("", 7, [], {}, "/done", "javascript:alert(1)", f"https://{HOST}/" + "x" * (2049 - 31)),
        # Another scheme, or none.
        *(f"http://{HOST}/", f"HTTPS://{HOST}/\n", f"//{HOST}/", f"https:{HOST}", f"https:///{HOST}"),
        # A user, or a port that is not the trusted one.
        *(f"https://{HOST}@evil.example/", f"https://{HOST}:x@evil.example/", f"https://user@{HOST}/"),
        *(f"https://user:word@{HOST}/", f"https://@{HOST}/", f"https://{HOST}:443/", f"https://{HOST}:/"),
        # Another host.
        *(f"https://{HOST}:8443/", f"https://evil.{HOST}/", f"https://{HOST}.evil.example/"),
        *("https://sectorflow.example/", f"https://{HOST}./", f"https://.{HOST}/", "https://[::1]/"),
        *(f"https://evil.example#{HOST}/", f"https://evil.example?{HOST}/"),
        # Characters that browsers and parsers read differently.
        *(f"https://evil.example\\.{HOST}/", f"https://{HOST}\\@evil.example/", f"https:\\\\{HOST}/"),
        *(f"https://{HOST}/\\evil.example", f"https://{HOST}/#done", f"https://{HOST}/#", f"https://{HOST}#"),
        *(f"https://{HOST}/\n", f"https://{HOST}/\r\nSet-Cookie: a=b", "https://app.sector\tflow.example/"),
        *(f" https://{HOST}/", f"https://{HOST} /", "https://app.sectorflow。example/"),
        "https://\u0430pp.sectorflow.example/",  # a Cyrillic letter
        *(f"https://{HOST}/é", f'https://{HOST}/"onload=', "https://%61pp.sectorflow.example/"),
    ],
    **{name: ["x"] for name in ("color", "status", "id", "APPNAME", "app_name", "", "__class__")},
}
#: Fields of a registration that cannot be changed.
UNCHANGEABLE = {"customerId", "teamId", "replaces", "slackApp", "returnUrl"}


@pytest.fixture(autouse=True)
def request_context(app):
    """Schemas read the settings of the current app."""
    with app.test_request_context():
        yield


def faults(**changes):
    """Return the wrong fields of a valid registration with ``changes``."""
    return InstallationRequestSchema().validate(install_request(**changes))


# Registrations and changes


@pytest.mark.parametrize("field", GOOD)
def test_each_field_accepts_the_values_that_its_rules_allow(field):
    change = SettingsChangeSchema()

    assert [value for value in GOOD[field] if faults(**{field: value})] == []
    if field not in UNCHANGEABLE:
        assert [value for value in GOOD[field] if change.validate({field: value})] == []


@pytest.mark.parametrize("field", BAD)
def test_a_registration_reports_the_wrong_field_alone(field):
    assert [value for value in BAD[field] if faults(**{field: value}).keys() != {field}] == []


@pytest.mark.parametrize("field", BAD.keys() | UNCHANGEABLE)
def test_a_change_has_the_same_rules_and_fewer_fields(field):
    values = [*BAD[field], *(GOOD[field] if field in UNCHANGEABLE else ())]
    schema = SettingsChangeSchema()

    assert [value for value in values if schema.validate({field: value}).keys() != {field}] == []


def test_a_registration_is_loaded_with_all_fields():
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
        returnUrl=f"https://{HOST}/done",
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
        return_url=f"https://{HOST}/done",
    )


def test_optional_fields_have_defaults_and_the_others_are_required():
    required = install_request()
    del required["plusId"]

    assert InstallationRequestSchema().load(required) == InstallRequest(
        app_name=required["appName"],
        sectorflow=SectorFlowSettings(API_TOKEN, WORKSPACE_ID, MODEL_IDS, ""),
        display="separated",
        customer_id=None,
        allow_external_users=False,
        team_id=None,
        replaces=None,
        slack_app=None,
        config_token=None,
        return_url=None,
    )
    missing = {name: ["Missing data for required field."] for name in required}
    assert InstallationRequestSchema().validate({}) == missing


def test_a_change_is_loaded_with_its_fields_alone():
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


def test_each_wrong_model_is_reported_by_its_index():
    assert faults(modelIds=[A_UUID, "x", A_UUID, 7])["modelIds"].keys() == {1, 3}


def test_every_wrong_field_is_reported_at_once(client):
    wrong = {field: values[0] for field, values in BAD.items()}
    wrong["slackApp"] = {"appId": OWN_APP.app_id, "clientId": "x", "configToken": "x"}

    found = errors_of(client.post_installation(**wrong))

    assert found.keys() == wrong.keys()
    assert found["slackApp"].keys() == {"clientId", "clientSecret", "signingSecret", "configToken"}


def test_rules_across_fields_are_checked_beside_wrong_fields():
    own_app = {**CUSTOMERS_APP_FIELDS, "appId": OWN_APP.app_id}

    found = faults(appName="", returnUrl=f"http://{HOST}/", slackApp=own_app)

    assert found.keys() == {"appName", "returnUrl", "slackApp"}


def test_without_trusted_hosts_every_return_url_is_refused(client_with):
    response = client_with(return_url_hosts=frozenset()).post_installation(returnUrl=f"https://{HOST}/")

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
def test_each_wrong_field_of_an_existing_app_is_reported(field, values):
    for value in values:
        assert faults(slackApp={**CUSTOMERS_APP_FIELDS, field: value})["slackApp"].keys() == {field}


@pytest.mark.parametrize("field", CUSTOMERS_APP_FIELDS)
def test_an_app_has_all_of_its_credentials_or_a_token(field):
    rest = {name: value for name, value in CUSTOMERS_APP_FIELDS.items() if name != field}
    token = {"configToken": "xoxe.xoxp-1", field: CUSTOMERS_APP_FIELDS[field]}

    mixed = faults(slackApp=token)["slackApp"]

    assert faults(slackApp=rest) == {"slackApp": {field: ["Missing data for required field."]}}
    assert mixed.keys() == {"configToken", *rest}
    assert "beside" in mixed["configToken"][0]
    assert faults(slackApp={})["slackApp"].keys() == {"configToken", *CUSTOMERS_APP_FIELDS}


def test_a_new_app_needs_a_token_and_nothing_else():
    for token in [*NO_VISIBLE_ASCII, "t" * 4097, {}]:
        assert faults(slackApp={"configToken": token})["slackApp"].keys() == {"configToken"}
    assert faults(slackApp={"configToken": "t", "color": "red"})["slackApp"].keys() == {"color"}
    loaded = InstallationRequestSchema().load(install_request(slackApp={"configToken": "t"}))
    assert (loaded.config_token, loaded.slack_app) == ("t", None)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [({}, {"slackApp"}), ({"slackApp": None}, {"slackApp"}), ({"slackApp": CUSTOMERS_APP_FIELDS}, set())],
)
def test_a_service_without_its_own_app_requires_one(client_with, body, wrong):
    with client_with(slack_app=None).application.test_request_context():
        assert faults(**body).keys() == wrong


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
def test_each_wrong_query_parameter_of_a_list_is_reported(name, values):
    schema = InstallationQuerySchema(unknown=RAISE)

    assert [value for value in values if schema.validate({name: value}).keys() != {name}] == []


def test_the_query_of_a_list_is_loaded_with_all_parameters():
    cursor = f"{'0' * 15}:{A_UUID}"
    query = {"limit": "100", "cursor": cursor, "status": "failed"}
    query |= {"appId": "A0OWN", "teamId": "E0ACME", "customerId": "Кунде"}

    assert InstallationQuerySchema().load(query) == InstallationQuery(
        limit=100, cursor=cursor, status="failed", app_id="A0OWN", team_id="E0ACME", customer_id="Кунде"
    )
    assert InstallationQuerySchema().load({}) == InstallationQuery(limit=20)


def test_the_query_of_a_manifest_is_the_name_of_an_app():
    schema = ManifestQuerySchema()

    assert [name for name in NO_NAMES if schema.validate({"appName": name}).keys() != {"appName"}] == []
    assert schema.load({"appName": "  Acme "}) == "Acme"


def test_an_idempotency_key_has_up_to_255_visible_ascii_characters():
    schema = IdempotencyKeySchema()
    good = ["k", "k" * 255, "".join(map(chr, range(0x21, 0x7F))), '"quoted"']
    bad = ["", " ", "a b", "k" * 256, "schlüssel", "\x7f", "a\tb"]

    assert [schema.load({"Idempotency-Key": key}) for key in good] == good
    assert [key for key in bad if not schema.validate({"Idempotency-Key": key})] == []
    assert schema.load({}) is None
