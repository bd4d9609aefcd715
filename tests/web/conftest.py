"""Fixtures of the web tests: a fake Redis, mocks of Slack and SectorFlow, clients with other settings."""

import dataclasses

import pytest
import responses
from flask import Flask

from sectorflow_slack.bootstrap import build_services
from tests.values import make_installation
from tests.web.flows import WORKSPACE_URL, ServiceClient


@pytest.fixture(autouse=True)
def no_new_tls_context(no_new_tls_context):
    """In tests that build a service of their own as well: no web test speaks TLS."""


@pytest.fixture(autouse=True)
def client_class(monkeypatch):
    monkeypatch.setattr(Flask, "test_client_class", ServiceClient)


@pytest.fixture
def store(quick_store):
    """One Redis: the stores' own tests show that the fake does the same."""
    return quick_store


@pytest.fixture
def outside():
    """Mocked Slack and SectorFlow; requests to other URLs fail."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def sectorflow(outside):
    """``outside`` with a SectorFlow that knows the workspace."""
    outside.get(WORKSPACE_URL, json={"name": "Jokes", "models": []})
    return outside


@pytest.fixture
def client_with(settings, store, clock, make_app):
    """Return a function that makes a client of a service with other settings, on the same store."""

    def make(**changes):
        changed = dataclasses.replace(settings, **changes)
        return make_app(changed, build_services(changed, store, clock)).test_client()

    return make


@pytest.fixture
def storeless_client(client, redis_server):
    """A client of a service while Redis refuses connections."""
    redis_server.connected = False
    return client


@pytest.fixture
def installed(services):
    """The service's own app, installed in the team that sends the events."""
    installation = make_installation()
    services.answers.installations.save(installation, None, None)
    return installation
