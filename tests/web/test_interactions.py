from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.formatting import actions
from sectorflow_slack.services import Services
from sectorflow_slack.tasks import SLACK_JOBS
from tests.fakes import make_reply
from tests.services.pressing import press as button
from tests.services.pressing import submission
from tests.services.steps import FIRST_TS
from tests.values import CUSTOMERS_APP, MODEL_IDS, OWN_APP, make_press, make_question, signed
from tests.web.flows import waiting

FAILED_ID = "0123456789abcdef" * 2


def form(payload: Any) -> bytes:
    """The body that Slack sends: one field of JSON in a form."""
    return urlencode({"payload": json.dumps(payload)}).encode()


def send(client: FlaskClient, body: bytes, headers: dict[str, str] | None = None) -> TestResponse:
    """POST to the interactions URL; signed by the service's own app unless ``headers`` are given."""
    headers = {
        **(signed(body) if headers is None else headers),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return client.post("/slack/interactions", data=body, headers=headers)


def press(client: FlaskClient, payload: Any) -> TestResponse:
    return send(client, form(payload))


@pytest.fixture
def failed(services: Services, installed: Installation) -> None:
    """A question that failed and can be asked again."""
    services.answers.questions.accept(make_question(id=FAILED_ID))
    question = services.answers.questions.lease(installed.key)
    assert question is not None
    services.answers.questions.complete(question, "answer_lost", question)


@pytest.fixture
def answer(services: Services, installed: Installation) -> Answer:
    """An answer of three models, in one message; its question is done with."""
    answer = Answer(make_question(), make_reply(MODEL_IDS).answers, display="tabs")
    services.answers.answers.save(answer)
    services.answers.answers.mark_posted(answer.id, (FIRST_TS,))
    return answer


def jobs(store: redis.Redis) -> list[dict[str, Any]]:
    """The jobs that wait for a worker, beside questions."""
    messages = map(str, store.hvals(f"{SLACK_JOBS}:{SLACK_JOBS}.msgs"))
    return [json.loads(message)["kwargs"] for message in messages]


def test_a_press_is_acknowledged_with_an_empty_body_once_its_question_waits(
    client: FlaskClient, store: redis.Redis, failed: None
) -> None:
    answers = [press(client, make_press(FAILED_ID)) for _ in range(2)]

    assert [(answer.status_code, answer.data) for answer in answers] == [(200, b"")] * 2
    assert waiting(store) == 1


def test_a_press_of_a_tab_is_acknowledged_once_it_is_stored_and_queued(
    client: FlaskClient, services: Services, store: redis.Redis, answer: Answer
) -> None:
    response = press(client, button(actions.SHOW_TAB, 2))

    stored = services.answers.answers.find(answer.id)
    assert (response.status_code, response.data) == (200, b"")
    assert stored is not None
    assert stored.answer.tab == 2
    assert [(job["kind"], job["question_id"]) for job in jobs(store)] == [("draw", answer.id)]


def test_a_follow_up_is_acknowledged_with_nothing_so_that_slack_closes_the_dialog(
    client: FlaskClient, store: redis.Redis, answer: Answer
) -> None:
    response = press(client, submission("And a longer one?", model=1))

    assert (response.status_code, response.data) == (200, b"")
    assert waiting(store) == 1


@pytest.mark.parametrize(
    "payload",
    [
        make_press(FAILED_ID, team={"id": "T0OTHER"}),
        make_press(FAILED_ID, channel={"id": "C0OTHER"}),
        make_press(FAILED_ID, type="shortcut"),
        {"api_app_id": OWN_APP.app_id},
    ],
    ids=["another team", "another channel", "another kind", "nothing"],
)
def test_anything_else_that_is_signed_is_acknowledged_and_asks_nothing(
    client: FlaskClient, store: redis.Redis, failed: None, payload: dict[str, Any]
) -> None:
    response = press(client, payload)

    assert (response.status_code, response.data) == (200, b"")
    assert waiting(store) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(form(make_press(FAILED_ID)), "another-secret"),
        signed(form(make_press(FAILED_ID)), CUSTOMERS_APP.signing_secret),
        signed(form(make_press(FAILED_ID)), at=time.time() - 86_400),
        signed(b"another body"),
        {**signed(form(make_press(FAILED_ID))), "X-Slack-Signature": "v0=ü"},
    ],
    ids=["unsigned", "another secret", "another app", "old", "another body", "odd"],
)
def test_a_request_that_slack_did_not_sign_is_refused(
    client: FlaskClient, store: redis.Redis, failed: None, headers: dict[str, str]
) -> None:
    response = send(client, form(make_press(FAILED_ID)), headers)

    assert (response.status_code, response.data) == (401, b"")
    assert (waiting(store), jobs(store)) == (0, [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload={",
        b"payload=%FF%FE",
        b"\xff\xfe",
        b"other=" + quote(json.dumps(make_press(FAILED_ID))).encode(),
        json.dumps(make_press(FAILED_ID)).encode(),
        form(make_press(FAILED_ID)) + b"&" + form(make_press(FAILED_ID)),
        form(make_press(FAILED_ID)) + b"&a=1" * 20,
        b"payload=" + b"[" * 100_000,
        b'payload={"api_app_id": "A0OWN", "x": ' + b"1" * 5_000 + b"}",
        form(make_press(FAILED_ID, api_app_id="A0UNKNOWN")),
        form(make_press(FAILED_ID, api_app_id=["A0OWN"])),
        form(make_press(FAILED_ID, api_app_id="A0OWN:T")),
    ],
    ids=range(13),
)
def test_an_unreadable_body_or_one_of_an_unknown_app_is_refused(
    client: FlaskClient, store: redis.Redis, failed: None, body: bytes
) -> None:
    answers = [send(client, body), send(client, body, {})]

    assert [(answer.status_code, answer.data) for answer in answers] == [(401, b"")] * 2
    assert waiting(store) == 0


def test_a_press_is_refused_while_the_store_is_away(storeless_client: FlaskClient) -> None:
    assert press(storeless_client, make_press(FAILED_ID)).status_code == 503
