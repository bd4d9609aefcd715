"""Changing an installation, and its versions: ETag, If-Match and If-None-Match."""

import pytest
import responses

from tests.values import API_TOKEN, AUTHORIZED, MODEL_IDS, WORKSPACE_ID
from tests.web.flows import INSTALLATIONS, WORKSPACE_URL

DAY = 86_400
OTHER_WORKSPACE = "3234f6d5-ebe5-4e83-ae2b-000000000000"


def test_all_settings_can_be_changed_at_once_while_installed(client, sectorflow, services):
    url = WORKSPACE_URL.replace(WORKSPACE_ID, OTHER_WORKSPACE)
    sectorflow.get(url, json={"name": "Other", "models": []})
    installed, _ = client.install(sectorflow)
    before = client.show(installed["id"])
    changes = {
        "appName": "Acme Two",
        "workspaceId": OTHER_WORKSPACE,
        "modelIds": [MODEL_IDS[2], MODEL_IDS[0]],
        "plusId": "",
        "display": "tabs",
        "allowExternalUsers": True,
    }

    response = client.patch_installation(installed["id"], apiToken="a-new-token", **changes)

    assert response.json == {**before, **changes} == client.show(installed["id"])
    assert "a-new-token" not in response.text + str(response.headers)
    assert services.registration.find(installed["id"]).settings.sectorflow.api_token == "a-new-token"


# Versions


def test_every_response_has_the_etag_and_an_empty_change_makes_no_new_version(client, sectorflow):
    created = client.post_installation()

    unchanged = client.patch_installation(created.json["id"])

    assert unchanged.json == created.json
    tag = created.headers["ETag"]
    assert tag == unchanged.headers["ETag"] == client.etag_of(created.json["id"])
    assert tag.startswith('"')
    assert API_TOKEN not in tag


def test_every_change_makes_a_new_version_of_that_installation_alone(client, sectorflow, clock):
    pending = client.post_installation()
    installed, _ = client.install(sectorflow)

    tags = [
        client.etag_of(installed["id"]),
        client.patch_installation(installed["id"], display="tabs").headers["ETag"],
        client.patch_installation(installed["id"], apiToken="other").headers["ETag"],
        client.patch_installation(installed["id"], display="separated").headers["ETag"],
        client.etag_of(pending.json["id"]),
    ]
    clock.now += DAY
    expired = client.etag_of(pending.json["id"])

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
    registered = client.register()

    def headers():
        return {"If-Match": sent.format(tag=client.etag_of(registered["id"]))}

    changed = client.patch_installation(registered["id"], headers(), display="tabs")
    unchanged = client.show(registered["id"]) == registered
    deleted = client.delete_installation(registered["id"], headers())

    assert [changed.status_code, deleted.status_code] == statuses
    if statuses[0] == 412:
        assert unchanged
        assert changed.json.keys() == {"code", "status", "message"}
        assert client.show(registered["id"]) == registered


@pytest.mark.parametrize(("header", "status"), [(None, 200), ("*", 200), ("{tag}", 412)])
def test_a_concurrent_change_matters_only_if_a_version_is_named(client, sectorflow, header, status):
    installation_id = client.register()["id"]
    headers = {} if header is None else {"If-Match": header.format(tag=client.etag_of(installation_id))}

    def change_concurrently(request):
        client.patch_installation(installation_id, display="tabs")
        return 200, {}, '{"name": "Jokes", "models": []}'

    sectorflow.remove(responses.GET, WORKSPACE_URL)
    sectorflow.add_callback(responses.GET, WORKSPACE_URL, change_concurrently)

    response = client.patch_installation(installation_id, headers, apiToken="a-new-token")

    assert response.status_code == status


@pytest.mark.parametrize(("sent", "status"), [("{tag}", 304), ("W/{tag}", 304), ("*", 304), ('"other"', 200)])
def test_if_none_match_with_the_current_version_is_304_without_a_body(client, sectorflow, sent, status):
    installation_id = client.register()["id"]
    tag = client.etag_of(installation_id)
    headers = {**AUTHORIZED, "If-None-Match": sent.format(tag=tag)}

    response = client.get(f"{INSTALLATIONS}/{installation_id}", headers=headers)

    assert (response.status_code, response.headers["ETag"]) == (status, tag)
    assert bool(response.data) == (status == 200)
