"""Slack's event payloads: which are questions, whose they are, and for which installation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sectorflow_slack.domain.questions import Lease, Progress, Question
from sectorflow_slack.services import event_payloads
from sectorflow_slack.services.event_payloads import Event, as_incoming, ended_tenant, is_question, tenants
from tests.services.installing import ORG_WIDE
from tests.values import NOW, OWN_APP, TEAM_ID, make_bot, make_event, make_installation

INSTALLATION = make_installation()
ORG = make_installation(bot=ORG_WIDE)


def question_of(event: dict[str, Any], installation: Any = INSTALLATION, **changes: Any) -> Question:
    """Return the question as a worker reads what acceptance stored."""
    read = Event.read(make_event(event, **changes))
    assert read is not None
    incoming = as_incoming(read, question_id="q1", now=NOW)
    lease = Lease("q1", INSTALLATION.key, "holder", Progress(), record=json.loads(incoming.record))
    return event_payloads.question_of(lease, installation)


def authorization(**changes: Any) -> dict[str, Any]:
    return {"enterprise_id": "E0ORG", "team_id": "T0AUTH", "is_enterprise_install": False, **changes}


FOR_ORG = authorization(is_enterprise_install=True)
WHOLE_ORG = authorization(is_enterprise_install=True, team_id=None)
IN_WEST = {"context_team_id": "T0WEST", "context_enterprise_id": "E0ORG"}


# The envelope


def test_an_envelope_has_the_ids_of_its_event_and_shows_no_text():
    event = Event.read(make_event())

    assert (event.app_id, event.type, event.event_id) == (OWN_APP.app_id, "app_mention", "Ev0001")
    assert event.time == NOW
    assert event.ids == {"app_id": OWN_APP.app_id, "event_id": "Ev0001", "event_type": "app_mention"}
    assert "joke" not in repr(event)


@pytest.mark.parametrize(
    "changes",
    [
        *[{"type": "event"}, {"type": None}, {"api_app_id": ""}, {"api_app_id": 7}, {"event_id": None}],
        *[{"event": body} for body in (None, "app_mention", [], 7)],
    ],
)
def test_an_envelope_without_a_required_field_is_no_event(changes):
    assert Event.read({**make_event(), **changes}) is None


@pytest.mark.parametrize("time", [None, "1700000000", True, 1.5, -1, 10**400, []])
def test_an_invalid_time_is_zero(time):
    assert Event.read(make_event(event_time=time)).time == 0.0


# Which events are questions

DIRECT = {"type": "message", "channel_type": "im"}


@pytest.mark.parametrize(
    "changes",
    [
        *[{}, {"subtype": None}, {"subtype": "file_share"}, DIRECT, {**DIRECT, "subtype": "file_share"}],
        *[{"thread_ts": "1.0"}, {"text": None}, {"bot_id": None}, {"app_id": OWN_APP.app_id}],
        *[{"subtype": "thread_broadcast"}, {**DIRECT, "subtype": "thread_broadcast"}],
    ],
)
def test_a_mention_or_a_direct_message_of_a_user_is_a_question(changes):
    assert is_question(Event.read(make_event(changes)), NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "message"},
        *[{"type": "message", "channel_type": kind} for kind in ("channel", "mpim")],
        {**DIRECT, "subtype": "message_changed"},
        {**DIRECT, "subtype": "message_deleted", "hidden": True},
        *[{"subtype": subtype} for subtype in ("bot_message", "channel_join", "", [], {})],
        *[{"bot_id": "B1"}, {"edited": {"user": "U0ANN", "ts": "1.0"}}, {"hidden": True}],
        *[{"bot_profile": {"id": "B1"}}, {"app_id": "A0OTHER"}],
        *[{"user": user} for user in ("USLACK", "USLACKBOT", None, "", ["U0ANN"])],
        *[{"channel": channel} for channel in ("", 7)],
        *[{"ts": ts} for ts in ("", 1.5)],
    ],
)
def test_events_of_bots_edits_and_events_that_cannot_be_answered_are_no_questions(changes):
    assert not is_question(Event.read(make_event(changes)), NOW)


def test_a_question_has_the_fields_of_its_event():
    question = question_of({})

    assert (question.id, question.installation) == ("q1", INSTALLATION.key)
    assert (question.channel_id, question.user_id) == ("C0GENERAL", "U0ANN")
    assert (question.text, question.team_id, question.asked_at) == ("Tell me a joke", TEAM_ID, NOW)
    assert (question.is_direct, question.is_shared, question.is_external) == (False, False, False)
    assert question.reply_thread_ts == question.ts == "1700000000.000100"
    assert not question.has_files
    assert question_of({"files": [{"id": "F0REPORT"}]}).has_files


def test_half_of_a_surrogate_pair_is_replaced():
    assert question_of({"text": "A \ud800 joke"}).text == "A ? joke"


@pytest.mark.parametrize(("thread_ts", "expected"), [("1.0", "1.0"), (None, None), (7, None)])
def test_a_question_in_a_direct_message_has_the_thread_of_its_message(thread_ts, expected):
    assert question_of({"channel_type": "im", "thread_ts": thread_ts}).reply_thread_ts == expected


# The installation


@pytest.mark.parametrize(
    ("authorizations", "expected"),
    [
        ([authorization()], ["T0AUTH", TEAM_ID]),
        ([FOR_ORG], ["E0ORG", "T0AUTH", TEAM_ID]),
        ([authorization(is_enterprise_install="true")], ["E0ORG", "T0AUTH", TEAM_ID]),
        ([WHOLE_ORG], ["E0ORG", TEAM_ID]),
        ([authorization(team_id=TEAM_ID)], [TEAM_ID]),
        ([authorization(), authorization(team_id="T0NEXT")], ["T0AUTH", TEAM_ID]),
        *[(odd, [TEAM_ID]) for odd in ([], None, ["T0AUTH"], [{"team_id": ["T0AUTH"]}])],
    ],
)
def test_an_event_is_for_the_first_authorization_then_for_its_team(authorizations, expected):
    assert list(tenants(make_event(authorizations=authorizations))) == expected
    in_org = make_event(authorizations=authorizations, enterprise_id="E0NAMED")
    assert list(tenants(in_org)) == [*expected, "E0NAMED"]


@pytest.mark.parametrize(
    ("authorizations", "expected"),
    [([authorization()], ["T0AUTH"]), ([FOR_ORG], ["E0ORG", "T0AUTH"]), ([], [TEAM_ID])],
)
def test_in_a_shared_channel_an_event_is_for_its_authorization_alone(authorizations, expected):
    payload = make_event(is_ext_shared_channel=True, authorizations=authorizations)

    assert list(tenants(payload)) == expected


NO_AUTH: dict[str, Any] = {"authorizations": []}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, TEAM_ID),
        (NO_AUTH, TEAM_ID),
        ({**NO_AUTH, "enterprise_id": "E0ORG"}, TEAM_ID),
        ({**NO_AUTH, "team_id": None, "enterprise_id": "E0ORG"}, "E0ORG"),
        ({**NO_AUTH, "enterprise_id": "E0ORG", "is_enterprise_install": True}, "E0ORG"),
        ({**NO_AUTH, "enterprise_id": None, "is_enterprise_install": "true"}, TEAM_ID),
        ({**NO_AUTH, "team_id": "E0ORG"}, "E0ORG"),
        ({"authorizations": [authorization()]}, "T0AUTH"),
        ({"authorizations": [FOR_ORG]}, "E0ORG"),
        ({"authorizations": [WHOLE_ORG]}, "E0ORG"),
        ({"authorizations": [{"team_id": None, "enterprise_id": None}]}, TEAM_ID),
        ({"authorizations": None, "team_id": None}, ""),
    ],
)
def test_an_end_is_that_of_one_installation(changes, expected):
    assert ended_tenant(make_event(**changes)) == expected


# External users


def is_external(event: dict[str, Any], installation: Any = INSTALLATION, **changes: Any) -> bool:
    return question_of(event, installation, **{"is_ext_shared_channel": True, **changes}).is_external


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"user_team": "T0THEIRS", "source_team": "T0THEIRS", "team": TEAM_ID}, True),
        ({"user_team": "E0THEIRS", "user_profile": {"team": "E0THEIRS"}, "team": TEAM_ID}, True),
        ({"source_team": "T0THEIRS", "team": TEAM_ID}, True),
        ({"user_profile": {"team": "T0THEIRS"}, "team": TEAM_ID}, True),
        ({"team": "T0THEIRS"}, True),
        # Slack does not name their team.
        *[(each, True) for each in ({}, {"team": ""}, {"user_team": None, "team": 7}, {"user_profile": {}})],
        ({"team": TEAM_ID}, False),
        ({"user_team": TEAM_ID, "team": "T0THEIRS"}, False),
        ({"user_profile": {"team": TEAM_ID}, "team": "T0THEIRS"}, False),
        ({"user_profile": "none", "team": TEAM_ID}, False),
    ],
)
def test_in_a_shared_channel_users_not_known_to_be_of_the_team_are_external(event, expected):
    assert is_external(event) is expected
    assert not is_external(event, is_ext_shared_channel=False)


def test_a_user_of_another_team_of_the_org_is_not_external():
    in_org = make_installation(bot=make_bot(enterprise_id="E0ORG"))

    assert not is_external({"user_team": "E0ORG", "team": "T0WEST"}, ORG, authorizations=[WHOLE_ORG])
    assert not is_external({"user_team": "E0ORG"}, in_org)
    assert not is_external({"user_team": "E0ORG"}, authorizations=[authorization()])


@pytest.mark.parametrize(
    "changes",
    [
        {"authorizations": [authorization(is_enterprise_install=True, team_id="T0WEST")]},
        {"team_id": "T0WEST", "enterprise_id": "E0ORG"},
        {"team_id": "T0WEST", "enterprise_id": "E0ORG", **IN_WEST},
        {"team_id": "T0THEIRS", "enterprise_id": "E0THEIRS", **IN_WEST},
        {"team_id": "T0THEIRS", **IN_WEST},
        {"authorizations": [FOR_ORG], **IN_WEST},
    ],
)
def test_users_of_a_team_that_slack_places_in_the_org_are_not_external(changes):
    assert not is_external({"team": "T0WEST"}, ORG, **{"authorizations": [WHOLE_ORG], **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"team_id": "T0THEIRS"},
        {"team_id": "T0THEIRS", "enterprise_id": "E0THEIRS"},
        {"team_id": "T0THEIRS", "enterprise_id": "E0THEIRS", **IN_WEST},
        {"team_id": "T0THEIRS", "enterprise_id": "E0ORG", **IN_WEST},
        {"team_id": "T0WEST", "enterprise_id": "E0ORG"},
    ],
)
def test_users_of_other_teams_are_external_to_the_org(changes):
    for event in ({"user_team": "T0THEIRS", "team": "T0WEST"}, {"team": "T0THEIRS"}):
        assert is_external(event, ORG, authorizations=[WHOLE_ORG], **changes)


@pytest.mark.parametrize(
    ("changes", "team_id"),
    [
        ({"authorizations": [FOR_ORG], "team_id": "T0THEIRS"}, "T0AUTH"),
        ({"team_id": "T0THEIRS", **IN_WEST}, "T0WEST"),
        ({"team_id": "T0WEST", "enterprise_id": "E0ORG"}, "T0WEST"),
        ({"team_id": "T0THEIRS", "enterprise_id": "E0THEIRS"}, ""),
    ],
)
def test_the_team_of_a_question_to_an_org_is_never_another_organisations(changes, team_id):
    shared = {"is_ext_shared_channel": True, "authorizations": [WHOLE_ORG], **changes}

    assert question_of({}, ORG, **shared).team_id == team_id
