from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from sectorflow_slack.services.manifests import app_manifest
from tests.web.flows import errors_of, get

MANIFEST = "/api/v1/manifest"


@pytest.mark.parametrize(
    ("slack", "host"),
    [("https://slack.com", "api.slack.com"), ("https://slack-gov.com", "api.slack-gov.com")],
)
@pytest.mark.parametrize("name", ["Acme", 'Füße & "Co" <b>, 日本語; rel=x', "👩\u200d🔬"])
def test_a_link_leads_to_slacks_page_that_makes_an_app_of_the_manifest(
    client_with: Callable[..., FlaskClient], name: str, slack: str, host: str
) -> None:
    response = get(client_with(slack_base_url=slack), MANIFEST, appName=f"  {name} ")

    assert (response.status_code, response.json) == (200, app_manifest(name, "https://slack.example.com"))
    link = re.fullmatch(r'<([^<>" ]+)>; rel="create-form"', response.headers["Link"])
    assert link is not None
    url = urlsplit(link[1])
    assert (url.scheme, url.netloc, url.path) == ("https", host, "/apps")
    query = parse_qs(url.query, strict_parsing=True)
    assert json.loads(query["manifest_json"][0]) == response.json


@pytest.mark.parametrize(
    ("query", "named"),
    [({"appName": " "}, "appName"), ({}, "appName"), ({"appName": "A", "name": "B"}, "name")],
)
def test_a_wrong_query_is_named(client: FlaskClient, query: dict[str, str], named: str) -> None:
    assert errors_of(get(client, MANIFEST, **query), "query").keys() == {named}
