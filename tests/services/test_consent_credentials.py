"""The credentials of a customer's app count for nothing until Slack has taken them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from sectorflow_slack.domain.errors import SlackRefused
from sectorflow_slack.domain.installations import SlackApp
from sectorflow_slack.services import Services
from sectorflow_slack.services.consent import ConsentService
from tests.fakes import FakeSlackClient
from tests.services.consenting import LINK, go, refused, register, status
from tests.values import CUSTOMERS_APP, make_bot, make_terms


def installed_app(consent: ConsentService, slack: FakeSlackClient, app: SlackApp) -> None:
    register(consent, terms=make_terms(app_id=app.app_id), slack_app=app)
    slack.bot = make_bot(app_id=app.app_id)
    go(consent)


def test_a_customers_app_comes_into_being_with_its_installation(
    consent: ConsentService, slack: FakeSlackClient
) -> None:
    register(consent, terms=make_terms(app_id=CUSTOMERS_APP.app_id), slack_app=CUSTOMERS_APP)
    slack.bot = make_bot(app_id=CUSTOMERS_APP.app_id)

    go(consent)

    assert consent.apps.find(CUSTOMERS_APP.app_id) == CUSTOMERS_APP
    assert slack.exchanged[0][0] == CUSTOMERS_APP


def test_credentials_count_for_nothing_before_the_exchange(consent: ConsentService) -> None:
    register(consent, terms=make_terms(app_id=CUSTOMERS_APP.app_id), slack_app=CUSTOMERS_APP)

    consent.begin(LINK)

    assert consent.apps.find(CUSTOMERS_APP.app_id) is None
    assert consent.apps.signing_secrets(CUSTOMERS_APP.app_id) == ()


@pytest.mark.parametrize("code", ["bad_client_secret", "invalid_client_id"])
def test_wrong_credentials_are_the_end_of_a_request_and_touch_nothing(
    consent: ConsentService, slack: FakeSlackClient, store: redis.Redis, code: str
) -> None:
    installed_app(consent, slack, CUSTOMERS_APP)
    impostor = replace(CUSTOMERS_APP, client_secret="guessed", signing_secret="mine")
    register(
        consent,
        terms=make_terms(id="second", app_id=CUSTOMERS_APP.app_id),
        slack_app=impostor,
        link="second-link",
    )
    slack.exchanges.then(SlackRefused(code))

    error = refused(consent, "second-link")

    assert error.reason == "bad_credentials"
    assert status(consent, "second") == ("failed", "bad_credentials")
    assert consent.apps.find(CUSTOMERS_APP.app_id) == CUSTOMERS_APP
    assert consent.apps.signing_secrets(CUSTOMERS_APP.app_id) == (CUSTOMERS_APP.signing_secret,)
    assert store.exists("pending-secrets:second") == 0


def test_a_new_signing_secret_waits_for_the_first_event_that_verifies_with_it(
    consent: ConsentService, services: Services, slack: FakeSlackClient
) -> None:
    installed_app(consent, slack, CUSTOMERS_APP)
    newer = replace(CUSTOMERS_APP, signing_secret="newer")
    register(consent, terms=make_terms(id="second", app_id=newer.app_id), slack_app=newer, link="second-link")
    slack.bot = make_bot(app_id=newer.app_id, team_id="T0SECOND")

    go(consent, "second-link")

    events = services.events
    assert events.signing_secrets(newer.app_id) == (CUSTOMERS_APP.signing_secret, "newer")
    events.adopt_signing_secret(newer.app_id, "newer")
    assert events.signing_secrets(newer.app_id) == ("newer",)
