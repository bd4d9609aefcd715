"""What a press of an answer's buttons does, and where it does nothing."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import fakeredis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sectorflow_slack.config import Settings
from sectorflow_slack.domain.errands import Errand
from sectorflow_slack.domain.errors import StorageUnavailable, TokenRefused
from sectorflow_slack.domain.progress import ModelVotes
from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.words import ENGLISH
from tests.fakes import FakeTaskQueue
from tests.services.pressing import (
    ANSWER_ID,
    EVERYTHING,
    FIRST_TS,
    PRESSES,
    TABS,
    THREAD_TS,
    TRIGGER_ID,
    by,
    everything_in,
    from_menu,
    press,
    submission,
)
from tests.services.scenario import Scenario
from tests.services.steps import KEY, LETTER_ID
from tests.storage.conftest import dump
from tests.values import CUSTOMERS_APP, MODEL_IDS, make_bot, make_installation, make_press, make_terms

FIRST, SECOND, _ = MODEL_IDS


# What a press does


def test_a_press_of_a_tab_opens_it_for_everybody(shared: Scenario) -> None:
    shared.press(TABS, press(actions.SHOW_TAB, 1, **by("U0BOB")))

    assert (shared.kept().answer.display, shared.kept().answer.tab) == ("tabs", 1)
    assert [errand.kind for errand, _ in shared.queue.errands] == ["draw", "draw"]
    shared.run_jobs()
    (message,) = shared.slack.shown.values()
    assert "Answer 2" in everything_in(message)
    assert "Answer 1" not in everything_in(message)


def test_a_job_names_who_where_and_what(shared: Scenario) -> None:
    shared.press(press(actions.FOLLOW_UP, 2))

    expected = Errand(
        "dialog",
        KEY,
        question_id=ANSWER_ID,
        model=2,
        user_id="U0ANN",
        channel_id="C0GENERAL",
        thread_ts=THREAD_TS,
        trigger_id=TRIGGER_ID,
    )
    assert shared.queue.errands == [(expected, 0.0)]


def test_a_vote_is_counted_for_the_model_and_changes_no_message(shared: Scenario) -> None:
    shared.press(
        press(actions.VOTE, 0, choice=actions.UP),
        press(actions.VOTE, 0, choice=actions.UP),
        press(actions.VOTE, 0, choice=actions.DOWN, **by("U0BOB")),
        press(actions.VOTE, 1, choice=actions.UP),
        press(actions.VOTE, 1, choice=actions.DOWN),
    )

    assert set(shared.services.feedback.of(KEY)) == {ModelVotes(FIRST, 1, 1), ModelVotes(SECOND, 0, 1)}
    assert shared.queue.errands == []


def test_plain_text_is_whispered_to_the_person_who_wanted_it(shared: Scenario) -> None:
    shared.press(from_menu(actions.PLAIN_TEXT, 1, **by("U0BOB")))
    shared.run_jobs()

    ((address, user_id, message),) = shared.slack.whispered
    assert (address.channel_id, address.thread_ts, user_id) == ("C0GENERAL", THREAD_TS, "U0BOB")
    assert "Answer 2" in everything_in(message)
    assert (len(shared.slack.posted), shared.slack.updated) == (1, [])


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

    ((address, user_id, message),) = shared.slack.whispered
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

    sent, stored = str([asdict(errand) for errand, _ in shared.queue.errands]), str(dump(shared.store))
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


@pytest.fixture
def others(shared: Scenario) -> Scenario:
    """The same app in another team, and another app in the same team, beside an answer."""
    app_id = CUSTOMERS_APP.app_id
    there = make_installation(make_terms(id="there"), make_bot(team_id="T0OTHER"))
    other_app = make_installation(make_terms(id="app", app_id=app_id), make_bot(app_id=app_id))
    shared.answers.installations.save(there, None, None)
    shared.answers.installations.save(other_app, CUSTOMERS_APP, None)
    return shared


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


@pytest.mark.parametrize("name", EVERYTHING)
def test_no_button_of_an_answer_works_in_another_team(others: Scenario, name: str) -> None:
    others.press(EVERYTHING[name](**ELSEWHERE["another team"]))

    assert others.is_untouched()


@pytest.mark.parametrize("name", ["regenerate", "dialog"])
@pytest.mark.parametrize("changes", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_button_works_in_the_installation_of_its_answer_only(
    others: Scenario, changes: dict[str, Any], name: str
) -> None:
    others.press(EVERYTHING[name](**changes))

    assert others.is_untouched()


@pytest.mark.parametrize("changes", OTHER_PLACES.values(), ids=OTHER_PLACES)
def test_a_button_that_was_copied_elsewhere_does_nothing(shared: Scenario, changes: dict[str, Any]) -> None:
    shared.press(EVERYTHING["regenerate"](**changes))

    assert shared.is_untouched()


@pytest.mark.parametrize("model", [3, 9999])
@pytest.mark.parametrize("action", [actions.SHOW_TAB, actions.VOTE, actions.REGENERATE, actions.FOLLOW_UP])
def test_a_model_that_does_not_exist_is_neither_shown_nor_asked(
    shared: Scenario, action: str, model: int
) -> None:
    shared.press(press(action, model, choice=actions.UP), submission(model=model))

    assert shared.is_untouched()


@pytest.mark.parametrize(
    "made_up",
    [
        *[press(actions.VOTE, 0, choice=choice) for choice in ("", "sideways", "separated")],
        *[press(action, 1) for action in ("", "more", "delete_everything", "__class__")],
    ],
)
def test_a_choice_and_an_action_that_do_not_exist_do_nothing(
    shared: Scenario, made_up: dict[str, Any]
) -> None:
    shared.press(made_up)

    assert shared.is_untouched()


# The button of a question that failed


@pytest.fixture
def failed(acme: Scenario) -> Scenario:
    """An installation in which a question failed; the apology has a button."""
    acme.sectorflow.answers.then(TokenRefused("status 401"))
    acme.ask(id=LETTER_ID)
    return acme


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
    app_id = CUSTOMERS_APP.app_id
    there = make_installation(make_terms(id="there"), make_bot(team_id="T0OTHER"))
    other_app = make_installation(make_terms(id="app", app_id=app_id), make_bot(app_id=app_id))
    failed.answers.installations.save(there, None, None)
    failed.answers.installations.save(other_app, CUSTOMERS_APP, None)

    failed.press(payload)

    assert (failed.queue.jobs, failed.queue.errands) == ([], [])
    assert failed.services.letters.find(LETTER_ID) is not None


@pytest.mark.parametrize("is_org_wide", [True, "true"])
@pytest.mark.parametrize("team", [None, {"id": "T0SOME"}])
def test_a_failed_question_of_an_org_wide_installation_is_asked_again(
    acme: Scenario, team: dict[str, str] | None, is_org_wide: Any
) -> None:
    bot = make_bot(team_id=None, enterprise_id="E0ORG", is_enterprise_install=True)
    org = make_installation(make_terms(id="org"), bot)
    acme.answers.installations.save(org, None, None)
    acme.sectorflow.answers.then(TokenRefused("status 401"))
    acme.ask(id=LETTER_ID, installation=org.key)

    whose = {"team": team, "enterprise": {"id": "E0ORG"}, "is_enterprise_install": is_org_wide}
    acme.press(make_press(LETTER_ID, **whose))

    assert acme.queue.jobs == [(org.key, 0.0)]


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
    shared: Scenario, changes: dict[str, Any], action: dict[str, Any], view: Any
) -> None:
    shared.press(
        {**press("", actions=[action]), **changes},
        {**submission(), **changes},
        submission(view={"state": view, "id": view, "private_metadata": view}),
    )

    shared.run_jobs()


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=_CHANGES)
def test_whatever_else_a_press_of_a_failed_question_holds_it_wakes_no_other_installation(
    failed: Scenario, changes: dict[str, Any]
) -> None:
    queue = FakeTaskQueue()

    replace(failed.services.interactions, queue=queue).accept(make_press(LETTER_ID, **changes))

    assert queue.jobs in ([], [(KEY, 0.0)])
