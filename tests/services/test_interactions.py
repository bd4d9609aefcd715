"""Buttons, menus and dialogs: their effects, and when they have none."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sectorflow_slack.domain.errors import StorageUnavailable, TokenRefused
from sectorflow_slack.domain.questions import ModelVotes
from sectorflow_slack.domain.slack_jobs import OpenView, PostPlainText, RenderAnswer
from sectorflow_slack.formatting import block_kit
from sectorflow_slack.formatting.words import ENGLISH
from tests.services.block_actions import (
    ANSWER_ID,
    BLOCK_ACTIONS,
    EVERYTHING,
    FIRST_TS,
    THREAD_TS,
    TRIGGER_ID,
    block_action,
    by,
    view_submission,
)
from tests.services.installing import ORG_WIDE
from tests.services.scenario import Scenario
from tests.services.steps import FAILED_ID, KEY
from tests.storage.conftest import dump
from tests.values import (
    CUSTOMERS_APP,
    MODEL_IDS,
    TEAM_ID,
    make_block_action,
    make_bot,
    make_installation,
    make_settings,
)

FIRST, SECOND, _ = MODEL_IDS
UP = block_action(block_kit.VOTE, 0, choice=block_kit.UP)
EACH = pytest.mark.parametrize("name", EVERYTHING)

RENDER = RenderAnswer(KEY, answer_id=ANSWER_ID)
BOB = {"user_id": "U0BOB", "channel_id": "C0GENERAL", "thread_ts": THREAD_TS}


@pytest.mark.parametrize(
    ("name", "job"),
    [
        *[(name, RENDER) for name in ("tab", "page", "display", "regenerate")],
        ("plain text", PostPlainText(KEY, answer_id=ANSWER_ID, model=1, **BOB)),
        ("follow up", OpenView(KEY, answer_id=ANSWER_ID, model=1, trigger_id=TRIGGER_ID)),
    ],
)
def test_a_block_action_enqueues_one_slack_job(shared, name, job):
    shared.interact(EVERYTHING[name](**by("U0BOB")))

    assert shared.slack_jobs == [(job, 0.0)]


def test_the_last_vote_of_each_user_is_counted_and_changes_no_message(shared):
    shared.interact(
        *[UP, UP, block_action(block_kit.VOTE, 0, choice=block_kit.DOWN, **by("U0BOB"))],
        *[block_action(block_kit.VOTE, 1, choice=choice) for choice in (block_kit.UP, block_kit.DOWN)],
    )

    assert set(shared.services.feedback.votes(KEY)) == {ModelVotes(FIRST, 1, 1), ModelVotes(SECOND, 0, 1)}
    assert shared.slack_jobs == []


@EACH
def test_while_the_store_is_down_an_interaction_raises(shared, redis_server, name):
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        shared.interact(EVERYTHING[name]())


@pytest.mark.parametrize("name", BLOCK_ACTIONS)
def test_the_user_is_told_that_an_answer_has_expired(shared, name):
    shared.store.delete(f"answer:{ANSWER_ID}")

    shared.interact(EVERYTHING[name]())
    shared.run_slack_jobs()

    ((address, user_id, message),) = shared.slack.ephemerals
    assert (address.channel_id, address.thread_ts, user_id) == ("C0GENERAL", THREAD_TS, "U0ANN")
    assert message.text == ENGLISH.expired
    assert (len(shared.slack.posted), shared.slack.updated) == (1, [])


def test_a_dialog_of_an_expired_answer_is_answered_in_a_dm(shared):
    shared.store.delete(f"answer:{ANSWER_ID}")

    shared.interact(view_submission())
    shared.run_slack_jobs()

    assert shared.left == []
    assert shared.slack.addresses[-1].channel_id == "U0ANN"
    assert shared.slack.texts[-1] == ENGLISH.follow_up_failed


# Stored data


@EACH
def test_neither_jobs_nor_a_dump_show_questions_answers_or_voters(shared, name):
    shared.interact(EVERYTHING[name](**by("U0CURIOUS")))

    sent = str([asdict(job) for job, _ in shared.slack_jobs])
    shared.forget_slack_jobs()
    # How often a person asks is counted for a minute.
    stored = str({key: value for key, value in dump(shared.store).items() if not key.startswith("asks:")})
    assert FIRST_TS in stored
    assert "U0CURIOUS" not in stored
    assert not [text for text in ("joke", "Answer 1", "longer", "Model 1") if text in sent + stored]


def test_an_answer_and_its_votes_are_stored_for_as_long_as_the_settings_say(shared, settings):
    shared.interact(UP)

    lifetimes = [int(shared.store.ttl(f"{kind}:{ANSWER_ID}")) / 86_400 for kind in ("answer", "votes")]
    assert lifetimes == pytest.approx([settings.answer_retention_days] * 2, abs=0.01)


# Forged payloads, and buttons that were copied


def install_elsewhere(acme: Scenario) -> None:
    """Install the same app in another team, and another app in the same team."""
    app_id = CUSTOMERS_APP.app_id
    there = make_installation(make_settings(id="there"), make_bot(team_id="T0OTHER"))
    other_app = make_installation(make_settings(id="app", app_id=app_id), make_bot(app_id=app_id))
    acme.answers.installations.save(there, None, None)
    acme.answers.installations.save(other_app, CUSTOMERS_APP, None)


OTHER_TEAM = {"team": {"id": "T0OTHER"}}
ELSEWHERE = [
    OTHER_TEAM,
    {"api_app_id": CUSTOMERS_APP.app_id},
    {"team": {"id": "T0NOBODY"}},
    {"team": None},
    {"api_app_id": "A0NOBODY"},
]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        *[(name, OTHER_TEAM) for name in EVERYTHING],
        *[(name, changes) for name in ("regenerate", "dialog") for changes in ELSEWHERE],
        ("regenerate", {"channel": {"id": "C0OTHER"}}),
        ("regenerate", {"container": {"message_ts": "1700000001.000009", "channel_id": "C0GENERAL"}}),
        ("regenerate", {"container": None}),
    ],
)
def test_a_button_works_only_in_the_installation_channel_and_message_of_its_answer(shared, name, changes):
    install_elsewhere(shared)

    shared.interact(EVERYTHING[name](**changes))

    assert shared.is_untouched()


@pytest.mark.parametrize(
    "payload",
    [
        *[
            block_action(name, 3, choice="up")
            for name in (block_kit.SHOW_TAB, block_kit.VOTE, block_kit.REGENERATE)
        ],
        *[
            block_action(block_kit.REGENERATE, 3),
            block_action(block_kit.FOLLOW_UP, 9999),
            view_submission(model=3),
        ],
        *[block_action(block_kit.VOTE, 0, choice=choice) for choice in ("", "sideways", "separated")],
        *[block_action(action, 1) for action in ("", "more", "delete_everything", "__class__")],
    ],
)
def test_unknown_models_choices_and_actions_do_nothing(shared, payload):
    shared.interact(payload)

    assert shared.is_untouched()


@pytest.mark.parametrize(
    "payload",
    [
        *[make_block_action(value) for value in ("f" * 32, "question-1", FAILED_ID.upper())],
        *[make_block_action(FAILED_ID, **changes) for changes in ELSEWHERE],
        make_block_action(FAILED_ID, team=None, enterprise={"id": "E0ORG"}, is_enterprise_install=True),
        make_block_action(FAILED_ID, channel={"id": "C0OTHER"}),
        *[
            make_block_action(FAILED_ID, channel=None, container=each)
            for each in ({"channel_id": "C0OTHER"}, None)
        ],
        make_block_action(FAILED_ID, type="view_submission"),
        make_block_action(FAILED_ID, actions=[{"action_id": "other", "value": FAILED_ID}]),
        make_block_action(FAILED_ID, actions=[FAILED_ID, None]),
        make_block_action(FAILED_ID, actions={"action_id": "ask_again", "value": FAILED_ID}),
    ],
)
def test_a_failed_question_is_asked_again_only_from_its_own_channel(failed, payload):
    install_elsewhere(failed)

    failed.interact(payload)

    assert (failed.left, failed.slack_jobs) == ([], [])
    assert failed.services.failed_questions.find(FAILED_ID) is not None


# External users

EXTERNAL = by("U0STRANGER", "T0ELSEWHERE")


@EACH
def test_external_users_may_use_no_button(shared, name):
    shared.interact(EVERYTHING[name](**EXTERNAL))
    shared.run_slack_jobs()

    # A dialog has no channel to post in, and is not opened for these users.
    assert shared.ephemerals == ([] if name == "dialog" else [("U0STRANGER", ENGLISH.external_person)])
    assert (shared.left, shared.slack.dialogs) == ([], [])
    assert shared.stored().version == shared.stored().rendered
    assert not shared.services.feedback.votes(KEY)


def test_external_users_may_not_ask_a_failed_question_again(acme):
    acme.sectorflow.answers.then(TokenRefused("status 401"))
    acme.ask(id=FAILED_ID, is_shared=True)
    acme.work()

    acme.interact(make_block_action(FAILED_ID, **EXTERNAL))
    acme.run_slack_jobs()

    assert acme.ephemerals == [("U0STRANGER", ENGLISH.external_person)]
    assert acme.services.failed_questions.find(FAILED_ID) is not None

    acme.interact(make_block_action(FAILED_ID))
    acme.work()
    assert acme.services.failed_questions.find(FAILED_ID) is None


@EACH
def test_external_users_may_use_buttons_if_the_installation_allows_it(shared, name):
    shared.configure(allow_external_users=True)

    shared.interact(EVERYTHING[name](**EXTERNAL))

    assert not shared.is_untouched()
    shared.run_slack_jobs()
    assert ENGLISH.external_person not in [text for _, text in shared.ephemerals]


def test_in_a_channel_that_is_not_shared_all_users_may_ask(answered):
    """In an org-wide installation, Slack names the users' own teams."""
    answered.interact(EVERYTHING["regenerate"](**EXTERNAL))

    assert answered.stored().answer.busy


# Org-wide installations in shared channels

WITHOUT_TEAM = {"team": None, "enterprise": {"id": "E0ORG"}, "is_enterprise_install": True}
IN_EAST = {**WITHOUT_TEAM, "team": {"id": "T0EAST", "enterprise_id": "E0ORG"}}


def answer_in_org(acme: Scenario, **changes: Any) -> None:
    """Answer a question in a team of an organisation with an org-wide installation."""
    org = make_installation(make_settings(id="org"), ORG_WIDE)
    acme.answers.installations.save(org, None, None)
    acme.have_answered(installation=org.key, **changes)


@EACH
def test_buttons_of_an_org_wide_installation_work_without_a_team(acme, name):
    answer_in_org(acme, team_id=TEAM_ID)
    key = acme.stored().answer.question.installation

    acme.interact(EVERYTHING[name](**WITHOUT_TEAM))
    ran = acme.run_slack_jobs()

    assert {job.installation for job in ran} <= {key}
    assert acme.left or ran or acme.services.feedback.votes(key)
    assert ENGLISH.external_person not in [text for _, text in acme.ephemerals]


@pytest.mark.parametrize(
    ("payload", "team_id", "may_ask"),
    [
        *[(WITHOUT_TEAM, team_id, True) for team_id in ("T0WEST", "E0ORG")],
        *[(IN_EAST, team_id, True) for team_id in ("T0WEST", "T0EAST")],
        *[(WITHOUT_TEAM, team_id, False) for team_id in ("T0THEIRS", "E0THEIRS", "")],
        (IN_EAST, "T0THEIRS", False),
    ],
)
def test_in_a_shared_channel_only_known_users_of_the_org_may_ask(acme, payload, team_id, may_ask):
    answer_in_org(acme, team_id="T0WEST", is_shared=True)

    acme.interact(EVERYTHING["regenerate"](**payload, **by("U0COLLEAGUE", team_id)))

    assert bool(acme.stored().answer.busy) is may_ask


# Any payload

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["\ud800", "true"]),
    lambda each: (
        st.lists(each, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "value", "action_id", "channel_id"]), each, max_size=3)
    ),
    max_leaves=5,
)
_NAMES = (
    "actions container channel user team enterprise is_enterprise_install view trigger_id type api_app_id"
)
_CHANGES = st.fixed_dictionaries({}, optional=dict.fromkeys(_NAMES.split(), _JSON))
_VALUES = st.from_regex(rf"\A({ANSWER_ID}|[0-9a-f]{{32}})\.\d{{1,4}}\.\d{{1,4}}\.[a-z_]{{0,6}}\Z")
_ACTION_IDS = st.sampled_from([name for name in vars(block_kit).values() if isinstance(name, str)])
_ACTIONS = st.fixed_dictionaries(
    {"action_id": _ACTION_IDS},
    optional={"value": _VALUES | _JSON, "selected_option": st.fixed_dictionaries({"value": _VALUES}) | _JSON},
)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=_CHANGES, action=_ACTIONS, view=_JSON)
def test_any_payload_is_handled_and_its_jobs_run(failed, changes, action, view):
    failed.ask(is_shared=True)

    failed.interact(
        {**block_action("", actions=[action]), **changes},
        {**make_block_action(FAILED_ID), **changes},
        {**view_submission(), **changes},
        view_submission(view={"state": view, "id": view, "private_metadata": view}),
    )
    failed.run_slack_jobs()

    assert {key.partition(":")[2] for key in failed.store.scan_iter("waiting:*")} <= {str(KEY)}
