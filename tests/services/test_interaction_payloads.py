"""Slack's interaction payloads, real ones and forged ones."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sectorflow_slack.formatting import block_kit
from sectorflow_slack.formatting.block_kit import ActionValue
from sectorflow_slack.services.event_payloads import MAX_TEXT_CHARS
from sectorflow_slack.services.interaction_payloads import (
    BlockAction,
    ViewSubmission,
    read_block_actions,
    read_view_submission,
)
from tests.services.block_actions import (
    ANSWER_ID,
    FIRST_TS,
    THREAD_TS,
    TRIGGER_ID,
    block_action,
    from_menu,
    view_submission,
)
from tests.values import OWN_APP, TEAM_ID, make_block_action

ORG = {"enterprise": {"id": "E0ACME"}}


def read(**changes: Any) -> ViewSubmission | None:
    return read_view_submission(view_submission(**changes))


def test_a_block_action_has_the_value_of_the_button_and_the_message():
    assert list(read_block_actions(block_action(block_kit.SHOW_TAB, 2, page=1))) == [
        BlockAction(
            action=block_kit.SHOW_TAB,
            question_id="",
            dm_id="",
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


@pytest.mark.parametrize(
    ("channel", "expected"), [({"id": "C0NAMED"}, "C0NAMED"), ({}, "C0GENERAL"), (None, "C0GENERAL")]
)
def test_the_channel_is_that_of_the_payload_or_else_of_the_message(channel, expected):
    (read_action,) = read_block_actions(block_action(block_kit.VOTE, channel=channel))

    assert read_action.channel_id == expected


def test_a_choice_from_the_menu_is_an_action():
    (read_action,) = read_block_actions(from_menu(block_kit.PLAIN_TEXT, 1))

    assert read_action.action == block_kit.PLAIN_TEXT
    assert read_action.value == ActionValue(ANSWER_ID, 1, choice=block_kit.PLAIN_TEXT)


@pytest.mark.parametrize(
    ("value", "question_id"), [(ANSWER_ID, ANSWER_ID), (ANSWER_ID.upper() + "F", ""), (f"{ANSWER_ID}\n", "")]
)
def test_the_value_of_a_failed_questions_button_is_its_id(value, question_id):
    (read_action,) = read_block_actions(make_block_action(value))

    expected = (block_kit.ASK_AGAIN, question_id, None)
    assert (read_action.action, read_action.question_id, read_action.value) == expected


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
def test_the_tenants_are_those_that_slack_names(changes, tenants):
    (read_action,) = read_block_actions(block_action(block_kit.VOTE, **changes))

    assert read_action.tenant_ids == read(**changes).tenant_ids == tenants


def test_a_dialog_in_a_shared_channel_is_for_the_team_that_has_the_app():
    sent = read(team={"id": "T0OTHER"}, view={"app_installed_team_id": TEAM_ID})

    assert sent.tenant_ids == (TEAM_ID, "T0OTHER")


def test_a_submission_has_the_question_without_surrounding_blanks():
    sent = read(text="  Why?\n", model=1)

    assert (sent.id, sent.question, sent.value) == ("V0DIALOG", "Why?", ActionValue(ANSWER_ID, 1))
    assert (sent.app_id, sent.user_id, sent.user_tenants) == (OWN_APP.app_id, "U0ANN", (TEAM_ID,))


@pytest.mark.parametrize(
    "payload",
    [
        block_action(block_kit.VOTE),
        view_submission(type="view_closed"),
        {"type": "view_submission"},
    ],
)
def test_other_payloads_are_no_submission(payload):
    assert read_view_submission(payload) is None


@pytest.mark.parametrize("impossible", ["X" * 65, "C0:GENERAL", "C0 GENERAL", "U0\n"])
def test_a_payload_with_impossible_ids_or_text_is_none(impossible):
    for changes in ({"user": {"id": impossible}}, {"team": {"id": impossible}}):
        assert list(read_block_actions(block_action(block_kit.VOTE, **changes))) == []
        assert read_view_submission({**view_submission(), **changes}) is None
    for changes in ({"channel": {"id": impossible}}, {"trigger_id": impossible * 4}):
        assert list(read_block_actions(block_action(block_kit.VOTE, **changes))) == []
    assert read_view_submission(view_submission(view={"id": impossible})) is None
    assert read_view_submission(view_submission(text="x" * (MAX_TEXT_CHARS + 1))) is None


def test_a_submission_has_no_block_action():
    assert list(read_block_actions(view_submission())) == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("\ud800"),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(max_size=5), each, max_size=2),
    max_leaves=5,
)
_NAMES = ("actions", "container", "channel", "user", "team", "enterprise", "view", "trigger_id", "api_app_id")


@settings(deadline=None)
@given(changes=st.fixed_dictionaries({}, optional=dict.fromkeys(_NAMES, _JSON)), view=_JSON, action=_JSON)
def test_any_payload_is_read_and_all_its_texts_can_be_stored(changes, view, action):
    read_actions = list(read_block_actions({**block_action(block_kit.VOTE, actions=[action]), **changes}))
    sent = read(view={"state": view, "id": view})
    other = read_view_submission({**view_submission(), **changes})

    for each in filter(None, (*read_actions, sent, other)):
        texts = [value for value in asdict(each).values() if isinstance(value, str)]
        assert [text.encode("utf-8").decode() for text in texts] == texts
