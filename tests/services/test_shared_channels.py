"""In shared channels people of other organisations look and do not ask; all of one's own may do both."""

from __future__ import annotations

from typing import Any

import pytest

from sectorflow_slack.formatting.words import ENGLISH
from tests.services.pressing import EVERYTHING, by
from tests.services.scenario import Scenario
from tests.values import TEAM_ID, make_bot, make_installation, make_terms

COSTLY = ["regenerate", "try again", "follow up", "dialog"]
LOOKING = [name for name in EVERYTHING if name not in COSTLY]
STRANGER = by("U0STRANGER", "T0ELSEWHERE")


@pytest.mark.parametrize("name", LOOKING)
def test_people_of_other_organisations_may_look(shared: Scenario, name: str) -> None:
    shared.press(EVERYTHING[name](**STRANGER))

    assert not shared.is_untouched()


@pytest.mark.parametrize("name", COSTLY)
def test_people_of_other_organisations_may_not_ask(shared: Scenario, name: str) -> None:
    shared.press(EVERYTHING[name](**STRANGER))
    shared.run_jobs()

    # A dialog has no channel to say it in; a person who may not ask is shown none.
    told = [] if name == "dialog" else [("U0STRANGER", ENGLISH.external_person)]
    assert shared.whispered == told
    assert (shared.queue.jobs, shared.slack.dialogs, shared.kept().answer.busy) == ([], [], ())


@pytest.mark.parametrize("name", COSTLY)
def test_people_of_other_organisations_may_ask_if_the_installation_allows_it(
    shared: Scenario, name: str
) -> None:
    shared.configure(allow_external_users=True)

    shared.press(EVERYTHING[name](**STRANGER))

    assert shared.queue.errands or shared.queue.jobs
    shared.run_jobs()
    assert shared.whispered == []


def test_in_a_channel_that_is_not_shared_everybody_may_ask(answered: Scenario) -> None:
    """People of any team of an org-wide installation press, and Slack names their own."""
    answered.press(EVERYTHING["regenerate"](**STRANGER))

    assert answered.kept().answer.busy


# Org-wide installations

WITHOUT_TEAM = {"team": None, "enterprise": {"id": "E0ACME"}, "is_enterprise_install": True}
IN_EAST = {**WITHOUT_TEAM, "team": {"id": "T0EAST", "enterprise_id": "E0ACME"}}


def answer_in_org(acme: Scenario, **changes: Any) -> None:
    """Have a question answered in a team of an organisation that has the app as a whole."""
    bot = make_bot(team_id=None, enterprise_id="E0ACME", is_enterprise_install=True)
    org = make_installation(make_terms(id="org"), bot)
    acme.answers.installations.save(org, None, None)
    acme.have_answered(installation=org.key, **changes)


@pytest.mark.parametrize("name", EVERYTHING)
def test_buttons_of_an_org_wide_installation_work_without_a_team(acme: Scenario, name: str) -> None:
    answer_in_org(acme, team_id=TEAM_ID)
    key = acme.kept().answer.question.installation

    acme.press(EVERYTHING[name](**WITHOUT_TEAM))
    ran = acme.run_jobs()

    assert {errand.installation for errand in ran} <= {key}
    assert acme.queue.jobs or ran or acme.services.feedback.of(key)
    assert ENGLISH.external_person not in [text for _, text in acme.whispered]


@pytest.mark.parametrize(
    ("payload", "team_id", "may_ask"),
    [
        (WITHOUT_TEAM, "T0WEST", True),
        (WITHOUT_TEAM, "E0ACME", True),
        (IN_EAST, "T0WEST", True),
        (IN_EAST, "T0EAST", True),
        (WITHOUT_TEAM, "T0THEIRS", False),
        (WITHOUT_TEAM, "E0THEIRS", False),
        (WITHOUT_TEAM, "", False),
        (IN_EAST, "T0THEIRS", False),
    ],
)
def test_in_a_shared_channel_of_an_organisation_only_people_that_slack_says_are_of_it_may_ask(
    acme: Scenario, payload: dict[str, Any], team_id: str, may_ask: bool
) -> None:
    answer_in_org(acme, team_id="T0WEST", is_shared=True)

    acme.press(EVERYTHING["regenerate"](**payload, **by("U0COLLEAGUE", team_id)))

    assert bool(acme.kept().answer.busy) is may_ask
