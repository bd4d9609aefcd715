"""What a press of an answer's buttons does, and where it does nothing."""

from __future__ import annotations

from typing import Any

import fakeredis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sectorflow_slack.config import Settings
from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.questions import ModelVotes
from sectorflow_slack.domain.slack_jobs import OpenView, PostPlainText, RenderAnswer, SlackJob, to_json
from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.words import ENGLISH
from tests.services.pressing import (
    ANSWER_ID,
    EVERYTHING,
    FIRST_TS,
    PRESSES,
    THREAD_TS,
    TRIGGER_ID,
    by,
    press,
    submission,
)
from tests.services.scenario import Scenario
from tests.services.steps import KEY, LETTER_ID
from tests.storage.conftest import dump
from tests.values import (
    CUSTOMERS_APP,
    MODEL_IDS,
    TEAM_ID,
    make_bot,
    make_installation,
    make_press,
    make_terms,
)

FIRST, SECOND, _ = MODEL_IDS


# What a press does


RENDER = RenderAnswer(KEY, answer_id=ANSWER_ID)
BOB = {"user_id": "U0BOB", "channel_id": "C0GENERAL", "thread_ts": THREAD_TS}


@pytest.mark.parametrize(
    ("name", "job"),
    [
        ("tab", RENDER),
        ("page", RENDER),
        ("display", RENDER),
        ("regenerate", RENDER),
        ("plain text", PostPlainText(KEY, answer_id=ANSWER_ID, model=1, **BOB)),
        ("follow up", OpenView(KEY, answer_id=ANSWER_ID, model=1, trigger_id=TRIGGER_ID)),
    ],
)
def test_a_block_action_sends_a_job_that_names_who_where_and_what(
    shared: Scenario, name: str, job: SlackJob
) -> None:
    shared.press(EVERYTHING[name](**by("U0BOB")))

    assert shared.queue.slack_jobs == [(job, 0.0)]


def test_a_vote_is_counted_for_the_model_and_changes_no_message(shared: Scenario) -> None:
    shared.press(
        press(actions.VOTE, 0, choice=actions.UP),
        press(actions.VOTE, 0, choice=actions.UP),
        press(actions.VOTE, 0, choice=actions.DOWN, **by("U0BOB")),
        press(actions.VOTE, 1, choice=actions.UP),
        press(actions.VOTE, 1, choice=actions.DOWN),
    )

    assert set(shared.services.feedback.votes(KEY)) == {ModelVotes(FIRST, 1, 1), ModelVotes(SECOND, 0, 1)}
    assert shared.queue.slack_jobs == []


@pytest.mark.parametrize("name", EVERYTHING)
def test_while_the_store_is_away_a_press_is_refused_and_not_lost_unseen(
    shared: Scenario, redis_server: fakeredis.FakeServer, name: str
) -> None:
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        shared.press(EVERYTHING[name]())


@pytest.mark.parametrize("name", PRESSES)
def test_buttons_of_an_answer_that_is_gone_say_so_to_the_person_who_pressed(
    shared: Scenario, name: str
) -> None:
    shared.store.delete(f"answer:{ANSWER_ID}")

    shared.press(EVERYTHING[name]())
    shared.run_jobs()

    ((address, user_id, message),) = shared.slack.ephemerals
    assert (address.channel_id, address.thread_ts, user_id) == ("C0GENERAL", THREAD_TS, "U0ANN")
    assert message.text == ENGLISH.expired
    assert (len(shared.slack.posted), shared.slack.updated) == (1, [])


def test_a_dialog_of_an_answer_that_is_gone_asks_nothing_and_says_so_in_a_dm(shared: Scenario) -> None:
    shared.store.delete(f"answer:{ANSWER_ID}")

    shared.press(submission())
    shared.run_jobs()

    assert shared.queue.jobs == []
    assert (shared.slack.addresses[-1].channel_id, shared.slack.texts[-1]) == (
        "U0ANN",
        ENGLISH.follow_up_failed,
    )


# What is stored of it


@pytest.mark.parametrize("name", EVERYTHING)
def test_neither_jobs_nor_a_dump_show_what_was_asked_and_answered_or_who_voted(
    shared: Scenario, name: str
) -> None:
    shared.press(EVERYTHING[name](**by("U0CURIOUS")))

    sent, stored = str([to_json(job) for job, _ in shared.queue.slack_jobs]), str(dump(shared.store))
    assert FIRST_TS in stored
    assert "U0CURIOUS" not in stored
    for text in ("joke", "Answer 1", "longer", "Model 1"):
        assert text not in sent + stored


def test_an_answer_and_its_voters_are_stored_for_as_long_as_the_settings_say(
    shared: Scenario, settings: Settings
) -> None:
    shared.press(press(actions.VOTE, 0, choice=actions.UP))

    lifetimes = [int(shared.store.ttl(f"{kind}:{ANSWER_ID}")) / 86_400 for kind in ("answer", "votes")]
    assert lifetimes == pytest.approx([settings.answer_retention_days] * 2, abs=0.01)


# Presses that are made up, or of a button that was copied elsewhere


def install_elsewhere(acme: Scenario) -> None:
    """Install the same app in another team, and another app in the same team."""
    app_id = CUSTOMERS_APP.app_id
    there = make_installation(make_terms(id="there"), make_bot(team_id="T0OTHER"))
    other_app = make_installation(make_terms(id="app", app_id=app_id), make_bot(app_id=app_id))
    acme.answers.installations.save(there, None, None)
    acme.answers.installations.save(other_app, CUSTOMERS_APP, None)


ELSEWHERE: dict[str, dict[str, Any]] = {
    "another team": {"team": {"id": "T0OTHER"}},
    "another app": {"api_app_id": CUSTOMERS_APP.app_id},
    "a team without the app": {"team": {"id": "T0NOBODY"}},
    "no team": {"team": None},
    "an unknown app": {"api_app_id": "A0NOBODY"},
}
OTHER_PLACES: dict[str, dict[str, Any]] = {
    "another channel": {"channel": {"id": "C0OTHER"}},
    "another message": {"container": {"message_ts": "1700000001.000009", "channel_id": "C0GENERAL"}},
    "nowhere": {"container": None},
}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        *[(name, ELSEWHERE["another team"]) for name in EVERYTHING],
        *[(name, changes) for name in ("regenerate", "dialog") for changes in ELSEWHERE.values()],
    ],
)
def test_a_button_works_in_the_installation_of_its_answer_only(
    shared: Scenario, name: str, changes: dict[str, Any]
) -> None:
    install_elsewhere(shared)

    shared.press(EVERYTHING[name](**changes))

    assert shared.is_untouched()


@pytest.mark.parametrize("changes", OTHER_PLACES.values(), ids=OTHER_PLACES)
def test_a_button_that_was_copied_elsewhere_does_nothing(shared: Scenario, changes: dict[str, Any]) -> None:
    shared.press(EVERYTHING["regenerate"](**changes))

    assert shared.is_untouched()


@pytest.mark.parametrize(
    "made_up",
    [
        *[
            press(action, 3, choice=actions.UP)
            for action in (actions.SHOW_TAB, actions.VOTE, actions.REGENERATE)
        ],
        *[press(actions.REGENERATE, 3), press(actions.FOLLOW_UP, 9999), submission(model=3)],
        *[press(actions.VOTE, 0, choice=choice) for choice in ("", "sideways", "separated")],
        *[press(action, 1) for action in ("", "more", "delete_everything", "__class__")],
    ],
)
def test_a_model_a_choice_and_an_action_that_do_not_exist_do_nothing(
    shared: Scenario, made_up: dict[str, Any]
) -> None:
    shared.press(made_up)

    assert shared.is_untouched()


# The button of a question that failed


@pytest.mark.parametrize(
    "payload",
    [
        make_press("f" * 32),
        make_press("question-1"),
        make_press(LETTER_ID.upper()),
        *[make_press(LETTER_ID, **changes) for changes in ELSEWHERE.values()],
        make_press(LETTER_ID, team=None, enterprise={"id": "E0ORG"}, is_enterprise_install=True),
        make_press(LETTER_ID, channel={"id": "C0OTHER"}),
        make_press(LETTER_ID, channel=None, container={"channel_id": "C0OTHER"}),
        make_press(LETTER_ID, channel=None, container=None),
        make_press(LETTER_ID, type="view_submission"),
        make_press(LETTER_ID, actions=[{"action_id": "other", "value": LETTER_ID}]),
        make_press(LETTER_ID, actions=[LETTER_ID, None]),
        make_press(LETTER_ID, actions={"action_id": "ask_again", "value": LETTER_ID}),
    ],
)
def test_a_failed_question_is_asked_again_only_where_its_button_can_have_been(
    failed: Scenario, payload: dict[str, Any]
) -> None:
    install_elsewhere(failed)

    failed.press(payload)

    assert (failed.queue.jobs, failed.queue.slack_jobs) == ([], [])
    assert failed.services.failed_questions.find(LETTER_ID) is not None


# People of other organisations look and do not ask

COSTLY = ["regenerate", "try again", "follow up", "dialog"]
LOOKING = [name for name in EVERYTHING if name not in COSTLY]
STRANGER = by("U0STRANGER", "T0ELSEWHERE")


@pytest.mark.parametrize("name", LOOKING)
def test_people_of_other_organisations_may_look(shared: Scenario, name: str) -> None:
    shared.press(EVERYTHING[name](**STRANGER))

    assert not shared.is_untouched()


@pytest.mark.parametrize("name", COSTLY)
def test_people_of_other_organisations_may_not_ask(shared: Scenario, name: str) -> None:
    shared.press(EVERYTHING[name](**STRANGER))
    shared.run_jobs()

    # A dialog has no channel to say it in; a person who may not ask is shown none.
    told = [] if name == "dialog" else [("U0STRANGER", ENGLISH.external_person)]
    assert shared.whispered == told
    assert (shared.queue.jobs, shared.slack.dialogs, shared.kept().answer.busy) == ([], [], ())


@pytest.mark.parametrize("name", COSTLY)
def test_people_of_other_organisations_may_ask_if_the_installation_allows_it(
    shared: Scenario, name: str
) -> None:
    shared.configure(allow_external_users=True)

    shared.press(EVERYTHING[name](**STRANGER))

    assert shared.queue.slack_jobs or shared.queue.jobs
    shared.run_jobs()
    assert shared.whispered == []


def test_in_a_channel_that_is_not_shared_everybody_may_ask(answered: Scenario) -> None:
    """People of any team of an org-wide installation press, and Slack names their own."""
    answered.press(EVERYTHING["regenerate"](**STRANGER))

    assert answered.kept().answer.busy


# Org-wide installations in shared channels

WITHOUT_TEAM = {"team": None, "enterprise": {"id": "E0ACME"}, "is_enterprise_install": True}
IN_EAST = {**WITHOUT_TEAM, "team": {"id": "T0EAST", "enterprise_id": "E0ACME"}}


def answer_in_org(acme: Scenario, **changes: Any) -> None:
    """Have a question answered in a team of an organisation that has the app as a whole."""
    bot = make_bot(team_id=None, enterprise_id="E0ACME", is_enterprise_install=True)
    org = make_installation(make_terms(id="org"), bot)
    acme.answers.installations.save(org, None, None)
    acme.have_answered(installation=org.key, **changes)


@pytest.mark.parametrize("name", EVERYTHING)
def test_buttons_of_an_org_wide_installation_work_without_a_team(acme: Scenario, name: str) -> None:
    answer_in_org(acme, team_id=TEAM_ID)
    key = acme.kept().answer.question.installation

    acme.press(EVERYTHING[name](**WITHOUT_TEAM))
    ran = acme.run_jobs()

    assert {job.installation for job in ran} <= {key}
    assert acme.queue.jobs or ran or acme.services.feedback.votes(key)
    assert ENGLISH.external_person not in [text for _, text in acme.whispered]


@pytest.mark.parametrize(
    ("payload", "team_id", "may_ask"),
    [
        (WITHOUT_TEAM, "T0WEST", True),
        (WITHOUT_TEAM, "E0ACME", True),
        (IN_EAST, "T0WEST", True),
        (IN_EAST, "T0EAST", True),
        (WITHOUT_TEAM, "T0THEIRS", False),
        (WITHOUT_TEAM, "E0THEIRS", False),
        (WITHOUT_TEAM, "", False),
        (IN_EAST, "T0THEIRS", False),
    ],
)
def test_in_a_shared_channel_of_an_organisation_only_people_that_slack_says_are_of_it_may_ask(
    acme: Scenario, payload: dict[str, Any], team_id: str, may_ask: bool
) -> None:
    answer_in_org(acme, team_id="T0WEST", is_shared=True)

    acme.press(EVERYTHING["regenerate"](**payload, **by("U0COLLEAGUE", team_id)))

    assert bool(acme.kept().answer.busy) is may_ask


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
_ACTION_IDS = st.sampled_from([name for name in vars(actions).values() if isinstance(name, str)])
_ACTIONS = st.fixed_dictionaries(
    {"action_id": _ACTION_IDS},
    optional={"value": _VALUES | _JSON, "selected_option": st.fixed_dictionaries({"value": _VALUES}) | _JSON},
)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=_CHANGES, action=_ACTIONS, view=_JSON)
def test_whatever_a_payload_holds_it_is_taken_in_and_its_jobs_run(
    failed: Scenario, changes: dict[str, Any], action: dict[str, Any], view: Any
) -> None:
    failed.ask(is_shared=True)

    failed.press(
        {**press("", actions=[action]), **changes},
        {**make_press(LETTER_ID), **changes},
        {**submission(), **changes},
        submission(view={"state": view, "id": view, "private_metadata": view}),
    )
    failed.run_jobs()

    assert {key for key, _ in failed.queue.jobs} <= {KEY}
