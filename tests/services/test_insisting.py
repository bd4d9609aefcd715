from __future__ import annotations

from typing import Any

import pytest
import redis

from sectorflow_slack.domain.errors import LeaseLost, StorageUnavailable
from sectorflow_slack.services import Services, insisting
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.services.insisting import insist
from sectorflow_slack.storage.interim import RedisInterimStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, Script
from tests.services.steps import KEY, ask, greeted, let_claims_lapse

AWAY = StorageUnavailable("ConnectionError")


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insisting, "PAUSE_SECONDS", 0.001)


def test_an_outage_is_waited_out() -> None:
    outages, recorded = Script(), []
    outages.then(*[AWAY] * 5)

    def record() -> None:
        outages.play()
        recorded.append(True)

    insist(record)

    assert recorded == [True]


def test_what_was_recorded_is_given_back() -> None:
    outages = Script()
    outages.then(AWAY)

    def record() -> str:
        outages.play()
        return "recorded"

    assert insist(record) == "recorded"


def test_an_outage_that_lasts_is_not_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insisting, "OUTAGE_SECONDS", 0.01)

    def record() -> None:
        raise AWAY

    with pytest.raises(StorageUnavailable):
        insist(record)


def test_what_another_has_is_not_insisted_on() -> None:
    outcomes = Script()
    outcomes.then(AWAY, LeaseLost())

    with pytest.raises(LeaseLost):
        insist(outcomes.play)


@pytest.mark.parametrize("step", ["save_plan", "mark_posted"])
def test_a_step_that_was_recorded_though_nobody_heard_so_is_recorded_once(
    answers: AnswerService,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    record, outages = getattr(RedisQuestionStore, step), Script()
    outages.then(AWAY)

    def unheard(*arguments: object) -> None:
        record(*arguments)
        outages.play()

    monkeypatch.setattr(RedisQuestionStore, step, unheard)

    ask(answers)

    assert len(sectorflow.asked) == 1
    assert len(slack.posted) == 1


@pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "not recorded"])
@pytest.mark.parametrize("is_answered", [True, False], ids=["answered meanwhile", "not answered"])
def test_an_answer_that_took_the_place_of_what_was_shown_is_not_taken_away_for_an_outage(
    answers: AnswerService,
    services: Services,
    slack: FakeSlackClient,
    store: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    is_recorded: bool,
    is_answered: bool,
) -> None:
    keep = RedisInterimStore.keep

    def unheard(*arguments: Any) -> bool:
        monkeypatch.setattr(RedisInterimStore, "keep", keep)
        if is_recorded:
            keep(*arguments)
        if is_answered:
            let_claims_lapse(store)
            answers.answer_next(KEY)
        raise AWAY

    monkeypatch.setattr(RedisInterimStore, "keep", unheard)

    greeted(services)
    answers.answer_next(KEY)

    assert slack.removed == []
    assert len([text for text in slack.seen if "Answer 1" in text]) == 1
    assert len(slack.seen) == (1 if is_recorded or not is_answered else 2)
