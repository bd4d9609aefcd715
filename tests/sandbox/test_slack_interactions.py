"""Block actions and view submissions as Slack sends them to the app, and the limits of views.open."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier

from sandbox.slack.modals import check_modal
from sandbox.slack.seed import CUSTOMER_APP_ID, GENERAL_ID, MAYA_ID, TEAM_ID, TOM_ID
from sandbox.slack.view_submissions import submit
from tests.sandbox import helpers
from tests.sandbox.helpers import (
    DIVIDER,
    actions,
    block,
    button,
    container,
    context_actions,
    error_of,
    feedback,
    markdown,
    modal,
    mrkdwn,
    option,
    plain,
    text_input,
)

BUTTON = button(action_id="tab", value="v")
MENU = helpers.overflow(option("copy"), option("again"))
SELECT = block("static_select", action_id="pick", options=[option("one"), option("two")])
BLOCKS = [
    actions(BUTTON, MENU, SELECT, block_id="first"),
    actions(BUTTON, block_id="second"),
    context_actions(feedback()),
]


@pytest.fixture
def ts(box) -> str:
    return box.post(blocks=BLOCKS)


def test_a_pressed_button_reaches_the_app_signed(box, ts):
    pressed = box.press(ts, "tab", "second")

    headers, body = box.service.got[0]
    sent = box.service.payload()
    container = {"type": "message", "message_ts": ts, "channel_id": GENERAL_ID, "is_ephemeral": False}
    assert pressed.status == 200
    assert SignatureVerifier(box.app.signing_secret).is_valid_request(body, headers)
    assert (sent["actions"][0]["value"], sent["actions"][0]["block_id"]) == ("v", "second")
    assert sent["container"] == container
    assert (sent["team"]["id"], sent["user"]["id"], sent["enterprise"]) == (TEAM_ID, MAYA_ID, None)
    assert (sent["trigger_id"], sent["message"]["text"]) == (pressed.trigger_id, "x")
    box.app.interactivity_url = "http://127.0.0.1:1/"
    assert box.press(ts, "tab", "second").status is None


def test_the_chosen_option_is_in_the_action(box, ts):
    section = block("section", block_id="s", text=mrkdwn("*GPT*"), accessory=MENU)
    for action_id, value in (("more", "again"), ("pick", "two"), ("vote", "down")):
        box.press(ts, action_id, value=value)
    box.press(box.post(blocks=[container(section)]), "more", value="copy")

    again, two, down, copy = (box.service.payload(at)["actions"][0] for at in range(4))
    assert (again["selected_option"], two["selected_option"]) == (option("again"), option("two"))
    assert (down["type"], down["value"]) == ("feedback_buttons", "down")
    # Slack assigns ids to blocks without one.
    assert down["block_id"] == box.service.payload(2)["message"]["blocks"][2]["block_id"] != ""
    assert (copy["type"], copy["block_id"], copy["selected_option"]) == ("overflow", "s", option("copy"))


@pytest.mark.parametrize(
    "element",
    [
        {"action_id": "gone"},
        {"action_id": "tab"},
        {"action_id": "tab", "block_id": "third"},
        {"action_id": "more"},
        {"action_id": "more", "value": "gone"},
        {"action_id": "vote", "value": "sideways"},
    ],
)
def test_a_missing_or_ambiguous_element_cannot_be_pressed(box, ts, element):
    with pytest.raises(LookupError):
        box.press(ts, **element)

    assert box.service.got == []


def test_a_user_presses_only_visible_messages(box, ts):
    ephemeral = {"channel": GENERAL_ID, "user": MAYA_ID, "text": "x", "blocks": BLOCKS}
    shown = box.slack.chat_postEphemeral(**ephemeral)["message_ts"]

    box.press(shown, "vote", value="up")
    with pytest.raises(LookupError):
        box.press(shown, "vote", value="up", user=TOM_ID)
    box.world.channels[GENERAL_ID].members.discard(TOM_ID)
    with pytest.raises(LookupError):
        box.press(ts, "vote", value="up", user=TOM_ID)

    assert box.service.payload()["container"]["is_ephemeral"] is True
    assert "message" not in box.service.payload()
    assert len(box.service.got) == 1


#: A view of a size, and the largest size that Slack accepts.
VIEWS: dict[str, tuple[Callable[[int], Any], int]] = {
    "title": (lambda n: modal(title=plain(n)), 24),
    "submit": (lambda n: modal(submit=plain(n)), 24),
    "blocks": (lambda n: modal(*[DIVIDER] * n), 100),
    "private_metadata": (lambda n: modal(private_metadata="x" * n), 3_000),
    "callback_id": (lambda n: modal(callback_id="x" * n), 255),
    "max_length": (lambda n: modal(text_input(max_length=n)), 3_000),
    "min_length": (lambda n: modal(text_input(max_length=3, min_length=n)), 3),
    "placeholder": (lambda n: modal(text_input(placeholder=plain(n))), 150),
}
BARE = {"type": "modal", "title": plain(1)}
REFUSED = {
    "mrkdwn title": modal(title=mrkdwn("x")),
    "markdown": modal(markdown("x")),
    "container": modal(container(DIVIDER)),
    "table": modal(block("table", rows=[[{"type": "raw_text", "text": "x"}]])),
    "context_actions": modal(context_actions(feedback())),
    "block_id twice": modal(text_input(), text_input()),
    "input without submit": {**BARE, "blocks": [text_input()]},
    "home": {"type": "home", "blocks": [DIVIDER]},
    "no view": "x",
}


@pytest.mark.parametrize(("build", "most"), VIEWS.values(), ids=VIEWS)
def test_a_modal_is_accepted_at_its_limits_and_refused_past_them(build, most):
    assert check_modal(build(most)) == []
    assert check_modal(build(most + 1)) != []


@pytest.mark.parametrize("view", REFUSED.values(), ids=REFUSED)
def test_an_invalid_modal_is_refused(view):
    assert check_modal(view) != []
    assert check_modal({**BARE, "blocks": [DIVIDER]}) == []


@pytest.fixture
def trigger(box, ts) -> str:
    """The trigger of a button that Maya pressed."""
    return box.press(ts, "tab", "first").trigger_id


def test_a_trigger_opens_one_modal(box, trigger):
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


def test_a_trigger_works_for_three_seconds_and_for_its_own_app(box, trigger):
    theirs = box.client(box.world.installs.install(CUSTOMER_APP_ID, TEAM_ID).bot_token)
    unknown = error_of(box.slack.views_open, trigger_id="1.2.x", view=modal())
    foreign = error_of(theirs.views_open, trigger_id=trigger, view=modal())
    box.pass_time(3.0)

    late = error_of(box.slack.views_open, trigger_id=trigger, view=modal())

    assert (unknown, foreign, late) == ("invalid_trigger_id", "invalid_trigger_id", "expired_trigger_id")


@pytest.fixture
def view_id(box, trigger) -> str:
    box.service.got.clear()
    view = modal(text_input(max_length=10), callback_id="follow_up", private_metadata="m")
    return str(box.slack.views_open(trigger_id=trigger, view=view)["view"]["id"])


def test_a_submission_reaches_the_app_and_an_empty_answer_closes(box, view_id):
    submission = {"view_id": view_id, "values": {"ask": "Why?"}}
    (open_,) = box.report("modals")["modals"]
    wrong = box.refuses("submit", view_id=view_id, values={"other": "x"})

    done = box.control("submit", **submission)

    sent = box.service.payload()
    assert (open_["user_id"], open_["view"]["id"], wrong) == (MAYA_ID, view_id, True)
    assert done == {"status": 200, "is_closed": True, "errors": {}}
    assert (sent["type"], sent["user"]["id"]) == ("view_submission", MAYA_ID)
    assert sent["view"]["state"]["values"]["ask"]["question"] == {"type": "plain_text_input", "value": "Why?"}
    assert (sent["view"]["callback_id"], sent["view"]["private_metadata"]) == ("follow_up", "m")
    assert box.world.surfaces.modal_of(MAYA_ID) is None
    assert box.refuses("submit", **submission)


ERRORS = json.dumps({"response_action": "errors", "errors": {"ask": "Ask more."}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "errors"),
    [(200, ERRORS, {"ask": "Ask more."}), (500, b"", {}), (200, b"not json", {}), (200, b'{"ok": true}', {})],
)
def test_any_other_answer_leaves_the_modal_open(box, view_id, status, body, errors):
    box.service.statuses, box.service.body = [status], body

    done = submit(box.world, view_id, {"ask": "Why?"})

    shown = box.world.surfaces.modal_of(MAYA_ID)
    assert (done.status, done.is_closed, done.errors) == (status, False, errors)
    assert shown is not None
    assert shown.errors == errors


@pytest.mark.parametrize("text", ["", "  ", "x" * 11])
def test_slacks_client_sends_no_invalid_input(box, view_id, text):
    done = submit(box.world, view_id, {"ask": text})

    assert (done.status, list(done.errors)) == (None, ["ask"])
    assert box.service.got == []


BOXES = block("checkboxes", action_id="pick", options=[option("one"), option("two")])
PICK = {"type": "input", "block_id": "pick", "label": plain("Which"), "optional": True}


@pytest.mark.parametrize(
    ("values", "ticked"), [({}, ["two"]), ({"pick": ["one", "two"]}, ["one", "two"]), ({"pick": []}, [])]
)
def test_a_submission_has_the_ticked_boxes_those_of_the_beginning_if_none_was_touched(
    box, trigger, values, ticked
):
    element = {**BOXES, "initial_options": [option("two")]}
    view = box.slack.views_open(trigger_id=trigger, view=modal({**PICK, "element": element}))["view"]

    submit(box.world, view["id"], values)

    field = box.service.payload()["view"]["state"]["values"]["pick"]["pick"]
    assert [each["value"] for each in field["selected_options"]] == ticked


def test_a_button_in_a_modal_reaches_the_app_which_shows_another_view_there(box, trigger):
    line = block("section", text=plain("One"), accessory=button(action_id="go", value="one"))
    view_id = box.slack.views_open(trigger_id=trigger, view=modal(line, callback_id="c"))["view"]["id"]

    pressed = box.control("press-in-view", user=MAYA_ID, action_id="go", value="one")
    box.slack.views_update(view_id=view_id, view=modal(DIVIDER))
    gone = box.refuses("press-in-view", user=MAYA_ID, action_id="go", value="one")
    unknown = error_of(box.slack.views_update, view_id="V0", view=modal(DIVIDER))

    sent = box.service.payload()
    assert (pressed["status"], gone, unknown) == (200, True, "not_found")
    assert (sent["container"], sent["view"]["callback_id"]) == ({"type": "view", "view_id": view_id}, "c")
    assert sent["actions"][0]["value"] == "one"
    assert [each["type"] for each in box.world.surfaces.modals[view_id].view["blocks"]] == ["divider"]
