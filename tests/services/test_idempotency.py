"""One ``Idempotency-Key`` leads to one installation, however often its request is repeated."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import InstallRefused, RequestInProgress, StorageUnavailable, TokenRefused
from tests.services.installing import ID, ONCE, make_request


def test_a_repeated_request_returns_the_same_installation(flow):
    first = flow.register(ONCE)

    assert flow.register(ONCE) == first
    assert len(flow.sectorflow.checked) == 1


def test_another_key_makes_another_installation(flow):
    first, second = flow.register(ONCE), flow.register(replace(ONCE, key="another-key"))

    assert first.settings.id != second.settings.id


def test_a_repeat_returns_the_installation_as_it_is_now(flow):
    flow.install()
    installation = flow.go(flow.register(ONCE, replaces=ID).link)

    assert flow.registration.register(make_request(replaces=ID), ONCE) == installation


def test_a_key_is_valid_for_one_body(flow):
    flow.register(ONCE)

    with pytest.raises(InstallRefused, match="Idempotency-Key: This key came with another body"):
        flow.register(replace(ONCE, fingerprint="another-digest"))


def test_a_key_whose_installation_was_deleted_makes_no_other(flow):
    flow.registration.delete(flow.register(ONCE).settings.id)

    with pytest.raises(InstallRefused, match="Idempotency-Key: The installation of this key is gone"):
        flow.register(ONCE)


@pytest.mark.parametrize("fingerprint", [ONCE.fingerprint, "digest-of-the-corrected-body"])
def test_a_key_may_be_used_again_after_a_refusal(flow, fingerprint):
    flow.sectorflow.checks.then(TokenRefused("status 401"))
    with pytest.raises(InstallRefused, match="apiToken"):
        flow.register(ONCE)

    pending = flow.register(replace(ONCE, fingerprint=fingerprint))

    assert flow.registration.find(pending.settings.id) == pending


def test_an_installation_whose_key_was_never_completed_is_found_by_the_next_request(flow, lapse, monkeypatch):
    def down(key: str) -> None:
        raise StorageUnavailable("ConnectionError")

    with monkeypatch.context() as outage:
        outage.setattr(flow.registration.idempotency.idempotency, "complete", down)
        stored = flow.register(ONCE)
    lapse()

    assert [flow.register(ONCE), flow.register(ONCE)] == [stored, stored]


def test_of_eight_concurrent_requests_one_registers_and_all_return_the_same(flow):
    waiting, registered = threading.Semaphore(0), threading.Event()

    def wait(_: float) -> None:
        waiting.release()
        assert registered.wait(30)

    def register(_: int) -> str:
        pending = installs.register(make_request(), ONCE)
        registered.set()
        return pending.settings.id

    installs = replace(flow.registration, idempotency=replace(flow.registration.idempotency, sleep=wait))
    flow.sectorflow.checks.then(lambda: all(waiting.acquire(timeout=30) for _ in range(7)))

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(register, range(8)))

    assert len(ids) == len(flow.sectorflow.checked) == 1


def test_a_repeat_waits_for_the_first_request_as_long_as_the_answer_may_take(flow):
    pauses: list[float] = []
    installs = replace(
        flow.registration, idempotency=replace(flow.registration.idempotency, sleep=pauses.append)
    )

    def repeat() -> None:
        with pytest.raises(RequestInProgress):
            installs.register(make_request(), ONCE)

    flow.sectorflow.checks.then(repeat)

    flow.register(ONCE)

    assert 2.5 <= sum(pauses) <= 3.5
