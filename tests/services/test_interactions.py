"""Buttons of answers: what a press may do, and what one that is made up may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import fakeredis
import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sectorflow_slack.config import Settings
from sectorflow_slack.domain.errands import Errand
from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.progress import ModelVotes
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSlackClient, FakeTaskQueue
from tests.services.pressing import (
    ANSWER_ID,
    FIRST_TS,
    THREAD_TS,
    TRIGGER_ID,
    answered,
    by,
    everything_in,
    from_menu,
    kept,
    press,
    run_errands,
    screen,
    submission,
)
from tests.services.steps import KEY
from tests.storage.conftest import dump
from tests.values import CUSTOMERS_APP, MODEL_IDS, TEAM_ID, make_bot, make_installation, make_terms

FIRST, SECOND, _ = MODEL_IDS
#: One press of everything that there is, and a dialog that is sent.
EVERYTHING: dict[str, Callable[..., dict[str, Any]]] = {
    "tab": lambda **changes: press(actions.SHOW_TAB, 1, **changes),
    "page": lambda **changes: press(actions.TURN_PAGE, 0, 1, **changes),
    "display": lambda **changes: press(actions.SWITCH_DISPLAY, choice="tabs", **changes),
    "vote": lambda **changes: press(actions.VOTE, 0, choice=actions.UP, **changes),
    "regenerate": lambda **changes: from_menu(actions.REGENERATE, 1, **changes),
    "try again": lambda **changes: press(actions.REGENERATE, 1, **changes),
    "plain text": lambda **changes: from_menu(actions.PLAIN_TEXT, 1, **changes),
    "follow up": lambda **changes: press(actions.FOLLOW_UP, 1, **changes),
    "dialog": lambda **changes: submission(model=1, **changes),
}
#: A dialog belongs to no message and to no channel.
PRESSES = [name for name in EVERYTHING if name != "dialog"]


@pytest.fixture
def answer(answers: AnswerService, services: Services, queue: FakeTaskQueue) -> Question:
    """A question with an answer of three models, in one message of a thread; the channel is shared."""
    return answered(services, queue, is_shared=True)


@pytest.fixture
def untouched(
    services: Services, store: redis.Redis, queue: FakeTaskQueue, slack: FakeSlackClient
) -> Callable[[], bool]:
    """Say whether nothing at all was done."""

    def is_untouched() -> bool:
        idle = not queue.errands and not queue.jobs and len(slack.posted) == 1 and not slack.whispered
        return idle and kept(services).version == 1 and not services.feedback.of(KEY)

    return is_untouched


# What a press does


def test_a_press_of_a_tab_opens_it_for_everybody(
    answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    services.interactions.accept(press(actions.SWITCH_DISPLAY, choice="tabs"))
    services.interactions.accept(press(actions.SHOW_TAB, 1, **by("U0BOB")))

    assert (kept(services).answer.display, kept(services).answer.tab) == ("tabs", 1)
    assert [errand.kind for errand, _ in queue.errands] == ["draw", "draw"]
    run_errands(services, queue)
    (message,) = screen(slack).values()
    assert "Answer 2" in everything_in(message)
    assert "Answer 1" not in everything_in(message)
    assert len(slack.updated) == 1


def test_an_errand_names_who_where_and_what_and_tells_nothing(
    answer: Question, services: Services, queue: FakeTaskQueue
) -> None:
    services.interactions.accept(press(actions.FOLLOW_UP, 2))

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
    assert queue.errands == [(expected, 0.0)]


@pytest.mark.parametrize("name", EVERYTHING)
def test_no_errand_carries_what_was_asked_or_answered(
    answer: Question, services: Services, queue: FakeTaskQueue, name: str
) -> None:
    services.interactions.accept(EVERYTHING[name]())

    written = str([asdict(errand) for errand, _ in queue.errands])
    assert [text for text in ("joke", "Answer", "longer", "Model 1") if text in written] == []


def test_a_vote_is_counted_for_the_model_and_changes_no_message(
    answer: Question, services: Services, queue: FakeTaskQueue
) -> None:
    services.interactions.accept(press(actions.VOTE, 0, choice=actions.UP))
    services.interactions.accept(press(actions.VOTE, 0, choice=actions.UP))
    services.interactions.accept(press(actions.VOTE, 0, choice=actions.DOWN, **by("U0BOB")))
    services.interactions.accept(press(actions.VOTE, 1, choice=actions.UP))
    services.interactions.accept(press(actions.VOTE, 1, choice=actions.DOWN))

    assert services.feedback.of(KEY) == tuple(
        sorted((ModelVotes(FIRST, 1, 1), ModelVotes(SECOND, 0, 1)), key=lambda each: each.model_id)
    )
    assert queue.errands == []


def test_plain_text_is_whispered_to_who_wanted_it(
    answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    services.interactions.accept(from_menu(actions.PLAIN_TEXT, 1, **by("U0BOB")))
    run_errands(services, queue)

    ((address, user_id, message),) = slack.whispered
    assert (address.channel_id, address.thread_ts, user_id) == ("C0GENERAL", THREAD_TS, "U0BOB")
    assert "Answer 2" in everything_in(message)
    assert len(slack.posted) == 1
    assert slack.updated == []


# What a press may not


@pytest.mark.parametrize("name", PRESSES)
def test_buttons_of_an_answer_that_is_gone_say_so_to_who_pressed(
    answer: Question,
    services: Services,
    store: redis.Redis,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    name: str,
) -> None:
    store.delete(f"answer:{ANSWER_ID}")

    services.interactions.accept(EVERYTHING[name]())
    run_errands(services, queue)

    ((address, user_id, message),) = slack.whispered
    assert (address.channel_id, address.thread_ts, user_id) == ("C0GENERAL", THREAD_TS, "U0ANN")
    assert message.text == ENGLISH.expired
    assert len(slack.posted) == 1
    assert slack.updated == []


def test_a_dialog_of_an_answer_that_is_gone_asks_nothing_and_says_so_in_a_dm(
    answer: Question, services: Services, store: redis.Redis, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    store.delete(f"answer:{ANSWER_ID}")

    services.interactions.accept(submission())
    run_errands(services, queue)

    assert queue.jobs == []
    assert (slack.addresses[-1].channel_id, slack.texts[-1]) == ("U0ANN", ENGLISH.follow_up_failed)


@pytest.mark.parametrize("name", EVERYTHING)
def test_another_team_may_not_use_this_ones_buttons(
    answer: Question, services: Services, untouched: Callable[[], bool], name: str
) -> None:
    other = make_installation(make_terms(id="other"), make_bot(team_id="T0OTHER"))
    services.answers.installations.save(other, None, None)

    services.interactions.accept(EVERYTHING[name](team={"id": "T0OTHER"}))

    assert untouched()


@pytest.mark.parametrize("name", EVERYTHING)
def test_another_app_may_not_use_this_ones_buttons(
    answer: Question, services: Services, untouched: Callable[[], bool], name: str
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
    answer: Question, services: Services, untouched: Callable[[], bool], name: str, changes: dict[str, Any]
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
    answer: Question, services: Services, untouched: Callable[[], bool], name: str, changes: dict[str, Any]
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
    answer: Question, services: Services, untouched: Callable[[], bool], action: str, model: int
) -> None:
    made_up = submission(model=model) if action == "dialog" else press(action, model, choice=actions.UP)

    services.interactions.accept(made_up)

    assert untouched()


@pytest.mark.parametrize("choice", ["", "sideways", "separated"])
def test_a_vote_is_up_or_down(
    answer: Question, services: Services, untouched: Callable[[], bool], choice: str
) -> None:
    services.interactions.accept(press(actions.VOTE, 0, choice=choice))

    assert untouched()


@pytest.mark.parametrize("action", ["", "more", "delete_everything", "__class__"])
def test_an_action_that_there_is_not_does_nothing(
    answer: Question, services: Services, untouched: Callable[[], bool], action: str
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
    answer: Question,
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


@pytest.mark.parametrize("name", EVERYTHING)
def test_while_the_store_is_away_a_press_is_refused_and_not_lost_unseen(
    answer: Question, services: Services, redis_server: fakeredis.FakeServer, name: str
) -> None:
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        services.interactions.accept(EVERYTHING[name]())


# People of other organisations

LOOKING = [name for name in PRESSES if name in {"tab", "page", "display", "plain text", "vote"}]
COSTLY = [name for name in EVERYTHING if name not in LOOKING]
STRANGER = by("U0STRANGER", "T0ELSEWHERE")


@pytest.mark.parametrize("name", LOOKING)
def test_people_of_other_organisations_may_look(
    answer: Question, services: Services, untouched: Callable[[], bool], name: str
) -> None:
    services.interactions.accept(EVERYTHING[name](**STRANGER))

    assert not untouched()


@pytest.mark.parametrize("name", COSTLY)
def test_people_of_other_organisations_may_not_ask(
    answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient, name: str
) -> None:
    services.interactions.accept(EVERYTHING[name](**STRANGER))
    run_errands(services, queue)

    told = [(user_id, message.text) for _, user_id, message in slack.whispered]
    # A dialog has no channel to say it in; whoever may not ask gets none to send.
    assert told == ([] if name == "dialog" else [("U0STRANGER", ENGLISH.external_person)])
    assert queue.jobs == []
    assert slack.dialogs == []
    assert kept(services).answer.busy == ()


def test_in_a_channel_of_our_own_everybody_is_one_of_us(
    answers: AnswerService, services: Services, queue: FakeTaskQueue
) -> None:
    """Of an org-wide installation, people of any of its teams press, and Slack names their own."""
    answered(services, queue, is_shared=False)

    services.interactions.accept(EVERYTHING["regenerate"](**STRANGER))

    assert kept(services).answer.busy


@pytest.mark.parametrize("name", COSTLY)
def test_people_of_other_organisations_may_ask_where_the_platform_lets_them(
    answer: Question, services: Services, slack: FakeSlackClient, queue: FakeTaskQueue, name: str
) -> None:
    terms = replace(make_terms(), allow_external_users=True, revision=2)
    assert services.answers.installations.change(make_installation(terms), 1)

    services.interactions.accept(EVERYTHING[name](**STRANGER))

    assert queue.errands or queue.jobs
    run_errands(services, queue)
    assert slack.whispered == []


# Organisations


@pytest.mark.parametrize("name", EVERYTHING)
def test_where_a_whole_organisation_has_the_app_its_buttons_work_without_a_team(
    services: Services, queue: FakeTaskQueue, slack: FakeSlackClient, store: redis.Redis, name: str
) -> None:
    bot = make_bot(team_id=None, enterprise_id="E0ACME", is_enterprise_install=True)
    installation = make_installation(bot=bot)
    services.answers.installations.save(installation, None, None)
    question = answered(services, queue, installation=installation.key, team_id=TEAM_ID)
    assert len(slack.posted) == 1
    org_wide = {"team": None, "enterprise": {"id": "E0ACME"}, "is_enterprise_install": True}

    services.interactions.accept(EVERYTHING[name](**org_wide))
    ran = run_errands(services, queue)

    assert {errand.installation for errand in ran} <= {question.installation}
    assert queue.jobs or ran or services.feedback.of(installation.key)
    assert ENGLISH.external_person not in str([message.text for _, _, message in slack.whispered])


# What is kept


def test_a_dump_shows_neither_questions_nor_answers_nor_who_voted(
    answer: Question, services: Services, store: redis.Redis
) -> None:
    for make in EVERYTHING.values():
        services.interactions.accept(make(**by("U0CURIOUS")))

    written = str(dump(store))

    assert f"answer:{ANSWER_ID}" in written
    assert [text for text in ("joke", "Answer 1", "longer", "U0CURIOUS") if text in written] == []
    assert FIRST_TS in written


def test_an_answer_and_who_voted_are_kept_for_as_long_as_the_settings_say(
    answer: Question, services: Services, settings: Settings, store: redis.Redis
) -> None:
    services.interactions.accept(press(actions.VOTE, 0, choice=actions.UP))

    lifetimes = [int(store.ttl(f"{kind}:{ANSWER_ID}")) / 86_400 for kind in ("answer", "votes")]
    assert lifetimes == pytest.approx([settings.answer_retention_days] * 2, abs=0.01)
