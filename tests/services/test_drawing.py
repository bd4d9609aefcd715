"""An answer's messages follow what people press, whatever happens on the way."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pytest
import redis

from sectorflow_slack.domain.errors import SlackBusy, SlackRefused, SlackRefusedMessage
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.formatting import actions
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.services.pressing import (
    ANSWER_ID,
    FIRST_TS,
    THREAD_TS,
    answered,
    drawn,
    everything_in,
    is_as_it_should_be,
    kept,
    long_reply,
    press,
    run_errands,
    screen,
)
from tests.services.steps import WorkerKilled, ask

TABS = press(actions.SWITCH_DISPLAY, choice="tabs")
SEPARATED = press(actions.SWITCH_DISPLAY, choice="separated")


@pytest.fixture
def answer(answers: AnswerService, services: Services, queue: FakeTaskQueue) -> Question:
    """A short answer, in one message."""
    return answered(services, queue)


@pytest.fixture
def long_answer(
    answers: AnswerService, services: Services, queue: FakeTaskQueue, sectorflow: FakeSectorFlowClient
) -> Question:
    """An answer that takes several messages."""
    sectorflow.reply = long_reply()
    question = answered(services, queue)
    assert len(kept(services).posted) > 3
    return question


@pytest.fixture
def in_tabs(long_answer: Question, services: Services, queue: FakeTaskQueue) -> Question:
    """The same, in one message by tabs."""
    services.interactions.accept(TABS)
    run_errands(services, queue)
    assert len(kept(services).posted) == 1
    return long_answer


def test_a_tab_is_shown_by_changing_the_one_message(
    in_tabs: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    posted, updated = len(slack.posted), len(slack.updated)

    services.interactions.accept(press(actions.SHOW_TAB, 2))
    run_errands(services, queue)

    assert len(slack.posted) == posted
    (changed,) = slack.updated[updated:]
    assert changed[1:3] == ("C0GENERAL", FIRST_TS)
    assert is_as_it_should_be(services, slack)


def test_pages_are_turned_for_everybody(
    in_tabs: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    shown = []
    for page in (0, 1, 0):
        services.interactions.accept(press(actions.TURN_PAGE, 0, page))
        run_errands(services, queue)
        shown.append(everything_in(screen(slack)[FIRST_TS]))

    assert "Page 1 of" in shown[0]
    assert "Page 2 of" in shown[1]
    assert shown[2] == shown[0]


def test_another_tab_opens_at_its_first_page(
    in_tabs: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    services.interactions.accept(press(actions.TURN_PAGE, 0, 1))
    services.interactions.accept(press(actions.SHOW_TAB, 1))
    run_errands(services, queue)

    assert "Page 1 of" in everything_in(screen(slack)[FIRST_TS])


def test_a_page_beyond_the_last_is_the_last(
    in_tabs: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    services.interactions.accept(press(actions.TURN_PAGE, 0, 9_999))
    run_errands(services, queue)

    assert is_as_it_should_be(services, slack)
    assert re.search(r"Page (\d+) of \1'", everything_in(screen(slack)[FIRST_TS]))


def test_tabs_take_the_first_message_and_the_others_go(
    long_answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    before = kept(services).posted

    services.interactions.accept(TABS)
    run_errands(services, queue)

    assert kept(services).posted == (FIRST_TS,)
    assert [ts for _, _, ts in slack.removed] == list(before[1:])
    assert is_as_it_should_be(services, slack)


def test_all_answers_take_the_message_and_as_many_more_as_they_need(
    in_tabs: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    posted = len(slack.posted)

    services.interactions.accept(SEPARATED)
    run_errands(services, queue)

    assert is_as_it_should_be(services, slack)
    assert len(kept(services).posted) == 1 + len(slack.posted) - posted > 3
    assert {address.thread_ts for address in slack.addresses} == {THREAD_TS}


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("call", ["updates", "posts", "removals"])
def test_a_worker_that_dies_while_it_draws_leaves_nothing_double(
    long_answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    call: str,
    at: int,
) -> None:
    services.interactions.accept(TABS)
    if call != "removals":
        run_errands(services, queue)
        services.interactions.accept(SEPARATED)
    (errand, _) = queue.errands.pop()
    at = min(at, 0 if call == "updates" else at)
    getattr(slack, call).then(*[None] * at, WorkerKilled())

    with pytest.raises(WorkerKilled):
        services.errands.run(errand)
    services.errands.run(errand)

    assert is_as_it_should_be(services, slack)


def test_what_is_drawn_already_is_left_alone(
    answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    for _ in range(3):
        services.interactions.accept(TABS)
    run_errands(services, queue)

    assert len(slack.updated) == 1


def test_a_press_while_somebody_draws_is_drawn_too(
    answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    update, presses = slack.updates.play, [press(actions.SHOW_TAB, 2)]

    def press_meanwhile() -> None:
        if presses:
            services.interactions.accept(presses.pop())
            queue.errands.clear()
        update()

    monkeypatch.setattr(slack.updates, "play", press_meanwhile)
    services.interactions.accept(TABS)
    run_errands(services, queue)

    assert len(slack.updated) == 2
    assert "Answer 3" in everything_in(screen(slack)[FIRST_TS])
    assert is_as_it_should_be(services, slack)


def test_a_press_before_all_is_posted_is_drawn_at_the_end(
    answers: AnswerService,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    sectorflow: FakeSectorFlowClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sectorflow.reply = long_reply()
    post, pressed = slack.posts.play, []

    def press_the_first() -> None:
        if len(slack.posted) == 1 and not pressed:
            services.interactions.accept(TABS)
            # There is nothing to draw yet: nobody knows which messages there will be.
            pressed.extend(run_errands(services, queue))
            assert slack.updated == []
        post()

    monkeypatch.setattr(slack.posts, "play", press_the_first)
    ask(answers)

    assert [errand.kind for errand in pressed] == ["draw"]
    assert run_errands(services, queue)
    assert len(kept(services).posted) == 1
    assert is_as_it_should_be(services, slack)


@pytest.mark.parametrize("code", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_a_message_that_cannot_be_changed_any_more_is_posted_anew(
    answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient, code: str
) -> None:
    slack.updates.then(SlackRefused(code))

    services.interactions.accept(TABS)
    run_errands(services, queue)

    assert kept(services).posted == ("1700000001.000002",)
    assert list(slack.texts) == [slack.texts[0], drawn(services)[0].text]


def test_a_surplus_message_that_somebody_deleted_is_no_error(
    long_answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    slack.removals.then(SlackRefused("message_not_found"))

    services.interactions.accept(TABS)
    run_errands(services, queue)

    assert kept(services).posted == (FIRST_TS,)


def test_blocks_that_slack_refuses_are_drawn_simpler(
    answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    slack.updates.then(SlackRefusedMessage("invalid_blocks"))

    services.interactions.accept(TABS)
    run_errands(services, queue)

    (_, _, _, message) = slack.updated[-1]
    assert message != drawn(services)[0]
    assert "Answer 1" in everything_in(message)
    assert kept(services).drawn == kept(services).version


def test_what_slack_refuses_in_every_form_ends_and_harms_nobody(
    answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    slack.updates.then(*[SlackRefusedMessage("invalid_blocks")] * 5)

    services.interactions.accept(TABS)
    run_errands(services, queue)

    assert slack.updated == []
    assert kept(services).posted == (FIRST_TS,)


@pytest.mark.parametrize(("retry_after", "delay"), [(7.0, 7.0), (None, 1.0)])
def test_where_slack_wants_quiet_it_is_drawn_later(
    answer: Question,
    services: Services,
    queue: FakeTaskQueue,
    slack: FakeSlackClient,
    store: redis.Redis,
    retry_after: float | None,
    delay: float,
) -> None:
    slack.updates.then(SlackBusy("ratelimited", retry_after))
    services.interactions.accept(TABS)
    (errand, _) = queue.errands.pop()

    services.errands.run(errand)

    assert queue.errands == [(replace(errand, tries=1), delay)]
    assert slack.updated == []
    for quiet in store.scan_iter("pause:*"):
        store.delete(quiet)
    run_errands(services, queue)
    assert is_as_it_should_be(services, slack)


def test_while_slack_wants_quiet_no_other_press_disturbs_it(
    answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    slack.updates.then(SlackBusy("ratelimited", 30.0))
    for pressed in (TABS, press(actions.SHOW_TAB, 1)):
        services.interactions.accept(pressed)
        services.errands.run(queue.errands.pop()[0])

    # The other answers of the installation would be limited, too.
    assert slack.updated == []
    assert [(errand.kind, 20 < delay <= 30) for errand, delay in queue.errands] == [("draw", True)] * 2


def test_where_another_draws_for_long_it_is_looked_at_again(
    answer: Question, services: Services, queue: FakeTaskQueue, slack: FakeSlackClient
) -> None:
    drawing = services.errands.drawing
    services.interactions.accept(TABS)
    (errand, _) = queue.errands.pop()
    with drawing.locks.hold(f"draw:{ANSWER_ID}", 30.0):
        impatient = replace(services.errands, drawing=replace(drawing, locks=Impatient(drawing.locks)))
        impatient.run(errand)

    assert slack.updated == []
    assert queue.errands == [(errand, 1.0)]


@dataclass
class Impatient:
    """Locks for which nobody waits."""

    locks: object

    def hold(self, name: str, seconds: float, wait: float = 0.0) -> object:
        return self.locks.hold(name, seconds)  # type: ignore[attr-defined]
