"""What a person or Slack refuses, and what we refuse of Slack's: what is left to be tried again."""

from __future__ import annotations

import pytest

from sectorflow_slack.domain.errors import SlackBusy, SlackRefused, SlackRefusedMessage
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.services.consent import ConsentService
from tests.fakes import FakeSlackClient
from tests.services.consenting import ID, RETURN_URL, go, refused, register, status
from tests.services.steps import KEY
from tests.values import BOT_TOKEN, TEAM_ID, make_bot, make_installation, make_terms


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code": None, "error": "access_denied"}, "cancelled"),
        ({"code": None, "error": "invalid_scope"}, "slack_error"),
        ({"code": "a-code", "error": "access_denied"}, "cancelled"),
        ({"code": None}, "slack_error"),
        ({"code": ""}, "slack_error"),
    ],
)
def test_a_person_who_comes_back_without_consent_may_try_again(
    consent: ConsentService, slack: FakeSlackClient, changes: dict, reason: str
) -> None:
    register(consent, return_url=RETURN_URL)

    error = refused(consent, **changes)

    assert (error.reason, error.installation_id, error.return_url) == (reason, ID, RETURN_URL)
    assert slack.exchanged == []
    assert status(consent) == ("pending", None)
    assert go(consent)[0].terms.id == ID


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SlackBusy("ratelimited", 3.0), "slack_away"),
        (SlackRefused("invalid_code"), "slack_error"),
        (SlackRefusedMessage("invalid_arguments"), "slack_error"),
    ],
)
def test_a_code_that_slack_does_not_take_leaves_the_link_alive(
    consent: ConsentService, slack: FakeSlackClient, error: Exception, reason: str
) -> None:
    register(consent)
    slack.exchanges.then(error)

    assert refused(consent).reason == reason
    assert consent.installations.find(KEY) is None
    assert status(consent) == ("pending", None)
    assert go(consent)[0].terms.id == ID


def test_another_app_than_the_one_asked_for_is_the_end_of_the_request(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    register(consent)
    slack.bot = make_bot(app_id="A0OTHER")

    error = refused(consent)

    assert error.reason == "other_app"
    assert status(consent) == ("failed", "other_app")
    assert slack.revoked == [BOT_TOKEN]
    assert consent.installations.find(InstallationKey("A0OTHER", TEAM_ID)) is None


def test_another_team_than_the_one_named_is_refused_and_may_be_mended(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    register(consent, team_id=TEAM_ID)
    slack.bot = make_bot(team_id="T0OTHER")

    error = refused(consent)

    assert error.reason == "other_team"
    assert slack.revoked == [BOT_TOKEN]
    assert status(consent) == ("pending", None)
    slack.bot = make_bot()
    assert go(consent)[0].key == KEY


def test_a_token_that_an_installation_lives_by_is_not_revoked(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    other = make_bot(team_id="T0OTHER")
    consent.installations.save(make_installation(make_terms(id="theirs"), other), None, None)
    register(consent, team_id=TEAM_ID)
    slack.bot = other

    error = refused(consent)

    assert error.reason == "other_team"
    assert slack.revoked == []


@pytest.mark.parametrize("error", [SlackBusy("fatal_error"), SlackRefused("token_revoked")])
def test_a_token_that_cannot_be_revoked_changes_no_refusal(
    consent: ConsentService, slack: FakeSlackClient, error: Exception
) -> None:
    register(consent, team_id="T0OTHER")
    slack.revocations.then(error)

    assert refused(consent).reason == "other_team"
