"""Nobody takes over what is not theirs; who names an installation may replace it."""

from __future__ import annotations

import responses
from flask.testing import FlaskClient

from tests.values import AUTHORIZED, CUSTOMERS_APP, TEAM_ID, WORKSPACE_ID, encoded, make_event, signed
from tests.web.flows import (
    CUSTOMERS_APP_FIELDS,
    INSTALLATIONS,
    consent_reply,
    errors_of,
    install,
    install_customers_app,
    post,
    register,
    send,
    show,
)

OTHER_TEAM = "T0OTHER"


def test_an_installation_is_replaced_by_one_that_names_it(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    older, _ = install(client, sectorflow)

    newer, page = install(client, sectorflow, replaces=older["id"], appName="Acme Two")

    assert page.status_code == 200
    assert client.get(f"{INSTALLATIONS}/{older['id']}", headers=AUTHORIZED).status_code == 404
    assert (show(client, newer["id"])["status"], newer["teamId"]) == ("installed", TEAM_ID)


def test_the_older_one_answers_until_the_newer_is_consented_to(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    older, _ = install(client, sectorflow)

    register(client, replaces=older["id"])

    assert show(client, older["id"])["status"] == "installed"


def test_the_team_of_the_replaced_one_is_the_only_one_that_may_consent(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    older, _ = install(client, sectorflow)
    sectorflow.post("https://slack.com/api/auth.revoke", json={"ok": True, "revoked": True})

    reply = consent_reply(team={"id": OTHER_TEAM, "name": "Other"})
    newer, page = install(client, sectorflow, reply=reply, replaces=older["id"])

    assert page.status_code == 403
    assert (show(client, older["id"])["status"], show(client, newer["id"])["status"]) == (
        "installed",
        "pending",
    )


def test_one_that_names_nothing_finds_the_place_taken(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    older, _ = install(client, sectorflow)

    newer, page = install(client, sectorflow)

    assert page.status_code == 409
    assert (show(client, newer["id"])["status"], show(client, newer["id"])["failure"]) == (
        "failed",
        "already_installed",
    )
    assert show(client, older["id"])["status"] == "installed"


def test_an_id_that_nobody_has_cannot_be_replaced(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    response = post(client, replaces=WORKSPACE_ID)

    assert errors_of(response).keys() == {"replaces"}


def test_one_that_still_waits_for_consent_cannot_be_replaced(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    waiting = register(client)

    response = post(client, replaces=waiting["id"])

    assert errors_of(response).keys() == {"replaces"}


def test_one_of_another_app_cannot_be_replaced(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    older, _ = install(client, sectorflow)

    response = post(client, replaces=older["id"], slackApp=CUSTOMERS_APP_FIELDS)

    assert errors_of(response).keys() == {"replaces"}


def test_one_of_another_team_cannot_be_replaced(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    older, _ = install(client, sectorflow)

    answers = [post(client, replaces=older["id"], teamId=team) for team in (OTHER_TEAM, TEAM_ID)]

    assert errors_of(answers[0]).keys() == {"replaces"}
    assert answers[1].status_code == 201


def test_one_that_was_replaced_meanwhile_cannot_be_replaced_again(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    first, _ = install(client, sectorflow)
    install(client, sectorflow, replaces=first["id"])

    response = post(client, replaces=first["id"])

    assert errors_of(response).keys() == {"replaces"}


def test_the_credentials_of_an_app_count_for_nothing_until_slack_named_that_app(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    install_customers_app(client, sectorflow)
    forged = {**CUSTOMERS_APP_FIELDS, "signingSecret": "attackers-secret", "clientSecret": "attackers"}
    register(client, slackApp=forged)
    body = encoded(make_event(api_app_id=CUSTOMERS_APP.app_id))

    statuses = [
        send(client, body, signed(body, secret)).status_code
        for secret in ("attackers-secret", CUSTOMERS_APP.signing_secret)
    ]

    assert statuses == [401, 200]


def test_an_exchange_that_fails_changes_nothing_about_the_app(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    install_customers_app(client, sectorflow)
    forged = {**CUSTOMERS_APP_FIELDS, "signingSecret": "attackers-secret"}
    install(client, sectorflow, reply={"ok": False, "error": "bad_client_secret"}, slackApp=forged)
    body = encoded(make_event(api_app_id=CUSTOMERS_APP.app_id))

    response = send(client, body, signed(body, "attackers-secret"))

    assert response.status_code == 401
