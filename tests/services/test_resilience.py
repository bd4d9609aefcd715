"""Steps that cannot be taken back are recorded through an outage of the store, once."""

from __future__ import annotations

from typing import Any

import pytest

from sectorflow_slack.domain.errors import LeaseLost, StorageUnavailable
from sectorflow_slack.services import resilience as insisting
from sectorflow_slack.services.resilience import retry_while_store_is_down
from sectorflow_slack.storage.placeholders import PlaceholderStore
from sectorflow_slack.storage.questions import QuestionStore
from tests.fakes import Script
from tests.services.scenario import Scenario

AWAY = StorageUnavailable("ConnectionError")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insisting, "PAUSE_SECONDS", 0.001)


def test_an_outage_is_waited_out_and_what_was_recorded_returned() -> None:
    outages = Script()
    outages.then(*[AWAY] * 5)

    assert retry_while_store_is_down(lambda: outages.play() or "recorded") == "recorded"  # type: ignore[func-returns-value]


def test_an_outage_that_lasts_is_not_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insisting, "OUTAGE_SECONDS", 0.01)
    outages = Script()
    outages.then(*[AWAY] * 1000)

    with pytest.raises(StorageUnavailable):
        retry_while_store_is_down(outages.play)


def test_a_question_that_another_worker_has_is_given_up_at_once() -> None:
    outcomes = Script()
    outcomes.then(AWAY, LeaseLost())

    with pytest.raises(LeaseLost):
        retry_while_store_is_down(outcomes.play)


@pytest.mark.parametrize("step", ["save_plan", "mark_posted"])
def test_a_step_that_was_recorded_though_the_worker_did_not_hear_so_is_recorded_once(
    acme: Scenario, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    record, outages = getattr(QuestionStore, step), Script()
    outages.then(AWAY)

    def unheard(*arguments: object) -> None:
        record(*arguments)
        outages.play()

    monkeypatch.setattr(QuestionStore, step, unheard)

    acme.ask()

    assert len(acme.sectorflow.asked) == 1
    assert len(acme.slack.posted) == 1


@pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "not recorded"])
@pytest.mark.parametrize("is_answered", [True, False], ids=["answered meanwhile", "not answered"])
def test_an_answer_that_took_the_place_of_a_placeholder_is_not_deleted_for_an_outage(
    acme: Scenario, monkeypatch: pytest.MonkeyPatch, is_recorded: bool, is_answered: bool
) -> None:
    keep = PlaceholderStore.store

    def unheard(*arguments: Any) -> bool:
        monkeypatch.setattr(PlaceholderStore, "store", keep)
        if is_recorded:
            keep(*arguments)
        if is_answered:
            acme.let_claims_expire()
            acme.work()
        raise AWAY

    monkeypatch.setattr(PlaceholderStore, "store", unheard)

    acme.accept_with_placeholder()
    acme.work()

    assert acme.slack.removed == []
    assert len([text for text in acme.slack.seen if "Answer 1" in text]) == 1
    assert len(acme.slack.seen) == (1 if is_recorded or not is_answered else 2)
