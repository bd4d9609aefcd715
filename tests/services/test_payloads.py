from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sectorflow_slack.services.payloads import Event, as_question, ended_tenant, is_question, tenants
from tests.values import BOT_USER_ID, NOW, OWN_APP, TEAM_ID, make_bot, make_event, make_installation

INSTALLATION = make_installation()
ORG_WIDE = make_installation(bot=make_bot(team_id=None, enterprise_id="E0ORG", is_enterprise_install=True))


def read(payload: dict[str, Any]) -> Event:
    event = Event.read(payload)
    assert event is not None
    return event


def asks(**changes: Any) -> bool:
    return is_question(read(make_event(changes)), BOT_USER_ID)


def test_an_envelope_tells_what_each_event_has() -> None:
    event = read(make_event())

    assert (event.app_id, event.type, event.event_id) == (OWN_APP.app_id, "app_mention", "Ev0001")
    assert event.time == NOW
    assert event.ids == {"app_id": OWN_APP.app_id, "event_id": "Ev0001", "event_type": "app_mention"}


@pytest.mark.parametrize(
    "changes",
    [{"type": "event"}, {"type": None}, {"api_app_id": ""}, {"api_app_id": 7}, {"event_id": None}],
)
def test_an_envelope_that_lacks_what_each_event_has_is_none(changes: dict[str, Any]) -> None:
    assert Event.read(make_event(**changes)) is None


@pytest.mark.parametrize("body", [None, "app_mention", [], 7])
def test_an_envelope_around_nothing_is_none(body: Any) -> None:
    assert Event.read({**make_event(), "event": body}) is None


@pytest.mark.parametrize("time", [None, "1700000000", True, 1.5, -1, 10**400, []])
def test_a_time_that_is_none_is_before_everything(time: Any) -> None:
    assert read(make_event(event_time=time)).time == 0.0


def test_an_event_shows_nobody_what_it_says() -> None:
    assert "joke" not in repr(read(make_event()))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"subtype": None},
        {"subtype": "file_share"},
        {"type": "message", "channel_type": "im"},
        {"type": "message", "channel_type": "im", "subtype": "file_share"},
        {"thread_ts": "1.0"},
        {"text": None},
        {"bot_id": None},
    ],
)
def test_a_mention_or_a_direct_message_of_a_person_is_a_question(changes: dict[str, Any]) -> None:
    assert asks(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "message"},
        {"type": "message", "channel_type": "channel"},
        {"type": "message", "channel_type": "mpim"},
        {"type": "message", "channel_type": "im", "subtype": "message_changed"},
        {"type": "message", "channel_type": "im", "subtype": "message_deleted", "hidden": True},
        {"subtype": "bot_message"},
        {"subtype": "thread_broadcast"},
        {"subtype": ""},
        {"subtype": []},
        {"subtype": {}},
        {"bot_id": "B1"},
        {"edited": {"user": "U0ANN", "ts": "1.0"}},
        {"hidden": True},
        {"user": BOT_USER_ID},
        {"user": None},
        {"user": ""},
        {"user": ["U0ANN"]},
        {"channel": ""},
        {"channel": 7},
        {"ts": ""},
        {"ts": 1.5},
    ],
)
def test_bots_edits_and_what_nobody_could_answer_are_no_questions(changes: dict[str, Any]) -> None:
    assert not asks(**changes)


def test_a_question_in_a_channel_is_answered_in_its_thread() -> None:
    question = as_question(read(make_event()), INSTALLATION, question_id="q1", now=NOW)

    assert question.id == "q1"
    assert question.installation == INSTALLATION.key
    assert (question.channel_id, question.user_id) == ("C0GENERAL", "U0ANN")
    assert (question.text, question.team_id, question.asked_at) == ("Tell me a joke", TEAM_ID, NOW)
    assert not question.is_direct
    assert question.reply_thread_ts == question.ts == "1700000000.000100"


@pytest.mark.parametrize(
    ("changes", "thread"),
    [
        ({"thread_ts": "1.0"}, "1.0"),
        ({"channel_type": "im"}, None),
        ({"channel_type": "im", "thread_ts": "1.0"}, "1.0"),
        ({"channel_type": "im", "thread_ts": 7}, None),
    ],
)
def test_an_answer_goes_where_the_question_was_asked(changes: dict[str, Any], thread: str | None) -> None:
    question = as_question(read(make_event(changes)), INSTALLATION, question_id="q1", now=NOW)

    assert question.reply_thread_ts == thread


def test_a_question_to_an_org_wide_app_knows_its_team() -> None:
    question = as_question(read(make_event()), ORG_WIDE, question_id="q1", now=NOW)

    assert question.team_id == TEAM_ID
    assert question.installation.tenant_id == "E0ORG"


def authorization(**changes: Any) -> dict[str, Any]:
    return {"enterprise_id": "E0ORG", "team_id": "T0AUTH", "is_enterprise_install": False, **changes}


@pytest.mark.parametrize(
    ("authorizations", "expected"),
    [
        ([authorization()], ["T0AUTH", TEAM_ID]),
        ([authorization(is_enterprise_install=True)], ["E0ORG", "T0AUTH", TEAM_ID]),
        ([authorization(is_enterprise_install="true")], ["E0ORG", "T0AUTH", TEAM_ID]),
        ([authorization(is_enterprise_install=True, team_id=None)], ["E0ORG", TEAM_ID]),
        ([authorization(team_id=TEAM_ID)], [TEAM_ID]),
        ([authorization(), authorization(team_id="T0NEXT")], ["T0AUTH", TEAM_ID]),
        ([], [TEAM_ID]),
        (None, [TEAM_ID]),
        (["T0AUTH"], [TEAM_ID]),
        ([{"team_id": ["T0AUTH"]}], [TEAM_ID]),
    ],
)
def test_an_event_is_for_the_first_authorization_then_for_its_team(
    authorizations: Any, expected: list[str]
) -> None:
    assert list(tenants(make_event(authorizations=authorizations))) == expected


@pytest.mark.parametrize(
    ("authorizations", "expected"),
    [
        ([authorization()], ["T0AUTH"]),
        ([authorization(is_enterprise_install=True)], ["E0ORG", "T0AUTH"]),
        ([], [TEAM_ID]),
    ],
)
def test_in_a_shared_channel_an_authorization_leaves_no_other_organisation_to_be_asked(
    authorizations: Any, expected: list[str]
) -> None:
    payload = make_event(is_ext_shared_channel=True, authorizations=authorizations)

    assert list(tenants(payload)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, TEAM_ID),
        ({"authorizations": []}, TEAM_ID),
        ({"authorizations": [], "enterprise_id": "E0ORG"}, TEAM_ID),
        ({"authorizations": [], "team_id": None, "enterprise_id": "E0ORG"}, "E0ORG"),
        ({"authorizations": [], "enterprise_id": "E0ORG", "is_enterprise_install": True}, "E0ORG"),
        ({"authorizations": [], "enterprise_id": None, "is_enterprise_install": "true"}, TEAM_ID),
        ({"authorizations": [], "team_id": "E0ORG"}, "E0ORG"),
        ({"authorizations": [authorization()]}, "T0AUTH"),
        ({"authorizations": [authorization(is_enterprise_install=True)]}, "E0ORG"),
        ({"authorizations": [authorization(is_enterprise_install=True, team_id=None)]}, "E0ORG"),
        ({"authorizations": [{"team_id": None, "enterprise_id": None}]}, TEAM_ID),
        ({"authorizations": None, "team_id": None}, ""),
    ],
)
def test_an_end_is_that_of_one_installation(changes: dict[str, Any], expected: str) -> None:
    assert ended_tenant(make_event(**changes)) == expected


def test_in_a_shared_channel_a_question_to_an_org_wide_app_is_that_of_the_team_it_was_sent_to() -> None:
    payload = make_event(
        team_id="T0THEIRS",
        is_ext_shared_channel=True,
        authorizations=[authorization(is_enterprise_install=True)],
    )

    assert as_question(read(payload), ORG_WIDE, question_id="q1", now=NOW).team_id == "T0AUTH"


def external(event: dict[str, Any], installation=INSTALLATION, **changes: Any) -> bool:
    payload = make_event(event, **{"is_ext_shared_channel": True, **changes})
    return as_question(read(payload), installation, question_id="q1", now=NOW).is_external


@pytest.mark.parametrize(
    "event",
    [
        {"user_team": "T0THEIRS", "source_team": "T0THEIRS", "team": TEAM_ID},
        {"user_team": "E0THEIRS", "user_profile": {"team": "E0THEIRS"}, "team": TEAM_ID},
        {"source_team": "T0THEIRS", "team": TEAM_ID},
        {"user_profile": {"team": "T0THEIRS"}, "team": TEAM_ID},
        {"team": "T0THEIRS"},
    ],
)
def test_somebody_of_another_organisation_is_external(event: dict[str, Any]) -> None:
    assert external(event)


@pytest.mark.parametrize(
    "event",
    [
        {"team": TEAM_ID},
        {"user_team": TEAM_ID, "team": "T0THEIRS"},
        {"user_profile": {"team": TEAM_ID}, "team": "T0THEIRS"},
        {"user_profile": "none", "team": TEAM_ID},
    ],
)
def test_somebody_of_the_own_team_is_not_external(event: dict[str, Any]) -> None:
    assert not external(event)


@pytest.mark.parametrize("event", [{}, {"team": ""}, {"user_team": None, "team": 7}, {"user_profile": {}}])
def test_in_a_shared_channel_somebody_of_whom_slack_says_nothing_is_external(event: dict[str, Any]) -> None:
    assert external(event)


@pytest.mark.parametrize("event", [{}, {"team": "T0OTHER"}, {"user_team": "E0OTHER"}])
def test_nobody_is_external_in_a_channel_that_is_not_shared(event: dict[str, Any]) -> None:
    assert not external(event, is_ext_shared_channel=False)


# Shared channels of a whole organisation


def external_to_org(event: dict[str, Any], **changes: Any) -> bool:
    whole_org = authorization(is_enterprise_install=True, team_id=None)
    return external(event, ORG_WIDE, **{"authorizations": [whole_org], **changes})


IN_WEST = {"context_team_id": "T0WEST", "context_enterprise_id": "E0ORG"}


def test_a_colleague_in_another_team_of_the_org_is_not_external() -> None:
    assert not external_to_org({"user_team": "E0ORG", "team": "T0WEST"})
    assert not external({"user_team": "E0ORG"}, make_installation(bot=make_bot(enterprise_id="E0ORG")))
    assert not external({"user_team": "E0ORG"}, authorizations=[authorization()])


@pytest.mark.parametrize(
    "changes",
    [
        {"authorizations": [authorization(is_enterprise_install=True, team_id="T0WEST")]},
        {"team_id": "T0WEST", "enterprise_id": "E0ORG"},
        {"team_id": "T0WEST", "enterprise_id": "E0ORG", **IN_WEST},
        {"team_id": "T0THEIRS", "enterprise_id": "E0THEIRS", **IN_WEST},
        {"team_id": "T0THEIRS", **IN_WEST},
        {"authorizations": [authorization(is_enterprise_install=True)], **IN_WEST},
    ],
)
def test_who_asks_in_a_team_that_slack_says_is_of_the_org_is_not_external(changes: dict[str, Any]) -> None:
    assert not external_to_org({"team": "T0WEST"}, **changes)


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
def test_a_team_that_nothing_ties_to_the_org_is_external(changes: dict[str, Any]) -> None:
    assert external_to_org({"user_team": "T0THEIRS", "team": "T0WEST"}, **changes)
    assert external_to_org({"team": "T0THEIRS"}, **changes)


def test_the_team_of_a_question_to_the_org_is_never_another_organisations() -> None:
    whole_org = authorization(is_enterprise_install=True, team_id=None)

    def team_of(**changes: Any) -> str:
        payload = make_event(is_ext_shared_channel=True, authorizations=[whole_org], **changes)
        return as_question(read(payload), ORG_WIDE, question_id="q1", now=NOW).team_id

    assert team_of(team_id="T0THEIRS", **IN_WEST) == "T0WEST"
    assert team_of(team_id="T0WEST", enterprise_id="E0ORG") == "T0WEST"
    assert team_of(team_id="T0THEIRS", enterprise_id="E0THEIRS") == ""


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(), each, max_size=2),
    max_leaves=5,
)


@given(payload=st.dictionaries(st.sampled_from(sorted(make_event())), _JSON))
def test_any_envelope_can_be_read(payload: dict[str, Any]) -> None:
    event = Event.read({"type": "event_callback", "event": {}, **payload})

    assert event is None or event.ids
    assert all(isinstance(tenant, str) and tenant for tenant in tenants(payload))
