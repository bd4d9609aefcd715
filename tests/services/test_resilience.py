"""Steps that cannot be undone are stored through an outage of the store, once."""

from __future__ import annotations

import pytest

from sectorflow_slack.domain.errors import LeaseLost, StorageUnavailable
from sectorflow_slack.services import resilience
from sectorflow_slack.services.resilience import retry_while_store_is_down
from sectorflow_slack.storage.questions import QuestionStore
from sectorflow_slack.storage.statuses import StatusStore
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
def test_a_status_of_which_redis_did_not_confirm_the_storage_is_ended(acme, monkeypatch, is_stored):
    store = StatusStore.store

    def fail(*arguments):
        monkeypatch.setattr(StatusStore, "store", store)
        if is_stored:
            store(*arguments)
        raise DOWN

    monkeypatch.setattr(resilience, "OUTAGE_SECONDS", 0.01)
    monkeypatch.setattr(StatusStore, "store", fail)

    acme.ask()

    assert [is_processing for _, _, is_processing in acme.slack.sessions_set] == [True, False]
