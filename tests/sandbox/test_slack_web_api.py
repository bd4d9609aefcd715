"""The Web API refuses what Slack refuses, with Slack's own errors; Slack's own client works with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox.faults import Fault
from sandbox.server import RunningSandbox
from sandbox.slack.config_tokens import SEEDED_REFRESH_TOKEN, SEEDED_TOKEN
from sandbox.slack.limits import RateLimits
from sandbox.slack.records import Channel, Install
from sandbox.slack.seed import ARCHIVED_ID, GENERAL_ID, MAYA_ID, RANDOM_ID
from sandbox.state import Sandbox
from tests.sandbox.conftest import Receiver


def error_of(call: Callable[[], object]) -> str:
    """Give Slack's name for how a call is refused."""
    with pytest.raises(SlackApiError) as raised:
        call()
    return str(raised.value.response["error"])


def test_slacks_own_client_posts_updates_and_deletes(slack: WebClient, sandbox: Sandbox) -> None:
    parent = slack.chat_postMessage(channel=GENERAL_ID, text="one")["ts"]

    reply = slack.chat_postMessage(channel=GENERAL_ID, text="two", thread_ts=parent)["ts"]
    slack.chat_update(channel=GENERAL_ID, ts=reply, text="three")
    said = [each["text"] for each in sandbox.world.thread(GENERAL_ID, parent)]
    slack.chat_delete(channel=GENERAL_ID, ts=reply)

    assert said == ["one", "three"]
    assert [each["ts"] for each in sandbox.world.messages(GENERAL_ID)] == [parent]


def test_each_wrong_post_gets_slacks_error(slack: WebClient, sandbox: Sandbox) -> None:
    sandbox.world.add_channel(Channel("G0SECRET001", "T0ACME00001", "secret", kind="group"))
    parent = slack.chat_postMessage(channel=GENERAL_ID, text="one")["ts"]
    reply = slack.chat_postMessage(channel=GENERAL_ID, text="two", thread_ts=parent)["ts"]
    wrong: dict[str, dict[str, Any]] = {
        "no_text": {"channel": GENERAL_ID},
        "channel_not_found": {"channel": "G0SECRET001", "text": "x"},
        "not_in_channel": {"channel": RANDOM_ID, "text": "x"},
        "is_archived": {"channel": ARCHIVED_ID, "text": "x"},
        "invalid_thread_ts": {"channel": GENERAL_ID, "text": "x", "thread_ts": "yesterday"},
        "thread_not_found": {"channel": GENERAL_ID, "text": "x", "thread_ts": "1700000000.000100"},
        "cannot_reply_to_message": {"channel": GENERAL_ID, "text": "x", "thread_ts": reply},
        "invalid_blocks": {"channel": GENERAL_ID, "text": "x", "blocks": [{"type": "section"}]},
        "invalid_blocks_format": {"channel": GENERAL_ID, "text": "x", "blocks": "[not json"},
    }

    errors = [
        error_of(lambda body=body: slack.api_call("chat.postMessage", json=body)) for body in wrong.values()
    ]

    assert errors == list(wrong)


def test_an_invalid_block_is_named(slack: WebClient) -> None:
    header = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}

    with pytest.raises(SlackApiError) as raised:
        slack.chat_postMessage(channel=GENERAL_ID, text="x", blocks=[header])

    response = raised.value.response
    assert response["errors"] == ["must be less than 151 characters [json-pointer:/blocks/0/text/text]"]
    assert response["response_metadata"]["messages"] == [f"[ERROR] {response['errors'][0]}"]


def test_an_update_takes_less_text_than_a_post(slack: WebClient) -> None:
    ts = slack.chat_postMessage(channel=GENERAL_ID, text="x" * 4_001)["ts"]

    taken = slack.chat_update(channel=GENERAL_ID, ts=ts, text="x" * 4_000)
    error = error_of(lambda: slack.chat_update(channel=GENERAL_ID, ts=ts, text="x" * 4_001))

    assert taken["ok"]
    assert error == "msg_too_long"


def test_an_app_changes_only_its_own_messages(slack: WebClient, sandbox: Sandbox) -> None:
    theirs = sandbox.world.ask(MAYA_ID, GENERAL_ID, "mine")["ts"]
    hidden = slack.chat_postEphemeral(channel=GENERAL_ID, user=MAYA_ID, text="psst")["message_ts"]

    errors = [
        error_of(lambda ts=ts: slack.chat_update(channel=GENERAL_ID, ts=ts, text="x"))
        for ts in (theirs, hidden, "1700000000.000100")
    ]

    assert errors == ["cant_update_message", "message_not_found", "message_not_found"]


def test_an_update_with_text_alone_removes_the_blocks(slack: WebClient, sandbox: Sandbox) -> None:
    blocks = [{"type": "divider"}]
    ts = slack.chat_postMessage(channel=GENERAL_ID, text="x", blocks=blocks)["ts"]

    slack.chat_update(channel=GENERAL_ID, ts=ts, text="y")

    message = sandbox.world.find_message(GENERAL_ID, ts)
    assert message is not None
    assert "blocks" not in message


def test_each_bad_token_gets_slacks_error(
    running: RunningSandbox, slack: WebClient, install: Install
) -> None:
    url = f"{running.base_url}/api/auth.test"
    slack.auth_revoke()

    answers = [
        requests.post(url, headers={"Authorization": f"Bearer {token}"} if token else {}).json()
        for token in ("", "xoxb-unknown", install.bot_token)
    ]

    assert [each["error"] for each in answers] == ["not_authed", "invalid_auth", "token_revoked"]


def test_a_token_in_a_form_counts_and_one_in_json_does_not(running: RunningSandbox, install: Install) -> None:
    url, body = f"{running.base_url}/api/auth.test", {"token": install.bot_token}

    in_form, in_json = requests.post(url, data=body).json(), requests.post(url, json=body).json()

    assert in_form["ok"] is True
    assert in_json["error"] == "not_authed"


def test_a_missing_scope_is_named(slack: WebClient, install: Install) -> None:
    install.scopes = ("chat:write",)

    with pytest.raises(SlackApiError) as raised:
        slack.conversations_info(channel=GENERAL_ID)
    custom = error_of(lambda: slack.chat_postMessage(channel=GENERAL_ID, text="x", username="Ada"))

    response = raised.value.response
    assert (response["error"], response["needed"]) == ("missing_scope", "channels:read")
    assert response["provided"] == "chat:write"
    assert custom == "missing_scope"


def test_an_unknown_method_is_refused(slack: WebClient) -> None:
    assert error_of(lambda: slack.api_call("chat.shout")) == "unknown_method"


def test_too_many_posts_get_429_with_a_wait(slack: WebClient) -> None:
    for _ in range(20):
        slack.chat_postMessage(channel=GENERAL_ID, text="x")

    with pytest.raises(SlackApiError) as raised:
        slack.chat_postMessage(channel=GENERAL_ID, text="x")

    response = raised.value.response
    assert (response.status_code, response["error"]) == (429, "ratelimited")
    assert int(response.headers["Retry-After"]) >= 1


def test_a_bucket_fills_again_with_time() -> None:
    now = [0.0]
    limits = RateLimits(clock=lambda: now[0])
    burst = [limits.wait_for("chat.postMessage", "a:t", "C1") for _ in range(21)]

    now[0] = 1.0

    assert burst == [0] * 20 + [1]
    assert limits.wait_for("chat.postMessage", "a:t", "C1") == 0


def test_faults_come_as_often_as_asked_for(slack: WebClient, sandbox: Sandbox) -> None:
    sandbox.slack_faults.add(Fault("chat.postMessage", times=1, error="internal_error"))

    error = error_of(lambda: slack.chat_postMessage(channel=GENERAL_ID, text="x"))
    second = slack.chat_postMessage(channel=GENERAL_ID, text="x")

    assert error == "internal_error"
    assert second["ok"]


@pytest.mark.parametrize(("drop", "posted"), [("before", 0), ("after", 1)])
def test_a_dropped_connection_has_taken_the_post_or_not(
    running: RunningSandbox, install: Install, drop: str, posted: int
) -> None:
    base, sandbox = running.base_url, running.sandbox
    fault = {"service": "slack", "target": "chat.postMessage", "drop": drop}
    requests.post(f"{base}/_control/faults", json=fault).raise_for_status()
    headers, body = {"Authorization": f"Bearer {install.bot_token}"}, {"channel": GENERAL_ID, "text": "x"}

    with pytest.raises(requests.ConnectionError):
        requests.post(f"{base}/api/chat.postMessage", json=body, headers=headers, timeout=5)

    assert len(sandbox.world.messages(GENERAL_ID)) == posted


def test_a_manifest_makes_an_app_only_if_its_url_echoes(running: RunningSandbox, receiver: Receiver) -> None:
    manifest = {
        "display_information": {"name": "Acme Asks"},
        "features": {"bot_user": {"display_name": "acme-asks"}},
        "oauth_config": {"scopes": {"bot": ["app_mentions:read"]}},
        "settings": {"event_subscriptions": {"request_url": receiver.url, "bot_events": ["app_mention"]}},
    }
    config = WebClient(SEEDED_TOKEN, base_url=f"{running.base_url}/api/")

    with pytest.raises(SlackApiError) as raised:
        config.apps_manifest_create(manifest=manifest)
    del manifest["settings"]
    made = config.apps_manifest_create(manifest=manifest)

    asked = json.loads(receiver.got[0][1])
    assert asked.keys() == {"token", "challenge", "type"}
    assert raised.value.response["errors"][0]["pointer"].endswith("/request_url")
    assert made["credentials"].keys() == {
        "client_id",
        "client_secret",
        "verification_token",
        "signing_secret",
    }


def test_a_wrong_manifest_is_refused_by_place(running: RunningSandbox) -> None:
    config = WebClient(SEEDED_TOKEN, base_url=f"{running.base_url}/api/")

    with pytest.raises(SlackApiError) as raised:
        config.apps_manifest_validate(manifest={"display_information": {"name": "x" * 36}})

    assert [each["pointer"] for each in raised.value.response["errors"]] == ["/display_information/name"]


def test_a_config_refresh_token_works_once(running: RunningSandbox) -> None:
    client = WebClient(base_url=f"{running.base_url}/api/")
    new = client.tooling_tokens_rotate(refresh_token=SEEDED_REFRESH_TOKEN)

    error = error_of(lambda: client.tooling_tokens_rotate(refresh_token=SEEDED_REFRESH_TOKEN))

    assert error == "invalid_refresh_token"
    assert new["exp"] - new["iat"] == 43_200
