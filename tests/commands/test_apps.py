"""Apps are listed, and the manifest of one that is made by hand is printed."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from sectorflow_slack.services import Services
from sectorflow_slack.services.manifests import app_manifest
from tests.commands.conftest import Run, documents
from tests.values import CUSTOMERS_APP, OWN_APP, make_bot, make_installation, make_terms

MANIFEST = app_manifest("Acme Assistant", "https://slack.example.com")


def test_apps_are_listed_with_their_teams_and_without_a_secret(run: Run, services: Services) -> None:
    for number in range(5):
        terms = make_terms(id=f"id-{number}", app_id=CUSTOMERS_APP.app_id)
        bot = make_bot(app_id=CUSTOMERS_APP.app_id, team_id=f"T0TEAM{number}")
        services.registration.installations.save(make_installation(terms, bot), CUSTOMERS_APP, None)

    table = run("apps list")
    as_json = run("apps list", "--json")

    own, customers = documents(as_json)
    teams = [f"T0TEAM{number}" for number in range(5)]
    assert (own["appId"], own["isOwn"], own["teamIds"]) == (OWN_APP.app_id, True, [])
    assert (customers["appId"], customers["isOwn"]) == (CUSTOMERS_APP.app_id, False)
    assert customers["teamIds"] == teams
    assert "T0TEAM0, T0TEAM1, T0TEAM2, 2 more " in table.stdout
    for app in (OWN_APP, CUSTOMERS_APP):
        assert app.client_secret not in table.output + as_json.output
        assert app.signing_secret not in table.output + as_json.output


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_the_manifest_is_json_that_names_this_service(run: Run, how: list[str]) -> None:
    result = run("manifest", "Acme Assistant", *how)

    assert (result.exit_code, json.loads(result.stdout)) == (0, MANIFEST)


def test_the_link_leads_to_slack_with_the_manifest_filled_in(run: Run) -> None:
    plain = run("manifest", "Acme Assistant", "--link")
    as_json = run("manifest", "Acme Assistant", "--link", "--json")

    link = plain.stdout.strip()
    assert documents(as_json) == [{"link": link}]
    assert urlsplit(link).hostname == "api.slack.com"
    assert json.loads(parse_qs(urlsplit(link).query)["manifest_json"][0]) == MANIFEST


@pytest.mark.parametrize("name", ["", "   ", "x" * 36, "two\nlines"])
def test_a_name_that_slack_would_refuse_is_wrong_usage(run: Run, name: str) -> None:
    assert run("manifest", name).exit_code == 2
