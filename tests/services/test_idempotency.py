"""One ``Idempotency-Key`` makes one installation, however often and fast its request is repeated."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import InstallRefused, StillUnderWay, StorageUnavailable, TokenRefused
from sectorflow_slack.domain.installations import Once
from sectorflow_slack.services import Services
from sectorflow_slack.services.installs import InstallService
from tests.fakes import FakeSectorFlowClient
from tests.services.installing import ID, go, make_request
from tests.values import make_installation

ONCE = Once("a-key", "digest-of-the-body")


def refuse(installs: InstallService, once: Once = ONCE) -> str:
    """Register and return the field that is refused."""
    with pytest.raises(InstallRefused) as caught:
        installs.register(make_request(), once)
    return caught.value.field


def test_a_repeated_request_returns_the_same_installation(
    installs: InstallService, sectorflow: FakeSectorFlowClient
) -> None:
    first = installs.register(make_request(), ONCE)

    assert installs.register(make_request(), ONCE) == first
    assert len(sectorflow.checked) == 1


def test_another_key_makes_another_installation(installs: InstallService) -> None:
    first = installs.register(make_request(), ONCE)

    second = installs.register(make_request(), replace(ONCE, key="another-key"))

    assert first.terms.id != second.terms.id


def test_a_key_counts_for_one_body(installs: InstallService) -> None:
    installs.register(make_request(), ONCE)

    assert refuse(installs, replace(ONCE, fingerprint="another-digest")) == "Idempotency-Key"


def test_a_repeat_returns_the_installation_as_it_is_now_also_after_it_replaced_another(
    installs: InstallService, services: Services
) -> None:
    installs.installations.save(make_installation(), None, None)
    pending = installs.register(make_request(replaces=ID), ONCE)
    installation, _ = go(services.consent, pending.link)

    assert installs.register(make_request(replaces=ID), ONCE) == installation


def test_a_key_whose_installation_was_deleted_makes_no_other(installs: InstallService) -> None:
    pending = installs.register(make_request(), ONCE)
    installs.delete(pending.terms.id)

    assert refuse(installs) == "Idempotency-Key"


@pytest.mark.parametrize("fingerprint", [ONCE.fingerprint, "digest-of-the-corrected-body"])
def test_a_key_may_be_used_again_after_a_refusal(
    installs: InstallService, sectorflow: FakeSectorFlowClient, fingerprint: str
) -> None:
    sectorflow.checks.then(TokenRefused("status 401"))
    assert refuse(installs) == "apiToken"

    pending = installs.register(make_request(), replace(ONCE, fingerprint=fingerprint))

    assert installs.find(pending.terms.id) == pending


def test_an_installation_whose_claim_was_never_settled_is_found_by_the_next_request(
    installs: InstallService, lapse: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(key: str) -> None:
        raise StorageUnavailable("ConnectionError")

    with monkeypatch.context() as outage:
        outage.setattr(installs.claims.idempotency, "done", away)
        stored = installs.register(make_request(), ONCE)
    lapse()

    assert installs.register(make_request(), ONCE) == stored
    assert installs.register(make_request(), ONCE) == stored


def test_of_eight_requests_at_once_one_registers_and_all_get_the_same(
    installs: InstallService, sectorflow: FakeSectorFlowClient
) -> None:
    waiting, registered = threading.Semaphore(0), threading.Event()

    def wait(_: float) -> None:
        waiting.release()
        assert registered.wait(60)

    def register(_: int) -> Any:
        made = installs.register(make_request(), ONCE)
        registered.set()
        return made

    installs = replace(installs, claims=replace(installs.claims, sleep=wait))
    sectorflow.checks.then(lambda: [waiting.acquire(timeout=60) for _ in range(7)])

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(register, range(8)))

    assert len({each.terms.id for each in made}) == 1
    assert len(sectorflow.checked) == 1


def test_a_repeat_of_a_request_that_takes_long_is_told_so_in_time(
    installs: InstallService, sectorflow: FakeSectorFlowClient
) -> None:
    pauses: list[float] = []
    impatient = replace(installs, claims=replace(installs.claims, sleep=pauses.append))

    def repeat() -> None:
        with pytest.raises(StillUnderWay):
            impatient.register(make_request(), ONCE)

    sectorflow.checks.then(repeat)

    installs.register(make_request(), ONCE)

    assert 2.5 <= sum(pauses) <= 3.5
