from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import redis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.formatting import actions
from sectorflow_slack.services import Services
from sectorflow_slack.tasks import ERRANDS
from tests.fakes import make_reply
from tests.services.pressing import FIRST_TS, submission
from tests.services.pressing import press as button
from tests.storage.conftest import dump
from tests.values import (
    CUSTOMERS_APP,
    MODEL_IDS,
    OWN_APP,
    TEAM_ID,
    make_bot,
    make_installation,
    make_press,
    make_question,
    make_terms,
    signed,
)

PATH = "/slack/interactions"
LETTER_ID = "0123456789abcdef" * 2
SECRET = OWN_APP.signing_secret


def form(payload: Any) -> bytes:
    """What Slack sends: one field of JSON in a form."""
    return urlencode({"payload": json.dumps(payload)}).encode()


def send(client: FlaskClient, body: bytes, headers: dict[str, str] | None = None) -> TestResponse:
    """POST to the interactions URL; signed by the service's own app unless ``headers`` are given."""
    headers = signed(body) if headers is None else headers
    return client.post(
        PATH, data=body, headers={**headers, "Content-Type": "application/x-www-form-urlencoded"}
    )


def press(client: FlaskClient, payload: Any) -> TestResponse:
    return send(client, form(payload))


@pytest.fixture
def letter(services: Services) -> None:
    """A question that failed and can be asked again."""
    services.answers.installations.save(make_installation(), None, None)
    services.answers.questions.accept(make_question(id=LETTER_ID))
    question = services.answers.questions.take(make_installation().key)
    assert question is not None
    services.answers.questions.finish(question, "answer_lost", question)


@pytest.fixture
def answer(services: Services) -> Answer:
    """An answer of three models, in one message; its question is done with."""
    services.answers.installations.save(make_installation(), None, None)
    answer = Answer(make_question(), make_reply(MODEL_IDS).answers, display="tabs")
    services.answers.kept.keep(answer)
    services.answers.kept.posted(answer.id, (FIRST_TS,))
    return answer


def errands(store: redis.Redis) -> list[dict[str, Any]]:
    """What workers are asked to run."""
    messages = map(str, store.hvals(f"{ERRANDS}:{ERRANDS}.msgs"))
    return [json.loads(message)["kwargs"] for message in messages]


def waiting(store: redis.Redis) -> int:
    """How many questions wait for a worker."""
    return int(store.llen(f"waiting:{OWN_APP.app_id}:{TEAM_ID}"))


def test_a_press_is_acknowledged_with_an_empty_body_once_its_question_waits(
    client: FlaskClient, store: redis.Redis, letter: None
) -> None:
    response = press(client, make_press(LETTER_ID))

    assert (response.status_code, response.data) == (200, b"")
    assert waiting(store) == 1


def test_two_presses_ask_once(client: FlaskClient, store: redis.Redis, letter: None) -> None:
    answers = [press(client, make_press(LETTER_ID)) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert waiting(store) == 1


def test_a_press_of_a_tab_is_acknowledged_once_it_is_stored_and_a_worker_will_draw_it(
    client: FlaskClient, services: Services, store: redis.Redis, answer: Answer
) -> None:
    response = press(client, button(actions.SHOW_TAB, 2))

    assert (response.status_code, response.data) == (200, b"")
    kept = services.answers.kept.find(answer.id)
    assert kept is not None
    assert kept.answer.tab == 2
    assert [(errand["kind"], errand["question_id"]) for errand in errands(store)] == [("draw", answer.id)]


def test_a_follow_up_is_acknowledged_with_nothing_so_that_slack_closes_the_dialog(
    client: FlaskClient, store: redis.Redis, answer: Answer
) -> None:
    response = press(client, submission("And a longer one?", model=1))

    assert (response.status_code, response.data) == (200, b"")
    assert waiting(store) == 1


@pytest.mark.parametrize(
    "body", [submission(), button(actions.SHOW_TAB, 1), button(actions.VOTE, 0, choice="up")]
)
def test_what_slack_did_not_sign_presses_no_button_of_an_answer(
    client: FlaskClient, services: Services, store: redis.Redis, answer: Answer, body: dict[str, Any]
) -> None:
    response = send(client, form(body), signed(form(body), "another-secret"))

    assert response.status_code == 401
    assert (waiting(store), errands(store), services.feedback.of(make_installation().key)) == (0, [], ())


def test_what_workers_are_told_holds_no_text_that_people_wrote_or_read(
    client: FlaskClient, store: redis.Redis, answer: Answer
) -> None:
    for payload in (
        button(actions.SHOW_TAB, 1),
        button(actions.REGENERATE, 1),
        button(actions.FOLLOW_UP, 1),
        button(actions.PLAIN_TEXT, 1),
        submission("And a longer one?"),
    ):
        assert press(client, payload).status_code == 200

    written = str(dump(store))

    assert len(errands(store)) == 5
    assert [text for text in ("joke", "longer", "Answer 1", "Model 1") if text in written] == []


@pytest.mark.parametrize(
    "payload",
    [
        make_press("f" * 32),
        make_press("../question"),
        make_press(LETTER_ID, team={"id": "T0OTHER"}),
        make_press(LETTER_ID, team=None),
        make_press(LETTER_ID, channel={"id": "C0OTHER"}),
        make_press(LETTER_ID, actions=None),
        make_press(LETTER_ID, type="shortcut"),
        {"api_app_id": OWN_APP.app_id},
    ],
)
def test_anything_else_that_is_signed_is_acknowledged_and_asks_nothing(
    client: FlaskClient, store: redis.Redis, letter: None, payload: dict[str, Any]
) -> None:
    response = press(client, payload)

    assert (response.status_code, response.data) == (200, b"")
    assert waiting(store) == 0


def test_another_app_may_not_press_this_ones_button(
    client: FlaskClient, services: Services, store: redis.Redis, letter: None
) -> None:
    app_id = CUSTOMERS_APP.app_id
    other = make_installation(make_terms(id="other", app_id=app_id), make_bot(app_id=app_id))
    services.answers.installations.save(other, CUSTOMERS_APP, None)
    body = form(make_press(LETTER_ID, api_app_id=app_id))

    response = send(client, body, signed(body, CUSTOMERS_APP.signing_secret))

    assert response.status_code == 200
    assert waiting(store) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(form(make_press(LETTER_ID)), "another-secret"),
        signed(form(make_press(LETTER_ID)), at=time.time() - 600),
        signed(b"another body"),
        {**signed(form(make_press(LETTER_ID))), "X-Slack-Signature": "v0=ü"},
    ],
    ids=["none", "another secret", "old", "another body", "odd"],
)
def test_what_slack_did_not_sign_is_refused(
    client: FlaskClient, store: redis.Redis, letter: None, headers: dict[str, str]
) -> None:
    response = send(client, form(make_press(LETTER_ID)), headers)

    assert (response.status_code, response.data) == (401, b"")
    assert waiting(store) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload",
        b"payload=",
        b"payload={",
        b"payload=[]",
        b"payload=7",
        b"payload=null",
        b"payload=%FF%FE",
        b"\xff\xfe",
        b"other=" + quote(json.dumps(make_press(LETTER_ID))).encode(),
        json.dumps(make_press(LETTER_ID)).encode(),
        form(make_press(LETTER_ID)) + b"&" + form(make_press(LETTER_ID)),
        form(make_press(LETTER_ID)) + b"&a=1" * 20,
        b"payload=" + b"[" * 100_000,
        b'payload={"api_app_id": "A0OWN", "x": ' + b"1" * 5_000 + b"}",
        form(make_press(LETTER_ID, api_app_id="A0UNKNOWN")),
        form(make_press(LETTER_ID, api_app_id=None)),
        form(make_press(LETTER_ID, api_app_id=["A0OWN"])),
        form(make_press(LETTER_ID, api_app_id="A0OWN:T")),
    ],
)
def test_what_cannot_be_read_or_is_of_no_app_is_refused(
    client: FlaskClient, store: redis.Redis, letter: None, body: bytes
) -> None:
    answers = [send(client, body), send(client, body, {})]

    assert [(answer.status_code, answer.data) for answer in answers] == [(401, b"")] * 2
    assert waiting(store) == 0


def test_a_press_that_is_too_large_is_refused(client: FlaskClient) -> None:
    response = press(client, make_press("x" * 2**20))

    assert response.status_code == 413


def test_a_press_is_refused_while_the_store_is_away(storeless_client: FlaskClient) -> None:
    began = time.monotonic()

    response = press(storeless_client, make_press(LETTER_ID))

    assert response.status_code == 503
    assert time.monotonic() - began < 3


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(max_size=5), each, max_size=2),
    max_leaves=6,
)
_FIELDS = ("type", "team", "enterprise", "is_enterprise_install", "channel", "container", "actions", "user")


@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(changes=st.fixed_dictionaries({}, optional=dict.fromkeys(_FIELDS, _JSON)))
def test_whatever_stands_in_it_a_signed_press_is_acknowledged(
    client: FlaskClient, letter: None, changes: dict[str, Any]
) -> None:
    assert press(client, make_press(LETTER_ID, **changes)).status_code == 200


@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(payload=_JSON, raw=st.none() | st.binary(max_size=50))
def test_whatever_is_sent_there_is_an_answer(client: FlaskClient, payload: Any, raw: bytes | None) -> None:
    body = form(payload) if raw is None else raw

    assert send(client, body).status_code in {200, 401}


def test_the_url_takes_nothing_but_a_post(client: FlaskClient) -> None:
    assert client.get(PATH).status_code == 405
