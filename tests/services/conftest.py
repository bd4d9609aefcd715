"""The services on the real stores, with fakes of Slack and SectorFlow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sectorflow_slack.bootstrap import Remotes, build_services
from sectorflow_slack.domain.errors import TokenRefused
from tests.fakes import FakeSectorFlowClient, FakeSlackClient
from tests.services.installing import InstallFlow
from tests.services.scenario import Scenario
from tests.services.steps import FAILED_ID
from tests.values import make_installation


@pytest.fixture
def store(quick_store):
    """One Redis: the stores' own tests show that the fake does the same."""
    return quick_store


@pytest.fixture
def slack():
    return FakeSlackClient()


@pytest.fixture
def sectorflow():
    return FakeSectorFlowClient()


@pytest.fixture
def services(settings, store, clock, slack, sectorflow):
    remotes = Remotes(slack=slack, sectorflow=sectorflow, clock=clock)
    real = build_services(settings, store, clock, remotes)
    idempotency = replace(real.registration.idempotency, sleep=lambda _: None)
    # In the caller's thread, so that a test knows when it is set.
    statuses = replace(real.answers.statuses, spawn=lambda call: call())
    return replace(
        real,
        registration=replace(real.registration, idempotency=idempotency),
        answers=replace(real.answers, random=lambda: 0.5, statuses=statuses),
        slack_jobs=replace(real.slack_jobs, statuses=statuses),
    )


@pytest.fixture
def parts(services, slack, sectorflow, store, clock):
    """The fields of a scenario and of an install flow."""
    return services, slack, sectorflow, store, clock


@pytest.fixture
def flow(parts):
    return InstallFlow(*parts)


@pytest.fixture
def answers(services):
    """The service that answers questions, with one installation."""
    services.answers.installations.save(make_installation(), None, None)
    return services.answers


@pytest.fixture
def acme(parts, answers):
    """An installation without questions."""
    return Scenario(*parts)


@pytest.fixture
def answered(acme):
    """The same with an answer of three models, in one message of a thread."""
    acme.have_answered()
    return acme


@pytest.fixture
def shared(acme):
    """The same in a channel that is shared with another organisation."""
    acme.have_answered(is_shared=True)
    return acme


@pytest.fixture
def failed(acme):
    """An installation with a failed question, whose notice has a button."""
    acme.sectorflow.answers.then(TokenRefused("status 401"))
    acme.ask(id=FAILED_ID)
    return acme


@pytest.fixture
def lapse(store):
    """Let the minute pass after which a request that has not finished counts as dead."""

    def lapse_all():
        for key in store.scan_iter("idempotency:*"):
            store.hset(key, "claimed_until", "0")

    return lapse_all
