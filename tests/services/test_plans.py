"""What is said to a question before any model is asked, and which answer people see first."""

from __future__ import annotations

import pytest

from sectorflow_slack.domain.questions import ModelAnswer, Reply
from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.formatting.drawing import headings, labels
from tests.services.pressing import answered, press, run_errands, screen
from tests.services.steps import ask, some_failed
from tests.values import MODEL_IDS, make_installation, make_terms


@pytest.mark.parametrize(
    "text", ["help", "Help.", "help me", "Help me, please!", "help!", "HELP?!", "/help", "?", "  help ", "??"]
)
def test_somebody_who_asks_for_help_alone_gets_it(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient, text: str
) -> None:
    ask(answers, text=text)

    assert slack.texts == [ENGLISH.help]
    assert sectorflow.asked == []


@pytest.mark.parametrize(
    "text",
    [
        "help me write a letter",
        "help desk",
        "Helper",
        "What does help mean?",
        "I need help",
        "helpme",
        "help\nme?x",
    ],
)
def test_whoever_asks_for_help_with_something_is_answered(
    answers: AnswerService, sectorflow: FakeSectorFlowClient, text: str
) -> None:
    ask(answers, text=text)

    assert [asked for _, asked, _ in sectorflow.asked] == [text]


def test_a_file_without_words_is_answered_by_a_sentence_that_is_true(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    ask(answers, text="", has_files=True)

    assert slack.texts == [ENGLISH.file_only]
    assert "answered" not in ENGLISH.file_only
    assert sectorflow.asked == []


def test_help_with_a_file_is_help(answers: AnswerService, slack: FakeSlackClient) -> None:
    ask(answers, text="help", has_files=True)

    assert slack.texts == [ENGLISH.help]


@pytest.fixture
def in_tabs(answers: AnswerService) -> AnswerService:
    """An installation that shows answers in tabs."""
    answers.installations.save(
        make_installation(make_terms(id="tabs", display="tabs")), None, make_terms().id
    )
    return answers


def test_where_the_first_model_failed_everybody_sees_the_next_one_first(
    in_tabs: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.reply = some_failed(*MODEL_IDS[:2])

    ask(in_tabs)

    ((_, _, message),) = slack.posted
    assert headings([message]) == ["Model 3"]
    assert labels(message)[:3] == ["⚠ Model 1", "⚠ Model 2", "● Model 3"]
    # So does who only reads the notification.
    assert message.text == "Model 3: Answer 3"


def test_a_model_that_said_nothing_counts_as_failed(
    in_tabs: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    models = (ModelAnswer(MODEL_IDS[0], "A", text=" \n"), ModelAnswer(MODEL_IDS[1], "B", text="Yes."))
    sectorflow.reply = Reply(models)

    ask(in_tabs)

    assert slack.texts == ["B: Yes."]


def test_the_tab_that_opens_when_somebody_chooses_tabs_has_an_answer(
    answers: AnswerService,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
) -> None:
    sectorflow.reply = some_failed(MODEL_IDS[0])
    answered(services, queue)

    services.interactions.accept(press(actions.SWITCH_DISPLAY, choice="tabs"))
    run_errands(services, queue)

    assert headings(screen(slack).values()) == ["Model 2"]
