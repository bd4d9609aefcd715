"""Deleting an installation."""

from __future__ import annotations

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import PreconditionFailed

from sectorflow_slack.web.preconditions import require_match
from tests.values import AUTHORIZED, BOT_TOKEN, WORKSPACE_ID
from tests.web.flows import (
    INSTALLATIONS,
    REVOKE_URL,
    delete,
    install,
    path_of,
    post,
    register,
)


def test_a_deleted_installation_is_gone_everywhere(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    sectorflow.post(REVOKE_URL, json={"ok": True, "revoked": True})
    installed, _ = install(client, sectorflow)

    response = delete(client, installed["id"])

    assert (response.status_code, response.data) == (204, b"")
    assert client.get(f"{INSTALLATIONS}/{installed['id']}", headers=AUTHORIZED).status_code == 404
    assert client.get(INSTALLATIONS, headers=AUTHORIZED).json == {"items": [], "nextCursor": None}
    assert delete(client, installed["id"]).status_code == 404


def test_its_bot_token_is_taken_back_at_slack(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    sectorflow.post(REVOKE_URL, json={"ok": True, "revoked": True})
    installed, _ = install(client, sectorflow)

    delete(client, installed["id"])

    revoked = [call.request for call in sectorflow.calls if call.request.url == REVOKE_URL]
    assert [request.headers["Authorization"] for request in revoked] == [f"Bearer {BOT_TOKEN}"]


def test_slack_being_away_keeps_nothing(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    sectorflow.post(REVOKE_URL, status=503)
    installed, _ = install(client, sectorflow)

    assert delete(client, installed["id"]).status_code == 204
    assert client.get(f"{INSTALLATIONS}/{installed['id']}", headers=AUTHORIZED).status_code == 404


def test_the_link_of_a_deleted_one_is_dead(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    registered = register(client)

    assert delete(client, registered["id"]).status_code == 204
    assert client.get(path_of(registered["installUrl"])).status_code == 404


def test_what_was_deleted_cannot_be_replaced(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    sectorflow.post(REVOKE_URL, json={"ok": True, "revoked": True})
    installed, _ = install(client, sectorflow)
    delete(client, installed["id"])

    assert post(client, replaces=installed["id"]).status_code == 422


def test_what_is_not_there_cannot_be_deleted(client: FlaskClient) -> None:
    response = delete(client, WORKSPACE_ID, {"If-Match": "*"})

    assert response.status_code == 404
    assert (response.json or {})["code"] == 404


@pytest.mark.parametrize(
    ("header", "names_it"), [({}, False), ({"If-Match": "*"}, False), ({"If-Match": '"one", "this"'}, True)]
)
def test_only_a_version_that_is_named_must_stay_the_one(
    app: Flask, header: dict[str, str], names_it: bool
) -> None:
    with app.test_request_context(headers=header):
        assert require_match("this") is names_it


@pytest.mark.parametrize("header", ['"other"', 'W/"this"', "", "this is none"])
def test_a_version_that_is_not_the_one_is_refused(app: Flask, header: str) -> None:
    with app.test_request_context(headers={"If-Match": header}), pytest.raises(PreconditionFailed):
        require_match("this")
