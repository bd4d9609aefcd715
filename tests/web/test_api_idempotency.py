"""``Idempotency-Key``: a request that is sent again makes nothing new."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.values import AUTHORIZED, install_request
from tests.web.flows import INSTALLATIONS, WORKSPACE_URL, delete, errors_of, get, patch, post

KEY = {"Idempotency-Key": "a-key-of-one-request"}


def count(client: FlaskClient) -> int:
    """How many installations there are."""
    return len((get(client).json or {})["items"])


def test_the_same_request_again_gives_the_same_installation(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    first, second = post(client, KEY), post(client, KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert [first.headers[name] for name in ("Location", "ETag")] == [
        second.headers[name] for name in ("Location", "ETag")
    ]
    assert count(client) == 1


def test_the_installation_is_shown_as_it_is_by_then(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    first = post(client, KEY).json or {}
    patch(client, first["id"], display="tabs")

    again = post(client, KEY)

    assert (again.status_code, again.json) == (201, {**first, "display": "tabs"})


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
    assert count(client) == 1


@pytest.mark.parametrize("changes", [{"display": "tabs"}, {"apiToken": "another"}, {"customerId": None}])
def test_the_same_key_with_another_body_is_refused(
    client: FlaskClient, sectorflow: responses.RequestsMock, changes: dict[str, Any]
) -> None:
    post(client, KEY)

    response = post(client, KEY, **changes)

    assert errors_of(response, "headers").keys() == {"Idempotency-Key"}
    assert count(client) == 1


def test_another_key_or_none_makes_another_installation(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    for headers in (KEY, {"Idempotency-Key": "another"}, None, None):
        post(client, headers)

    assert count(client) == 4


def test_a_refused_request_may_be_corrected_under_its_key(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    sectorflow.replace(responses.GET, WORKSPACE_URL, status=401)
    refused = post(client, KEY, apiToken="wrong")
    sectorflow.replace(responses.GET, WORKSPACE_URL, json={"name": "Jokes", "models": []})

    corrected = post(client, KEY)

    assert (refused.status_code, corrected.status_code) == (422, 201)


def test_a_deleted_installation_does_not_come_back_under_its_key(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    delete(client, (post(client, KEY).json or {})["id"])

    assert errors_of(post(client, KEY), "headers").keys() == {"Idempotency-Key"}


def test_a_wrong_key_is_named_with_every_wrong_field(client: FlaskClient) -> None:
    response = post(client, {"Idempotency-Key": "a b"}, display="carousel", plusId="none")

    assert errors_of(response, "headers").keys() == {"Idempotency-Key"}
    assert errors_of(response).keys() == {"display", "plusId"}


def test_a_request_whose_key_is_in_use_is_to_be_sent_again(
    client: FlaskClient, app: Flask, sectorflow: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sectorflow_slack.services.claims.POLLS", 0)
    inner: list[TestResponse] = []

    def asked_meanwhile(request: Any) -> tuple[int, dict[str, str], str]:
        inner.append(post(app.test_client(), KEY))
        return 200, {}, '{"name": "Jokes", "models": []}'

    sectorflow.remove(responses.GET, WORKSPACE_URL)
    sectorflow.add_callback(responses.GET, WORKSPACE_URL, asked_meanwhile)

    outer = post(client, KEY)

    assert outer.status_code == 201
    assert [answer.status_code for answer in inner] == [503]
    assert int(inner[0].headers["Retry-After"]) >= 1
