"""Changing an installation, and versions: a caller that has not seen the latest one changes nothing."""

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

DAY = 86_400
OTHER_WORKSPACE = "3234f6d5-ebe5-4e83-ae2b-000000000000"
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
    url = WORKSPACE_URL.replace(WORKSPACE_ID, OTHER_WORKSPACE)
    sectorflow.get(url, json={"name": "Other", "models": []})
    return sectorflow


def test_all_settings_can_be_changed_at_once_while_installed(
    client: FlaskClient, other_workspace: responses.RequestsMock, services: Services
) -> None:
    installed, _ = install(client, other_workspace)
    before = show(client, installed["id"])

    response = patch(client, installed["id"], apiToken="a-new-token", **CHANGES)

    assert response.json == {**before, **CHANGES} == show(client, installed["id"])
    assert "a-new-token" not in response.text + str(response.headers)
    found = services.registration.find(installed["id"])
    assert isinstance(found, Installation)
    assert found.settings.sectorflow.api_token == "a-new-token"


def test_a_wrong_field_is_named_and_changes_nothing(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    registered = register(client)

    response = patch(client, registered["id"], plusId="", display="carousel", teamId="T0ACME")

    assert errors_of(response).keys() == {"display", "teamId"}
    assert show(client, registered["id"]) == registered


# Versions


def test_all_answers_name_one_version_and_a_change_of_nothing_leaves_it(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    response = post(client)
    registered = response.json or {}

    unchanged = patch(client, registered["id"])

    assert unchanged.json == registered
    tags = {response.headers["ETag"], unchanged.headers["ETag"], etag_of(client, registered["id"])}
    (tag,) = tags
    assert tag.startswith('"')
    assert API_TOKEN not in tag


def test_each_change_makes_another_version_also_of_fields_that_no_answer_shows(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    response = post(client)
    waiting = (response.json or {})["id"]
    installed, _ = install(client, sectorflow)

    tags = [
        etag_of(client, installed["id"]),
        patch(client, installed["id"], display="tabs").headers["ETag"],
        patch(client, installed["id"], apiToken="other").headers["ETag"],
        patch(client, installed["id"], display="separated").headers["ETag"],
        etag_of(client, waiting),
    ]
    clock.now += DAY
    tags.append(etag_of(client, waiting))

    assert len(set(tags)) == len(tags)
    assert tags[4] == response.headers["ETag"]  # others were installed and changed meanwhile


@pytest.mark.parametrize("sent", ["{tag}", "*", '"other", {tag}'])
def test_a_caller_that_has_seen_the_latest_version_may_change_and_delete_it(
    client: FlaskClient, sectorflow: responses.RequestsMock, sent: str
) -> None:
    installation_id = register(client)["id"]

    def headers() -> dict[str, str]:
        return {"If-Match": sent.format(tag=etag_of(client, installation_id))}

    changed = patch(client, installation_id, headers(), display="tabs")
    deleted = delete(client, installation_id, headers())

    assert (changed.status_code, deleted.status_code) == (200, 204)


@pytest.mark.parametrize("sent", ['"other"', "W/{tag}", '"other", W/{tag}', "", '""', "not a tag", '"*"'])
def test_a_caller_that_has_seen_another_version_changes_and_deletes_nothing(
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


@pytest.mark.parametrize(("header", "status"), [(None, 200), ("*", 200), ("{tag}", 412)])
def test_a_version_that_changes_while_the_request_is_handled_counts_if_it_was_named(
    client: FlaskClient, sectorflow: responses.RequestsMock, header: str | None, status: int
) -> None:
    installation_id = register(client)["id"]
    headers = {} if header is None else {"If-Match": header.format(tag=etag_of(client, installation_id))}

    def changed_meanwhile(request: Any) -> tuple[int, dict[str, str], str]:
        patch(client, installation_id, display="tabs")
        return 200, {}, '{"name": "Jokes", "models": []}'

    sectorflow.remove(responses.GET, WORKSPACE_URL)
    sectorflow.add_callback(responses.GET, WORKSPACE_URL, changed_meanwhile)

    response = patch(client, installation_id, headers, apiToken="a-new-token")

    assert response.status_code == status


@pytest.mark.parametrize(("sent", "status"), [("{tag}", 304), ("W/{tag}", 304), ("*", 304), ('"other"', 200)])
def test_a_caller_that_has_the_latest_version_need_not_read_it_again(
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
