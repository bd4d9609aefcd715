"""The requests that the channel page shows: all of them, in their order, and without secrets."""

import json

import pytest
import requests

from sandbox.sectorflow.models import GPT, PLUS_ID, TOKEN, WORKSPACE_ID
from sandbox.slack.seed import GENERAL_ID
from sandbox.traffic import Exchange, Traffic, readable
from tests.sandbox.helpers import Box, actions, button
from tests.waiting import until


def seen(box: Box, count: int) -> list[Exchange]:
    """Return the requests, once so many have ended."""
    until(lambda: len(ended(box.world.traffic)) >= count)
    return ended(box.world.traffic)


def ended(traffic: Traffic) -> list[Exchange]:
    return [each for each in traffic.since(0, 0.0) if each.seconds is not None]


def test_events_calls_and_presses_are_recorded_with_their_answers(box):
    box.service.statuses = [500]
    box.mention()
    box.service.wait_for(2)
    seen(box, 2)
    ts = box.post(blocks=[actions(button(action_id="tab"))])
    box.press(ts, "tab")
    body = {"messages": [{"role": "user", "content": "Hi"}], "models": [GPT.id], "chatTools": []}
    url = f"{box.url}/sectorflow/api/v1/chat/{WORKSPACE_ID}/completions"
    requests.post(url, json={**body, "plusId": PLUS_ID}, headers={"Authorization": f"Bearer {TOKEN}"})

    found = seen(box, 5)

    assert [(each.route, each.status, each.error, each.retry, each.is_failed) for each in found] == [
        ("event", 500, "http_error", 0, True),
        ("event", 200, "", 1, False),
        ("slack", 200, "", 0, False),
        ("interaction", 200, "", 0, False),
        ("sectorflow", 200, "", 0, False),
    ]
    assert [each.name for each in found][:4] == [*["app_mention"] * 2, "chat.postMessage", "block_actions"]
    assert json.loads(found[3].asked)["payload"]["actions"][0]["action_id"] == "tab"
    assert GPT.name in found[4].answered


def test_a_refused_call_and_a_dropped_connection_are_failures(box):
    requests.post(f"{box.url}/api/chat.postMessage", data={"token": "xoxb-1-2", "channel": GENERAL_ID})
    box.control("faults", service="slack", target="auth.test", drop="before")
    with pytest.raises(requests.RequestException):
        requests.post(f"{box.url}/api/auth.test")

    refused, dropped = seen(box, 2)

    assert (refused.status, refused.error, refused.is_failed) == (200, "invalid_auth", True)
    assert (dropped.status, dropped.is_failed) == (None, True)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ({"token": "s3cret", "nested": [{"client_secret": "s3cret", "access_token": "s3cret"}]}, "json"),
        ("code=s3cret&state=s3cret&client_id=1.2", "x-www-form-urlencoded"),
        ('payload={"token":"s3cret","response_url":"s3cret","trigger_id":"s3cret"}', "x-www-form-urlencoded"),
        ({"error": "Bearer s3cret is not known", "text": "xoxb-1-s3cret and xoxe.xoxp-1-s3cret"}, "json"),
        ({"credentials": {"signing_secret": "s3cret", "verification_token": "s3cret"}}, "json"),
    ],
)
def test_secrets_are_masked(body, content_type):
    raw = body if isinstance(body, str) else json.dumps(body)

    assert "s3cret" not in readable(raw.encode(), f"application/{content_type}")
    assert "••••••" in readable(raw.encode(), f"application/{content_type}")


def test_figures_are_not_masked_and_long_bodies_are_cut():
    shown = readable(json.dumps({"promptTokens": 7, "text": "x" * 10_000}).encode())

    assert '"promptTokens": 7' in shown
    assert shown.endswith("more characters")


def test_the_last_requests_are_remembered_without_very_long_bodies():
    traffic = Traffic()

    for number in range(400):
        traffic.begin("slack", "x", b"x" * 500_000 if number == 399 else b"")

    found = traffic.since(0, 0.0)
    assert (len(found), found[-1].number, found[-1].asked) == (300, 400, "500,000 bytes")


def test_a_request_is_told_twice_when_it_begins_and_when_it_ends():
    traffic = Traffic()
    number = traffic.begin("slack", "chat.postMessage", b"{}")
    (open_one,) = traffic.since(0, 0.0)

    traffic.end(number, status=200, response=b"{}", error="no_text")

    (closed,) = traffic.since(open_one.version, 0.0)
    assert (open_one.seconds, open_one.is_failed) == (None, False)
    assert (closed.number, closed.is_failed, closed.answered) == (number, True, "{}")
