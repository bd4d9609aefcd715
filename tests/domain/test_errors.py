from __future__ import annotations

import inspect

import pytest

from sectorflow_slack.domain import errors
from sectorflow_slack.domain.errors import (
    CannotDecrypt,
    ConsentRefused,
    InstallRefused,
    SectorFlowBusy,
    SectorFlowSlackError,
    SlackRefused,
)

ERRORS = [
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, Exception) and each is not SectorFlowSlackError
]


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_is_of_the_one_tree_that_the_module_draws(error):
    assert issubclass(error, SectorFlowSlackError)
    assert f"── {error.__name__} " in f"{errors.__doc__}".replace("\n", " \n")


def test_a_lost_key_is_told_by_the_place_it_is_missed_at():
    error = CannotDecrypt("app:A1 client_secret")

    assert str(error) == "no key decrypts app:A1 client_secret"
    assert error.place == "app:A1 client_secret"


def test_a_refused_install_names_field_and_reason():
    error = InstallRefused("apiToken", "was refused")

    assert str(error) == "apiToken: was refused"
    assert (error.field, error.message) == ("apiToken", "was refused")


def test_a_refused_consent_shows_its_reason_and_not_where_the_browser_goes():
    error = ConsentRefused("cancelled", installation_id="an-id", return_url="https://app.example.com")

    assert str(error) == "cancelled"
    assert (error.reason, error.installation_id) == ("cancelled", "an-id")
    assert error.return_url == "https://app.example.com"


def test_a_busy_service_may_say_when_to_come_back():
    assert SectorFlowBusy("status 429", retry_after=3.0).retry_after == 3.0
    assert SectorFlowBusy("status 503").retry_after is None


def test_a_slack_error_is_its_code():
    error = SlackRefused("channel_not_found", retry_after=1.0)

    assert str(error) == error.code == "channel_not_found"
    assert error.retry_after == 1.0
