"""What the platform is told of votes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import responses
from flask.testing import FlaskClient

from sectorflow_slack.app import create_app
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.services import Services
from tests.fakes import make_reply
from tests.values import AUTHORIZED, MODEL_IDS, WORKSPACE_ID, make_installation, make_question, make_terms
from tests.web.flows import INSTALLATIONS, delete, install, patch, register

FIRST, SECOND, THIRD = MODEL_IDS
LATER = "ffffffff-0000-4000-8000-000000000001"
EARLIER = "00000000-0000-4000-8000-000000000001"


def url_of(installation_id: str) -> str:
    return f"{INSTALLATIONS}/{installation_id}/feedback"


def feedback(client: FlaskClient, installation_id: str = make_terms().id) -> list[dict[str, Any]]:
    """The items of a good answer."""
    response = client.get(url_of(installation_id), headers=AUTHORIZED)
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.json is not None
    assert response.json.keys() == {"items"}
    return list(response.json["items"])


def item(model_id: str, name: str | None = None, up: int = 0, down: int = 0) -> dict[str, Any]:
    return {"modelId": model_id, "modelName": name, "up": up, "down": down}


@pytest.fixture
def installed(services: Services) -> None:
    """An installation of three models, of which SectorFlow named two."""
    settings = dataclasses.replace(
        make_terms().sectorflow, model_names={FIRST: "GPT", SECOND: "", LATER: "Old"}
    )
    services.answers.installations.save(make_installation(make_terms(sectorflow=settings)), None, None)


def vote(services: Services, model_id: str, user_id: str, *, up: bool) -> None:
    answer = Answer(make_question(), make_reply((model_id,)).answers)
    services.feedback.vote(answer, 0, user_id, up=up)


def test_models_that_nobody_voted_on_are_listed_with_nothing_in_their_order(
    client: FlaskClient, installed: None
) -> None:
    assert feedback(client) == [item(FIRST, "GPT"), item(SECOND), item(THIRD)]


def test_votes_are_told_by_model_those_of_the_settings_first(
    client: FlaskClient, services: Services, installed: None
) -> None:
    for model_id in (LATER, EARLIER, THIRD, FIRST):
        vote(services, model_id, "U1", up=True)
        vote(services, model_id, "U2", up=model_id == FIRST)

    assert feedback(client) == [
        item(FIRST, "GPT", up=2),
        item(SECOND),
        item(THIRD, up=1, down=1),
        item(EARLIER, up=1, down=1),
        item(LATER, "Old", up=1, down=1),
    ]


def test_who_changes_their_mind_is_counted_once(
    client: FlaskClient, services: Services, installed: None
) -> None:
    vote(services, FIRST, "U1", up=True)
    vote(services, FIRST, "U1", up=False)

    assert feedback(client)[0] == item(FIRST, "GPT", down=1)


def test_the_whole_way_from_registering_to_deleting(
    client: FlaskClient, services: Services, sectorflow: responses.RequestsMock
) -> None:
    registered = register(client)
    assert client.get(url_of(registered["id"]), headers=AUTHORIZED).status_code == 404

    installation, _ = install(client, sectorflow)
    vote(services, SECOND, "U1", up=True)
    patch(client, installation["id"], modelIds=[THIRD, SECOND])
    assert feedback(client, installation["id"]) == [item(THIRD), item(SECOND, up=1)]

    delete(client, installation["id"])
    gone = client.get(url_of(installation["id"]), headers=AUTHORIZED)
    assert (gone.status_code, (gone.json or {})["code"]) == (404, 404)


@pytest.mark.parametrize("installation_id", [WORKSPACE_ID, "no-uuid", "..", "%00"])
def test_what_is_not_installed_has_no_feedback(
    client: FlaskClient, installed: None, installation_id: str
) -> None:
    response = client.get(url_of(installation_id), headers=AUTHORIZED)

    assert response.status_code == 404
    assert (response.json or {})["status"] == "Not Found"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer another-key-of-nobody"}])
def test_without_a_key_nobody_is_told(client: FlaskClient, installed: None, headers: dict[str, str]) -> None:
    assert client.get(url_of(make_terms().id), headers=headers).status_code == 401


def test_it_counts_as_a_call_of_the_key(settings: Settings, services: Services, installed: None) -> None:
    limited = dataclasses.replace(services, rate_limit=OneCall())
    client = create_app(settings, limited).test_client()

    statuses = [client.get(url_of(make_terms().id), headers=AUTHORIZED).status_code for _ in range(2)]

    assert statuses == [200, 429]


class OneCall:
    """Lets one call through."""

    def __init__(self) -> None:
        self.calls = 0

    def hit(self, caller: str) -> float | None:
        self.calls += 1
        return None if self.calls == 1 else 7.0


def test_while_the_store_is_away_so_is_this(storeless_client: FlaskClient) -> None:
    response = storeless_client.get(url_of(make_terms().id), headers=AUTHORIZED)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")


def test_nothing_but_a_get_is_taken(client: FlaskClient, installed: None) -> None:
    assert client.delete(url_of(make_terms().id), headers=AUTHORIZED).status_code == 405
