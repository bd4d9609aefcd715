"""One ``Idempotency-Key`` makes one installation, however often and fast its request is repeated."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import InstallRefused, RequestInProgress, StorageUnavailable, TokenRefused
from sectorflow_slack.domain.installations import IdempotencyKey, PendingInstallation
from tests.services.installing import ID, ONCE, InstallFlow, make_request


def refused_field(flow: InstallFlow, once: IdempotencyKey = ONCE) -> str:
    with pytest.raises(InstallRefused) as caught:
        flow.register(once)
    return caught.value.field


def test_a_repeated_request_returns_the_same_installation(flow: InstallFlow) -> None:
    first = flow.register(ONCE)

    assert flow.register(ONCE) == first
    assert len(flow.sectorflow.checked) == 1


def test_another_key_makes_another_installation(flow: InstallFlow) -> None:
    first = flow.register(ONCE)

    second = flow.register(replace(ONCE, key="another-key"))

    assert first.settings.id != second.settings.id


def test_a_key_counts_for_one_body(flow: InstallFlow) -> None:
    flow.register(ONCE)

    assert refused_field(flow, replace(ONCE, fingerprint="another-digest")) == "Idempotency-Key"


def test_a_repeat_returns_the_installation_as_it_is_now_also_after_it_replaced_another(
    flow: InstallFlow,
) -> None:
    flow.install()
    installation = flow.go(flow.register(ONCE, replaces=ID).link)

    assert flow.installs.register(make_request(replaces=ID), ONCE) == installation


def test_a_key_whose_installation_was_deleted_makes_no_other(flow: InstallFlow) -> None:
    flow.installs.delete(flow.register(ONCE).settings.id)

    assert refused_field(flow) == "Idempotency-Key"


@pytest.mark.parametrize("fingerprint", [ONCE.fingerprint, "digest-of-the-corrected-body"])
def test_a_key_may_be_used_again_after_a_refusal(flow: InstallFlow, fingerprint: str) -> None:
    flow.sectorflow.checks.then(TokenRefused("status 401"))
    assert refused_field(flow) == "apiToken"

    pending = flow.register(replace(ONCE, fingerprint=fingerprint))

    assert flow.installs.find(pending.settings.id) == pending


def test_an_installation_whose_claim_was_never_settled_is_found_by_the_next_request(
    flow: InstallFlow, lapse: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(key: str) -> None:
        raise StorageUnavailable("ConnectionError")

    with monkeypatch.context() as outage:
        outage.setattr(flow.installs.idempotency.idempotency, "complete", away)
        stored = flow.register(ONCE)
    lapse()

    assert [flow.register(ONCE), flow.register(ONCE)] == [stored, stored]


def test_of_eight_requests_at_once_one_registers_and_all_get_the_same(flow: InstallFlow) -> None:
    waiting, registered = threading.Semaphore(0), threading.Event()

    def wait(_: float) -> None:
        waiting.release()
        assert registered.wait(30)

    def register(_: int) -> PendingInstallation:
        made = installs.register(make_request(), ONCE)
        registered.set()
        return made

    installs = replace(flow.installs, idempotency=replace(flow.installs.idempotency, sleep=wait))
    flow.sectorflow.checks.then(lambda: all(waiting.acquire(timeout=30) for _ in range(7)))

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(register, range(8)))

    assert len({each.settings.id for each in made}) == 1
    assert len(flow.sectorflow.checked) == 1


def test_a_repeat_of_a_request_that_takes_long_is_told_so_in_time(flow: InstallFlow) -> None:
    pauses: list[float] = []
    installs = replace(flow.installs, idempotency=replace(flow.installs.idempotency, sleep=pauses.append))

    def repeat() -> None:
        with pytest.raises(RequestInProgress):
            installs.register(make_request(), ONCE)

    flow.sectorflow.checks.then(repeat)

    flow.register(ONCE)

    assert 2.5 <= sum(pauses) <= 3.5
