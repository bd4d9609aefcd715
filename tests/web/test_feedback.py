"""The votes on an installation's answers, for the platform."""

import dataclasses

import pytest

from sectorflow_slack.domain.questions import Answer, ModelAnswer
from tests.fakes import make_reply
from tests.values import MODEL_IDS, make_installation, make_question, make_settings
from tests.web.flows import INSTALLATIONS

FIRST, SECOND, THIRD = MODEL_IDS
LATER = "ffffffff-0000-4000-8000-000000000001"
EARLIER = "00000000-0000-4000-8000-000000000001"


def get_feedback(client, installation_id):
    return client.get_api(f"{INSTALLATIONS}/{installation_id}/feedback")


def items(*rows):
    """The expected JSON; each row has a model's id and name, its votes up and down, and its figures."""
    names = ("modelId", "modelName", "up", "down", "asked", "failed", "p50Seconds", "credits")
    return {
        "items": [dict(zip(names, (*row, 0, 0, None, 0.0)[: len(names)], strict=True)) for row in rows],
    }


@pytest.fixture
def installed(services):
    """An installation of three models, two of which SectorFlow named."""
    settings = dataclasses.replace(
        make_settings().sectorflow, model_names={FIRST: "GPT", SECOND: "", LATER: "Old"}
    )
    installation = make_installation(make_settings(sectorflow=settings))
    services.answers.installations.save(installation, None, None)
    return installation


def vote(services, model_id, user_id, *, up):
    services.feedback.vote(Answer(make_question(), make_reply((model_id,)).answers), 0, user_id, up=up)


def test_votes_are_listed_by_model_those_of_the_settings_first(client, services, installed):
    before = get_feedback(client, installed.settings.id).json
    for model_id in (LATER, EARLIER, THIRD, FIRST):
        vote(services, model_id, "U1", up=True)
        vote(services, model_id, "U2", up=model_id == FIRST)

    assert before == items((FIRST, "GPT", 0, 0), (SECOND, None, 0, 0), (THIRD, None, 0, 0))
    assert get_feedback(client, installed.settings.id).json == items(
        (FIRST, "GPT", 2, 0),
        (SECOND, None, 0, 0),
        (THIRD, None, 1, 1),
        (EARLIER, None, 1, 1),
        (LATER, "Old", 1, 1),
    )


def test_what_the_answers_took_is_listed_beside_the_votes(client, services, installed):
    for seconds in (1.5, 2.5, 50.0):
        services.metrics.count_model(
            installed.key, ModelAnswer(SECOND, "B", text="x", seconds=seconds, credits=2)
        )
    services.metrics.count_model(installed.key, ModelAnswer(LATER, "Old", failed=True, failure="error"))
    services.metrics.flush()

    _, second, _, later = get_feedback(client, installed.settings.id).json["items"]
    took = {"asked": 3, "failed": 0, "p50Seconds": 2.5, "credits": 6.0}
    assert second == {"modelId": SECOND, "modelName": None, "up": 0, "down": 0, **took}
    assert [later[name] for name in ("modelId", "asked", "failed", "p50Seconds")] == [LATER, 1, 1, None]


def test_feedback_exists_from_the_install_to_the_deletion(client, services, sectorflow):
    pending = client.register()
    assert get_feedback(client, pending["id"]).status_code == 404

    installation, _ = client.install(sectorflow)
    vote(services, SECOND, "U1", up=True)
    client.patch_installation(installation["id"], modelIds=[THIRD, SECOND])
    assert get_feedback(client, installation["id"]).json == items((THIRD, None, 0, 0), (SECOND, None, 1, 0))

    client.delete_installation(installation["id"])
    assert get_feedback(client, installation["id"]).status_code == 404
