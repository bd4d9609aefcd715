"""Apps are listed."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskCliRunner

from sectorflow_slack.services import Services
from tests.values import CUSTOMERS_APP, OWN_APP, make_bot, make_installation, make_terms


@pytest.fixture
def two(services: Services) -> None:
    """The service's own app, and a customer's."""
    terms, bot = make_terms(app_id=CUSTOMERS_APP.app_id), make_bot(app_id=CUSTOMERS_APP.app_id)
    services.installs.installations.save(make_installation(terms, bot), CUSTOMERS_APP, None)


@pytest.mark.usefixtures("two")
def test_apps_are_listed_with_their_teams_and_without_a_secret(runner: FlaskCliRunner) -> None:
    table = runner.invoke(args=["apps", "list"])
    as_json = runner.invoke(args=["apps", "list", "--json"])

    own, customers = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert (own["appId"], own["isOwn"], own["teamIds"]) == (OWN_APP.app_id, True, [])
    assert (customers["appId"], customers["isOwn"], customers["teamIds"]) == (
        CUSTOMERS_APP.app_id,
        False,
        ["T0ACME"],
    )
    assert CUSTOMERS_APP.app_id in table.stdout
    for app in (OWN_APP, CUSTOMERS_APP):
        assert app.client_secret not in table.output + as_json.output
        assert app.signing_secret not in table.output + as_json.output


def test_of_an_app_with_many_teams_the_table_names_a_few_and_counts_the_others(
    runner: FlaskCliRunner, services: Services
) -> None:
    for number in range(5):
        made = make_installation(make_terms(id=f"id-{number}"), make_bot(team_id=f"T0TEAM{number}"))
        services.installs.installations.save(made, None, None)

    table = runner.invoke(args=["apps", "list"])
    as_json = runner.invoke(args=["apps", "list", "--json"])

    assert "T0TEAM0, T0TEAM1, T0TEAM2, 2 more " in table.stdout
    assert json.loads(as_json.stdout)["teamIds"] == [f"T0TEAM{number}" for number in range(5)]
