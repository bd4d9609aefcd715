"""Changing an installation, and versions: who has not seen the latest one changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import responses
from flask.testing import FlaskClient

from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.services import Services
from tests.values import API_TOKEN, AUTHORIZED, MODEL_IDS, WORKSPACE_ID, FixedClock
from tests.web.flows import (
    INSTALLATIONS,
    WORKSPACE_URL,
    delete,
    errors_of,
    etag_of,
    install,
    patch,
    post,
    register,
    show,
)

OTHER_WORKSPACE = "3234f6d5-ebe5-4e83-ae2b-000000000000"
OTHER_WORKSPACE_URL = WORKSPACE_URL.replace(WORKSPACE_ID, OTHER_WORKSPACE)
CHANGES: dict[str, Any] = {
    "appName": "Acme Two",
    "workspaceId": OTHER_WORKSPACE,
    "modelIds": [MODEL_IDS[2], MODEL_IDS[0]],
    "plusId": "",
    "display": "tabs",
    "allowExternalUsers": True,
}


@pytest.fixture
def other_workspace(sectorflow: responses.RequestsMock) -> responses.RequestsMock:
    sectorflow.get(OTHER_WORKSPACE_URL, json={"name": "Other", "models": []})
    return sectorflow


@pytest.mark.parametrize("field", CHANGES)
def test_each_setting_can_be_changed_alone(
    client: FlaskClient, other_workspace: responses.RequestsMock, field: str
) -> None:
    registered = register(client)

    response = patch(client, registered["id"], **{field: CHANGES[field]})

    assert response.status_code == 200
    assert response.json == {**registered, field: CHANGES[field]} == show(client, registered["id"])


def test_all_settings_can_be_changed_at_once_while_installed(
    client: FlaskClient, other_workspace: responses.RequestsMock, services: Services
) -> None:
    installed, _ = install(client, other_workspace)
    before = show(client, installed["id"])

    response = patch(client, installed["id"], apiToken="a-new-token", **CHANGES)

    assert response.json == {**before, **CHANGES}
    found = services.installs.find(installed["id"])
    assert isinstance(found, Installation)
    assert found.terms.sectorflow.api_token == "a-new-token"


def test_the_token_changes_unseen(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    registered = register(client)

    response = patch(client, registered["id"], apiToken="another-token-that-nobody-may-see")

    assert response.json == registered
    assert "another-token" not in response.text + str(response.headers)
    checked = sectorflow.calls[-1].request.headers["Authorization"]
    assert checked == "Bearer another-token-that-nobody-may-see"


def test_nothing_asked_is_nothing_changed(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    response = post(client)
    registered = response.json or {}

    changed = patch(client, registered["id"])

    assert (changed.status_code, changed.json) == (200, registered)
    assert changed.headers["ETag"] == response.headers["ETag"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("appName", value) for value in ("", " ", "A" * 36, "A\x00", "\u202eA", None)],
        *[("apiToken", value) for value in ("", "to ken", "t" * 4097, None)],
        *[("workspaceId", value) for value in ("", "x", None)],
        *[("modelIds", value) for value in ([], ["x"], [MODEL_IDS[0]] * 2, None)],
        *[("plusId", value) for value in ("x", None)],
        *[("display", value) for value in ("", "carousel", None)],
        *[("allowExternalUsers", value) for value in ("true", 1, None)],
        *[(name, "x") for name in ("color", "id", "status", "teamId", "customerId", "slackApp", "replaces")],
        *[(name, None) for name in ("color", "returnUrl", "appId", "revision")],
    ],
)
def test_what_the_rules_forbid_is_named_and_changes_nothing(
    client: FlaskClient, sectorflow: responses.RequestsMock, field: str, value: Any
) -> None:
    registered = register(client)

    response = patch(client, registered["id"], **{"plusId": "", field: value})

    assert errors_of(response).keys() == {field}
    assert show(client, registered["id"]) == registered


def test_a_new_token_that_sectorflow_refuses_changes_nothing(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    registered = register(client)
    etag = etag_of(client, registered["id"])
    sectorflow.replace(responses.GET, WORKSPACE_URL, status=401)

    response = patch(client, registered["id"], apiToken="refused", display="tabs")

    assert errors_of(response) == {"apiToken": ["SectorFlow refuses this token."]}
    assert etag_of(client, registered["id"]) == etag


def test_what_failed_or_expired_is_not_changed_any_more(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    registered = register(client)
    clock.now += 86_400

    response = patch(client, registered["id"], display="tabs")

    assert errors_of(response).keys() == {"status"}


def test_what_is_not_there_cannot_be_changed(client: FlaskClient) -> None:
    assert patch(client, WORKSPACE_ID, display="tabs").status_code == 404


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"", 400), (b"[]", 422), (b"null", 422)])
def test_a_body_that_is_no_object_changes_nothing(
    client: FlaskClient, sectorflow: responses.RequestsMock, body: bytes, status: int
) -> None:
    path = f"{INSTALLATIONS}/{register(client)['id']}"

    answers = [
        client.patch(path, data=body, headers=AUTHORIZED, content_type=content_type).status_code
        for content_type in ("application/json", "text/plain")
    ]

    assert answers == [status, 415]


# Versions


def test_all_answers_name_one_and_the_same_version(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    response = post(client)
    installation_id = (response.json or {})["id"]

    tags = {
        response.headers["ETag"],
        etag_of(client, installation_id),
        patch(client, installation_id).headers["ETag"],
    }

    assert len(tags) == 1
    (tag,) = tags
    assert tag.startswith('"')
    assert API_TOKEN not in tag


def test_each_change_makes_another_version_also_of_what_no_answer_shows(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    installed, _ = install(client, sectorflow)
    waiting = register(client)

    tags = [
        etag_of(client, installed["id"]),
        patch(client, installed["id"], display="tabs").headers["ETag"],
        patch(client, installed["id"], apiToken="other").headers["ETag"],
        patch(client, installed["id"], display="separated").headers["ETag"],
        etag_of(client, waiting["id"]),
    ]
    clock.now += 86_400
    tags.append(etag_of(client, waiting["id"]))

    assert len(set(tags)) == len(tags)


def test_being_installed_makes_another_version(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    registered = post(client)
    installed, _ = install(client, sectorflow)

    assert etag_of(client, installed["id"]) != registered.headers["ETag"]
    # The same one stands as it was, though another was installed.
    assert etag_of(client, (registered.json or {})["id"]) == registered.headers["ETag"]


@pytest.mark.parametrize("sent", ["{tag}", "*", '"other", {tag}'])
def test_who_has_seen_the_latest_version_may_change_and_delete_it(
    client: FlaskClient, sectorflow: responses.RequestsMock, sent: str
) -> None:
    installation_id = register(client)["id"]

    def headers() -> dict[str, str]:
        return {"If-Match": sent.format(tag=etag_of(client, installation_id))}

    changed = patch(client, installation_id, headers(), display="tabs")
    deleted = delete(client, installation_id, headers())

    assert (changed.status_code, deleted.status_code) == (200, 204)


@pytest.mark.parametrize("sent", ['"other"', "W/{tag}", '"other", W/{tag}', "", '""', "not a tag", '"*"'])
def test_who_has_seen_another_version_changes_and_deletes_nothing(
    client: FlaskClient, sectorflow: responses.RequestsMock, sent: str
) -> None:
    registered = register(client)
    headers = {"If-Match": sent.format(tag=etag_of(client, registered["id"]))}

    answers = [
        patch(client, registered["id"], headers, display="tabs"),
        delete(client, registered["id"], headers),
    ]

    assert [answer.status_code for answer in answers] == [412, 412]
    assert (answers[0].json or {}).keys() == {"code", "status", "message"}
    assert show(client, registered["id"]) == registered


def test_of_two_who_saw_the_same_version_the_second_changes_nothing(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    installation_id = register(client)["id"]
    headers = {"If-Match": etag_of(client, installation_id)}

    answers = [patch(client, installation_id, headers, appName=name) for name in ("First", "Second")]

    assert [answer.status_code for answer in answers] == [200, 412]
    assert show(client, installation_id)["appName"] == "First"


@pytest.mark.parametrize(("sent", "status"), [("{tag}", 304), ("W/{tag}", 304), ("*", 304), ('"other"', 200)])
def test_who_has_the_latest_version_need_not_read_it_again(
    client: FlaskClient, sectorflow: responses.RequestsMock, sent: str, status: int
) -> None:
    installation_id = register(client)["id"]
    tag = etag_of(client, installation_id)

    response = client.get(
        f"{INSTALLATIONS}/{installation_id}",
        headers={**AUTHORIZED, "If-None-Match": sent.format(tag=tag)},
    )

    assert (response.status_code, response.headers["ETag"]) == (status, tag)
    assert bool(response.data) == (status == 200)
