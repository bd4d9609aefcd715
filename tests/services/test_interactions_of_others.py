"""People of other organisations look and do not ask; of one's own, all may press everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.questions import Question
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSlackClient, FakeTaskQueue
from tests.services.pressing import EVERYTHING, PRESSES, answered, by, kept, run_errands
from tests.values import TEAM_ID, make_bot, make_installation, make_terms

LOOKING = [name for name in PRESSES if name in {"tab", "page", "display", "plain text", "vote"}]
COSTLY = [name for name in EVERYTHING if name not in LOOKING]
STRANGER = by("U0STRANGER", "T0ELSEWHERE")


# People of other organisations


@pytest.mark.parametrize("name", LOOKING)
def test_people_of_other_organisations_may_look(
    shared_answer: Question, services: Services, untouched: Callable[[], bool], name: str
) -> None:
    services.interactions.accept(EVERYTHING[name](**STRANGER))

    assert not untouched()


@pytest.mark.parametrize("team_id", ["T0ELSEWHERE", "E0ELSEWHERE", ""])
@pytest.mark.parametrize("name", COSTLY)
def test_people_of_other_organisations_or_of_none_that_is_known_may_not_ask(
    shared_answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    name: str,
    team_id: str,
) -> None:
    services.interactions.accept(EVERYTHING[name](**by("U0STRANGER", team_id)))
    run_errands(services, queue)

    told = [(user_id, message.text) for _, user_id, message in slack.whispered]
    # A dialog has no channel to say it in; whoever may not ask gets none to send.
    assert told == ([] if name == "dialog" else [("U0STRANGER", ENGLISH.external_person)])
    assert queue.jobs == []
    assert slack.dialogs == []
    assert kept(services).answer.busy == ()


def test_in_a_channel_of_our_own_everybody_is_one_of_us(
    answers: AnswerService, services: Services, queue: FakeTaskQueue
) -> None:
    """Of an org-wide installation, people of any of its teams press, and Slack names their own."""
    answered(services, queue, is_shared=False)

    services.interactions.accept(EVERYTHING["regenerate"](**STRANGER))

    assert kept(services).answer.busy


@pytest.mark.parametrize("name", COSTLY)
def test_people_of_other_organisations_may_ask_where_the_platform_lets_them(
    shared_answer: Question, services: Services, slack: FakeSlackClient, queue: FakeTaskQueue, name: str
) -> None:
    terms = replace(make_terms(), allow_external_users=True, revision=2)
    assert services.answers.installations.change(make_installation(terms), 1)

    services.interactions.accept(EVERYTHING[name](**STRANGER))

    assert queue.errands or queue.jobs
    run_errands(services, queue)
    assert slack.whispered == []


# Org-wide installations


@pytest.mark.parametrize("name", EVERYTHING)
def test_where_a_whole_organisation_has_the_app_its_buttons_work_without_a_team(
    services: Services, queue: FakeTaskQueue, slack: FakeSlackClient, store: redis.Redis, name: str
) -> None:
    bot = make_bot(team_id=None, enterprise_id="E0ACME", is_enterprise_install=True)
    installation = make_installation(bot=bot)
    services.answers.installations.save(installation, None, None)
    question = answered(services, queue, installation=installation.key, team_id=TEAM_ID)
    assert len(slack.posted) == 1
    org_wide = {"team": None, "enterprise": {"id": "E0ACME"}, "is_enterprise_install": True}

    services.interactions.accept(EVERYTHING[name](**org_wide))
    ran = run_errands(services, queue)

    assert {errand.installation for errand in ran} <= {question.installation}
    assert queue.jobs or ran or services.feedback.of(installation.key)
    assert ENGLISH.external_person not in str([message.text for _, _, message in slack.whispered])


def in_shared_channel_of_org(services: Services, queue: FakeTaskQueue) -> None:
    """An answer to somebody of T0WEST, whose whole organisation has the app, in a shared channel."""
    bot = make_bot(team_id=None, enterprise_id="E0ACME", is_enterprise_install=True)
    installation = make_installation(bot=bot)
    services.answers.installations.save(installation, None, None)
    answered(services, queue, installation=installation.key, team_id="T0WEST", is_shared=True)


WITHOUT_TEAM = {"team": None, "enterprise": {"id": "E0ACME"}, "is_enterprise_install": True}
IN_EAST = {**WITHOUT_TEAM, "team": {"id": "T0EAST", "enterprise_id": "E0ACME"}}


@pytest.mark.parametrize(
    ("payload", "team_id"),
    [(WITHOUT_TEAM, "T0WEST"), (WITHOUT_TEAM, "E0ACME"), (IN_EAST, "T0WEST"), (IN_EAST, "T0EAST")],
)
def test_in_a_shared_channel_of_an_organisation_whoever_slack_says_is_of_it_may_ask(
    services: Services, queue: FakeTaskQueue, payload: dict[str, Any], team_id: str
) -> None:
    in_shared_channel_of_org(services, queue)

    services.interactions.accept(EVERYTHING["regenerate"](**payload, **by("U0COLLEAGUE", team_id)))

    assert kept(services).answer.busy


@pytest.mark.parametrize(
    ("payload", "team_id"),
    [(WITHOUT_TEAM, "T0THEIRS"), (WITHOUT_TEAM, "E0THEIRS"), (WITHOUT_TEAM, ""), (IN_EAST, "T0THEIRS")],
)
def test_in_a_shared_channel_of_an_organisation_nobody_else_may(
    services: Services, queue: FakeTaskQueue, payload: dict[str, Any], team_id: str
) -> None:
    in_shared_channel_of_org(services, queue)

    services.interactions.accept(EVERYTHING["regenerate"](**payload, **by("U0STRANGER", team_id)))

    assert not kept(services).answer.busy
