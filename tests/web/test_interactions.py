"""The interactions URL: block actions and view submissions, acknowledged once they are stored."""

import json
from urllib.parse import quote, urlencode

import pytest

from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.formatting import block_kit
from sectorflow_slack.services.event_payloads import question_of
from tests.fakes import make_reply
from tests.services.block_actions import block_action, view_submission
from tests.services.steps import FIRST_TS
from tests.values import MODEL_IDS, make_block_action, make_question, signed
from tests.web.flows import waiting

FAILED_ID = "0123456789abcdef" * 2


def form(payload):
    """The body that Slack sends: one form field of JSON."""
    return urlencode({"payload": json.dumps(payload)}).encode()


def send(client, body, headers=None):
    """POST to the interactions URL, signed by the service's own app unless ``headers`` are given."""
    headers = signed(body) if headers is None else headers
    headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    return client.post("/slack/interactions", data=body, headers=headers)


def send_payload(client, payload):
    return send(client, form(payload))


@pytest.fixture
def failed(services, installed):
    """A failed question that can be asked again."""
    services.answers.questions.accept(make_question(id=FAILED_ID))
    question = question_of(services.answers.questions.lease(), installed)
    services.answers.questions.complete(question, "answer_lost", question)


@pytest.fixture
def answer(services, installed):
    """A posted answer of three models in one message."""
    answer = Answer(make_question(), make_reply(MODEL_IDS).answers, display="tabs")
    services.answers.answers.save(answer)
    services.answers.answers.mark_posted(answer.id, (FIRST_TS,))
    return answer


def slack_jobs(store):
    return [json.loads(job) for key in store.scan_iter("jobs:*") for job in store.lrange(key, 0, -1)]


def test_ask_again_is_acknowledged_once_the_question_waits(client, store, failed):
    responses = [send_payload(client, make_block_action(FAILED_ID)) for _ in range(2)]

    assert [(response.status_code, response.data) for response in responses] == [(200, b"")] * 2
    assert waiting(store) == 1


def test_a_click_on_a_tab_is_acknowledged_once_it_is_stored_and_a_job_queued(client, services, store, answer):
    response = send_payload(client, block_action(block_kit.SHOW_TAB, 2))

    assert (response.status_code, response.data) == (200, b"")
    assert services.answers.answers.find(answer.id).answer.tab == 2
    assert [(job["kind"], job["answer_id"]) for job in slack_jobs(store)] == [("render_answer", answer.id)]


def test_a_view_submission_is_acknowledged_empty_so_that_slack_closes_the_dialog(client, store, answer):
    response = send_payload(client, view_submission("And a longer one?", model=1))

    assert (response.status_code, response.data) == (200, b"")
    assert waiting(store) == 1


PAYLOAD = make_block_action(FAILED_ID)


@pytest.mark.parametrize("headers", [{}, signed(form(PAYLOAD), "another-secret")], ids=["unsigned", "other"])
def test_a_request_that_slack_did_not_sign_is_refused(client, store, failed, headers):
    response = send(client, form(PAYLOAD), headers)

    assert (response.status_code, response.data) == (401, b"")
    assert (waiting(store), slack_jobs(store)) == (0, [])


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"payload={", b"payload=%FF%FE", b"\xff\xfe", b"payload=" + b"[" * 100_000),
        *(json.dumps(PAYLOAD).encode(), b"other=" + quote(json.dumps(PAYLOAD)).encode()),
        *(form(PAYLOAD) + b"&" + form(PAYLOAD), form(PAYLOAD) + b"&a=1" * 20),
        b'payload={"api_app_id": "A0OWN", "x": ' + b"1" * 5_000 + b"}",
        *(form({**PAYLOAD, "api_app_id": app_id}) for app_id in ("A0UNKNOWN", ["A0OWN"], "A0OWN:T")),
    ],
    ids=range(13),
)
def test_an_unreadable_body_or_an_unknown_app_is_refused(client, store, failed, body):
    responses = [send(client, body), send(client, body, {})]

    assert [(response.status_code, response.data) for response in responses] == [(401, b"")] * 2
    assert waiting(store) == 0


def test_an_interaction_is_503_while_redis_is_down(storeless_client):
    assert send_payload(storeless_client, PAYLOAD).status_code == 503
