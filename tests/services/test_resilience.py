"""Steps that cannot be undone are stored through an outage of the store, once."""

from __future__ import annotations

import pytest
from sectorflow_slack.storage.placeholders import PlaceholderStore

from sectorflow_slack.domain.errors import LeaseLost, StorageUnavailable
from sectorflow_slack.services import resilience
from sectorflow_slack.services.resilience import retry_while_store_is_down
from sectorflow_slack.storage.questions import QuestionStore
from tests.fakes import Script

DOWN = StorageUnavailable("ConnectionError")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(resilience, "PAUSE_SECONDS", 0.001)


def test_a_step_waits_for_the_end_of_an_outage_and_returns_its_result():
    outages = Script()
    outages.then(*[DOWN] * 5)

    assert retry_while_store_is_down(lambda: outages.play() or "stored") == "stored"


def test_a_step_does_not_wait_for_the_end_of_a_long_outage(monkeypatch):
    monkeypatch.setattr(resilience, "OUTAGE_SECONDS", 0.01)
    outages = Script()
    outages.then(*[DOWN] * 1000)

    with pytest.raises(StorageUnavailable):
        retry_while_store_is_down(outages.play)


def test_a_step_ends_at_once_if_another_worker_has_the_question():
    outcomes = Script()
    outcomes.then(DOWN, LeaseLost())

    with pytest.raises(LeaseLost):
        retry_while_store_is_down(outcomes.play)


@pytest.mark.parametrize("step", ["save_plan", "mark_posted"])
def test_a_step_that_was_stored_although_redis_did_not_answer_is_stored_once(acme, monkeypatch, step):
    store, outages = getattr(QuestionStore, step), Script()
    outages.then(DOWN)
    monkeypatch.setattr(QuestionStore, step, lambda *arguments: (store(*arguments), outages.play()))

    acme.ask()

    assert len(acme.sectorflow.asked) == 1
    assert len(acme.slack.posted) == 1


@pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "not stored"])
@pytest.mark.parametrize("is_answered", [True, False], ids=["answered meanwhile", "not answered"])
def test_an_answer_that_replaced_a_placeholder_survives_an_outage(acme, monkeypatch, is_stored, is_answered):
    store = PlaceholderStore.store

    def fail(*arguments):
        monkeypatch.setattr(PlaceholderStore, "store", store)
        if is_stored:
            store(*arguments)
        if is_answered:
            acme.let_claims_expire()
            acme.work()
        raise DOWN

    monkeypatch.setattr(PlaceholderStore, "store", fail)

    acme.accept_with_placeholder()
    acme.work()

    assert acme.slack.removed == []
    assert len([text for text in acme.slack.seen if "Answer 1" in text]) == 1
    assert len(acme.slack.seen) == (1 if is_stored or not is_answered else 2)
