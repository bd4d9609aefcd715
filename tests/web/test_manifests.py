from __future__ import annotations

import dataclasses
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sectorflow_slack.app import create_app
from sectorflow_slack.config import Settings
from sectorflow_slack.services import Services
from sectorflow_slack.services.manifests import app_manifest
from tests.values import AUTHORIZED


def ask(client: FlaskClient, **query: Any) -> TestResponse:
    return client.get("/api/v1/manifest", query_string=query, headers=AUTHORIZED)


def creation_url(response: TestResponse) -> str:
    found = re.fullmatch(r'<([^<>" ]+)>; rel="create-form"', response.headers["Link"])
    assert found is not None
    return found[1]


def test_the_manifest_is_the_one_that_apps_are_made_of(client: FlaskClient) -> None:
    response = ask(client, appName="  Acme Assistant ")

    assert response.status_code == 200
    assert response.json == app_manifest("Acme Assistant", "https://slack.example.com")


@pytest.mark.parametrize("name", ["Acme", 'Füße & "Co" <b>, 日本語; rel=x', "👩\u200d🔬"])
def test_a_link_leads_to_where_slack_makes_an_app_of_it(client: FlaskClient, name: str) -> None:
    response = ask(client, appName=name)

    url = urlsplit(creation_url(response))
    assert (url.scheme, url.netloc, url.path) == ("https", "api.slack.com", "/apps")
    query = parse_qs(url.query, strict_parsing=True)
    assert json.loads(query["manifest_json"][0]) == response.json


def test_govslack_has_a_page_of_its_own(settings: Settings, services: Services) -> None:
    settings = dataclasses.replace(settings, slack_base_url="https://slack-gov.com")
    client = create_app(settings, services).test_client()

    response = ask(client, appName="Acme")

    assert urlsplit(creation_url(response)).netloc == "api.slack-gov.com"


@pytest.mark.parametrize("name", ["", " ", "A" * 36, "A\n", "A\x00", "\u202eA", "\u200b"])
def test_a_name_that_no_app_can_have_is_refused(client: FlaskClient, name: str) -> None:
    response = ask(client, appName=name)

    assert response.status_code == 422
    assert (response.json or {})["errors"]["query"].keys() == {"appName"}


@pytest.mark.parametrize(("query", "named"), [({}, {"appName"}), ({"appName": "A", "name": "B"}, {"name"})])
def test_nothing_else_may_be_asked_and_nothing_left_out(
    client: FlaskClient, query: dict[str, str], named: set[str]
) -> None:
    response = ask(client, **query)

    assert (response.json or {})["errors"]["query"].keys() == named
