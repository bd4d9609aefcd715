"""The install API: registering, showing, listing and deleting installations."""

import hashlib
import json
from datetime import datetime
from urllib.parse import parse_qs

import pytest

from sectorflow_slack.services.settings_check import CHECK_SECONDS
from tests.losing import lose
from tests.values import (
    API_TOKEN,
    BOT_TOKEN,
    BOT_USER_ID,
    CUSTOMERS_APP,
    INSTALL_API_KEY,
    MODEL_IDS,
    NOW,
    OWN_APP,
    PLUS_ID,
    TEAM_ID,
    WORKSPACE_ID,
    install_request,
)
from tests.web.flows import (
    CODE,
    CREATE_APP_URL,
    CREATED_APP,
    CUSTOMERS_APP_FIELDS,
    INSTALLATIONS,
    JSON,
    REVOKE_URL,
    WORKSPACE_URL,
    access_reply,
    errors_of,
)

DAY = 86_400
CONFIG_TOKEN = "xoxe.xoxp-token-that-must-stay-secret"
NEW_APP = {"configToken": CONFIG_TOKEN}
KEY = {"Idempotency-Key": "the-key-of-one-request"}


# Registration


def test_a_registered_installation_is_pending_with_an_install_link(client, sectorflow):
    response = client.post_installation(customerId="customer-7", teamId=TEAM_ID)

    assert response.status_code == 201
    installation = dict(response.json)
    assert response.headers["Location"] == f"https://slack.example.com{INSTALLATIONS}/{installation['id']}"
    link = installation.pop("installUrl").removeprefix("https://slack.example.com/slack/install/")
    assert len(link) == 43  # 256 bits, urlsafe base64
    assert datetime.fromisoformat(installation.pop("createdAt")).timestamp() == NOW
    assert datetime.fromisoformat(installation.pop("expiresAt")).timestamp() == NOW + DAY
    assert installation == {
        "id": installation["id"],
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


def test_registering_reads_the_workspace_and_the_lists_with_the_token_within_five_seconds(client, sectorflow):
    client.register()

    paths = [call.request.url.partition("/api/v1")[2] for call in sectorflow.calls]
    assert sorted(paths) == ["/models?includeSystem=true", "/plus", f"/workspaces/{WORKSPACE_ID}"]
    assert {(call.request.method, call.request.body) for call in sectorflow.calls} == {("GET", None)}
    assert {call.request.headers["Authorization"] for call in sectorflow.calls} == {f"Bearer {API_TOKEN}"}
    assert CHECK_SECONDS <= 5


def test_every_model_and_expert_that_sectorflow_does_not_have_is_named(client, sectorflow):
    sectorflow.replace("GET", WORKSPACE_URL, json={"models": [{"modelId": MODEL_IDS[0]}]})
    sectorflow.get(WORKSPACE_URL.partition("/workspaces/")[0] + "/models", json=[{"id": MODEL_IDS[2]}])
    sectorflow.get(WORKSPACE_URL.partition("/workspaces/")[0] + "/plus", json=[])

    response = client.post_installation(modelIds=list(MODEL_IDS), plusId=PLUS_ID)

    assert response.status_code == 422
    assert response.json["errors"]["json"].keys() == {"modelIds", "plusId"}
    assert response.json["errors"]["json"]["modelIds"] == {
        "1": ["SectorFlow offers no such model to this token."]
    }


# A new app, created with a configuration token


def test_slack_creates_the_app_of_a_configuration_token(client_with, sectorflow):
    client = client_with(slack_app=None)
    sectorflow.post(CREATE_APP_URL, json=CREATED_APP)

    installation = client.register(appName="Acme", slackApp=NEW_APP)

    assert (installation["status"], installation["appId"]) == ("pending", CUSTOMERS_APP.app_id)
    (form,) = [call.request.body for call in sectorflow.calls if call.request.url == CREATE_APP_URL]
    manifest = json.loads(parse_qs(form.decode())["manifest"][0])
    assert manifest["display_information"]["name"] == "Acme"
    assert manifest["settings"]["event_subscriptions"]["request_url"].startswith("https://slack.example.com/")


def test_slacks_errors_about_a_manifest_are_passed_on_by_pointer(client, sectorflow):
    url, name = "/settings/event_subscriptions/request_url", "/display_information/name"
    errors = [
        {"message": "URL didn't respond", "pointer": url},
        {"message": "Name is taken", "pointer": name},
        {"message": "Name is odd", "pointer": name},
    ]
    sectorflow.post(CREATE_APP_URL, json={"ok": False, "error": "invalid_manifest", "errors": errors})

    response = client.post_installation(slackApp=NEW_APP)

    assert response.status_code == 502
    assert response.json["message"].startswith("Slack refused the app's manifest")
    assert response.json["errors"] == {
        "slack": {url: ["URL didn't respond"], name: ["Name is taken", "Name is odd"]}
    }


@pytest.mark.parametrize(
    "reply",
    [
        CREATED_APP,
        {"ok": False, "error": "invalid_manifest", "errors": [{"message": CONFIG_TOKEN, "pointer": "/"}]},
        {"ok": False, "error": CONFIG_TOKEN},
    ],
    ids=["created", "quoted in a message", "quoted as an error"],
)
def test_a_configuration_token_is_in_no_response_and_no_log(client, sectorflow, caplog, reply):
    caplog.set_level("DEBUG")
    sectorflow.post(CREATE_APP_URL, json=reply)

    answers = [
        client.post_installation(slackApp=NEW_APP),
        client.post_installation(slackApp=NEW_APP, display="carousel"),
        client.post_installation(slackApp={**NEW_APP, "appId": "x"}),
        client.get_api(),
    ]

    assert CONFIG_TOKEN not in "".join(answer.text for answer in answers) + caplog.text


# Idempotency-Key


def test_a_repeated_request_returns_the_same_installation_whatever_the_layout_of_its_json(client, sectorflow):
    body = install_request(customerId="Кунде")
    texts = [
        json.dumps(body),
        json.dumps(dict(reversed(body.items())), indent=4),
        json.dumps(body, ensure_ascii=False, separators=(",", ":")),
    ]

    answers = [client.post(INSTALLATIONS, data=text.encode(), headers={**JSON, **KEY}) for text in texts]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.text for answer in answers}) == 1
    assert len({(answer.headers["Location"], answer.headers["ETag"]) for answer in answers}) == 1
    assert len(client.list_ids()) == 1


@pytest.mark.parametrize("changes", [{"display": "tabs"}, {"apiToken": "another"}, {"customerId": None}])
def test_the_same_key_with_another_body_is_refused(client, sectorflow, changes):
    client.post_installation(KEY)

    response = client.post_installation(KEY, **changes)

    assert errors_of(response, "headers").keys() == {"Idempotency-Key"}
    assert len(client.list_ids()) == 1


def test_the_same_key_of_another_caller_is_another_key(client_with, sectorflow, store):
    client = client_with(install_api_keys=(INSTALL_API_KEY, "another-key-of-the-platform"))
    other = {"Authorization": "Bearer another-key-of-the-platform"}

    first = client.post_installation(KEY)
    second = client.post_installation({**KEY, **other}, customerId="another")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json["id"] != second.json["id"]
    digest = hashlib.sha256(KEY["Idempotency-Key"].encode()).hexdigest()
    assert len(store.keys("idempotency:*")) == 2
    assert not store.keys(f"idempotency:{digest}")


def test_a_wrong_key_is_reported_with_every_wrong_field(client):
    response = client.post_installation({"Idempotency-Key": "a b"}, display="carousel", plusId="none")

    assert errors_of(response, "headers").keys() == {"Idempotency-Key"}
    assert errors_of(response).keys() == {"display", "plusId"}


# Showing


def test_an_installation_is_shown_as_it_was_registered(client, sectorflow):
    registered = client.register()

    assert client.show(registered["id"]) == client.show(registered["id"].upper()) == registered


def test_an_installed_one_is_shown_with_its_team_and_without_its_link(client, sectorflow):
    registered, _ = client.install(sectorflow)

    assert client.show(registered["id"]) == {
        **registered,
        "status": "installed",
        "teamId": TEAM_ID,
        "teamName": "Acme",
        "botUserId": BOT_USER_ID,
        "installedAt": registered["createdAt"],
        "installUrl": None,
        "expiresAt": None,
    }


def test_a_failed_or_expired_one_is_shown_without_its_link(client, sectorflow, clock):
    failed, _ = client.install(sectorflow, reply=access_reply(app_id="A0OTHER"))
    expired = client.register()

    clock.now += DAY

    without_link = {"installUrl": None, "expiresAt": None}
    other_app = {"status": "failed", "failure": "other_app"}
    assert client.show(failed["id"]) == {**failed, **without_link, **other_app}
    assert client.show(expired["id"]) == {**expired, **without_link, "status": "expired"}


def test_an_installation_whose_secrets_no_key_opens_is_shown_without_its_link(client, sectorflow, store):
    pending = client.register()

    lose(store, f"pending-secrets:{pending['id']}", "link", "api_token")

    assert client.show(pending["id"]) == {**pending, "installUrl": None}
    assert client.delete_installation(pending["id"]).status_code == 204


def test_an_unknown_id_is_404(client):
    expected = {"code": 404, "status": "Not Found", "message": "There is no such installation."}

    assert client.get_installation(WORKSPACE_ID).json == expected
    assert client.patch_installation(WORKSPACE_ID, display="tabs").json == expected
    assert client.delete_installation(WORKSPACE_ID, {"If-Match": "*"}).json == expected
    assert client.get_installation("not-an-id").status_code == 404


def test_no_response_and_no_log_contains_a_token_or_a_secret(client, sectorflow, caplog):
    caplog.set_level("DEBUG")
    pending = client.post_installation(slackApp=CUSTOMERS_APP_FIELDS)
    refused = client.post_installation(
        slackApp={**CUSTOMERS_APP_FIELDS, "clientId": "wrong"}, workspaceId="wrong"
    )
    installed, page = client.install(sectorflow)

    answers = [pending, refused, page, client.get_installation(installed["id"]), client.get_api()]

    text = caplog.text + "".join(answer.text + str(answer.headers) for answer in answers)
    secrets = (API_TOKEN, BOT_TOKEN, CUSTOMERS_APP.client_secret, CUSTOMERS_APP.signing_secret, CODE)
    assert not [secret for secret in secrets if secret[-12:] in text]


# Listing


def test_an_installation_is_listed_as_it_is_shown(client, sectorflow, clock):
    empty = client.get_api().json
    pending = client.register(customerId="customer-7")
    clock.now += 1
    installed, _ = client.install(sectorflow)

    assert empty == {"items": [], "nextCursor": None}
    assert client.get_api().json == {"items": [pending, client.show(installed["id"])], "nextCursor": None}


def test_pages_contain_each_installation_once_oldest_first(client, sectorflow, clock):
    registered = []
    for _ in range(3):
        registered.append(client.register()["id"])
        clock.now += 1

    first = client.get_api(limit=2).json
    second = client.get_api(limit=2, cursor=first["nextCursor"]).json

    assert [[item["id"] for item in page["items"]] for page in (first, second)] == [
        registered[:2],
        registered[2:],
    ]
    assert second["nextCursor"] is None
    assert client.list_ids() == registered


def test_every_wrong_query_parameter_is_reported_at_once(client):
    response = client.get_api(limit="x", status="x", page="2")

    assert errors_of(response, "query").keys() == {"limit", "status", "page"}


# Deleting


def test_a_deleted_installation_is_gone_and_its_token_revoked(client, sectorflow):
    sectorflow.post(REVOKE_URL, json={"ok": True, "revoked": True})
    installed, _ = client.install(sectorflow)

    response = client.delete_installation(installed["id"])

    assert (response.status_code, response.data) == (204, b"")
    assert client.get_installation(installed["id"]).status_code == 404
    assert client.list_ids() == []
    assert client.delete_installation(installed["id"]).status_code == 404
    assert errors_of(client.post_installation(replaces=installed["id"])).keys() == {"replaces"}
    (revoked,) = [call.request for call in sectorflow.calls if call.request.url == REVOKE_URL]
    assert revoked.headers["Authorization"] == f"Bearer {BOT_TOKEN}"
