"""A thread shows a status while its question is worked on; it ends after the answer is posted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from sectorflow_slack.domain.errors import SectorFlowBusy, SlackBusy, SlackRefused
from sectorflow_slack.domain.slack_jobs import RemoveStatus
from sectorflow_slack.formatting import block_kit
from sectorflow_slack.formatting.notices import status
from sectorflow_slack.services.messaging import POST
from sectorflow_slack.services.statuses import KIND_SECONDS, StatusService
from sectorflow_slack.services.tokens import TokenService
from sectorflow_slack.storage.questions import QuestionStore
from sectorflow_slack.storage.statuses import RENEW_SECONDS, StatusStore
from tests.fakes import FakeSlackClient
from tests.losing import lose
from tests.services.block_actions import from_menu, view_submission
from tests.services.scenario import Scenario
from tests.services.steps import ASKING, FAILED_ID, FIRST_TS, KEY, WorkerKilled, die
from tests.values import MODEL_IDS, make_block_action, make_bot, make_installation, make_settings

PLACE = ("C0GENERAL", "1.000100")
STARTED, ENDED = (*PLACE, True), (*PLACE, False)
SHOWN, CLEARED = (*PLACE, status(("",) * 3)), (*PLACE, "")
NO_SESSIONS = SlackRefused("feature_disabled")
NO_THREADS = SlackRefused("method_deprecated")
ASK_AGAIN = make_block_action(FAILED_ID)
BUSY = SlackBusy("ratelimited", 30.0)
#: The kinds of statuses, by what Slack refuses.
KINDS: dict[str, Callable[[FakeSlackClient], object]] = {
    "session": lambda slack: None,
    "thread": lambda slack: slack.sessions.then(*[NO_SESSIONS] * 9),
    "message": lambda slack: [
        calls.then(*[refusal] * 9)
        for calls, refusal in ((slack.sessions, NO_SESSIONS), (slack.statuses, NO_THREADS))
    ],
}
EACH_KIND = pytest.mark.parametrize("kind", KINDS)


class Seconds:
    """A monotonic clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def services(services, seconds):
    statuses = replace(services.answers.statuses, monotonic=seconds)
    return replace(
        services,
        answers=replace(services.answers, statuses=statuses),
        slack_jobs=replace(services.slack_jobs, statuses=statuses),
    )


def another_process(acme: Scenario) -> StatusService:
    """The statuses of a process that has started none."""
    return replace(acme.answers.statuses)


def asked(acme: Scenario) -> list[object]:
    """What is shown at the moment at which SectorFlow is asked."""
    seen: list[object] = []
    acme.sectorflow.answers.then(lambda: seen.extend(visible(acme)))
    return seen


def visible(acme: Scenario) -> list[object]:
    """The statuses that are shown; Slack ends that of a thread with the app's next message there."""
    slack = acme.slack
    found: list[object] = ["session"] if slack.sessions_set and slack.sessions_set[-1][2] else []
    if slack.status_set and slack.status_set[-1][2] and not slack.seen:
        found.append("thread")
    return found + ["message" for text in slack.seen if text == ASKING]


# The three kinds


@EACH_KIND
def test_the_first_kind_of_status_that_slack_takes_is_shown_until_the_answer_is_posted(acme, kind):
    KINDS[kind](acme.slack)
    seen = asked(acme)

    acme.ask()

    assert seen == [kind]
    assert visible(acme) == []
    assert ["Answer 1" in text for text in acme.slack.seen] == [True]
    assert (acme.slack.updated, acme.left, acme.slack_jobs) == ([], [], [])


def test_each_kind_is_set_in_the_thread_and_ended_in_its_own_way(acme):
    acme.ask(1)
    assert (acme.slack.sessions_set, acme.slack.status_set) == ([STARTED, ENDED], [])
    assert acme.slack.session_titles == ["Tell me a joke"]

    acme.slack.sessions.then(NO_SESSIONS)
    acme.ask(2)
    # Slack ends it with the answer.
    assert acme.slack.status_set == [("C0GENERAL", "2.000100", status(("",) * 3))]

    acme.slack.statuses.then(NO_THREADS)
    acme.ask(3)
    assert acme.slack.texts[2] == ASKING
    assert acme.slack.addresses[2].thread_ts == "3.000100"
    assert [ts for _, _, ts in acme.slack.removed] == ["1700000001.000003"]


@pytest.mark.parametrize(
    ("model_ids", "text"),
    [((), "Asking GPT, Claude and Gemini…"), (MODEL_IDS[1:2], "Asking Claude…")],
    ids=["all models", "one model"],
)
def test_a_message_names_the_models_that_are_asked(acme, model_ids, text):
    names = dict(zip(MODEL_IDS, ("GPT", "Claude", "Gemini"), strict=True))
    acme.configure(sectorflow=replace(make_settings().sectorflow, model_names=names))
    KINDS["message"](acme.slack)

    acme.ask(model_ids=model_ids)

    assert acme.slack.texts[0] == text


def test_a_direct_message_outside_threads_shows_the_status_in_its_own_thread(acme):
    acme.ask(is_direct=True, channel_id="D0ANN")

    assert acme.slack.sessions_set == [("D0ANN", "1.000100", True), ("D0ANN", "1.000100", False)]


def test_a_follow_up_in_a_direct_message_shows_a_message_and_no_other_kind_is_unlearnt(acme):
    acme.have_answered(channel_id="D0ANN", is_direct=True)

    acme.interact(view_submission(model=1))
    acme.work()
    acme.ask(2)

    # A dialog has no thread, and the next question shows the first kind again.
    asking = [text for text in acme.slack.texts if text.startswith("Asking")]
    assert (len(asking), asking[0] in acme.slack.seen) == (1, False)
    assert acme.slack.sessions_set[2:] == [("C0GENERAL", "2.000100", True), ("C0GENERAL", "2.000100", False)]


@pytest.mark.parametrize("changes", [{"text": "help"}, {"is_external": True}, {"text": ""}])
def test_a_question_that_needs_no_model_shows_no_status(acme, changes):
    acme.ask(**changes)

    assert (acme.slack.sessions_set, acme.slack.status_set, len(acme.slack.posted)) == ([], [], 1)


def test_a_model_that_is_asked_again_shows_no_status(answered):
    before = list(answered.slack.sessions_set)

    answered.interact(from_menu(block_kit.REGENERATE, 1))
    answered.wait_in_line()
    answered.work_and_run_slack_jobs()

    assert answered.slack.sessions_set == before


def test_the_kind_that_slack_takes_is_remembered_for_an_hour_and_by_installation(acme, seconds):
    other = make_installation(make_settings(id="other"), make_bot(team_id="T0OTHER"))
    acme.answers.installations.save(other, None, None)
    acme.slack.sessions.then(NO_SESSIONS)

    acme.ask(1)
    seconds.now += KIND_SECONDS - 1
    acme.ask(2)
    assert acme.slack.sessions_set == []
    acme.ask(3, installation=other.key)
    assert len(acme.slack.sessions_set) == 2
    seconds.now += 2
    acme.ask(4)

    assert acme.slack.sessions_set[2:] == [("C0GENERAL", "4.000100", True), ("C0GENERAL", "4.000100", False)]


# Slack fails


@pytest.mark.parametrize("error", [BUSY, SlackBusy("ReadTimeout"), SlackRefused("not_in_channel")])
def test_an_answer_does_not_depend_on_its_status(acme, error):
    acme.slack.sessions.then(error)

    acme.ask()

    assert (acme.slack.sessions_set, acme.slack.status_set) == ([], [])
    assert acme.shows_the_answer_alone()
    assert (acme.ended, acme.left) == ({"answered": 1}, [])


def test_while_slack_limits_messages_no_status_is_posted_as_one(acme):
    acme.slack.posts.then(BUSY)
    KINDS["message"](acme.slack)
    acme.accept()
    acme.answers.posting.messaging.pauses.pause(KEY, POST, 3600.0)

    acme.wait_in_line()

    assert acme.slack.posted == []


@pytest.mark.parametrize("kind", ["session", "message"])
@pytest.mark.parametrize("error", [BUSY, SlackBusy("ReadTimeout")])
def test_a_status_that_slack_does_not_end_now_is_ended_later(acme, kind, error):
    KINDS[kind](acme.slack)
    calls = acme.slack.removals if kind == "message" else acme.slack.sessions
    calls.then(*[None] * (kind == "session"), error, SlackBusy("internal_error"))

    acme.ask()
    assert (visible(acme), acme.ended, acme.left) == ([kind], {"answered": 1}, [])
    ((job, delay),) = acme.slack_jobs
    assert isinstance(job, RemoveStatus)
    wait = error.retry_after or 1.0
    assert wait - 20 < delay <= wait
    for _ in range(2):
        acme.end_pauses()
        acme.run_slack_jobs()

    assert visible(acme) == []
    assert acme.slack_jobs == []


@EACH_KIND
def test_a_status_that_slack_refuses_to_end_is_left(acme, kind, caplog):
    caplog.set_level(logging.INFO)
    KINDS[kind](acme.slack)
    acme.slack.removals.then(SlackRefused("is_archived"))
    if kind == "session":
        acme.slack.sessions.then(None, SlackRefused("session_not_found"))

    acme.ask()

    assert (acme.ended, acme.left, acme.slack_jobs) == ({"answered": 1}, [], [])
    assert ("status not removed" in caplog.text) is (kind != "thread")


def test_an_unforeseen_error_does_not_keep_a_question_from_its_end(acme, monkeypatch, caplog):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(StatusStore, "end", fail)

    acme.ask()

    assert (acme.ended, acme.left) == ({"answered": 1}, [])
    assert "status not ended" in caplog.messages


def test_if_nothing_was_posted_the_status_of_a_thread_is_cleared(acme):
    KINDS["thread"](acme.slack)
    acme.slack.posts.then(SlackRefused("is_archived"))

    acme.ask()

    assert acme.slack.status_set == [SHOWN, CLEARED]


# Questions that are tried again, or wait in line


def test_a_status_stays_until_the_question_is_tried_again(acme):
    acme.sectorflow.answers.then(SectorFlowBusy("status 503"))
    acme.ask()
    assert visible(acme) == ["session"]

    acme.later()

    assert acme.slack.sessions_set == [STARTED, ENDED]


def test_questions_that_wait_in_line_get_a_status_once(acme):
    for number in (1, 2):
        acme.accept(number)
    acme.answers.statuses.renew()
    assert acme.slack.sessions_set == []

    for _ in range(2):
        acme.wait_in_line()
    assert acme.slack.sessions_set == [STARTED, ("C0GENERAL", "2.000100", True)]
    acme.work()

    assert acme.slack.sessions_set[2:] == [ENDED]


def test_a_question_of_an_event_that_waits_in_line_gets_a_status(acme):
    acme.receive()

    acme.wait_in_line()

    assert acme.slack.sessions_set == [("C0GENERAL", "1700000000.000100", True)]


def test_a_status_that_slack_did_not_take_is_set_later(acme):
    acme.accept()
    acme.slack.sessions.then(BUSY)

    for _ in range(2):
        acme.wait_in_line()

    assert acme.slack.sessions_set == [STARTED]


@pytest.mark.parametrize("stored", ["{}", "no JSON"])
def test_a_question_that_is_stored_in_an_unknown_form_hides_no_others(acme, stored):
    acme.receive()
    (question_id,) = acme.waiting
    key = f"question:{question_id}"
    acme.store.hset(key, "event", acme.answers.questions._cipher.seal(key, "event", stored))
    acme.accept()

    acme.wait_in_line()

    assert acme.slack.sessions_set == [STARTED]


def test_questions_of_installations_that_are_gone_or_cannot_be_read_hide_no_others(acme):
    for number, team_id in enumerate(("T0GONE", "T0LOST"), start=2):
        key = make_installation(make_settings(id=team_id), make_bot(team_id=team_id))
        acme.answers.installations.save(key, None, None)
        acme.accept(number, installation=key.key)
    acme.services.registration.delete("T0GONE")
    lose(acme.store, f"installation:{KEY.app_id}:T0LOST", "bot_token")
    acme.accept()

    acme.wait_in_line()

    assert acme.slack.sessions_set == [STARTED]


# A thread's status ends by itself


def test_a_threads_status_is_renewed_before_slack_ends_it(acme, seconds):
    KINDS["thread"](acme.slack)

    def take_long() -> None:
        for _ in range(3):
            seconds.now += RENEW_SECONDS + 1
            acme.answers.statuses.renew()
            acme.answers.statuses.renew()

    acme.sectorflow.answers.then(take_long)

    acme.ask()
    seconds.now += RENEW_SECONDS + 1
    acme.answers.statuses.renew()

    # It is cleared, because the last renewal may have come after the answer.
    assert acme.slack.status_set == [SHOWN] * 4 + [CLEARED]


@pytest.mark.parametrize("kind", ["session", "message"])
def test_other_statuses_are_not_renewed(acme, seconds, kind):
    KINDS[kind](acme.slack)

    def take_long() -> None:
        seconds.now += RENEW_SECONDS + 1
        acme.answers.statuses.renew()

    acme.sectorflow.answers.then(take_long)

    acme.ask()

    calls = acme.slack.sessions_set if kind == "session" else acme.slack.posted
    assert len(calls) == 2


def test_a_worker_that_takes_over_a_threads_status_renews_it(acme, seconds):
    KINDS["thread"](acme.slack)
    acme.accept()
    acme.wait_in_line()
    assert acme.slack.status_set == [SHOWN]

    def take_long() -> None:
        seconds.now += RENEW_SECONDS + 1
        acme.answers.statuses.renew()

    acme.sectorflow.answers.then(take_long)
    acme.work()

    assert acme.slack.status_set == [SHOWN] * 3 + [CLEARED]


def test_a_renewal_that_slack_does_not_take_is_tried_again_in_the_next_period_only(acme, seconds):
    KINDS["thread"](acme.slack)
    acme.slack.statuses.then(None, SlackBusy("ReadTimeout"))

    def take_long() -> None:
        seconds.now += RENEW_SECONDS + 1
        acme.answers.statuses.renew()
        acme.answers.statuses.renew()

    acme.sectorflow.answers.then(take_long)
    acme.ask()

    assert acme.slack.status_set == [SHOWN, CLEARED]


def test_the_status_of_a_question_that_was_released_is_not_renewed_here(acme, seconds):
    KINDS["thread"](acme.slack)
    acme.sectorflow.answers.then(SectorFlowBusy("status 503"))
    acme.ask()

    seconds.now += RENEW_SECONDS + 1
    acme.answers.statuses.renew()

    assert acme.slack.status_set == [SHOWN]


def test_a_threads_status_of_a_question_in_line_is_renewed(acme):
    KINDS["thread"](acme.slack)
    acme.accept()

    acme.wait_in_line()
    acme.wait_in_line()
    assert acme.slack.status_set == [SHOWN]
    acme.let_claims_expire()
    acme.wait_in_line()

    assert acme.slack.status_set == [SHOWN] * 2


def test_a_renewal_that_is_under_way_is_waited_for_and_none_begins_after_the_end(acme, seconds):
    """The end of a status is called by the worker's thread, a renewal by the clock's."""
    KINDS["thread"](acme.slack)
    renewals: list[Callable[[], None]] = []

    def take_long() -> None:
        seconds.now += RENEW_SECONDS + 1
        object.__setattr__(acme.answers.statuses, "spawn", renewals.append)
        acme.answers.statuses.renew()
        (shown,) = acme.answers.statuses._shown.values()
        assert not shown.is_set.is_set()
        # Its thread begins only after the end.
        shown.is_set.wait = lambda _: None

    acme.sectorflow.answers.then(take_long)
    acme.ask()

    for renewal in renewals:
        renewal()

    assert len(renewals) == 1
    assert acme.slack.status_set == [SHOWN]


# Races and crashes

LATE = {"session": ([STARTED, ENDED], []), "thread": ([], [SHOWN, CLEARED]), "message": ([], [])}


@EACH_KIND
def test_a_status_that_is_set_after_the_answer_is_removed_again(acme, kind):
    """Another process, taken for dead, sets it while this one posts the answer."""
    KINDS[kind](acme.slack)
    calls = {"session": acme.slack.sessions, "thread": acme.slack.statuses, "message": acme.slack.posts}[kind]

    def answer_meanwhile() -> None:
        acme.let_claims_expire()
        end = StatusStore.end
        with pytest.MonkeyPatch.context() as patch:
            # What it is taken to show is unknown to the worker, which starts none itself.
            patch.setattr(StatusService, "start", lambda *_: None)
            patch.setattr(StatusStore, "end", lambda *found: end(*found) and "")
            acme.work()

    acme.accept()
    calls.then(answer_meanwhile)

    acme.wait_in_line()

    assert (acme.slack.sessions_set, acme.slack.status_set) == LATE[kind]
    assert visible(acme) == []
    assert ["Answer 1" in text for text in acme.slack.seen] == [True]
    assert acme.ended == {"answered": 1}


def test_a_late_status_that_slack_does_not_delete_now_is_deleted_later(acme):
    KINDS["message"](acme.slack)
    acme.accept()
    acme.slack.posts.then(lambda: (acme.let_claims_expire(), acme.work()))
    acme.slack.removals.then(BUSY)

    acme.wait_in_line()
    assert ASKING in acme.slack.seen
    acme.end_pauses()
    acme.run_slack_jobs()

    assert ["Answer 1" in text for text in acme.slack.seen] == [True]


def test_the_end_of_a_question_waits_for_the_process_that_sets_its_status(acme):
    question = acme.accept()
    store = acme.answers.statuses.statuses
    assert store.claim(question.id)
    waits: list[float] = []

    def set_meanwhile(seconds: float) -> None:
        assert ["Answer 1" in text for text in acme.slack.seen] == [True]
        waits.append(seconds)
        store.store(question.id, "session")

    object.__setattr__(acme.answers.statuses, "sleep", set_meanwhile)

    acme.work()

    assert len(waits) == 1
    assert (acme.slack.sessions_set, acme.left) == ([ENDED], [])


def test_a_status_whose_token_cannot_be_renewed_holds_nothing_up(acme, monkeypatch):
    def refuse(*_: object) -> None:
        raise SlackBusy("ReadTimeout")

    question = acme.accept()
    monkeypatch.setattr(TokenService, "ensure_fresh", refuse)

    acme.wait_in_line()

    assert acme.answers.statuses.statuses.shown_as(question.id) == ""


#: The step before which a process dies that sets a status, and what others then see.
DEATHS = {
    "before it is set": (FakeSlackClient, {"session": "set_session_status", "thread": "set_status"}),
    "before it is stored": (StatusStore, {"session": "store", "thread": "store"}),
}


@pytest.mark.parametrize("kind", ["session", "thread"])
@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("expired", [True, False], ids=["taken for dead", "not yet"])
def test_a_status_of_a_process_that_died_is_ended_by_the_next(acme, kind, death, expired):
    KINDS[kind](acme.slack)
    owner, methods = DEATHS[death]
    question = acme.accept()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, methods[kind], die)
        with pytest.raises(WorkerKilled):
            acme.wait_in_line()
    if expired:
        acme.let_claims_expire()
    else:
        object.__setattr__(acme.answers.statuses, "sleep", lambda _: acme.let_claims_expire())

    acme.work()

    assert question.id not in str(acme.left)
    assert visible(acme) == []
    assert acme.shows_the_answer_alone()


@EACH_KIND
@pytest.mark.parametrize("step", ["remove", "complete", "end"])
def test_a_status_is_ended_although_workers_die_over_that(acme, kind, step):
    KINDS[kind](acme.slack)
    owner = {"remove": StatusService, "complete": QuestionStore, "end": StatusStore}[step]

    with acme.killed(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, step, die)
        acme.ask()

    assert visible(acme) == []
    assert ["Answer 1" in text for text in acme.slack.seen] == [True]
    assert (acme.ended, acme.left) == ({"answered": 1}, [])


def test_a_worker_that_lost_its_question_leaves_the_status_to_the_next(acme):
    KINDS["message"](acme.slack)
    acme.sectorflow.answers.then(lambda: acme.later("underway"))

    acme.ask()

    assert [ts for _, _, ts in acme.slack.removed] == [FIRST_TS]
    assert ["Answer 1" in text for text in acme.slack.seen] == [True]


# The message whose button asked again


@pytest.mark.parametrize("error", [None, BUSY, SlackRefused("message_not_found")])
def test_the_message_with_the_button_is_deleted_after_the_answer(failed, error):
    failed.slack.removals.then(error)

    failed.interact(ASK_AGAIN)
    failed.sectorflow.answers.then(lambda: assert_shown(failed, FIRST_TS))
    failed.work()
    failed.end_pauses()
    failed.run_slack_jobs()

    assert "Answer 1" in failed.slack.texts[-1]
    assert (FIRST_TS in failed.slack.shown) is isinstance(error, SlackRefused)


def test_if_no_new_message_could_be_posted_the_button_stays(failed):
    failed.slack.posts.then(SlackRefused("restricted_action"))

    failed.interact(ASK_AGAIN)
    failed.work()

    assert list(failed.slack.shown) == [FIRST_TS]
    assert [reason for _, reason in failed.failed_questions] == ["slack_restricted_action"]


def assert_shown(acme: Scenario, ts: str) -> None:
    assert ts in acme.slack.shown
