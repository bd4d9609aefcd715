"""An encryption key is lost: the answers to the platform and to Slack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import redis
import responses
from flask.testing import FlaskClient

from sectorflow_slack.domain.installations import SlackApp
from tests.losing import INSTALLATION_SECRETS, lose
from tests.values import CUSTOMERS_APP, TEAM_ID, make_event
from tests.web.flows import (
    CUSTOMERS_APP_FIELDS,
    delete,
    get,
    install_customers_app,
    register,
    send_signed,
    show,
)

APP = f"app:{CUSTOMERS_APP.app_id}"
INSTALLATION = f"installation:{CUSTOMERS_APP.app_id}:{TEAM_ID}"
NEWER = replace(CUSTOMERS_APP, signing_secret="newer-signing-secret")


def send_event(client: FlaskClient, secret: str = CUSTOMERS_APP.signing_secret) -> int:
    """Send an event of the customer's app; returns the status of the answer."""
    return send_signed(client, make_event(api_app_id=CUSTOMERS_APP.app_id), secret).status_code


@pytest.fixture
def customers(client: FlaskClient, sectorflow: responses.RequestsMock) -> dict[str, Any]:
    """A customer's app, installed; as the install API shows it."""
    return show(client, install_customers_app(client, sectorflow)[0]["id"])


@pytest.fixture
def lost(customers: dict[str, Any], store: redis.Redis) -> dict[str, Any]:
    """The same, after the key was lost."""
    lose(store, INSTALLATION, *INSTALLATION_SECRETS)
    lose(store, APP, "client_secret", "signing_secret")
    return customers


def test_an_installation_is_shown_and_listed_as_it_was(client: FlaskClient, lost: dict[str, Any]) -> None:
    assert show(client, lost["id"]) == lost
    assert (get(client).json or {})["items"] == [lost]


def test_one_that_waits_is_shown_without_its_link_and_deleted(
    client: FlaskClient, sectorflow: responses.RequestsMock, store: redis.Redis
) -> None:
    waiting = register(client)
    lose(store, f"pending-secrets:{waiting['id']}", "link", "api_token")

    assert show(client, waiting["id"]) == {**waiting, "installUrl": None}
    assert delete(client, waiting["id"]).status_code == 204


def test_an_event_waits_until_the_signing_secret_can_be_read_again(
    client: FlaskClient, customers: dict[str, Any], store: redis.Redis
) -> None:
    readable = store.hgetall(APP)
    lose(store, APP, "signing_secret")
    while_lost = send_event(client)
    store.hset(APP, mapping=readable)

    assert (while_lost, send_event(client)) == (503, 200)


@pytest.mark.parametrize(
    ("unread", "signer"),
    [("next_signing_secret", CUSTOMERS_APP), ("signing_secret", NEWER)],
    ids=["waiting", "in force"],
)
def test_one_readable_secret_of_two_is_enough(
    client: FlaskClient,
    customers: dict[str, Any],
    sectorflow: responses.RequestsMock,
    store: redis.Redis,
    unread: str,
    signer: SlackApp,
) -> None:
    fields = {**CUSTOMERS_APP_FIELDS, "signingSecret": NEWER.signing_secret}
    install_customers_app(client, sectorflow, slackApp=fields, replaces=customers["id"])
    lose(store, APP, unread)

    secrets = (signer.signing_secret, "lost-next_signing_secret", "lost-signing_secret")

    assert [send_event(client, secret) for secret in secrets] == [200, 401, 401]
