"""HEAD, as link checkers and previews send it: whoever only looks sets nothing off."""

from __future__ import annotations

import responses
from flask.testing import FlaskClient

from tests.web.flows import ACCESS_URL, CODE, come_back, consent_reply, path_of, register, set_off


def test_who_only_looks_at_the_way_back_does_not_use_up_the_state(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    registered = register(client)
    state = set_off(client, registered)
    sectorflow.post(ACCESS_URL, json=consent_reply())

    looked = client.head("/slack/oauth_redirect", query_string={"state": state, "code": CODE})
    came = come_back(client, state=state, code=CODE)

    assert (looked.status_code, looked.headers["Allow"]) == (405, "GET")
    assert "Set-Cookie" not in looked.headers
    assert came.status_code == 200


def test_who_only_looks_at_an_install_link_sets_off_nothing(
    client: FlaskClient, sectorflow: responses.RequestsMock
) -> None:
    response = client.head(path_of(register(client)["installUrl"]))

    assert response.status_code == 405
    assert not {"Set-Cookie", "Location"} & set(response.headers.keys())
