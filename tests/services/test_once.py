"""One ``Idempotency-Key``, whatever is repeated."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import sleep

import pytest

from sectorflow_slack.domain.errors import (
    InstallRefused,
    StillUnderWay,
    StorageUnavailable,
    TokenRefused,
)
from sectorflow_slack.domain.installations import Installation, Once
from sectorflow_slack.services import Services
from sectorflow_slack.services.consent import ConsentAnswer, ConsentService
from sectorflow_slack.services.installs import InstallService
from tests.fakes import FakeSectorFlowClient
from tests.services.asking import request
from tests.values import make_installation, make_terms

ONCE = Once("a-key", "digest-of-the-body")


@pytest.fixture
def installs(services: Services) -> InstallService:
    return services.installs


def consent_to(consent: ConsentService, link: str) -> Installation:
    trip = consent.begin(link)
    return consent.complete(ConsentAnswer(trip.state, trip.state, "a-code"))[0]


def refused_field(installs: InstallService, once: Once = ONCE, **changes) -> str:
    with pytest.raises(InstallRefused) as caught:
        installs.register(request(**changes), once)
    return caught.value.field


def test_the_same_request_again_gives_the_same_installation(
    installs: InstallService, sectorflow: FakeSectorFlowClient
) -> None:
    first = installs.register(request(), ONCE)

    second = installs.register(request(), ONCE)

    assert second == first
    assert len(sectorflow.checked) == 1


def test_another_key_gives_another_installation(installs: InstallService) -> None:
    first = installs.register(request(), ONCE)

    second = installs.register(request(), Once("another-key", ONCE.fingerprint))

    assert first.terms.id != second.terms.id


def test_a_key_counts_for_one_body(installs: InstallService) -> None:
    installs.register(request(), ONCE)

    assert refused_field(installs, Once(ONCE.key, "another-digest")) == "Idempotency-Key"


def test_the_installation_is_given_as_it_stands_now(installs: InstallService, services: Services) -> None:
    pending = installs.register(request(), ONCE)
    installation = consent_to(services.consent, pending.link)

    assert installs.register(request(), ONCE) == installation


def test_a_repeat_counts_also_after_what_it_replaces_is_gone(
    installs: InstallService, services: Services
) -> None:
    installs.installations.save(make_installation(), None, None)
    pending = installs.register(request(replaces=make_terms().id), ONCE)
    installation = consent_to(services.consent, pending.link)

    assert installs.register(request(replaces=make_terms().id), ONCE) == installation


def test_a_key_whose_installation_is_gone_makes_no_other(installs: InstallService) -> None:
    pending = installs.register(request(), ONCE)
    installs.delete(pending.terms.id)

    assert refused_field(installs) == "Idempotency-Key"


def test_a_key_may_be_used_again_after_a_refusal(
    installs: InstallService, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.checks.then(TokenRefused("status 401"))
    refused_field(installs)

    pending = installs.register(request(), ONCE)

    assert installs.find(pending.terms.id) == pending


def test_a_key_may_be_used_with_another_body_after_a_refusal(
    installs: InstallService, sectorflow: FakeSectorFlowClient
) -> None:
    sectorflow.checks.then(TokenRefused("status 401"))
    refused_field(installs)

    assert installs.register(request(), Once(ONCE.key, "of-the-corrected-body"))


class NotSaying:
    """A store of keys that does not hear that the work is done."""

    def __init__(self, real) -> None:
        self._real = real

    def __getattr__(self, name: str):
        return getattr(self._real, name)

    def done(self, key: str) -> None:
        raise StorageUnavailable("ConnectionError")


def test_an_installation_that_was_kept_is_found_by_the_next_that_takes_its_key(
    installs: InstallService, lapse: Callable[[], None]
) -> None:
    deaf = replace(installs.claims, idempotency=NotSaying(installs.claims.idempotency))
    kept = replace(installs, claims=deaf).register(request(), ONCE)
    lapse()

    assert installs.register(request(), ONCE) == kept
    assert installs.register(request(), ONCE) == kept


def test_of_many_that_ask_at_once_one_registers_and_all_are_given_the_same(
    installs: InstallService, sectorflow: FakeSectorFlowClient
) -> None:
    slow = replace(installs, sectorflow=Slow(sectorflow), claims=replace(installs.claims, sleep=sleep))

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: slow.register(request(), ONCE), range(8)))

    assert len({each.terms.id for each in made}) == 1
    assert len(sectorflow.checked) == 1


class Slow:
    """SectorFlow, taking its time."""

    def __init__(self, real: FakeSectorFlowClient) -> None:
        self._real = real

    def get_workspace(self, *args, **kwargs):
        sleep(0.3)
        return self._real.get_workspace(*args, **kwargs)


def test_who_asks_while_another_takes_long_is_told_so_in_time(
    installs: InstallService, sectorflow: FakeSectorFlowClient
) -> None:
    pauses: list[float] = []
    begun, go_on = threading.Event(), threading.Event()

    class Stuck(Slow):
        def get_workspace(self, *args, **kwargs):
            begun.set()
            go_on.wait(10)
            return self._real.get_workspace(*args, **kwargs)

    stuck = replace(installs, sectorflow=Stuck(sectorflow))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(stuck.register, request(), ONCE)
        begun.wait(10)

        with pytest.raises(StillUnderWay):
            replace(installs, claims=replace(installs.claims, sleep=pauses.append)).register(request(), ONCE)

        go_on.set()
        first.result(10)
    assert 2.5 <= sum(pauses) <= 3.5
