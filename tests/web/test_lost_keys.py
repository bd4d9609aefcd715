"""A key is lost: what the platform and Slack are answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import redis
import responses
from flask.testing import FlaskClient

from tests.losing import INSTALLATION_SECRETS, lose
from tests.values import AUTHORIZED, CUSTOMERS_APP, TEAM_ID, encoded, make_event, signed
from tests.web.flows import (
    CUSTOMERS_APP_FIELDS,
    INSTALLATIONS,
    delete,
    errors_of,
    etag_of,
    install_customers_app,
    patch,
    register,
    send,
    show,
)

APP = f"app:{CUSTOMERS_APP.app_id}"
NEWER = replace(CUSTOMERS_APP, signing_secret="newer-signing-secret")
EVENT = encoded(make_event(api_app_id=CUSTOMERS_APP.app_id))


@pytest.fixture
def installed(client: FlaskClient, sectorflow: responses.RequestsMock) -> dict[str, Any]:
    """A customer's app, installed; as the install API shows it."""
    return show(client, install_customers_app(client, sectorflow)[0]["id"])


@pytest.fixture
def lost(installed: dict[str, Any], store: redis.Redis) -> dict[str, Any]:
    """The same, after the key was lost."""
    lose(store, f"installation:{CUSTOMERS_APP.app_id}:{TEAM_ID}", *INSTALLATION_SECRETS)
    lose(store, APP, "client_secret", "signing_secret")
    return installed


# The install API


def test_an_installation_is_shown_as_it_was(client: FlaskClient, lost: dict[str, Any]) -> None:
    listed = client.get(INSTALLATIONS, headers=AUTHORIZED).json or {}

    assert show(client, lost["id"]) == lost
    assert listed["items"] == [lost]


@pytest.mark.parametrize("with_version", [False, True])
def test_it_is_deleted_and_installed_again_at_once(
    client: FlaskClient, lost: dict[str, Any], sectorflow: responses.RequestsMock, with_version: bool
) -> None:
    headers = {"If-Match": etag_of(client, lost["id"])} if with_version else {}

    deleted = delete(client, lost["id"], headers)
    _, page = install_customers_app(client, sectorflow)

    assert (deleted.status_code, page.status_code) == (204, 200)
    assert client.get(f"{INSTALLATIONS}/{lost['id']}", headers=AUTHORIZED).status_code == 404
    assert send(client, EVENT, signed(EVENT, CUSTOMERS_APP.signing_secret)).status_code == 200


def test_it_is_replaced(
    client: FlaskClient, lost: dict[str, Any], sectorflow: responses.RequestsMock
) -> None:
    newer, page = install_customers_app(client, sectorflow, replaces=lost["id"])

    assert page.status_code == 200
    assert show(client, newer["id"])["status"] == "installed"


def test_a_change_has_to_bring_the_token_with_it(client: FlaskClient, lost: dict[str, Any]) -> None:
    refused = patch(client, lost["id"], display="tabs")
    changed = patch(client, lost["id"], display="tabs", apiToken="a-new-token")

    assert errors_of(refused) == {"apiToken": ["The stored token cannot be read; send it anew."]}
    assert changed.json == {**lost, "display": "tabs"}


def test_one_that_waits_is_shown_without_its_link_and_deleted(
    client: FlaskClient, sectorflow: responses.RequestsMock, store: redis.Redis
) -> None:
    waiting = register(client)
    lose(store, f"pending-secrets:{waiting['id']}", "link", "api_token")

    assert show(client, waiting["id"]) == {**waiting, "installUrl": None}
    assert delete(client, waiting["id"]).status_code == 204


# Slack


def test_an_event_waits_until_the_key_of_its_apps_only_signing_secret_is_back(
    client: FlaskClient, installed: dict[str, Any], store: redis.Redis
) -> None:
    kept = store.hgetall(APP)
    lose(store, APP, "signing_secret")
    while_lost = send(client, EVENT, signed(EVENT, CUSTOMERS_APP.signing_secret))
    store.hset(APP, mapping=kept)
    afterwards = send(client, EVENT, signed(EVENT, CUSTOMERS_APP.signing_secret))

    assert (while_lost.status_code, afterwards.status_code) == (503, 200)


@pytest.mark.parametrize(
    ("unread", "signs"),
    [("next_signing_secret", CUSTOMERS_APP), ("signing_secret", NEWER)],
    ids=["waiting", "in force"],
)
def test_of_two_signing_secrets_one_that_can_be_read_is_enough(
    client: FlaskClient,
    installed: dict[str, Any],
    sectorflow: responses.RequestsMock,
    store: redis.Redis,
    unread: str,
    signs: Any,
) -> None:
    fields = {**CUSTOMERS_APP_FIELDS, "signingSecret": NEWER.signing_secret}
    install_customers_app(client, sectorflow, slackApp=fields, replaces=installed["id"])
    lose(store, APP, unread)

    statuses = [
        send(client, EVENT, signed(EVENT, secret)).status_code
        for secret in (signs.signing_secret, "lost-next_signing_secret", "lost-signing_secret")
    ]

    assert statuses == [200, 401, 401]


def test_an_event_for_an_installation_that_cannot_be_read_waits_too(
    client: FlaskClient, installed: dict[str, Any], store: redis.Redis
) -> None:
    lose(store, f"installation:{CUSTOMERS_APP.app_id}:{TEAM_ID}", "api_token")

    response = send(client, EVENT, signed(EVENT, CUSTOMERS_APP.signing_secret))

    assert response.status_code == 503
