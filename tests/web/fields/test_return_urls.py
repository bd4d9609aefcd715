"""Where a browser may be sent when all is done: to a trusted host, as it is written, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import responses
from flask.testing import FlaskClient

from tests.web.flows import errors_of, post

RETURN_URLS = [
    "https://app.sectorflow.example",
    "https://app.sectorflow.example/",
    "https://APP.SectorFlow.example/slack/done",
    "https://app.sectorflow.example/done?tab=slack&x=%20[1]",
    "https://app.sectorflow.example?tab=slack",
    "https://app.sectorflow.example/" + "x" * (2048 - 31),
]
NO_RETURN_URLS = [
    "http://app.sectorflow.example/",
    "HTTPS://app.sectorflow.example/\n",
    "//app.sectorflow.example/",
    "/done",
    "javascript:alert(1)",
    "https:app.sectorflow.example",
    "https:///app.sectorflow.example",
    "https://app.sectorflow.example@evil.example/",
    "https://app.sectorflow.example:x@evil.example/",
    "https://user@app.sectorflow.example/",
    "https://user:word@app.sectorflow.example/",
    "https://@app.sectorflow.example/",
    "https://app.sectorflow.example:443/",
    "https://app.sectorflow.example:/",
    "https://app.sectorflow.example:8443/",
    "https://evil.app.sectorflow.example/",
    "https://sectorflow.example/",
    "https://app.sectorflow.example.evil.example/",
    "https://app.sectorflow.example./",
    "https://.app.sectorflow.example/",
    "https://evil.example\\.app.sectorflow.example/",
    "https://app.sectorflow.example\\@evil.example/",
    "https://app.sectorflow.example/\\evil.example",
    "https:\\\\app.sectorflow.example/",
    "https://evil.example#app.sectorflow.example/",
    "https://evil.example?app.sectorflow.example/",
    "https://app.sectorflow.example/#done",
    "https://app.sectorflow.example/#",
    "https://app.sectorflow.example#",
    "https://app.sectorflow.example/\n",
    "https://app.sectorflow.example/\r\nSet-Cookie: a=b",
    "https://app.sector\tflow.example/",
    " https://app.sectorflow.example/",
    "https://app.sectorflow.example /",
    "https://app.sectorflow。example/",
    "https://аpp.sectorflow.example/",  # noqa: RUF001  a Cyrillic letter
    "https://app.sectorflow.example/é",
    'https://app.sectorflow.example/"onload=',
    "https://%61pp.sectorflow.example/",
    "https://[::1]/",
    "https://app.sectorflow.example/" + "x" * (2049 - 31),
]


@pytest.mark.parametrize("url", RETURN_URLS)
def test_a_browser_may_be_sent_to_a_trusted_host(
    client: FlaskClient, sectorflow: responses.RequestsMock, url: str
) -> None:
    response = post(client, returnUrl=url)

    assert response.status_code == 201


@pytest.mark.parametrize("url", NO_RETURN_URLS)
def test_a_browser_is_sent_nowhere_else(
    client: FlaskClient, sectorflow: responses.RequestsMock, url: str
) -> None:
    response = post(client, returnUrl=url)

    assert errors_of(response).keys() == {"returnUrl"}


def test_a_browser_is_sent_nowhere_when_no_host_is_trusted(client_where: Callable[..., FlaskClient]) -> None:
    client = client_where(return_url_hosts=frozenset())

    response = post(client, returnUrl=RETURN_URLS[0])

    assert errors_of(response).keys() == {"returnUrl"}
