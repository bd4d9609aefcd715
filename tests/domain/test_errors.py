"""The errors are one tree, and their texts have no secrets."""

from __future__ import annotations

import inspect

import pytest

from sectorflow_slack.domain import errors
from sectorflow_slack.domain.errors import ConsentRefused, InstallIncomplete, SectorFlowSlackError

ERRORS = [
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, Exception) and each is not SectorFlowSlackError
]


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_is_in_the_tree_of_the_docstring(error):
    assert issubclass(error, SectorFlowSlackError)
    assert f"── {error.__name__} " in f"{errors.__doc__}".replace("\n", " \n")


def test_the_text_of_an_error_has_neither_the_return_url_nor_the_token():
    refused = ConsentRefused("cancelled", installation_id="an-id", return_url="https://app.example.com")

    assert str(refused) == "cancelled"
    assert "a-token" not in repr(InstallIncomplete("a-token", None))
