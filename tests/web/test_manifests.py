"""The app manifest, and the link that creates an app from it at Slack."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from sectorflow_slack.services.manifests import app_manifest
from tests.web.flows import errors_of

MANIFEST = "/api/v1/manifest"


@pytest.mark.parametrize(
    ("slack", "host"),
    [("https://slack.com", "api.slack.com"), ("https://slack-gov.com", "api.slack-gov.com")],
)
@pytest.mark.parametrize("name", ["Acme", 'Füße & "Co" <b>, 日本語; rel=x', "👩\u200d🔬"])
def test_the_link_leads_to_slacks_page_that_creates_an_app_from_the_manifest(client_with, name, slack, host):
    response = client_with(slack_base_url=slack).get_api(MANIFEST, appName=f"  {name} ")

    assert (response.status_code, response.json) == (200, app_manifest(name, "https://slack.example.com"))
    link = re.fullmatch(r'<([^<>" ]+)>; rel="create-form"', response.headers["Link"])
    url = urlsplit(link[1])
    assert (url.scheme, url.netloc, url.path) == ("https", host, "/apps")
    query = parse_qs(url.query, strict_parsing=True)
    assert json.loads(query["manifest_json"][0]) == response.json


@pytest.mark.parametrize(
    ("query", "field"),
    [({"appName": " "}, "appName"), ({}, "appName"), ({"appName": "A", "name": "B"}, "name")],
)
def test_a_wrong_query_parameter_is_reported(client, query, field):
    assert errors_of(client.get_api(MANIFEST, **query), "query").keys() == {field}
