"""What people press and send off, as Slack sends it to the app; and what views.open takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier

from sandbox.slack.interactions import ElementRef, press
from sandbox.slack.modals import check_modal
from sandbox.slack.seed import CUSTOMER_APP_ID, GENERAL_ID, MAYA_ID, TEAM_ID, TOM_ID
from sandbox.slack.view_submissions import submit
from tests.sandbox import helpers
from tests.sandbox.helpers import (
    Box,
    actions,
    asking,
    button,
    error_of,
    feedback,
    modal,
    mrkdwn,
    option,
    plain,
)

BUTTON = button(action_id="tab", value="v")
MENU = helpers.overflow(option("copy"), option("again"))
SELECT = {"type": "static_select", "action_id": "pick", "options": [option("one"), option("two")]}
BLOCKS = [
    actions(BUTTON, MENU, SELECT, block_id="first"),
    actions(BUTTON, block_id="second"),
    {"type": "context_actions", "elements": [feedback()]},
]
DIVIDER = {"type": "divider"}


@pytest.fixture
def ts(box: Box) -> str:
    return box.post(blocks=BLOCKS)


def test_a_pressed_button_reaches_the_app_signed(box: Box, ts: str) -> None:
    pressed = press(box.world, MAYA_ID, ElementRef(GENERAL_ID, ts, "tab", "second"))

    headers, body = box.service.got[0]
    sent = box.service.payload()
    place = {"type": "message", "message_ts": ts, "channel_id": GENERAL_ID, "is_ephemeral": False}
    assert pressed.status == 200
    assert SignatureVerifier(box.app.signing_secret).is_valid_request(body, headers)
    assert (sent["actions"][0]["value"], sent["actions"][0]["block_id"]) == ("v", "second")
    assert sent["container"] == place
    assert (sent["team"]["id"], sent["user"]["id"], sent["enterprise"]) == (TEAM_ID, MAYA_ID, None)
    assert sent["trigger_id"] == pressed.trigger_id
    assert sent["message"]["text"] == "x"


def test_what_is_chosen_is_in_the_action(box: Box, ts: str) -> None:
    for action_id, value in (("more", "again"), ("pick", "two"), ("vote", "down")):
        press(box.world, MAYA_ID, ElementRef(GENERAL_ID, ts, action_id, value=value))

    again, two, down = (box.service.payload(at)["actions"][0] for at in range(3))
    assert (again["selected_option"], two["selected_option"]) == (option("again"), option("two"))
    assert (down["type"], down["value"]) == ("feedback_buttons", "down")
    # Slack gives blocks that came without an id one of its own.
    assert down["block_id"] == box.service.payload()["message"]["blocks"][2]["block_id"] != ""


def test_a_menu_beside_a_section_in_a_container_can_be_pressed(box: Box) -> None:
    section = helpers.block("section", block_id="s", text=mrkdwn("*GPT*"), accessory=MENU)
    folded = helpers.block("container", title=plain("GPT"), child_blocks=[section])
    ts = box.post(blocks=[folded])

    press(box.world, MAYA_ID, ElementRef(GENERAL_ID, ts, "more", value="copy"))

    (action,) = box.service.payload()["actions"]
    assert (action["type"], action["block_id"]) == ("overflow", "s")
    assert action["selected_option"] == option("copy")


@pytest.mark.parametrize(
    "place",
    [
        {"action_id": "gone"},
        {"action_id": "tab"},
        {"action_id": "tab", "block_id": "third"},
        {"action_id": "more"},
        {"action_id": "more", "value": "gone"},
        {"action_id": "vote", "value": "sideways"},
    ],
)
def test_what_is_not_there_or_not_clear_cannot_be_pressed(box: Box, ts: str, place: dict[str, str]) -> None:
    with pytest.raises(LookupError):
        press(box.world, MAYA_ID, ElementRef(GENERAL_ID, ts, **place))

    assert box.service.got == []


def test_a_person_presses_only_what_they_see(box: Box, ts: str) -> None:
    shown = box.slack.chat_postEphemeral(channel=GENERAL_ID, user=MAYA_ID, text="x", blocks=BLOCKS)
    place = ElementRef(GENERAL_ID, shown["message_ts"], "vote", value="up")

    press(box.world, MAYA_ID, place)
    with pytest.raises(LookupError):
        press(box.world, TOM_ID, place)
    box.world.channels[GENERAL_ID].members.discard(TOM_ID)
    with pytest.raises(LookupError):
        press(box.world, TOM_ID, ElementRef(GENERAL_ID, ts, "vote", value="up"))

    assert box.service.payload()["container"]["is_ephemeral"] is True
    assert "message" not in box.service.payload()
    assert len(box.service.got) == 1


def test_another_process_presses_and_learns_the_status_and_the_trigger(box: Box, ts: str) -> None:
    place = {"user": MAYA_ID, "channel": GENERAL_ID, "ts": ts, "action_id": "more", "value": "copy"}
    box.service.statuses = [503]

    failed, done = (box.control("press", **place) for _ in range(2))
    box.app.interactivity_url = "http://127.0.0.1:1/"
    away = box.control("press", **place)

    assert (failed["status"], done["status"], away["status"]) == (503, 200, None)
    assert done["trigger_id"] == box.service.payload()["trigger_id"]
    assert box.refuses("press", **{**place, "value": "gone"})


#: A view of a size, and the largest size that Slack takes.
VIEWS: dict[str, tuple[Callable[[int], Any], int]] = {
    "title": (lambda n: modal(title=plain(n)), 24),
    "submit": (lambda n: modal(submit=plain(n)), 24),
    "blocks": (lambda n: modal(*[DIVIDER] * n), 100),
    "private_metadata": (lambda n: modal(private_metadata="x" * n), 3_000),
    "callback_id": (lambda n: modal(callback_id="x" * n), 255),
    "max_length": (lambda n: modal(asking(max_length=n)), 3_000),
    "min_length": (lambda n: modal(asking(max_length=3, min_length=n)), 3),
    "placeholder": (lambda n: modal(asking(placeholder=plain(n))), 150),
}
REFUSED = {
    "mrkdwn title": modal(title=mrkdwn("x")),
    "markdown": modal({"type": "markdown", "text": "x"}),
    "container": modal({"type": "container", "title": plain(1), "child_blocks": [DIVIDER]}),
    "table": modal({"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}),
    "context_actions": modal({"type": "context_actions", "elements": [feedback()]}),
    "block_id twice": modal(asking(), asking()),
    "home": {"type": "home", "blocks": [DIVIDER]},
    "no view": "x",
}


@pytest.mark.parametrize(("build", "most"), VIEWS.values(), ids=VIEWS)
def test_a_modal_is_taken_at_its_limits_and_refused_past_them(build: Callable[[int], Any], most: int) -> None:
    assert check_modal(build(most)) == []
    assert check_modal(build(most + 1)) != []


def test_a_modal_needs_submit_only_for_inputs() -> None:
    view = {"type": "modal", "title": plain(1)}

    assert check_modal({**view, "blocks": [DIVIDER]}) == []
    assert check_modal({**view, "blocks": [asking()]}) != []


@pytest.mark.parametrize("view", REFUSED.values(), ids=REFUSED)
def test_what_no_modal_holds_is_refused(view: Any) -> None:
    assert check_modal(view) != []


@pytest.fixture
def trigger(box: Box, ts: str) -> str:
    """Maya's press of a button."""
    return press(box.world, MAYA_ID, ElementRef(GENERAL_ID, ts, "tab", "first")).trigger_id


def test_a_press_opens_one_modal(box: Box, trigger: str) -> None:
    faulty = helpers.refusal(box.slack.views_open, trigger_id=trigger, view=modal(title=plain(25)))
    view = box.slack.views_open(trigger_id=trigger, view=modal(private_metadata="secret"))["view"]
    again = error_of(box.slack.views_open, trigger_id=trigger, view=modal())

    shown = box.world.surfaces.modal_of(MAYA_ID)
    assert faulty["error"] == "invalid_arguments"
    assert "[json-pointer:/view/title/text]" in faulty["response_metadata"]["messages"][0]
    assert shown is not None
    assert shown.view["id"] == view["id"]
    assert (view["private_metadata"], view["state"]) == ("secret", {"values": {}})
    assert (view["app_installed_team_id"], view["bot_id"]) == (TEAM_ID, box.install.bot_id)
    assert again == "exchanged_trigger_id"


def test_a_trigger_works_for_three_seconds_and_for_its_own_app(box: Box, trigger: str) -> None:
    theirs = box.client(box.world.installs.install(CUSTOMER_APP_ID, TEAM_ID).bot_token)
    unknown = error_of(box.slack.views_open, trigger_id="1.2.x", view=modal())
    foreign = error_of(theirs.views_open, trigger_id=trigger, view=modal())
    now = box.world.clock
    box.world.clock = lambda: now() + 3.0

    late = error_of(box.slack.views_open, trigger_id=trigger, view=modal())

    assert (unknown, foreign, late) == ("invalid_trigger_id", "invalid_trigger_id", "expired_trigger_id")


@pytest.fixture
def view_id(box: Box, trigger: str) -> str:
    box.service.got.clear()
    view = modal(asking(max_length=10), callback_id="follow_up", private_metadata="m")
    return str(box.slack.views_open(trigger_id=trigger, view=view)["view"]["id"])


def test_a_submission_reaches_the_app_and_an_empty_answer_closes(box: Box, view_id: str) -> None:
    wish = {"view_id": view_id, "values": {"ask": "Why?"}}
    (open_,) = box.report("modals")["modals"]
    wrong = box.refuses("submit", view_id=view_id, values={"other": "x"})

    done = box.control("submit", **wish)

    sent = box.service.payload()
    assert (open_["user_id"], open_["view"]["id"], wrong) == (MAYA_ID, view_id, True)
    assert done == {"status": 200, "is_closed": True, "errors": {}}
    assert (sent["type"], sent["user"]["id"]) == ("view_submission", MAYA_ID)
    assert sent["view"]["state"]["values"]["ask"]["question"] == {"type": "plain_text_input", "value": "Why?"}
    assert (sent["view"]["callback_id"], sent["view"]["private_metadata"]) == ("follow_up", "m")
    assert box.world.surfaces.modal_of(MAYA_ID) is None
    assert box.refuses("submit", **wish)


ERRORS = json.dumps({"response_action": "errors", "errors": {"ask": "Ask more."}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "errors"),
    [(200, ERRORS, {"ask": "Ask more."}), (500, b"", {}), (200, b"not json", {}), (200, b'{"ok": true}', {})],
)
def test_any_other_answer_leaves_the_modal_open(
    box: Box, view_id: str, status: int, body: bytes, errors: dict[str, str]
) -> None:
    box.service.statuses, box.service.body = [status], body

    done = submit(box.world, view_id, {"ask": "Why?"})

    shown = box.world.surfaces.modal_of(MAYA_ID)
    assert (done.status, done.is_closed, done.errors) == (status, False, errors)
    assert shown is not None
    assert shown.errors == errors


@pytest.mark.parametrize("text", ["", "  ", "x" * 11])
def test_slacks_client_sends_no_input_that_breaks_its_rules(box: Box, view_id: str, text: str) -> None:
    done = submit(box.world, view_id, {"ask": text})

    assert (done.status, list(done.errors)) == (None, ["ask"])
    assert box.service.got == []
