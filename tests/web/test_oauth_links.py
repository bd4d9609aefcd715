"""Which install links lead nowhere: those never given out, those that served, those of yesterday."""

from __future__ import annotations

import pytest
import responses
from flask.testing import FlaskClient

from tests.values import FixedClock
from tests.web.flows import CODE, come_back, consent_reply, follow, install, register, set_off


@pytest.mark.parametrize("link", ["a-guess", "x" * 5_000, "%00", "%FF", "..", "%2e%2e%2f", "<script>"])
def test_a_link_that_was_never_given_out_is_a_page(client: FlaskClient, link: str) -> None:
    response = client.get(f"/slack/install/{link}")

    assert response.status_code == 404
    assert response.mimetype == "text/html"
    assert "<script" not in response.text


def test_the_id_of_an_installation_is_no_link(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    installation = register(client)

    response = client.get(f"/slack/install/{installation['id']}")

    assert response.status_code == 404


def test_a_link_is_dead_once_the_app_is_installed(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    installation, _ = install(client, sectorflow)

    response = follow(client, installation)

    assert response.status_code == 404
    assert "<title>This link does not work any more " in response.text


def test_a_link_is_dead_once_the_install_failed(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    installation, _ = install(client, sectorflow, reply=consent_reply(app_id="A0OTHER"))

    response = follow(client, installation)

    assert response.status_code == 404


def test_a_link_is_dead_after_a_day(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    installation = register(client)

    clock.now += 86_399
    in_time = follow(client, installation)
    clock.now += 1
    late = follow(client, installation)

    assert (in_time.status_code, late.status_code) == (302, 404)


def test_consent_that_comes_after_the_links_day_is_refused(
    client: FlaskClient, sectorflow: responses.RequestsMock, clock: FixedClock
) -> None:
    installation = register(client)
    state = set_off(client, installation)

    clock.now += 86_400
    page = come_back(client, state=state, code=CODE)

    assert page.status_code == 404
