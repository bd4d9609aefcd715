"""Fixtures for all tests: Redis (fake and real), settings, services, the app and its client."""

from __future__ import annotations

import os
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import fakeredis
import hypothesis
import pytest
import redis
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import build_services
from sectorflow_slack.config import Settings
from sectorflow_slack.embedded.process import LaunchError
from sectorflow_slack.embedded.store import find_server, running_store
from sectorflow_slack.services import Services
from sectorflow_slack.storage.crypto import Cipher
from tests.values import INSTALL_API_KEY, OWN_APP, FixedClock

# The time of an example depends on the load of the machine, and no fixture carries state from one example to
# the next that could fail it.
hypothesis.settings.register_profile(
    "tests",
    deadline=None,
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.function_scoped_fixture,
    ],
)
hypothesis.settings.load_profile("tests")


def skip_or_fail(reason: str) -> None:
    """Fail the test in CI, skip it elsewhere: a laptop need not have every server."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def real_redis_url(tmp_path_factory) -> Iterator[str]:
    """Start a Redis for the tests; REDIS_TEST_URL names another one, which is flushed."""
    if url := os.environ.get("REDIS_TEST_URL"):
        yield url
        return
    try:
        server = find_server()
    except LaunchError as error:
        skip_or_fail(str(error))
        raise
    home: Path = tmp_path_factory.mktemp("redis")
    with running_store(home, server) as store:
        yield store.url


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real_redis)])
def store(request) -> Iterator[redis.Redis]:
    """An empty Redis: each test runs with the fake and with the real one."""
    if request.param == "fake":
        yield fakeredis.FakeRedis(server=fakeredis.FakeServer(), decode_responses=True)
        return
    yield request.getfixturevalue("real_store")


@pytest.fixture
def real_store(real_redis_url) -> Iterator[redis.Redis]:
    """An empty real Redis."""
    client = redis.Redis.from_url(real_redis_url, decode_responses=True)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def redis_server() -> fakeredis.FakeServer:
    """The server behind ``quick_store``; if it is not ``connected``, it refuses everything."""
    return fakeredis.FakeServer()


@pytest.fixture
def quick_store(request) -> redis.Redis:
    """An empty Redis: a real one, as a script takes the fake ten times as long, or a ``redis_server``."""
    if "redis_server" in request.fixturenames:
        server = request.getfixturevalue("redis_server")
        return fakeredis.FakeRedis(server=server, decode_responses=True)
    return request.getfixturevalue("real_store")


@pytest.fixture
def cipher() -> Cipher:
    return Cipher([Fernet.generate_key().decode()])


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def settings() -> Settings:
    """Settings of a service with its own Slack app; tests ``replace`` single ones."""
    return Settings(
        public_url="https://slack.example.com",
        redis_url="redis://nowhere.invalid:1/0",
        redis_tls_verify=True,
        encryption_keys=(Fernet.generate_key().decode(),),
        install_api_keys=(INSTALL_API_KEY,),
        slack_app=OWN_APP,
        slack_base_url="https://slack.com",
        sectorflow_base_url="https://platform.sectorflow.ai/api/v1",
        sectorflow_timeout_seconds=120.0,
        outgoing_proxy=None,
        outgoing_ca_bundle=None,
        return_url_hosts=frozenset({"app.sectorflow.example"}),
        support_url="",
        privacy_url="",
        metrics_token=None,
        install_page=False,
        install_rate_limit="120 per minute",
        answer_retention_days=30,
        questions_per_installation=16,
        questions_per_person=(20, 60),
        waiting_per_installation=1000,
        worker_threads=64,
        worker_heartbeat_file=None,
        port=8000,
        web_concurrency=None,
        log_level="INFO",
    )


@pytest.fixture(scope="session")
def tls_context() -> ssl.SSLContext:
    """One for all tests: creating one takes 40 ms."""
    return ssl.create_default_context()


@pytest.fixture
def no_new_tls_context(tls_context, monkeypatch) -> None:
    """For tests that build sessions and do not speak TLS."""
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: tls_context)


@pytest.fixture
def services(settings, store, clock, no_new_tls_context) -> Services:
    return build_services(settings, store, clock)


@pytest.fixture(scope="session")
def made_apps() -> dict[str, list[Flask]]:
    """The applications of all tests, by the public URL that they were made with."""
    return {}


@pytest.fixture
def make_app(made_apps) -> Callable[[Settings, Services], Flask]:
    """Return a function that makes an application, another one with each call.

    As making one takes 30 ms, tests use the same ones after one another: settings and services are all their
    state. A test that adds routes calls ``create_app``.
    """
    made = Counter[str]()

    def make(settings: Settings, services: Services) -> Flask:
        apps = made_apps.setdefault(settings.public_url, [])
        number = made[settings.public_url]
        made[settings.public_url] += 1
        if number == len(apps):
            apps.append(create_app(settings, services))
        apps[number].config["SETTINGS"] = settings
        apps[number].extensions["sectorflow_slack"] = services
        return apps[number]

    return make


@pytest.fixture
def app(make_app, settings, services) -> Flask:
    return make_app(settings, services)


@pytest.fixture
def client(app) -> FlaskClient:
    return app.test_client()
