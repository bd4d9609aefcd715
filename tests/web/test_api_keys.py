from __future__ import annotations

import dataclasses

import pytest
import responses
from flask.testing import FlaskClient

from sectorflow_slack.app import create_app
from sectorflow_slack.config import Settings
from sectorflow_slack.services import Services
from tests.values import INSTALL_API_KEY, WORKSPACE_ID, install_request
from tests.web.flows import INSTALLATIONS

CALLS = [
    ("POST", INSTALLATIONS),
    ("GET", INSTALLATIONS),
    ("GET", f"{INSTALLATIONS}/{WORKSPACE_ID}"),
    ("PATCH", f"{INSTALLATIONS}/{WORKSPACE_ID}"),
    ("DELETE", f"{INSTALLATIONS}/{WORKSPACE_ID}"),
    ("GET", "/api/v1/manifest"),
]
WRONG = [
    None,
    "",
    "Bearer",
    "Bearer ",
    "Bearer wrong-key-of-the-platform",
    f"Bearer {INSTALL_API_KEY}x",
    f"Bearer {INSTALL_API_KEY[:-1]}",
    f"Bearer {INSTALL_API_KEY.upper()}",
    f"Bearer {INSTALL_API_KEY} {INSTALL_API_KEY}",
    f"Bearer {INSTALL_API_KEY},{INSTALL_API_KEY}",
    f"Basic {INSTALL_API_KEY}",
    f"Token {INSTALL_API_KEY}",
    INSTALL_API_KEY,
    f"Bearer{INSTALL_API_KEY}",
    "Bearer schlüssel-der-plattform",
    "Bearer \xff\xfe\x80",
    "Bearer " + "x" * 60_000,
]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("authorization", WRONG)
def test_nobody_gets_in_without_a_key(
    client: FlaskClient, method: str, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    response = client.open(path, method=method, headers=headers, json=install_request())

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json == {
        "code": 401,
        "status": "Unauthorized",
        "message": "An install API key is needed.",
    }


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("application/json", b"{"), ("application/json", b'{"appName": 7}'), ("text/plain", b"hello")],
)
def test_the_key_is_asked_for_before_the_body_is_read(
    client: FlaskClient, content_type: str, body: bytes
) -> None:
    response = client.post(INSTALLATIONS, data=body, content_type=content_type)

    assert response.status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_word_bearer_may_be_written_in_any_case(
    client: FlaskClient, sectorflow: responses.RequestsMock, scheme: str
) -> None:
    headers = {"Authorization": f"{scheme} {INSTALL_API_KEY}"}

    response = client.post(INSTALLATIONS, json=install_request(), headers=headers)

    assert response.status_code == 201


def test_each_of_several_keys_is_good(settings: Settings, services: Services) -> None:
    keys = ("the-new-key-of-the-platform", "the-old-key-of-the-platform")
    client = create_app(dataclasses.replace(settings, install_api_keys=keys), services).test_client()

    statuses = [
        client.get(f"{INSTALLATIONS}/{WORKSPACE_ID}", headers={"Authorization": f"Bearer {key}"}).status_code
        for key in (*keys, INSTALL_API_KEY)
    ]

    assert statuses == [404, 404, 401]


def test_a_key_in_the_address_counts_for_nothing(client: FlaskClient) -> None:
    response = client.get(f"{INSTALLATIONS}/{WORKSPACE_ID}?key={INSTALL_API_KEY}")

    assert response.status_code == 401


def test_a_key_is_in_no_answer_and_no_log(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    response = client.get(
        f"{INSTALLATIONS}/{WORKSPACE_ID}", headers={"Authorization": "Bearer planted-key-of-somebody"}
    )

    assert "planted" not in response.text + str(response.headers) + caplog.text
