"""A press that is made up, or of a button that was copied elsewhere, does nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sectorflow_slack.domain.questions import Question
from sectorflow_slack.formatting import actions
from sectorflow_slack.services import Services
from tests.fakes import FakeTaskQueue
from tests.services.pressing import ANSWER_ID, EVERYTHING, PRESSES, press, run_errands, submission
from tests.values import CUSTOMERS_APP, make_bot, make_installation, make_terms


@pytest.mark.parametrize("name", EVERYTHING)
def test_another_team_may_not_use_this_ones_buttons(
    shared_answer: Question, services: Services, untouched: Callable[[], bool], name: str
) -> None:
    other = make_installation(make_terms(id="other"), make_bot(team_id="T0OTHER"))
    services.answers.installations.save(other, None, None)

    services.interactions.accept(EVERYTHING[name](team={"id": "T0OTHER"}))

    assert untouched()


@pytest.mark.parametrize("name", EVERYTHING)
def test_another_app_may_not_use_this_ones_buttons(
    shared_answer: Question, services: Services, untouched: Callable[[], bool], name: str
) -> None:
    app_id = CUSTOMERS_APP.app_id
    other = make_installation(make_terms(id="other", app_id=app_id), make_bot(app_id=app_id))
    services.answers.installations.save(other, CUSTOMERS_APP, None)

    services.interactions.accept(EVERYTHING[name](api_app_id=app_id))

    assert untouched()


@pytest.mark.parametrize("name", EVERYTHING)
@pytest.mark.parametrize(
    "changes", [{"team": {"id": "T0NOBODY"}}, {"team": None}, {"api_app_id": "A0NOBODY"}]
)
def test_where_nothing_is_installed_no_button_works(
    shared_answer: Question,
    services: Services,
    untouched: Callable[[], bool],
    name: str,
    changes: dict[str, Any],
) -> None:
    services.interactions.accept(EVERYTHING[name](**changes))

    assert untouched()


@pytest.mark.parametrize("name", PRESSES)
@pytest.mark.parametrize(
    "changes",
    [
        {"channel": {"id": "C0OTHER"}},
        {"container": {"message_ts": "1700000001.000009", "channel_id": "C0GENERAL"}},
        {"container": None},
    ],
    ids=["channel", "message", "nowhere"],
)
def test_a_button_that_was_copied_elsewhere_does_nothing(
    shared_answer: Question,
    services: Services,
    untouched: Callable[[], bool],
    name: str,
    changes: dict[str, Any],
) -> None:
    services.interactions.accept(EVERYTHING[name](**changes))

    assert untouched()


@pytest.mark.parametrize("model", [3, 20, 9999])
@pytest.mark.parametrize(
    "action",
    [
        actions.SHOW_TAB,
        actions.TURN_PAGE,
        actions.VOTE,
        actions.REGENERATE,
        actions.FOLLOW_UP,
        actions.PLAIN_TEXT,
        "dialog",
    ],
)
def test_a_model_that_there_is_not_is_neither_shown_nor_asked(
    shared_answer: Question, services: Services, untouched: Callable[[], bool], action: str, model: int
) -> None:
    made_up = submission(model=model) if action == "dialog" else press(action, model, choice=actions.UP)

    services.interactions.accept(made_up)

    assert untouched()


@pytest.mark.parametrize("choice", ["", "sideways", "separated"])
def test_a_vote_is_up_or_down(
    shared_answer: Question, services: Services, untouched: Callable[[], bool], choice: str
) -> None:
    services.interactions.accept(press(actions.VOTE, 0, choice=choice))

    assert untouched()


@pytest.mark.parametrize("action", ["", "more", "delete_everything", "__class__"])
def test_an_action_that_there_is_not_does_nothing(
    shared_answer: Question, services: Services, untouched: Callable[[], bool], action: str
) -> None:
    services.interactions.accept(press(action, 1))

    assert untouched()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("\ud800"),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(max_size=5), each, max_size=2),
    max_leaves=5,
)
_NAMES = ("actions", "container", "channel", "user", "team", "enterprise", "view", "trigger_id", "type")
_VALUES = st.from_regex(rf"\A({ANSWER_ID}|[0-9a-f]{{32}})\.\d{{1,4}}\.\d{{1,4}}\.[a-z_]{{0,6}}\Z")
_ACTIONS = st.fixed_dictionaries(
    {
        "action_id": st.sampled_from(
            [*EVERYTHING, *(name for name in vars(actions).values() if isinstance(name, str))]
        )
    },
    optional={"value": _VALUES | _JSON, "selected_option": st.fixed_dictionaries({"value": _VALUES}) | _JSON},
)


@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150
)
@given(changes=st.fixed_dictionaries({}, optional=dict.fromkeys(_NAMES, _JSON)), action=_ACTIONS, view=_JSON)
def test_whatever_a_payload_holds_it_is_taken_in_and_its_errands_run(
    shared_answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    changes: dict[str, Any],
    action: dict[str, Any],
    view: Any,
) -> None:
    services.interactions.accept({**press("", actions=[action]), **changes})
    services.interactions.accept({**submission(), **changes})
    services.interactions.accept(submission(view={"state": view, "id": view, "private_metadata": view}))

    run_errands(services, queue)
