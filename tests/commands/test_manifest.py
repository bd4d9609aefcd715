"""The manifest of an app that is made by hand."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskCliRunner

from sectorflow_slack.services.manifests import app_manifest

MANIFEST = app_manifest("Acme Assistant", "https://slack.example.com")


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_the_manifest_is_json_that_names_this_service(runner: FlaskCliRunner, how: list[str]) -> None:
    result = runner.invoke(args=["manifest", "Acme Assistant", *how])

    assert (result.exit_code, json.loads(result.stdout)) == (0, MANIFEST)


def test_the_link_leads_to_slack_with_the_manifest_filled_in(runner: FlaskCliRunner) -> None:
    plain = runner.invoke(args=["manifest", "Acme Assistant", "--link"])
    as_json = runner.invoke(args=["manifest", "Acme Assistant", "--link", "--json"])

    link = plain.stdout.strip()
    assert json.loads(as_json.stdout) == {"link": link}
    assert urlsplit(link).hostname == "api.slack.com"
    assert json.loads(parse_qs(urlsplit(link).query)["manifest_json"][0]) == MANIFEST


@pytest.mark.parametrize("name", ["", "   ", "x" * 36, "two\nlines"])
def test_a_name_that_slack_would_refuse_is_wrong_usage(runner: FlaskCliRunner, name: str) -> None:
    assert runner.invoke(args=["manifest", name]).exit_code == 2
