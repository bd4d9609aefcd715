from __future__ import annotations

from dataclasses import replace
from typing import Any

import fakeredis
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sectorflow_slack.domain.errors import SlackRefused, StorageUnavailable, TokenRefused
from sectorflow_slack.formatting.plain import notice
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.storage.letters import RedisLetterStore
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.services.steps import (
    KEY,
    LETTER_ID,
    WorkerKilled,
    ask,
    ended,
    go_on_after_death,
    left,
    some_failed,
    unaccounted,
)
from tests.values import BOT_TOKEN, MODEL_IDS, make_bot, make_installation, make_press, make_terms

REFUSED = TokenRefused("status 401")
PRESSED_TS = "1700000001.000001"


@pytest.fixture
def failed(answers: AnswerService, sectorflow: FakeSectorFlowClient, slack: FakeSlackClient) -> None:
    """Somebody's question failed, and they were told so beside a button."""
    sectorflow.answers.then(REFUSED)
    ask(answers, id=LETTER_ID)


def buttons(slack: FakeSlackClient) -> list[str]:
    """What the buttons of all posted messages carry."""
    return [
        element["value"]
        for _, _, message in slack.posted
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]  # type: ignore[attr-defined]
    ]


def test_a_question_that_failed_has_a_button_that_asks_it_again(
    failed: None,
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    store: redis.Redis,
) -> None:
    assert buttons(slack) == [LETTER_ID]

    services.interactions.accept(make_press(LETTER_ID))
    answers.answer_next(KEY)

    assert queue.jobs == [(KEY, 0.0)]
    assert [text for _, text, _ in sectorflow.asked] == ["Tell me a joke"] * 2
    assert "Answer 1" in slack.texts[1]
    assert slack.updated == [(BOT_TOKEN, "C0GENERAL", PRESSED_TS, notice(ENGLISH.asked_again))]
    assert ended(services) == {"token_refused": 1, "answered": 1}
    assert services.letters.dead() == ()
    assert unaccounted(services.read_metrics()) == 0
    assert left(store) == []


def test_models_that_failed_are_asked_again_alone(
    answers: AnswerService, services: Services, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.reply = some_failed(MODEL_IDS[0], MODEL_IDS[2])
    ask(answers, id=LETTER_ID)
    assert services.letters.dead() == ()
    sectorflow.reply = None

    services.interactions.accept(make_press(LETTER_ID))
    answers.answer_next(KEY)

    assert buttons(slack) == [LETTER_ID]
    assert slack.texts[1] == ENGLISH.some_failed
    assert [settings.model_ids for settings, _, _ in sectorflow.asked] == [
        MODEL_IDS,
        (MODEL_IDS[0], MODEL_IDS[2]),
    ]
    assert ended(services) == {"answered": 2}


def test_a_model_that_failed_does_not_hide_the_others(
    answers: AnswerService, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.reply = some_failed(MODEL_IDS[0])

    ask(answers)

    assert ENGLISH.model_failed in slack.texts[0]
    assert "Answer 2" in slack.texts[0]


def test_where_no_model_answered_the_question_has_failed(
    answers: AnswerService, services: Services, slack: FakeSlackClient, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.reply = some_failed(*MODEL_IDS)

    question = ask(answers, id=LETTER_ID)

    assert slack.texts == [ENGLISH.no_answer]
    assert buttons(slack) == [LETTER_ID]
    assert ended(services) == {"no_answer": 1}
    assert [(letter.question, letter.reason) for letter in services.letters.dead()] == [
        (question, "no_answer")
    ]


def test_a_question_that_fails_again_can_be_asked_again_again(
    failed: None,
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
) -> None:
    sectorflow.answers.then(REFUSED)
    services.interactions.accept(make_press(LETTER_ID))
    answers.answer_next(KEY)

    (letter,) = services.letters.dead()
    services.interactions.accept(make_press(LETTER_ID))
    answers.answer_next(KEY)

    assert letter.question.button_ts is None
    assert "Answer 1" in slack.texts[-1]
    assert ended(services) == {"token_refused": 2, "answered": 1}


def test_a_button_that_is_pressed_twice_asks_once(
    failed: None, answers: AnswerService, services: Services, sectorflow: FakeSectorFlowClient
) -> None:
    for _ in range(2):
        services.interactions.accept(make_press(LETTER_ID))

    for _ in range(2):
        answers.answer_next(KEY)

    assert len(sectorflow.asked) == 2


def test_of_two_presses_at_the_same_moment_one_asks(
    failed: None, services: Services, queue: FakeTaskQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = services.letters.find(LETTER_ID)
    monkeypatch.setattr(RedisLetterStore, "find", lambda *_: letter)

    for _ in range(2):
        services.interactions.accept(make_press(LETTER_ID))

    assert queue.jobs == [(KEY, 0.0)]


def test_a_button_that_slack_does_not_replace_asks_all_the_same(
    failed: None, answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    slack.updates.then(SlackRefused("message_not_found"))
    services.interactions.accept(make_press(LETTER_ID))

    answers.answer_next(KEY)

    assert "Answer 1" in slack.texts[-1]


def test_a_button_is_replaced_though_the_first_worker_died_before_it_was(
    failed: None, answers: AnswerService, services: Services, slack: FakeSlackClient, store: redis.Redis
) -> None:
    slack.updates.then(WorkerKilled())
    services.interactions.accept(make_press(LETTER_ID))
    with pytest.raises(WorkerKilled):
        answers.answer_next(KEY)

    go_on_after_death(answers, store)

    assert [ts for _, _, ts, _ in slack.updated] == [PRESSED_TS]


def test_a_press_without_a_message_asks_and_replaces_nothing(
    failed: None, answers: AnswerService, services: Services, slack: FakeSlackClient
) -> None:
    services.interactions.accept(make_press(LETTER_ID, container=None))

    answers.answer_next(KEY)

    assert "Answer 1" in slack.texts[-1]
    assert slack.updated == []


def test_a_press_whose_wake_up_failed_is_found_later(
    failed: None, services: Services, queue: FakeTaskQueue
) -> None:
    queue.enqueues.then(StorageUnavailable("ConnectionError"))

    services.interactions.accept(make_press(LETTER_ID))

    assert queue.jobs == []
    assert services.answers.questions.due() == (KEY,)


@pytest.mark.parametrize(
    "press",
    [
        make_press("f" * 32),
        make_press("question-1"),
        make_press(LETTER_ID.upper()),
        make_press(f"{LETTER_ID}\n"),
        make_press(LETTER_ID, api_app_id="A0OTHER"),
        make_press(LETTER_ID, team={"id": "T0OTHER"}),
        make_press(LETTER_ID, team=None),
        make_press(LETTER_ID, team=None, enterprise={"id": "E0ORG"}, is_enterprise_install=True),
        make_press(LETTER_ID, channel={"id": "C0OTHER"}),
        make_press(LETTER_ID, channel=None, container={"channel_id": "C0OTHER"}),
        make_press(LETTER_ID, channel=None, container=None),
        make_press(LETTER_ID, type="view_submission"),
        make_press(LETTER_ID, actions=[{"action_id": "other", "value": LETTER_ID}]),
        make_press(LETTER_ID, actions=[LETTER_ID, None]),
        make_press(LETTER_ID, actions={"action_id": "ask_again", "value": LETTER_ID}),
    ],
)
def test_any_other_press_does_nothing(
    failed: None, services: Services, queue: FakeTaskQueue, press: dict[str, Any]
) -> None:
    services.interactions.accept(press)

    assert queue.jobs == []
    assert services.letters.find(LETTER_ID) is not None


def test_a_press_in_an_app_that_was_uninstalled_does_nothing(
    failed: None, services: Services, queue: FakeTaskQueue
) -> None:
    services.answers.installations.delete(KEY, before=make_installation().installed_at)

    services.interactions.accept(make_press(LETTER_ID))

    assert queue.jobs == []


def test_the_channel_may_stand_beside_the_message_only(
    failed: None, services: Services, queue: FakeTaskQueue
) -> None:
    services.interactions.accept(make_press(LETTER_ID, channel=None))

    assert queue.jobs == [(KEY, 0.0)]


@pytest.mark.parametrize("org_wide", [True, "true"])
@pytest.mark.parametrize("team", [None, {"id": "T0SOME"}])
def test_in_an_org_wide_installation_the_enterprise_counts(
    answers: AnswerService,
    services: Services,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    team: dict[str, str] | None,
    org_wide: Any,
) -> None:
    bot = make_bot(team_id=None, enterprise_id="E0ORG", is_enterprise_install=True)
    org = make_installation(make_terms(id="org"), bot)
    answers.installations.save(org, None, None)
    sectorflow.answers.then(REFUSED)
    ask(answers, id=LETTER_ID, installation=org.key)

    enterprise = {"id": "E0ORG"}
    press = make_press(LETTER_ID, team=team, enterprise=enterprise, is_enterprise_install=org_wide)
    services.interactions.accept(press)

    assert queue.jobs == [(org.key, 0.0)]


def test_a_press_that_could_not_be_stored_is_said_to_be(
    failed: None, services: Services, redis_server: fakeredis.FakeServer
) -> None:
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        services.interactions.accept(make_press(LETTER_ID))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["\ud800", "true"]),
    lambda each: (
        st.lists(each, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "value", "action_id", "channel_id"]), each, max_size=3)
    ),
    max_leaves=6,
)
_FIELDS = (
    "type",
    "api_app_id",
    "team",
    "enterprise",
    "is_enterprise_install",
    "channel",
    "container",
    "actions",
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(changes=st.fixed_dictionaries({}, optional=dict.fromkeys(_FIELDS, _JSON)))
def test_whatever_stands_in_its_fields_a_press_does_no_harm(
    failed: None, services: Services, changes: dict[str, Any]
) -> None:
    queue = FakeTaskQueue()
    press = make_press(LETTER_ID, **changes)

    replace(services.interactions, queue=queue).accept(press)

    assert queue.jobs in ([], [(KEY, 0.0)])
