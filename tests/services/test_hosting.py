"""What somebody sees who opens the app."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import (
    AnswerLost,
    ReplyUnreadable,
    SectorFlowBusy,
    SlackBusy,
    SlackRefused,
    StorageUnavailable,
    TokenRefused,
)
from sectorflow_slack.domain.installations import SectorFlowSettings, Workspace
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.services.pressing import run_errands
from tests.services.steps import unaccounted
from tests.values import API_TOKEN, MODEL_IDS, WORKSPACE_ID, make_event, make_installation, make_terms

AWAY = [
    SectorFlowBusy("status 503"),
    TokenRefused("status 401"),
    AnswerLost("timed out"),
    ReplyUnreadable("no JSON"),
]
KNOWN_NAMES = {MODEL_IDS[0]: "GPT of January", MODEL_IDS[2]: "Claude of January"}


def opened(tab: str = "home", **event: Any) -> dict[str, Any]:
    """An envelope: Ann opened the app (docs.slack.dev, app_home_opened)."""
    return make_event({"type": "app_home_opened", "tab": tab, "channel": "D0ANN", "user": "U0ANN", **event})


@pytest.fixture
def installed(answers: AnswerService) -> None:
    """The app is installed, with the names of two models as they were told when it was registered."""
    settings = replace(make_terms().sectorflow, model_names=KNOWN_NAMES)
    terms = replace(make_terms(), sectorflow=settings, revision=2)
    assert answers.installations.change(make_installation(terms), 1)


def home_of(services: Services, queue: FakeTaskQueue, slack: FakeSlackClient) -> str:
    """All that stands on Ann's Home tab after she opened it."""
    services.events.accept(opened())
    run_errands(services, queue)
    ((user_id, view),) = slack.homes
    assert (user_id, view["type"]) == ("U0ANN", "home")
    return str(view["blocks"])


def test_opening_the_app_asks_nothing_and_is_counted_as_ignored(
    installed: None, services: Services, queue: FakeTaskQueue
) -> None:
    services.events.accept(opened())
    services.events.accept(opened("messages"))

    figures = services.read_metrics()
    assert (figures.counters["ignored", ""], figures.open) == (2, 0)
    assert unaccounted(figures) == 0
    assert queue.jobs == []
    assert [errand.kind for errand, _ in queue.errands] == ["home", "suggest"]


def test_a_team_without_the_app_sees_nothing(services: Services, queue: FakeTaskQueue) -> None:
    services.events.accept(opened())

    assert queue.errands == []
    assert services.read_metrics().counters["ignored", ""] == 1


def test_where_no_worker_can_be_told_the_event_is_acknowledged_all_the_same(
    installed: None, services: Services, queue: FakeTaskQueue
) -> None:
    queue.enqueues.then(StorageUnavailable("ConnectionError"))

    services.events.accept(opened())

    assert services.read_metrics().counters["ignored", ""] == 1


def test_the_home_tab_names_the_app_its_models_workspace_and_expert(
    installed: None,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
) -> None:
    names = dict(zip(MODEL_IDS, ("GPT", "Gemini", "Claude"), strict=True))
    sectorflow.workspace = Workspace(WORKSPACE_ID, "Jokes and riddles", names)

    shown = home_of(services, queue, slack)

    for told in ("Acme Assistant", "Jokes and riddles", "Sales expert", ENGLISH.home_separated):
        assert told in shown
    assert -1 < shown.index("GPT") < shown.index("Gemini") < shown.index("Claude")
    assert sectorflow.checked == [(API_TOKEN, WORKSPACE_ID, 4.0)]


def test_a_name_that_sectorflow_tells_no_more_is_the_one_that_was_known_before(
    installed: None,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
) -> None:
    sectorflow.workspace = Workspace(WORKSPACE_ID, "Jokes", {MODEL_IDS[0]: "GPT of today"})

    shown = home_of(services, queue, slack)

    assert "GPT of today" in shown
    assert "GPT of January" not in shown
    assert "Claude of January" in shown


@pytest.mark.parametrize("error", AWAY)
def test_while_sectorflow_is_away_the_home_tab_says_what_was_known_before(
    installed: None,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    error: Exception,
) -> None:
    sectorflow.checks.then(error)
    sectorflow.names.then(error)

    shown = home_of(services, queue, slack)

    assert "GPT of January" in shown
    assert "Claude of January" in shown
    assert "Sales expert" not in shown
    assert "SectorFlow workspace" not in shown


def test_a_service_that_never_knew_any_name_still_shows_a_home_tab(
    answers: AnswerService,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
) -> None:
    sectorflow.checks.then(AWAY[0])

    assert ENGLISH.home_models_unknown in home_of(services, queue, slack)


def test_without_an_expert_nobody_is_asked_for_one(
    answers: AnswerService,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
) -> None:
    settings = SectorFlowSettings(API_TOKEN, WORKSPACE_ID, MODEL_IDS)
    terms = make_terms(sectorflow=settings, display="tabs", revision=2)
    assert answers.installations.change(make_installation(terms), 1)
    sectorflow.names.then(AssertionError("asked for an expert"))

    shown = home_of(services, queue, slack)

    assert "Sales expert" not in shown
    assert ENGLISH.home_tabs in shown


def test_no_home_tab_holds_a_token(
    installed: None, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    assert "nobody-may-see" not in home_of(services, queue, slack)


def suggested(services: Services, queue: FakeTaskQueue, slack: FakeSlackClient) -> dict[str, str]:
    """The prompts that are offered to Ann when she opens her DM with the app."""
    services.events.accept(opened("messages"))
    run_errands(services, queue)
    ((channel_id, title, prompts),) = slack.suggested
    assert (channel_id, title) == ("D0ANN", ENGLISH.greeting)
    return prompts


def test_the_dm_offers_what_suits_the_workspace(
    installed: None,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
) -> None:
    sectorflow.samples = (
        "Tell me a joke",
        "Tell me a riddle",
        "Tell me a rhyme",
        "Tell me a tale",
        "And more",
    )

    assert list(suggested(services, queue, slack).values()) == list(sectorflow.samples[:4])


@pytest.mark.parametrize("error", [None, *AWAY])
def test_where_sectorflow_knows_none_the_dm_offers_questions_for_everybody(
    installed: None,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    error: Exception | None,
) -> None:
    if error:
        sectorflow.names.then(error)

    assert suggested(services, queue, slack) == dict(ENGLISH.prompts)


def test_where_one_model_answers_nobody_is_told_of_several(
    answers: AnswerService, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    alone = replace(make_terms().sectorflow, model_ids=MODEL_IDS[:1])
    assert answers.installations.change(make_installation(make_terms(sectorflow=alone, revision=2)), 1)

    services.events.accept(opened("messages"))
    shown = home_of(services, queue, slack)

    ((_, title, _),) = slack.suggested
    assert title == ENGLISH.greeting_one
    assert ENGLISH.home_intro_one in shown


@pytest.mark.parametrize("error", [SlackRefused("not_enabled"), SlackBusy("ratelimited", 3.0)])
@pytest.mark.parametrize("call", ["publish_home", "suggest"])
def test_what_slack_does_not_take_is_not_shown_and_not_tried_again(
    installed: None,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    error: Exception,
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(slack, call, refuse)
    services.events.accept(opened("home" if call == "publish_home" else "messages"))

    run_errands(services, queue)

    assert queue.errands == []


@pytest.mark.parametrize("event", [{"tab": None}, {"user": None}, {"channel": 7}, {"tab": {}, "user": []}])
def test_an_odd_event_is_acknowledged_too(
    installed: None, services: Services, queue: FakeTaskQueue, event: dict[str, Any]
) -> None:
    services.events.accept(opened(**event))
    run_errands(services, queue)

    assert services.read_metrics().counters["ignored", ""] == 1
