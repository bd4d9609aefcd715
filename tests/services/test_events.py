"""Slack's events lead to a question, the end of an installation, or nothing."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.formatting.words import ENGLISH
from sectorflow_slack.services.event_payloads import (
    EDITED_SECONDS,
    MAX_RECORD_CHARS,
    MAX_TEXT_CHARS,
    question_of,
)
from sectorflow_slack.services.events import EventService
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.questions import QuestionLimits
from tests.services.installing import ORG_WIDE
from tests.services.scenario import Scenario
from tests.services.steps import KEY, die
from tests.values import (
    BOT_USER_ID,
    CUSTOMERS_APP,
    NOW,
    TEAM_ID,
    make_bot,
    make_event,
    make_installation,
    make_settings,
)

DIRECT = {"type": "message", "channel_type": "im"}
SHARED = {"is_ext_shared_channel": True}
UNINSTALLED = {"type": "app_uninstalled"}
REVOKED = {"type": "tokens_revoked", "tokens": {"bot": [BOT_USER_ID]}}
ENDS = pytest.mark.parametrize("event", [UNINSTALLED, REVOKED], ids=["uninstalled", "revoked"])
AFTERWARDS = int(NOW) + 5


@pytest.fixture
def events(acme):
    return acme.services.events


@pytest.fixture
def org(events):
    """The same app, installed org-wide."""
    installation = make_installation(make_settings(id="org"), ORG_WIDE)
    events.installations.save(installation, None, None)
    return installation


def lease_all(events: EventService, key: InstallationKey = KEY) -> list[Question]:
    """Lease the questions of an installation, as a worker reads them."""
    installation, found = events.installations.find(key), []
    while lease := events.questions.lease():
        if lease.installation == key:
            found.append(question_of(lease, installation))
    return found


# Questions


@pytest.mark.parametrize("event", [{}, DIRECT], ids=["mention", "direct message"])
def test_a_question_is_stored_and_a_worker_woken(acme, events, event):
    acme.receive(event)

    assert acme.store.llen("wakes:questions") == 1
    (question,) = lease_all(events)
    assert (question.text, question.event_id, question.asked_at) == ("Tell me a joke", "Ev0001", NOW)
    assert acme.slack_jobs == []


def test_a_question_of_an_event_is_answered(acme):
    acme.receive({"text": f"<@{BOT_USER_ID}> Tell &lt;me&gt; <https://a.example|a joke>"})
    acme.work()

    assert [text for _, text, _ in acme.sectorflow.asked] == ["Tell <me> a joke (https://a.example)"]
    assert acme.slack.addresses[0].thread_ts == "1700000000.000100"
    assert (acme.ended, acme.left, acme.unaccounted) == ({"answered": 1}, [], 0)


def test_nothing_is_decrypted_to_accept_a_question(acme, monkeypatch):
    monkeypatch.setattr(Cipher, "open", die)

    acme.receive()

    assert len(acme.waiting) == 1


def test_only_the_parts_of_an_event_that_a_worker_reads_are_stored(acme, events):
    acme.receive({"assistant_thread": {"action_token": "a-secret"}}, token="deprecated")

    lease = events.questions.lease()
    assert lease is not None
    envelope = {"event_id", "team_id", "authorizations", "is_ext_shared_channel"}
    assert set(lease.record) == {*envelope, "asked_at", "event"}
    assert set(lease.record["event"]) == {"user", "text", "ts", "channel"}


def test_an_event_is_stored_within_bounds_whatever_it_has(acme, events):
    huge = ["x" * MAX_RECORD_CHARS]
    team = {"team_id": TEAM_ID, "enterprise_id": None}

    acme.receive(
        dict.fromkeys(("thread_ts", "team", "user_team", "user_profile"), huge),
        authorizations=[{**team, "scopes": huge}, huge],
        context_team_id=huge,
        is_ext_shared_channel=huge,
    )

    lease = events.questions.lease()
    assert lease is not None
    assert len(json.dumps(lease.record)) < 1000


def test_what_would_take_too_much_room_is_left_out(acme, events):
    blocks = [{"type": "rich_text", "text": "x" * MAX_RECORD_CHARS}]

    acme.receive({"text": "é" * MAX_TEXT_CHARS, "blocks": blocks, "files": [{"id": "F0"}]})

    lease = events.questions.lease()
    assert lease is not None
    assert lease.record["event"]["text"] == "é" * MAX_TEXT_CHARS
    assert "blocks" not in lease.record["event"]


def test_a_question_over_the_limit_of_its_installation_waits(acme, events):
    acme.answers.questions._limits = QuestionLimits(underway=1)
    acme.accept()
    assert events.questions.lease() is not None

    acme.receive()

    assert not acme.work()
    assert len(acme.waiting) == 1


@pytest.mark.parametrize(
    "payload",
    [
        *[{}, {"type": "event_callback"}],
        *[make_event(event) for event in ({"type": "reaction_added"}, {"bot_id": "B1"}, {"type": "message"})],
        make_event({"user": BOT_USER_ID}),
        make_event({"user": "USLACKBOT"}),
        make_event({"text": "x" * (MAX_TEXT_CHARS + 1)}),
        *[make_event({name: "X" * 65}) for name in ("channel", "user", "ts", "thread_ts", "user_team")],
        *[make_event(**{name: "X" * 65}) for name in ("event_id", "team_id", "context_enterprise_id")],
        make_event(authorizations=[{"team_id": TEAM_ID, "enterprise_id": "E" * 65}]),
        *[make_event({"channel": channel}) for channel in ("C0:GENERAL", "C0 GENERAL", "C0\n", "C0é")],
        *[make_event(**{name: "E" * 65}) for name in ("event_id", "team_id", "enterprise_id")],
        make_event(api_app_id="A0UNKNOWN"),
        make_event(team_id="T0UNKNOWN", authorizations=[]),
        make_event({"type": "agent_session_stopped"}),
        *[
            make_event({"type": "tokens_revoked", "tokens": tokens}, event_time=AFTERWARDS)
            for tokens in ({"oauth": ["U1"], "bot": []}, {"oauth": ["U0ANN"]}, None)
        ],
    ],
)
def test_other_events_are_counted_and_change_nothing(acme, caplog, payload):
    caplog.set_level(logging.INFO)
    before = sorted(acme.store.keys())

    acme.services.events.accept(payload)
    acme.services.metrics.flush()

    assert sorted(acme.store.keys()) == [*before, "metrics"]
    assert acme.store.hgetall("metrics") == {"received": "1", "ignored": "1"}
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    "again",
    [
        make_event(),
        make_event(event_id="Ev0002"),
        make_event(DIRECT, event_id="Ev0002"),
        make_event({"ts": "1700000000.000200"}),
    ],
    ids=["the same event", "the same message", "mention and message of one ts", "the same event id"],
)
@pytest.mark.parametrize("is_answered", [True, False], ids=["answered", "open"])
def test_a_repeated_event_asks_once(acme, again, is_answered):
    acme.receive()
    if is_answered:
        acme.work()

    acme.services.events.accept(again)
    for _ in range(2):
        acme.work()

    assert len(acme.sectorflow.asked) == 1
    assert (acme.unaccounted, acme.left) == (0, [])


def test_two_apps_that_are_mentioned_in_one_message_both_answer(acme):
    own = make_installation(
        make_settings(id="own", app_id=CUSTOMERS_APP.app_id), make_bot(app_id=CUSTOMERS_APP.app_id)
    )
    acme.answers.installations.save(own, CUSTOMERS_APP, None)

    acme.receive()
    acme.receive(api_app_id=CUSTOMERS_APP.app_id)
    for _ in range(2):
        acme.work()

    assert len(acme.sectorflow.asked) == 2


# Edits


def edited(seconds_ago: float, **changes: Any) -> dict[str, Any]:
    """An edit that brings the mention, of a message that was sent so long ago."""
    ts = f"{NOW - seconds_ago:.6f}"
    return {"ts": ts, "edited": {"user": "U0ANN", "ts": f"{NOW:.6f}"}, **changes}


def test_an_edit_that_brings_the_mention_to_a_recent_message_is_a_question(acme):
    acme.receive(edited(EDITED_SECONDS))
    acme.work()

    assert len(acme.sectorflow.asked) == 1


def test_other_edits_are_no_questions(acme):
    acme.receive(edited(EDITED_SECONDS + 1))
    acme.receive(edited(10, ts="yesterday"), event_id="Ev2")
    acme.receive(edited(10, **DIRECT), event_id="Ev3")
    acme.receive({"ts": f"{NOW - 5:.6f}"}, event_id="Ev4")
    acme.work()
    # The message was asked.
    acme.receive(edited(5, text=f"<@{BOT_USER_ID}> Another joke"), event_id="Ev5")
    acme.work()

    assert [text for _, text, _ in acme.sectorflow.asked] == ["Tell me a joke"]
    assert acme.unaccounted == 0


# Limits


@pytest.fixture
def limited(acme):
    """A person may ask twice a minute, and three questions may wait."""
    acme.answers.questions._limits = QuestionLimits(waiting=3, per_person=2)
    return acme


def receive_many(acme: Scenario, users: str, **event: Any) -> None:
    for number, user in enumerate(users.split()):
        acme.receive({"user": user, "ts": f"{number}.0001", **event}, event_id=f"Ev{number}")


def test_a_person_who_asks_too_often_is_told_so_once_a_minute(limited):
    receive_many(limited, "U0ANN U0ANN U0ANN U0ANN U0BOB")
    limited.run_slack_jobs()

    assert len(limited.waiting) == 3
    assert limited.ephemerals == [("U0ANN", ENGLISH.too_many_questions)]
    ((address, _, _),) = limited.slack.ephemerals
    assert (address.channel_id, address.thread_ts) == ("C0GENERAL", "2.0001")
    assert limited.ended == {"asked_too_often": 2}
    assert limited.unaccounted == 0


def test_a_person_may_ask_again_in_the_next_period(limited):
    receive_many(limited, "U0ANN U0ANN U0ANN")
    (asks,) = limited.store.scan_iter("asks:*")
    assert 0 < limited.store.ttl(asks) <= 60
    limited.store.delete(asks)

    limited.receive(event_id="Ev9")

    assert len(limited.waiting) == 3


def test_a_question_that_finds_no_room_is_refused_with_a_sentence_once_a_minute(limited):
    receive_many(limited, "U1 U2 U3 U4 U4 U5", **DIRECT)
    limited.run_slack_jobs()

    assert len(limited.waiting) == 3
    assert limited.ephemerals == [("U4", ENGLISH.line_is_full), ("U5", ENGLISH.line_is_full)]
    # In a DM outside threads, it is not hidden in a thread.
    assert {address.thread_ts for address, _, _ in limited.slack.ephemerals} == {None}
    assert limited.ended == {"too_many_waiting": 3}


def test_the_limits_are_each_installations_own(limited, org):
    receive_many(limited, "U0ANN U0ANN U0ANN")

    for_org = [{"enterprise_id": "E0ORG", "team_id": None, "is_enterprise_install": True}]
    limited.receive({"ts": "9.0001"}, event_id="Ev9", authorizations=for_org)

    assert limited.store.llen(f"waiting:{org.key}") == 1


# Installations


@pytest.mark.parametrize("team_id", ["T0SOME", TEAM_ID], ids=["alone", "before the team's"])
def test_an_org_wide_installation_is_found_by_its_enterprise(events, org, team_id):
    authorizations = [{"enterprise_id": "E0ORG", "team_id": team_id, "is_enterprise_install": True}]

    events.accept(make_event(team_id=team_id, authorizations=authorizations))

    assert [question.team_id for question in lease_all(events, org.key)] == [team_id]
    assert lease_all(events) == []


def test_in_a_shared_channel_the_authorization_names_the_installation(events):
    gone = [{"enterprise_id": None, "team_id": "T0GONE", "is_enterprise_install": False}]

    events.accept(make_event({"user_team": "T0THEIRS"}, team_id="T0THEIRS", **SHARED))
    events.accept(make_event({"ts": "2.0"}, event_id="Ev0002", authorizations=gone, **SHARED))

    assert [(question.event_id, question.is_external) for question in lease_all(events)] == [("Ev0001", True)]


def test_an_event_that_cannot_be_stored_raises_so_that_slack_sends_it_again(events, redis_server):
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        events.accept(make_event())


# Ends of installations


@pytest.mark.parametrize(
    "order", [(UNINSTALLED, REVOKED), (REVOKED, UNINSTALLED), (REVOKED,), (UNINSTALLED, UNINSTALLED)]
)
def test_an_uninstalled_app_is_deleted_in_any_order_of_events(events, acme, order):
    for number, event in enumerate(order):
        events.accept(make_event(event, event_id=f"Ev{number}", event_time=AFTERWARDS))
    events.accept(make_event(event_id="Ev9"))

    assert events.installations.find(KEY) is None
    assert events.installations.find_by_id(make_settings().id) is None
    assert list(acme.store.scan_iter("installation*")) == []
    assert acme.waiting == []


@ENDS
@pytest.mark.parametrize("time", [int(NOW) - 5, 0, None, "later", 10**400])
def test_an_end_before_the_present_install_is_ignored(events, event, time):
    events.accept(make_event(event, event_time=time))

    assert events.installations.find(KEY) == make_installation()


@ENDS
@pytest.mark.parametrize(
    "authorizations",
    [[{"enterprise_id": "E0ORG", "team_id": None, "is_enterprise_install": True}], [], None],
)
def test_the_end_of_an_org_wide_installation_deletes_only_that(events, org, event, authorizations):
    where = {"team_id": None, "enterprise_id": "E0ORG", "authorizations": authorizations}

    events.accept(make_event(event, event_time=AFTERWARDS, **where))

    assert events.installations.find(org.key) is None
    assert events.installations.find(KEY) == make_installation()


@ENDS
def test_the_end_of_a_teams_installation_sent_twice_deletes_no_other(events, org, event):
    elsewhere = make_installation(make_settings(id="elsewhere"), make_bot(team_id="T0ELSE"))
    other_app = make_installation(make_settings(id="other", app_id="A0OTHER"), make_bot(app_id="A0OTHER"))
    for installation in (elsewhere, other_app):
        events.installations.save(installation, None, None)

    for number in range(2):
        gone = {"event_id": f"Ev{number}", "event_time": AFTERWARDS, "enterprise_id": "E0ORG"}
        events.accept(make_event(event, authorizations=[], **gone))

    assert events.installations.find(KEY) is None
    for installation in (org, elsewhere, other_app):
        assert events.installations.find(installation.key) == installation


# Any event


def test_the_log_has_ids_and_no_text_of_an_event(events, caplog):
    caplog.set_level(logging.DEBUG)

    events.accept(make_event())
    events.accept(make_event())

    assert caplog.messages == ["question accepted", "event refused: repeated"]
    assert not any("joke" in str(vars(record)) for record in caplog.records)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(), each, max_size=2),
    max_leaves=5,
)
_TYPES = st.sampled_from(["app_mention", "message", "app_uninstalled", "tokens_revoked", "app_home_opened"])
_INNER = "user user_team source_team team text ts thread_ts channel channel_type subtype bot_id edited tokens"
_OUTER = "api_app_id team_id event_id event_time authorizations is_ext_shared_channel"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    inner=st.fixed_dictionaries({}, optional={"type": _TYPES, **dict.fromkeys(_INNER.split(), _JSON)}),
    outer=st.fixed_dictionaries({}, optional=dict.fromkeys(_OUTER.split(), _JSON)),
    authorization=st.none() | st.dictionaries(st.sampled_from(["enterprise_id", "team_id"]), _JSON),
)
def test_an_event_with_any_values_in_its_fields_is_accepted(acme, inner, outer, authorization):
    payload = make_event(inner, **outer)
    if authorization is not None:
        payload["authorizations"] = [authorization]

    acme.services.events.accept(payload)

    lines = {key.partition(":")[2] for key in acme.store.scan_iter("waiting:*")}
    assert lines <= {str(KEY)}
    assert all(len(key) <= 300 for key in acme.store.scan_iter())
