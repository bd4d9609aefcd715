"""The votes on an installation's answers, for the platform."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import responses
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.services import Services
from tests.fakes import make_reply
from tests.values import MODEL_IDS, WORKSPACE_ID, make_installation, make_question, make_terms
from tests.web.flows import INSTALLATIONS, delete, get, install, patch, register

FIRST, SECOND, THIRD = MODEL_IDS
LATER = "ffffffff-0000-4000-8000-000000000001"
EARLIER = "00000000-0000-4000-8000-000000000001"


def feedback(client: FlaskClient, installation_id: str = make_terms().id) -> TestResponse:
    return get(client, f"{INSTALLATIONS}/{installation_id}/feedback")


def items(*votes: tuple[str, str | None, int, int]) -> dict[str, Any]:
    """A good answer, of models with their name, votes up and down."""
    return {"items": [dict(zip(("modelId", "modelName", "up", "down"), each, strict=True)) for each in votes]}


@pytest.fixture
def installed(services: Services) -> Installation:
    """An installation of three models, of which SectorFlow named two."""
    settings = dataclasses.replace(
        make_terms().sectorflow, model_names={FIRST: "GPT", SECOND: "", LATER: "Old"}
    )
    installation = make_installation(make_terms(sectorflow=settings))
    services.answers.installations.save(installation, None, None)
    return installation


def vote(services: Services, model_id: str, user_id: str, *, up: bool) -> None:
    answer = Answer(make_question(), make_reply((model_id,)).answers)
    services.feedback.vote(answer, 0, user_id, up=up)


def test_votes_are_shown_by_model_those_of_the_settings_first(
    client: FlaskClient, services: Services, installed: Installation
) -> None:
    before = feedback(client).json
    for model_id in (LATER, EARLIER, THIRD, FIRST):
        vote(services, model_id, "U1", up=True)
        vote(services, model_id, "U2", up=model_id == FIRST)

    assert before == items((FIRST, "GPT", 0, 0), (SECOND, None, 0, 0), (THIRD, None, 0, 0))
    assert feedback(client).json == items(
        (FIRST, "GPT", 2, 0),
        (SECOND, None, 0, 0),
        (THIRD, None, 1, 1),
        (EARLIER, None, 1, 1),
        (LATER, "Old", 1, 1),
    )


def test_there_is_feedback_from_the_install_to_the_deletion(
    client: FlaskClient, services: Services, sectorflow: responses.RequestsMock
) -> None:
    registered = register(client)
    assert feedback(client, registered["id"]).status_code == 404

    installation, _ = install(client, sectorflow)
    vote(services, SECOND, "U1", up=True)
    patch(client, installation["id"], modelIds=[THIRD, SECOND])
    assert feedback(client, installation["id"]).json == items((THIRD, None, 0, 0), (SECOND, None, 1, 0))

    delete(client, installation["id"])
    assert feedback(client, installation["id"]).status_code == 404


@pytest.mark.parametrize("installation_id", [WORKSPACE_ID, "no-uuid", "..", "%00"])
def test_an_id_of_no_installation_has_no_feedback(
    client: FlaskClient, installed: Installation, installation_id: str
) -> None:
    response = feedback(client, installation_id)

    assert response.status_code == 404
    assert (response.json or {})["status"] == "Not Found"
