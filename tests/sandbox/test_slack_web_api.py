"""The Web API: Slack's own client works with it, and it has Slack's own errors; and the control API."""

import pytest
import requests

from sandbox.slack.records import Channel
from sandbox.slack.seed import ARCHIVED_ID, GENERAL_ID, MAYA_ID, RANDOM_ID, TOM_ID
from tests.sandbox.helpers import (
    DIVIDER,
    block,
    container,
    error_of,
    plain,
    refusal,
    rich_text,
    section_of,
    words,
)


def test_slacks_own_client_posts_updates_and_deletes(box):
    parent = box.post()
    reply = box.post(thread_ts=parent, blocks=[DIVIDER])
    box.slack.chat_update(channel=GENERAL_ID, ts=reply, text="y")
    messages = box.world.thread(GENERAL_ID, parent)
    box.slack.chat_delete(channel=GENERAL_ID, ts=reply)

    assert [each["text"] for each in messages] == ["x", "y"]
    # An update with text alone removes the blocks.
    assert "blocks" not in messages[1]
    assert [each["ts"] for each in box.world.messages(GENERAL_ID)] == [parent]


def test_each_invalid_post_gets_slacks_error(box):
    box.world.add_channel(Channel("G0SECRET001", "T0ACME00001", "secret", kind="group"))
    reply = box.post(thread_ts=box.post())
    wrong = {
        "no_text": {"text": ""},
        "channel_not_found": {"channel": "G0SECRET001"},
        "not_in_channel": {"channel": RANDOM_ID},
        "is_archived": {"channel": ARCHIVED_ID},
        "invalid_thread_ts": {"thread_ts": "yesterday"},
        "thread_not_found": {"thread_ts": "1700000000.000100"},
        "cannot_reply_to_message": {"thread_ts": reply},
        "invalid_blocks": {"blocks": [{"type": "section"}]},
        "invalid_blocks_format": {"blocks": "[not json"},
    }
    body = {"channel": GENERAL_ID, "text": "x"}

    errors = [
        error_of(box.slack.api_call, "chat.postMessage", json={**body, **each}) for each in wrong.values()
    ]

    assert errors == list(wrong)
    assert error_of(box.slack.api_call, "chat.shout") == "unknown_method"


def test_an_invalid_block_is_named(box):
    refused = refusal(box.post, blocks=[block("header", text=plain(151))])

    assert refused["errors"] == ["must be less than 151 characters [json-pointer:/blocks/0/text/text]"]
    assert refused["response_metadata"]["messages"] == [f"[ERROR] {refused['errors'][0]}"]


def test_an_update_accepts_less_text_than_a_post(box):
    ts = box.post(text="x" * 4_001)

    assert box.slack.chat_update(channel=GENERAL_ID, ts=ts, text="x" * 4_000)["ok"]
    assert error_of(box.slack.chat_update, channel=GENERAL_ID, ts=ts, text="x" * 4_001) == "msg_too_long"


def test_no_update_removes_the_rich_text_of_a_message(box):
    rich, table = rich_text(section_of(words())), block("table", rows=[[rich_text(section_of(words()))]])
    folded = container(rich)
    ts = box.post(blocks=[DIVIDER, rich])

    def update(*blocks):
        return error_of(box.slack.chat_update, channel=GENERAL_ID, ts=ts, text="x", blocks=list(blocks))

    assert [update(folded), update(table), update(DIVIDER)] == ["block_mismatch"] * 3
    assert box.slack.chat_update(channel=GENERAL_ID, ts=ts, text="x", blocks=[rich, folded])["ok"]
    other = box.post(blocks=[folded])
    assert box.slack.chat_update(channel=GENERAL_ID, ts=other, text="x", blocks=[rich])["ok"]


def test_a_repeated_client_msg_id_is_recognised_only_with_its_setting(box):
    post = {"client_msg_id": "0b5c1d6e-6f55-4c8e-9a52-0b8a5f6b7c11"}
    box.world.invite(box.app.app_id, RANDOM_ID)
    ignored = [box.post(**post) for _ in range(2)]
    box.control("settings", knows_client_msg_ids=True)

    known = [box.post(**post) for _ in range(2)]
    elsewhere = error_of(box.post, RANDOM_ID, **post)
    box.slack.chat_delete(channel=GENERAL_ID, ts=ignored[0])
    deleted = error_of(box.post, **post)

    assert len(set(ignored)) == 2
    assert known == [ignored[0]] * 2
    assert (elsewhere, deleted) == ("duplicate_channel_not_found", "duplicate_message_not_found")
    assert len(box.world.messages(GENERAL_ID)) == 1


def test_an_app_changes_only_its_own_messages_and_no_ephemeral_ones(box):
    theirs = box.world.ask(MAYA_ID, GENERAL_ID, "mine")["ts"]
    hidden = box.slack.chat_postEphemeral(channel=GENERAL_ID, user=MAYA_ID, text="psst")["message_ts"]
    box.world.channels[GENERAL_ID].members.discard(TOM_ID)

    errors = [
        error_of(box.slack.chat_update, channel=GENERAL_ID, ts=ts, text="x")
        for ts in (theirs, hidden, "1700000000.000100")
    ]
    outside = error_of(box.slack.chat_postEphemeral, channel=GENERAL_ID, user=TOM_ID, text="psst")

    assert errors == ["cant_update_message", "message_not_found", "message_not_found"]
    assert error_of(box.slack.chat_delete, channel=GENERAL_ID, ts=hidden) == "message_not_found"
    assert outside == "user_not_in_channel"


def test_each_bad_token_gets_slacks_error(box):
    url, token = f"{box.url}/api/auth.test", box.install.bot_token
    in_form = requests.post(url, data={"token": token}).json()
    in_json = requests.post(url, json={"token": token}).json()
    box.slack.auth_revoke()

    answers = [
        requests.post(url, headers={"Authorization": f"Bearer {each}"} if each else {}).json()
        for each in ("", "xoxb-unknown", token)
    ]

    assert (in_form["ok"], in_json["error"]) == (True, "not_authed")
    assert [each["error"] for each in answers] == ["not_authed", "invalid_auth", "token_revoked"]


def test_a_missing_scope_is_named(box):
    box.install.scopes = ("chat:write",)

    refused = refusal(box.slack.conversations_info, channel=GENERAL_ID)

    assert (refused["error"], refused["needed"]) == ("missing_scope", "channels:read")
    assert refused["provided"] == "chat:write"
    assert error_of(box.post, username="Ada") == "missing_scope"


def test_too_many_posts_get_429_with_a_wait(box):
    url, headers = f"{box.url}/api/chat.postMessage", {"Authorization": f"Bearer {box.install.bot_token}"}

    answers = [
        requests.post(url, json={"channel": GENERAL_ID, "text": "x"}, headers=headers) for _ in range(60)
    ]

    statuses = [each.status_code for each in answers]
    first = answers[statuses.index(429)]
    assert statuses[:20] == [200] * 20
    assert first.json()["error"] == "ratelimited"
    assert int(first.headers["Retry-After"]) >= 1


@pytest.mark.parametrize(("drop", "posted"), [("before", 0), ("after", 1)])
def test_a_connection_is_dropped_before_or_after_the_post(box, drop, posted):
    box.control("faults", service="slack", target="chat.postMessage", drop=drop)
    headers, body = {"Authorization": f"Bearer {box.install.bot_token}"}, {"channel": GENERAL_ID, "text": "x"}

    with pytest.raises(requests.ConnectionError):
        requests.post(f"{box.url}/api/chat.postMessage", json=body, headers=headers)

    assert len(box.world.messages(GENERAL_ID)) == posted


def test_the_control_api_resets_everything(box):
    box.control("faults", service="slack", target="auth.test", error="internal_error")
    box.post()
    before = box.report("faults")["slack"]

    box.control("reset")

    assert [fault["target"] for fault in before] == ["auth.test"]
    assert box.report("faults") == {"slack": [], "sectorflow": []}
    assert (box.report("messages"), box.report("installs")) == ({"messages": []}, {"installs": []})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"service": "slack", "target": "*", "colour": "red"}),
        ("settings", {"colour": "red"}),
        ("ask", {"user": MAYA_ID}),
        ("model", {"model_id": "no such model"}),
    ],
)
def test_an_unknown_or_missing_field_is_refused(box, path, body):
    assert box.refuses(path, **body)
