"""Events as Slack sends them: to whom, signed how, how often."""

from __future__ import annotations

import json
import time
from typing import Any

from slack_sdk.signature import SignatureVerifier

from sandbox.slack.records import Channel, Install, Team, User
from sandbox.slack.seed import GENERAL_ID, MAYA_ID, RANDOM_ID, SECTORFLOW_APP_ID, SECTORFLOW_SIGNING_SECRET
from sandbox.slack.signing import sign
from sandbox.state import Sandbox
from tests.sandbox.conftest import Receiver


def bodies(receiver: Receiver, count: int) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in receiver.wait_for(count)]


def test_the_signature_is_the_one_of_slacks_published_example() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )

    signature = sign("8f742231b10e8888abcd99yyyzzz85a5", 1531420618, body)

    assert signature == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


def test_a_mention_in_a_channel_reaches_the_app_in_slacks_envelope(
    sandbox: Sandbox, install: Install, receiver: Receiver
) -> None:
    said = sandbox.world.ask(MAYA_ID, GENERAL_ID, f"<@{install.bot_user_id}> hello")

    (body,) = bodies(receiver, 1)
    assert body["type"] == "event_callback"
    assert body["api_app_id"] == SECTORFLOW_APP_ID
    assert body["event"]["type"] == "app_mention"
    assert (body["event"]["ts"], body["event"]["channel"]) == (said["ts"], GENERAL_ID)
    assert [each["team_id"] for each in body["authorizations"]] == [install.team_id]
    headers, raw = receiver.got[0]
    assert SignatureVerifier(SECTORFLOW_SIGNING_SECRET).is_valid_request(raw, headers)


def test_an_app_that_is_not_in_the_channel_hears_of_a_mention_once_invited(
    sandbox: Sandbox, install: Install, receiver: Receiver
) -> None:
    said = sandbox.world.ask(MAYA_ID, RANDOM_ID, f"<@{install.bot_user_id}> hello")
    offered = sandbox.world.uninvited(said)
    before = list(receiver.got)

    sandbox.world.invite(SECTORFLOW_APP_ID, RANDOM_ID, mention_ts=said["ts"])

    (body,) = bodies(receiver, 1)
    assert before == []
    assert [user.id for user in offered] == [install.bot_user_id]
    assert body["event"]["ts"] == said["ts"]


def test_a_direct_message_comes_as_a_message_and_never_as_a_mention(
    sandbox: Sandbox, install: Install, receiver: Receiver
) -> None:
    direct = sandbox.world.open_dm(MAYA_ID, install.bot_user_id)

    sandbox.world.ask(MAYA_ID, direct.id, f"<@{install.bot_user_id}> hello")

    (body,) = bodies(receiver, 1)
    assert (body["event"]["type"], body["event"]["channel_type"]) == ("message", "im")


def test_an_edit_comes_as_message_changed(sandbox: Sandbox, install: Install, receiver: Receiver) -> None:
    direct = sandbox.world.open_dm(MAYA_ID, install.bot_user_id)
    said = sandbox.world.ask(MAYA_ID, direct.id, "hello")
    receiver.wait_for(1)

    sandbox.world.update_message(direct.id, said["ts"], text="goodbye")

    event = bodies(receiver, 2)[1]["event"]
    assert event["subtype"] == "message_changed"
    assert (event["message"]["text"], event["previous_message"]["text"]) == ("goodbye", "hello")


def test_a_failed_event_is_tried_three_times_more_with_slacks_headers(
    sandbox: Sandbox, install: Install, receiver: Receiver
) -> None:
    receiver.statuses = [500, 500, 500, 500]

    sandbox.world.ask(MAYA_ID, GENERAL_ID, f"<@{install.bot_user_id}> hello")

    got = receiver.wait_for(4)
    assert [headers.get("X-Slack-Retry-Num") for headers, _ in got] == [None, "1", "2", "3"]
    assert {headers.get("X-Slack-Retry-Reason") for headers, _ in got[1:]} == {"http_error"}
    assert len({body for _, body in got}) == 1


def test_retries_stop_at_an_answer_that_is_good(
    sandbox: Sandbox, install: Install, receiver: Receiver
) -> None:
    receiver.statuses = [500]

    sandbox.world.ask(MAYA_ID, GENERAL_ID, f"<@{install.bot_user_id}> hello")

    receiver.wait_for(2)
    time.sleep(0.1)
    assert [each.status for each in sandbox.events.log()] == [500, 200]


def test_an_app_can_refuse_to_be_tried_again(sandbox: Sandbox, install: Install, receiver: Receiver) -> None:
    receiver.statuses, receiver.answer_headers = [500], {"X-Slack-No-Retry": "1"}

    sandbox.world.ask(MAYA_ID, GENERAL_ID, f"<@{install.bot_user_id}> hello")

    receiver.wait_for(1)
    time.sleep(0.1)
    assert [each.status for each in sandbox.events.log()] == [500]


def test_a_replay_has_the_same_id_and_body(sandbox: Sandbox, install: Install, receiver: Receiver) -> None:
    event_id = sandbox.events.send_event(install, {"type": "app_mention"})
    receiver.wait_for(1)

    sandbox.events.replay(event_id)

    first, second = receiver.wait_for(2)
    assert first[1] == second[1]


def test_uninstalling_sends_both_events_and_ends_the_token(
    sandbox: Sandbox, install: Install, receiver: Receiver
) -> None:
    sandbox.events.uninstall(install)

    kinds = {body["event"]["type"] for body in bodies(receiver, 2)}
    assert kinds == {"app_uninstalled", "tokens_revoked"}
    assert sandbox.world.installs.authenticate(install.bot_token) == "account_inactive"


def test_in_a_shared_channel_the_envelope_names_the_other_team(
    sandbox: Sandbox, install: Install, receiver: Receiver
) -> None:
    world = sandbox.world
    world.add_team(Team("T0OTHER0001", "Other", "other"))
    world.add_user(User("U0GUEST0001", "T0OTHER0001", "guest", "Gus Guest"))
    members = {"U0GUEST0001", install.bot_user_id}
    world.add_channel(
        Channel("C0SHARED001", install.team_id or "", "shared", members=members, shared_with={"T0OTHER0001"})
    )

    world.ask("U0GUEST0001", "C0SHARED001", f"<@{install.bot_user_id}> hello")

    (body,) = bodies(receiver, 1)
    assert body["team_id"] == "T0OTHER0001"
    assert body["authorizations"][0]["team_id"] == install.team_id
    assert body["is_ext_shared_channel"] is True
