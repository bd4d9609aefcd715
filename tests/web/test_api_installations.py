"""The install API: registering, showing, listing and deleting installations."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
import redis
import responses
from flask.testing import FlaskClient

from sectorflow_slack.services.registration import CHECK_TIMEOUT_SECONDS
from tests.losing import lose
from tests.values import (
    API_TOKEN,
    AUTHORIZED,
    BOT_TOKEN,
    BOT_USER_ID,
    CUSTOMERS_APP,
    MODEL_IDS,
    NOW,
    OWN_APP,
    PLUS_ID,
    TEAM_ID,
    WORKSPACE_ID,
    FixedClock,
    install_request,
)
from tests.web.flows import (
    CODE,
    CREATE_APP_URL,
    CUSTOMERS_APP_FIELDS,
    INSTALLATIONS,
    MADE_APP,
    REVOKE_URL,
    WORKSPACE_URL,
    consent_reply,
    delete,
    errors_of,
    get,
    get_one,
    install,
    patch,
    post,
    register,
    show,
)

DAY = 86_400
CONFIG_TOKEN = "xoxe.xoxp-token-that-nobody-may-see"
NEW_APP = {"configToken": CONFIG_TOKEN}
KEY = {"Idempotency-Key": "a-key-of-one-request"}


def listed(client: FlaskClient, **query: Any) -> list[str]:
    """The ids on the first page of a list."""
    response = get(client, **query)
    assert response.status_code == 200, response.text
    return [item["id"] for item in (response.json or {})["items"]]


# Registering


def test_a_registered_installation_waits_for_a_persons_consent(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    response = post(client, customerId="customer-7", teamId=TEAM_ID)

    assert response.status_code == 201
    shown = dict(response.json or {})
    assert response.headers["Location"] == f"https://slack.example.com{INSTALLATIONS}/{shown['id']}"
    link = shown.pop("installUrl").removeprefix("https://slack.example.com/slack/install/")
    assert len(link) == 43  # 256 bits, urlsafe base64
    assert datetime.fromisoformat(shown.pop("createdAt")).timestamp() == NOW
    assert datetime.fromisoformat(shown.pop("expiresAt")).timestamp() == NOW + DAY
    assert shown == {
        "id": shown["id"],
        "status": "pending",
        "appName": "Acme Assistant",
        "appId": OWN_APP.app_id,
        "teamId": TEAM_ID,
        "teamName": None,
        "customerId": "customer-7",
        "allowExternalUsers": False,
        "workspaceId": WORKSPACE_ID,
        "modelIds": list(MODEL_IDS),
        "plusId": PLUS_ID,
        "display": "separated",
        "botUserId": None,
        "installedAt": None,
        "failure": None,
    }


def test_sectorflow_is_asked_with_the_token_for_at_most_five_seconds_and_nothing_is_posted(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    register(client)

    (call,) = sectorflow.calls
    assert (call.request.method, call.request.url) == ("GET", WORKSPACE_URL)
    assert call.request.headers["Authorization"] == f"Bearer {API_TOKEN}"
    assert call.request.body is None
    assert CHECK_TIMEOUT_SECONDS <= 5


def test_a_refusal_of_sectorflow_is_a_wrong_field_and_its_failure_stops_nothing(
    client: FlaskClient, outside: responses.RequestsMock
) -> None:
    outside.get(WORKSPACE_URL, status=401)
    refused = post(client)
    outside.replace(responses.GET, WORKSPACE_URL, status=500)

    assert errors_of(refused) == {"apiToken": ["SectorFlow refuses this token."]}
    assert post(client).status_code == 201


def test_a_wrong_field_is_refused_before_sectorflow_is_asked(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    assert errors_of(post(client, display="carousel")).keys() == {"display"}
    assert not sectorflow.calls


# A new app, by its configuration token


def test_slack_makes_the_app_of_a_configuration_token(
    client_with: Callable[..., FlaskClient], sectorflow: responses.RequestsMock
) -> None:
    client = client_with(slack_app=None)
    sectorflow.post(CREATE_APP_URL, json=MADE_APP)

    shown = register(client, appName="Acme", slackApp=NEW_APP)

    assert (shown["status"], shown["appId"]) == ("pending", CUSTOMERS_APP.app_id)
    (form,) = [call.request.body for call in sectorflow.calls if call.request.url == CREATE_APP_URL]
    manifest = json.loads(parse_qs(form.decode())["manifest"][0])
    assert manifest["display_information"]["name"] == "Acme"
    assert manifest["settings"]["event_subscriptions"]["request_url"].startswith("https://slack.example.com/")


def test_slacks_messages_about_a_manifest_are_passed_on(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    faults = [
        {"message": "URL didn't respond", "pointer": "/settings/event_subscriptions/request_url"},
        {"message": "Name is taken", "pointer": "/display_information/name"},
        {"message": "Name is odd", "pointer": "/display_information/name"},
    ]
    sectorflow.post(CREATE_APP_URL, json={"ok": False, "error": "invalid_manifest", "errors": faults})

    response = post(client, slackApp=NEW_APP)

    assert response.status_code == 502
    answer = response.json or {}
    assert answer["message"].startswith("Slack refused the app's manifest")
    assert answer["errors"] == {
        "slack": {
            "/settings/event_subscriptions/request_url": ["URL didn't respond"],
            "/display_information/name": ["Name is taken", "Name is odd"],
        }
    }


@pytest.mark.parametrize(
    "reply",
    [
        MADE_APP,
        {"ok": False, "error": "invalid_manifest", "errors": [{"message": CONFIG_TOKEN, "pointer": "/"}]},
        {"ok": False, "error": CONFIG_TOKEN},
    ],
    ids=["made", "quoted in a message", "quoted as an error"],
)
def test_a_configuration_token_is_in_no_answer_and_no_log(
    client: FlaskClient,
    sectorflow: responses.RequestsMock,
    caplog: pytest.LogCaptureFixture,
    reply: dict[str, Any],
) -> None:
    caplog.set_level("DEBUG")
    sectorflow.post(CREATE_APP_URL, json=reply)

    answers = [
        post(client, slackApp=NEW_APP),
        post(client, slackApp=NEW_APP, display="carousel"),
        post(client, slackApp={**NEW_APP, "appId": "x"}),
        get(client),
    ]

    assert CONFIG_TOKEN not in "".join(answer.text for answer in answers) + caplog.text


# Idempotency-Key


def test_the_same_request_again_gives_the_same_installation(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    first, second = post(client, KEY), post(client, KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert [first.headers[name] for name in ("Location", "ETag")] == [
        second.headers[name] for name in ("Location", "ETag")
    ]
    assert len(listed(client)) == 1


def test_space_and_the_order_of_fields_make_no_other_body(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    body = install_request(customerId="Кунде")
    texts = [
        json.dumps(body),
        json.dumps(dict(reversed(body.items())), indent=4),
        json.dumps(body, ensure_ascii=False, separators=(",", ":")),
    ]
    headers = {**AUTHORIZED, **KEY, "Content-Type": "application/json"}

    statuses = [client.post(INSTALLATIONS, data=text.encode(), headers=headers).status_code for text in texts]

    assert statuses == [201, 201, 201]
    assert len(listed(client)) == 1


@pytest.mark.parametrize("changes", [{"display": "tabs"}, {"apiToken": "another"}, {"customerId": None}])
def test_the_same_key_with_another_body_is_refused(
    client: FlaskClient, sectorflow: responses.RequestsMock, changes: dict[str, Any]
) -> None:
    post(client, KEY)

    response = post(client, KEY, **changes)

    assert errors_of(response, "headers").keys() == {"Idempotency-Key"}
    assert len(listed(client)) == 1


def test_a_wrong_key_is_named_with_every_wrong_field(client: FlaskClient) -> None:
    response = post(client, {"Idempotency-Key": "a b"}, display="carousel", plusId="none")

    assert errors_of(response, "headers").keys() == {"Idempotency-Key"}
    assert errors_of(response).keys() == {"display", "plusId"}


# Showing


def test_an_installation_is_shown_as_it_was_registered(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    registered = register(client)

    assert show(client, registered["id"]) == show(client, registered["id"].upper()) == registered


def test_an_installed_one_is_shown_with_its_team_and_without_its_link(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    registered, _ = install(client, sectorflow)

    assert show(client, registered["id"]) == {
        **registered,
        "status": "installed",
        "teamId": TEAM_ID,
        "teamName": "Acme",
        "botUserId": BOT_USER_ID,
        "installedAt": registered["createdAt"],
        "installUrl": None,
        "expiresAt": None,
    }


def test_a_failed_or_expired_one_is_shown_without_its_link(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    failed, _ = install(client, sectorflow, reply=consent_reply(app_id="A0OTHER"))
    expired = register(client)

    clock.now += DAY

    without_link = {"installUrl": None, "expiresAt": None}
    other_app = {"status": "failed", "failure": "other_app"}
    assert show(client, failed["id"]) == {**failed, **without_link, **other_app}
    assert show(client, expired["id"]) == {**expired, **without_link, "status": "expired"}


def test_an_installation_whose_secrets_no_key_opens_is_shown_without_its_link(
    client: FlaskClient, sectorflow: responses.RequestsMock, store: redis.Redis
) -> None:
    waiting = register(client)

    lose(store, f"pending-secrets:{waiting['id']}", "link", "api_token")

    assert show(client, waiting["id"]) == {**waiting, "installUrl": None}
    assert delete(client, waiting["id"]).status_code == 204


def test_an_id_of_no_installation_is_404(client: FlaskClient) -> None:
    message = {"code": 404, "status": "Not Found", "message": "There is no such installation."}

    assert get_one(client, WORKSPACE_ID).json == message
    assert patch(client, WORKSPACE_ID, display="tabs").json == message
    assert delete(client, WORKSPACE_ID, {"If-Match": "*"}).json == message
    assert get_one(client, "not-an-id").status_code == 404


def test_no_answer_and_no_log_holds_a_token_or_a_secret(
    client: FlaskClient, sectorflow: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    pending = post(client, slackApp=CUSTOMERS_APP_FIELDS)
    refused = post(client, slackApp={**CUSTOMERS_APP_FIELDS, "clientId": "wrong"}, workspaceId="wrong")
    installed, page = install(client, sectorflow)

    seen = [pending, refused, page, get_one(client, installed["id"]), get(client)]

    text = caplog.text + "".join(answer.text + str(answer.headers) for answer in seen)
    secrets = (API_TOKEN, BOT_TOKEN, CUSTOMERS_APP.client_secret, CUSTOMERS_APP.signing_secret, CODE)
    assert not [secret for secret in secrets if secret[-12:] in text]


# Listing


def test_an_installation_is_listed_as_it_is_shown(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    empty = get(client).json
    pending = register(client, customerId="customer-7")
    clock.now += 1
    installed, _ = install(client, sectorflow)

    assert empty == {"items": [], "nextCursor": None}
    assert get(client).json == {"items": [pending, show(client, installed["id"])], "nextCursor": None}


def test_pages_hold_each_installation_once_oldest_first_and_twenty_unless_told_otherwise(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    registered = []
    for _ in range(21):
        registered.append(register(client)["id"])
        clock.now += 1

    found, sizes, query = [], [], {"limit": 9}
    while query.get("cursor", ...) is not None:
        page = get(client, **query).json or {}
        found += [item["id"] for item in page["items"]]
        sizes.append(len(page["items"]))
        query["cursor"] = page["nextCursor"]

    assert sizes == [9, 9, 3]
    assert found == registered
    assert listed(client) == registered[:20]


def test_filters_narrow_a_list(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    expired = register(client, customerId="old")["id"]
    clock.now += DAY
    installed = install(client, sectorflow)[0]["id"]
    pending = register(client, slackApp=CUSTOMERS_APP_FIELDS, customerId="Кунде 7")["id"]

    assert listed(client, status="expired") == [expired]
    assert listed(client, teamId=TEAM_ID) == [installed]
    assert listed(client, appId=CUSTOMERS_APP.app_id) == [pending]
    assert listed(client, customerId="Кунде 7") == [pending]
    assert listed(client, customerId="old", status="pending") == []


def test_every_wrong_part_of_a_query_is_named_at_once(client: FlaskClient) -> None:
    response = get(client, limit="x", status="x", page="2")

    assert errors_of(response, "query").keys() == {"limit", "status", "page"}


# Deleting


def test_a_deleted_installation_is_gone_everywhere(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    sectorflow.post(REVOKE_URL, json={"ok": True, "revoked": True})
    installed, _ = install(client, sectorflow)

    response = delete(client, installed["id"])

    assert (response.status_code, response.data) == (204, b"")
    assert get_one(client, installed["id"]).status_code == 404
    assert get(client).json == {"items": [], "nextCursor": None}
    assert delete(client, installed["id"]).status_code == 404
    assert errors_of(post(client, replaces=installed["id"])).keys() == {"replaces"}
    (revoked,) = [call.request for call in sectorflow.calls if call.request.url == REVOKE_URL]
    assert revoked.headers["Authorization"] == f"Bearer {BOT_TOKEN}"
