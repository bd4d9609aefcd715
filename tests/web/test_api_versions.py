"""Changing an installation, and its versions: ETag, If-Match and If-None-Match."""

import pytest
import responses

from tests.values import API_TOKEN, AUTHORIZED, MODEL_IDS, WORKSPACE_ID
from tests.web.flows import (
    INSTALLATIONS,
    WORKSPACE_URL,
    delete,
    etag_of,
    install,
    patch,
    post,
    register,
    show,
)

DAY = 86_400
OTHER_WORKSPACE = "3234f6d5-ebe5-4e83-ae2b-000000000000"


def test_all_settings_can_be_changed_at_once_while_installed(client, sectorflow, services):
    url = WORKSPACE_URL.replace(WORKSPACE_ID, OTHER_WORKSPACE)
    sectorflow.get(url, json={"name": "Other", "models": []})
    installed, _ = install(client, sectorflow)
    before = show(client, installed["id"])
    changes = {
        "appName": "Acme Two",
        "workspaceId": OTHER_WORKSPACE,
        "modelIds": [MODEL_IDS[2], MODEL_IDS[0]],
        "plusId": "",
        "display": "tabs",
        "allowExternalUsers": True,
    }

    response = patch(client, installed["id"], apiToken="a-new-token", **changes)

    assert response.json == {**before, **changes} == show(client, installed["id"])
    assert "a-new-token" not in response.text + str(response.headers)
    assert services.registration.find(installed["id"]).settings.sectorflow.api_token == "a-new-token"


# Versions


def test_every_response_has_the_etag_and_an_empty_change_makes_no_new_version(client, sectorflow):
    created = post(client)

    unchanged = patch(client, created.json["id"])

    assert unchanged.json == created.json
    tag = created.headers["ETag"]
    assert tag == unchanged.headers["ETag"] == etag_of(client, created.json["id"])
    assert tag.startswith('"')
    assert API_TOKEN not in tag


def test_every_change_makes_a_new_version_of_that_installation_alone(client, sectorflow, clock):
    pending = post(client)
    installed, _ = install(client, sectorflow)

    tags = [
        etag_of(client, installed["id"]),
        patch(client, installed["id"], display="tabs").headers["ETag"],
        patch(client, installed["id"], apiToken="other").headers["ETag"],
        patch(client, installed["id"], display="separated").headers["ETag"],
        etag_of(client, pending.json["id"]),
    ]
    clock.now += DAY
    expired = etag_of(client, pending.json["id"])

    assert len({*tags, expired}) == 6
    assert tags[4] == pending.headers["ETag"]


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        *[(sent, [200, 204]) for sent in ("{tag}", "*", '"other", {tag}')],
        *[
            (sent, [412, 412])
            for sent in ('"other"', "W/{tag}", '"other", W/{tag}', "", '""', "no tag", '"*"')
        ],
    ],
)
def test_with_if_match_only_the_named_version_is_changed_or_deleted(client, sectorflow, sent, statuses):
    registered = register(client)

    def headers():
        return {"If-Match": sent.format(tag=etag_of(client, registered["id"]))}

    changed = patch(client, registered["id"], headers(), display="tabs")
    unchanged = show(client, registered["id"]) == registered
    deleted = delete(client, registered["id"], headers())

    assert [changed.status_code, deleted.status_code] == statuses
    if statuses[0] == 412:
        assert unchanged
        assert changed.json.keys() == {"code", "status", "message"}
        assert show(client, registered["id"]) == registered


@pytest.mark.parametrize(("header", "status"), [(None, 200), ("*", 200), ("{tag}", 412)])
def test_a_concurrent_change_matters_only_if_a_version_is_named(client, sectorflow, header, status):
    installation_id = register(client)["id"]
    headers = {} if header is None else {"If-Match": header.format(tag=etag_of(client, installation_id))}

    def change_concurrently(request):
        patch(client, installation_id, display="tabs")
        return 200, {}, '{"name": "Jokes", "models": []}'

    sectorflow.remove(responses.GET, WORKSPACE_URL)
    sectorflow.add_callback(responses.GET, WORKSPACE_URL, change_concurrently)

    response = patch(client, installation_id, headers, apiToken="a-new-token")

    assert response.status_code == status


@pytest.mark.parametrize(("sent", "status"), [("{tag}", 304), ("W/{tag}", 304), ("*", 304), ('"other"', 200)])
def test_if_none_match_with_the_current_version_is_304_without_a_body(client, sectorflow, sent, status):
    installation_id = register(client)["id"]
    tag = etag_of(client, installation_id)
    headers = {**AUTHORIZED, "If-None-Match": sent.format(tag=tag)}

    response = client.get(f"{INSTALLATIONS}/{installation_id}", headers=headers)

    assert (response.status_code, response.headers["ETag"]) == (status, tag)
    assert bool(response.data) == (status == 200)
