from __future__ import annotations

import pytest

from sectorflow_slack.domain.errors import LeaseLost, StorageUnavailable
from sectorflow_slack.services import insisting
from sectorflow_slack.services.answers import AnswerService
from sectorflow_slack.services.insisting import insist
from sectorflow_slack.storage.questions import RedisQuestionStore
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, Script
from tests.services.steps import ask

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
