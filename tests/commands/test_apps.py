"""Apps are listed, and a manifest is printed."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from sectorflow_slack.services.manifests import app_manifest
from tests.commands.conftest import documents
from tests.values import CUSTOMERS_APP, OWN_APP, make_bot, make_installation, make_settings

MANIFEST = app_manifest("Acme Assistant", "https://slack.example.com")


def test_apps_are_listed_with_their_teams_and_without_a_secret(run, services):
    teams = [f"T0TEAM{number}" for number in range(5)]
    for team_id in teams:
        settings = make_settings(id=f"id-{team_id}", app_id=CUSTOMERS_APP.app_id)
        bot = make_bot(app_id=CUSTOMERS_APP.app_id, team_id=team_id)
        services.registration.installations.save(make_installation(settings, bot), CUSTOMERS_APP, None)

    table = run("apps list")
    as_json = run("apps list", "--json")

    assert [(app["appId"], app["isOwn"], app["teamIds"]) for app in documents(as_json)] == [
        (OWN_APP.app_id, True, []),
        (CUSTOMERS_APP.app_id, False, teams),
    ]
    assert "T0TEAM0, T0TEAM1, T0TEAM2, 2 more " in table.stdout
    for app in (OWN_APP, CUSTOMERS_APP):
        assert app.client_secret not in table.output + as_json.output
        assert app.signing_secret not in table.output + as_json.output


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_manifest_is_json_with_the_urls_of_this_service(run, options):
    result = run("manifest", "Acme Assistant", *options)

    assert (result.exit_code, json.loads(result.stdout)) == (0, MANIFEST)


def test_the_link_leads_to_slack_with_the_manifest_filled_in(run):
    plain = run("manifest", "Acme Assistant", "--link")
    as_json = run("manifest", "Acme Assistant", "--link", "--json")

    link = plain.stdout.strip()
    assert documents(as_json) == [{"link": link}]
    assert urlsplit(link).hostname == "api.slack.com"
    assert json.loads(parse_qs(urlsplit(link).query)["manifest_json"][0]) == MANIFEST


@pytest.mark.parametrize("name", ["", "   ", "x" * 36, "two\nlines"])
def test_an_invalid_app_name_is_wrong_usage(run, name):
    assert run("manifest", name).exit_code == 2
