"""Slack's events lead to a question, the end of an installation, or nothing."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.domain.slack_jobs import PostPlaceholder
from sectorflow_slack.services.events import EventService
from tests.fakes import FakeTaskQueue
from tests.services.installing import ORG_WIDE
from tests.services.steps import KEY
from tests.values import BOT_USER_ID, NOW, TEAM_ID, make_bot, make_event, make_installation, make_settings

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
    """Lease all questions in line."""
    found = []
    while question := events.questions.lease(key):
        found.append(question)
    return found


# Questions


@pytest.mark.parametrize("event", [{}, DIRECT], ids=["mention", "direct message"])
def test_a_question_is_stored_a_worker_woken_and_a_placeholder_enqueued(events, queue, event):
    events.accept(make_event(event))

    (question,) = lease_all(events)
    assert (question.text, question.event_id, question.asked_at) == ("Tell me a joke", "Ev0001", NOW)
    assert queue.jobs == [(KEY, 0.0)]
    assert queue.slack_jobs == [(PostPlaceholder(KEY, question_id=question.id), 0.0)]


@pytest.mark.parametrize(
    ("event", "changes"),
    [({"text": f"<@{BOT_USER_ID}>"}, {}), ({"user_team": "T0OTHER", "source_team": "T0OTHER"}, SHARED)],
    ids=["an empty mention", "an external user"],
)
def test_a_question_that_needs_no_model_gets_no_placeholder(events, queue, event, changes):
    events.accept(make_event(event, **changes))

    assert (queue.jobs, queue.slack_jobs) == ([(KEY, 0.0)], [])


def test_a_question_over_the_limit_of_its_installation_waits_and_wakes_no_worker(acme, events):
    acme.answers.questions._limit = 1  # type: ignore[attr-defined]
    acme.accept()
    acme.answers.questions.lease(KEY)

    events.accept(make_event())

    assert (acme.queue.jobs, acme.slack_jobs) == ([], [])
    assert acme.store.llen(f"waiting:{KEY}") == 1


@pytest.mark.parametrize(
    "payload",
    [
        *[{}, {"type": "event_callback"}],
        *[make_event(event) for event in ({"type": "reaction_added"}, {"bot_id": "B1"}, {"type": "message"})],
        make_event(api_app_id="A0UNKNOWN"),
        make_event(team_id="T0UNKNOWN", authorizations=[]),
        *[
            make_event({"type": "tokens_revoked", "tokens": tokens}, event_time=AFTERWARDS)
            for tokens in ({"oauth": ["U1"], "bot": []}, {"oauth": ["U0ANN"]}, None)
        ],
    ],
)
def test_other_events_are_counted_and_change_nothing(events, acme, payload):
    before = sorted(acme.store.keys())

    events.accept(payload)

    assert sorted(acme.store.keys()) == [*before, "metrics"]
    assert acme.store.hgetall("metrics") == {"received": "1", "ignored": "1"}
    assert (acme.queue.jobs, acme.slack_jobs) == ([], [])


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
def test_a_repeated_event_asks_once(events, queue, again):
    events.accept(make_event())

    events.accept(again)

    assert len(lease_all(events)) == 1
    assert (len(queue.jobs), len(queue.slack_jobs)) == (1, 1)


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


def test_a_question_for_which_no_worker_was_woken_is_found_later(events, queue):
    queue.enqueues.then(StorageUnavailable("ConnectionError"))

    events.accept(make_event())

    assert queue.jobs == []
    assert events.questions.due() == (KEY,)


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
    assert acme.queue.jobs == []


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

    assert caplog.messages == ["question accepted", "event repeated"]
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
def test_an_event_with_any_values_in_its_fields_is_accepted(events, inner, outer, authorization):
    quiet = replace(events, queue=FakeTaskQueue())
    payload = make_event(inner, **outer)
    if authorization is not None:
        payload["authorizations"] = [authorization]

    quiet.accept(payload)

    assert all(key == KEY for key, _ in quiet.queue.jobs)
