"""Slack's interaction payloads, as Slack sends them and as they could be made up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.actions import FOLLOW_UP_DIALOG, ActionValue
from sectorflow_slack.services.interaction_payloads import (
    BlockAction,
    ViewSubmission,
    read_block_actions,
    read_view_submission,
)
from tests.services.pressing import ANSWER_ID, FIRST_TS, THREAD_TS, TRIGGER_ID, from_menu, press, submission
from tests.values import OWN_APP, TEAM_ID, make_press

ORG = {"enterprise": {"id": "E0ACME"}}


def read_sent(**changes: Any) -> ViewSubmission:
    sent = read_view_submission(submission(**changes), FOLLOW_UP_DIALOG)
    assert sent is not None
    return sent


def test_a_press_is_read_with_what_the_button_carries_and_where_it_stands():
    assert list(read_block_actions(press(actions.SHOW_TAB, 2, page=1))) == [
        BlockAction(
            action=actions.SHOW_TAB,
            question_id="",
            value=ActionValue(ANSWER_ID, 2, 1),
            app_id=OWN_APP.app_id,
            tenant_ids=(TEAM_ID,),
            user_id="U0ANN",
            user_tenants=(TEAM_ID,),
            channel_id="C0GENERAL",
            message_ts=FIRST_TS,
            thread_ts=THREAD_TS,
            trigger_id=TRIGGER_ID,
        )
    ]


def test_a_choice_of_the_menu_is_what_it_chooses():
    (read,) = read_block_actions(from_menu(actions.PLAIN_TEXT, 1))

    assert read.action == actions.PLAIN_TEXT
    assert read.value == ActionValue(ANSWER_ID, 1, choice=actions.PLAIN_TEXT)


@pytest.mark.parametrize(
    ("value", "letter_id"), [(ANSWER_ID, ANSWER_ID), (ANSWER_ID.upper() + "F", ""), (f"{ANSWER_ID}\n", "")]
)
def test_the_button_of_a_failed_question_carries_its_id_alone(value, letter_id):
    (read,) = read_block_actions(make_press(value))

    assert (read.action, read.question_id, read.value) == (actions.ASK_AGAIN, letter_id, None)


@pytest.mark.parametrize(
    ("changes", "tenants"),
    [
        ({"team": {"id": "T1"}, "is_enterprise_install": False}, ("T1",)),
        ({"team": None, **ORG, "is_enterprise_install": True}, ("E0ACME",)),
        ({"team": None, **ORG, "is_enterprise_install": "true"}, ("E0ACME",)),
        ({"team": {"id": "T1"}, **ORG, "is_enterprise_install": True}, ("E0ACME", "T1")),
        ({"team": {"id": "T1"}, **ORG, "is_enterprise_install": "false"}, ("T1",)),
        ({"team": None}, ()),
    ],
)
def test_the_installation_is_looked_for_where_slack_says_it_is(changes, tenants):
    (read,) = read_block_actions(press(actions.VOTE, **changes))

    assert read.tenant_ids == read_sent(**changes).tenant_ids == tenants


def test_a_dialog_of_a_shared_channel_is_for_the_team_that_has_the_app():
    sent = read_sent(team={"id": "T0OTHER"}, view={"app_installed_team_id": TEAM_ID})

    assert sent.tenant_ids == (TEAM_ID, "T0OTHER")


def test_a_submission_is_read_with_the_question_as_it_was_typed():
    sent = read_sent(text="  Why?\n", model=1)

    assert (sent.id, sent.question, sent.value) == ("V0DIALOG", "Why?", ActionValue(ANSWER_ID, 1))
    assert (sent.app_id, sent.user_id, sent.user_tenants) == (OWN_APP.app_id, "U0ANN", (TEAM_ID,))


@pytest.mark.parametrize(
    "payload",
    [
        press(actions.VOTE),
        submission(type="view_closed"),
        submission(view={"callback_id": "of_another"}),
        {"type": "view_submission"},
    ],
)
def test_anything_else_is_no_submission(payload):
    assert read_view_submission(payload, FOLLOW_UP_DIALOG) is None


def test_a_submission_is_no_press():
    assert list(read_block_actions(submission())) == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("\ud800"),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(max_size=5), each, max_size=2),
    max_leaves=5,
)
_NAMES = ("actions", "container", "channel", "user", "team", "enterprise", "view", "trigger_id", "api_app_id")


@settings(deadline=None)
@given(changes=st.fixed_dictionaries({}, optional=dict.fromkeys(_NAMES, _JSON)), view=_JSON, action=_JSON)
def test_whatever_stands_in_a_payload_it_is_read_and_all_of_it_can_be_stored(changes, view, action):
    pressed = list(read_block_actions({**press(actions.VOTE, actions=[action]), **changes}))
    sent = read_view_submission(submission(view={"state": view, "id": view}), FOLLOW_UP_DIALOG)
    other = read_view_submission({**submission(), **changes}, FOLLOW_UP_DIALOG)

    for read in (*pressed, sent, other):
        values = asdict(read).values() if read is not None else ()
        for value in values:
            assert not isinstance(value, str) or value.encode("utf-8").decode() == value
