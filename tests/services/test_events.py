from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import fakeredis
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import Installation, InstallationKey
from sectorflow_slack.domain.questions import Question
from sectorflow_slack.services import Services
from sectorflow_slack.services.events import EventService
from tests.fakes import FakeTaskQueue
from tests.values import (
    BOT_USER_ID,
    NOW,
    OWN_APP,
    TEAM_ID,
    make_bot,
    make_event,
    make_installation,
    make_terms,
)

KEY = InstallationKey(OWN_APP.app_id, TEAM_ID)


@pytest.fixture
def events(services: Services) -> EventService:
    services.events.installations.save(make_installation(), None, None)
    return services.events


def waiting(events: EventService, key: InstallationKey = KEY) -> list[Question]:
    found = []
    while question := events.questions.take(key):
        found.append(question)
    return found


def test_a_question_is_stored_and_a_worker_woken(events: EventService, queue: FakeTaskQueue) -> None:
    events.accept(make_event())

    (question,) = waiting(events)
    assert (question.text, question.event_id, question.asked_at) == ("Tell me a joke", "Ev0001", NOW)
    assert queue.jobs == [(KEY, 0.0)]


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"type": "event_callback"},
        make_event({"type": "app_home_opened"}),
        make_event({"type": "reaction_added"}),
        make_event({"bot_id": "B1"}),
        make_event({"type": "message"}),
        make_event(api_app_id="A0UNKNOWN"),
        make_event(team_id="T0UNKNOWN", authorizations=[]),
        make_event({"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}}),
        make_event({"type": "tokens_revoked", "tokens": None}),
    ],
)
def test_anything_else_changes_nothing(
    events: EventService, queue: FakeTaskQueue, store: redis.Redis, payload: dict[str, Any]
) -> None:
    before = sorted(store.keys())

    events.accept(payload)

    assert sorted(store.keys()) == [*before, "metrics"]
    assert store.hgetall("metrics") == {"received": "1", "ignored": "1"}
    assert queue.jobs == []


@pytest.mark.parametrize(
    "again",
    [
        make_event(),
        make_event(event_id="Ev0002"),
        make_event({"type": "message", "channel_type": "im"}, event_id="Ev0002"),
        make_event({"ts": "1700000000.000200"}),
    ],
    ids=["the same event", "the same message", "mention and message of one ts", "the same event id"],
)
def test_a_repeat_is_asked_once(events: EventService, queue: FakeTaskQueue, again: dict[str, Any]) -> None:
    events.accept(make_event())

    events.accept(again)

    assert len(waiting(events)) == 1
    assert len(queue.jobs) == 1


def test_two_apps_that_are_mentioned_in_one_message_both_answer(events: EventService) -> None:
    other = make_installation(make_terms(id="other", app_id="A0OTHER"), make_bot(app_id="A0OTHER"))
    events.installations.save(other, None, None)

    events.accept(make_event())
    events.accept(make_event(api_app_id="A0OTHER", event_id="Ev0002"))

    assert len(waiting(events)) == 1
    assert len(waiting(events, other.key)) == 1


def test_an_org_wide_installation_is_found_by_its_enterprise(events: EventService) -> None:
    org = org_wide(events)
    authorizations = [{"enterprise_id": "E0ORG", "team_id": "T0SOME", "is_enterprise_install": True}]

    events.accept(make_event(team_id="T0SOME", authorizations=authorizations))

    (question,) = waiting(events, org.key)
    assert question.team_id == "T0SOME"


def test_the_installation_of_the_enterprise_goes_before_that_of_the_team(events: EventService) -> None:
    org = org_wide(events)
    authorizations = [{"enterprise_id": "E0ORG", "team_id": TEAM_ID, "is_enterprise_install": True}]

    events.accept(make_event(authorizations=authorizations))

    assert len(waiting(events, org.key)) == 1
    assert waiting(events) == []


def test_in_a_shared_channel_the_authorization_says_who_is_asked(events: EventService) -> None:
    payload = make_event({"user_team": "T0THEIRS"}, team_id="T0THEIRS", is_ext_shared_channel=True)

    events.accept(payload)

    (question,) = waiting(events)
    assert question.is_external


def org_wide(events: EventService) -> Installation:
    bot = make_bot(team_id=None, enterprise_id="E0ORG", is_enterprise_install=True)
    org = make_installation(make_terms(id="org"), bot)
    events.installations.save(org, None, None)
    return org


def test_a_question_whose_wake_up_failed_is_accepted_and_found_later(
    events: EventService, queue: FakeTaskQueue
) -> None:
    queue.enqueues.then(StorageUnavailable("ConnectionError"))

    events.accept(make_event())

    assert queue.jobs == []
    assert events.questions.due() == (KEY,)


def test_a_question_that_could_not_be_stored_is_slacks_to_send_again(
    events: EventService, redis_server: fakeredis.FakeServer
) -> None:
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        events.accept(make_event())


UNINSTALLED = {"type": "app_uninstalled"}
REVOKED = {"type": "tokens_revoked", "tokens": {"bot": [BOT_USER_ID]}}


@pytest.mark.parametrize(
    "order", [(UNINSTALLED, REVOKED), (REVOKED, UNINSTALLED), (REVOKED,), (UNINSTALLED,)]
)
def test_an_uninstalled_app_is_forgotten_in_whatever_order_slack_says_so(
    events: EventService, store: redis.Redis, order: tuple[dict[str, Any], ...]
) -> None:
    for number, event in enumerate(order):
        events.accept(make_event(event, event_id=f"Ev{number}", event_time=int(NOW) + 5))

    assert events.installations.find(KEY) is None
    assert events.installations.find_by_id(make_terms().id) is None
    assert list(store.scan_iter("installation*")) == []


@pytest.mark.parametrize("event", [UNINSTALLED, REVOKED])
@pytest.mark.parametrize("time", [int(NOW) - 5, 0, None, "later", 10**400])
def test_an_uninstall_of_before_the_present_install_is_ignored(
    events: EventService, event: dict[str, Any], time: Any
) -> None:
    events.accept(make_event(event, event_time=time))

    assert events.installations.find(KEY) == make_installation()


def test_an_uninstall_may_be_repeated(events: EventService) -> None:
    for _ in range(2):
        events.accept(make_event(UNINSTALLED, event_time=int(NOW) + 5))

    assert events.installations.find(KEY) is None


ORG_WIDE = [{"enterprise_id": "E0ORG", "team_id": None, "is_enterprise_install": True}]


@pytest.mark.parametrize("event", [UNINSTALLED, REVOKED])
@pytest.mark.parametrize("authorizations", [ORG_WIDE, [], None])
def test_an_app_that_a_whole_organisation_removed_is_forgotten(
    events: EventService, event: dict[str, Any], authorizations: Any
) -> None:
    org = org_wide(events)
    later = {"event_time": int(NOW) + 5, "team_id": None, "enterprise_id": "E0ORG"}

    events.accept(make_event(event, authorizations=authorizations, **later))

    assert events.installations.find(org.key) is None
    assert events.installations.find(KEY) == make_installation()


@pytest.mark.parametrize("event", [UNINSTALLED, REVOKED])
def test_a_team_that_removed_the_app_twice_does_not_remove_it_from_its_organisation(
    events: EventService, event: dict[str, Any]
) -> None:
    org = org_wide(events)

    for number in range(2):
        gone = {"event_id": f"Ev{number}", "event_time": int(NOW) + 5, "enterprise_id": "E0ORG"}
        events.accept(make_event(event, authorizations=[], **gone))

    assert events.installations.find(KEY) is None
    assert events.installations.find(org.key) == org


def test_an_app_that_was_removed_stays_installed_elsewhere_and_others_stay_too(events: EventService) -> None:
    elsewhere = make_installation(make_terms(id="elsewhere"), make_bot(team_id="T0ELSE"))
    other_app = make_installation(make_terms(id="other", app_id="A0OTHER"), make_bot(app_id="A0OTHER"))
    for installation in (elsewhere, other_app):
        events.installations.save(installation, None, None)

    events.accept(make_event(UNINSTALLED, event_time=int(NOW) + 5))

    assert events.installations.find(elsewhere.key) == elsewhere
    assert events.installations.find(other_app.key) == other_app


def test_an_end_of_before_comes_late_and_ends_nothing_that_was_installed_again(events: EventService) -> None:
    events.accept(make_event(UNINSTALLED, event_time=int(NOW) + 5))
    again = replace(make_installation(make_terms(id="again")), installed_at=NOW + 60)
    events.installations.save(again, None, None)

    events.accept(make_event(REVOKED, event_id="Ev0002", event_time=int(NOW) + 6))
    events.accept(make_event(UNINSTALLED, event_time=int(NOW) + 5))

    assert events.installations.find(KEY) == again


def test_a_persons_token_that_was_revoked_ends_no_installation(events: EventService) -> None:
    tokens = {"oauth": ["U0ANN"]}

    events.accept(make_event({"type": "tokens_revoked", "tokens": tokens}, event_time=int(NOW) + 5))

    assert events.installations.find(KEY) == make_installation()


def test_in_a_shared_channel_nobody_pays_for_the_question_to_another_organisations_app(
    events: EventService, queue: FakeTaskQueue
) -> None:
    gone = [{"enterprise_id": None, "team_id": "T0GONE", "is_enterprise_install": False}]

    events.accept(make_event(team_id=TEAM_ID, authorizations=gone, is_ext_shared_channel=True))

    assert waiting(events) == []
    assert queue.jobs == []


def test_a_question_after_the_uninstall_is_nobodys(events: EventService, queue: FakeTaskQueue) -> None:
    events.accept(make_event(UNINSTALLED, event_time=int(NOW) + 5))

    events.accept(make_event(event_id="Ev0002"))

    assert queue.jobs == []


def test_an_event_leaves_ids_and_no_words_in_the_log(
    events: EventService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    events.accept(make_event())
    events.accept(make_event())

    assert [record.message for record in caplog.records] == ["question accepted", "event repeated"]
    assert not any("joke" in str(vars(record)) for record in caplog.records)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(), each, max_size=2),
    max_leaves=5,
)
_INNER = {
    "type": st.sampled_from(["app_mention", "message", "app_uninstalled", "tokens_revoked"]),
    **dict.fromkeys(
        (
            "user",
            "text",
            "ts",
            "thread_ts",
            "channel",
            "channel_type",
            "subtype",
            "bot_id",
            "edited",
            "hidden",
            "tokens",
            "team",
            "user_team",
            "source_team",
        ),
        _JSON,
    ),
}
_OUTER = dict.fromkeys(
    ("api_app_id", "team_id", "event_id", "event_time", "authorizations", "is_ext_shared_channel"), _JSON
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(
    inner=st.fixed_dictionaries({}, optional=_INNER),
    outer=st.fixed_dictionaries({}, optional=_OUTER),
    authorization=st.none() | st.dictionaries(st.sampled_from(["enterprise_id", "team_id"]), _JSON),
)
def test_whatever_stands_in_its_fields_an_event_is_accepted(
    events: EventService, inner: dict[str, Any], outer: dict[str, Any], authorization: Any
) -> None:
    quiet = replace(events, queue=FakeTaskQueue())
    payload = make_event(inner, **outer)
    if authorization is not None:
        payload["authorizations"] = [authorization]

    quiet.accept(payload)

    assert all(key == KEY for key, _ in quiet.queue.jobs)
