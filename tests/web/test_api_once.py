"""``Idempotency-Key``: a request that is sent again asks for nothing new."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.values import AUTHORIZED, install_request
from tests.web.flows import INSTALLATIONS, WORKSPACE_URL, delete, patch, post

KEY = "a-key-of-one-request"


def post_once(client: FlaskClient, key: str = KEY, body: bytes | None = None, **changes: Any) -> TestResponse:
    return client.post(
        INSTALLATIONS,
        data=json.dumps(install_request(**changes)) if body is None else body,
        headers={**AUTHORIZED, "Idempotency-Key": key, "Content-Type": "application/json"},
    )


def count(client: FlaskClient) -> int:
    return len((client.get(INSTALLATIONS, headers=AUTHORIZED).json or {})["items"])


def test_the_same_request_again_gives_the_same_installation(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    first, second = post_once(client), post_once(client)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert [first.headers[name] for name in ("Location", "ETag")] == [
        second.headers[name] for name in ("Location", "ETag")
    ]
    assert count(client) == 1


def test_it_is_given_as_it_is_by_then(client: FlaskClient, sectorflow: responses.RequestsMock) -> None:
    first = post_once(client).json or {}
    patch(client, first["id"], display="tabs")

    again = post_once(client)

    assert again.status_code == 201
    assert again.json == {**first, "display": "tabs"}


def test_space_and_the_order_of_fields_make_no_other_body(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    body = install_request(customerId="Кунде")
    turned = dict(reversed(body.items()))

    ids = {
        (post_once(client, body=text.encode()).json or {})["id"]
        for text in (
            json.dumps(body),
            json.dumps(turned, indent=4),
            json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        )
    }

    assert len(ids) == 1


def test_the_same_key_with_another_body_is_refused(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    post_once(client)

    answers = [post_once(client, **changes) for changes in ({"display": "tabs"}, {"apiToken": "another"})]

    for answer in answers:
        assert answer.status_code == 422
        assert (answer.json or {})["errors"]["headers"].keys() == {"Idempotency-Key"}
    assert count(client) == 1


def test_another_key_or_none_makes_another_installation(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    ids = {
        (answer.json or {})["id"]
        for answer in (post_once(client), post_once(client, "another"), post(client), post(client))
    }

    assert len(ids) == 4


def test_a_request_that_was_refused_may_be_mended_under_its_key(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    sectorflow.replace(responses.GET, WORKSPACE_URL, status=401)
    refused = post_once(client, apiToken="wrong")
    sectorflow.replace(responses.GET, WORKSPACE_URL, json={"name": "Jokes", "models": []})

    mended = post_once(client)

    assert (refused.status_code, mended.status_code) == (422, 201)


def test_what_the_key_made_and_is_deleted_does_not_come_back(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    delete(client, (post_once(client).json or {})["id"])

    response = post_once(client)

    assert response.status_code == 422
    assert (response.json or {})["errors"]["headers"].keys() == {"Idempotency-Key"}


@pytest.mark.parametrize("key", ["k", "k" * 255, "".join(map(chr, range(0x21, 0x7F))), '"quoted"'])
def test_any_visible_text_is_a_key(client: FlaskClient, sectorflow: responses.RequestsMock, key: str) -> None:
    ids = {(post_once(client, key).json or {})["id"] for _ in range(2)}

    assert len(ids) == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "k" * 256, "schlüssel", "\x7f", "a\tb"])
def test_what_is_no_key_is_refused(client: FlaskClient, sectorflow: responses.RequestsMock, key: str) -> None:
    response = post_once(client, key)

    assert response.status_code == 422
    assert (response.json or {})["errors"]["headers"].keys() == {"Idempotency-Key"}
    assert count(client) == 0


def test_a_wrong_key_is_named_with_every_wrong_field(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    response = post_once(client, "a b", display="carousel", plusId="none")

    assert response.status_code == 422
    errors = (response.json or {})["errors"]
    assert {where: named.keys() for where, named in errors.items()} == {
        "headers": {"Idempotency-Key"},
        "json": {"display", "plusId"},
    }


def test_a_body_that_is_no_json_is_400_whatever_the_key(client: FlaskClient) -> None:
    assert post_once(client, "a b", body=b"").status_code == 400


def test_a_key_that_is_taken_just_now_is_to_be_asked_for_again(
    client: FlaskClient, app: Flask, sectorflow: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sectorflow_slack.services.claims.POLLS", 0)
    inner: list[TestResponse] = []

    def asked_meanwhile(request: Any) -> tuple[int, dict[str, str], str]:
        inner.append(post_once(app.test_client()))
        return 200, {}, '{"name": "Jokes", "models": []}'

    sectorflow.remove(responses.GET, WORKSPACE_URL)
    sectorflow.add_callback(responses.GET, WORKSPACE_URL, asked_meanwhile)

    outer = post_once(client)

    assert outer.status_code == 201
    assert [answer.status_code for answer in inner] == [503]
    assert int(inner[0].headers["Retry-After"]) >= 1
