"""The SectorFlow thread that each Slack thread continues."""

import pytest

from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.questions import Conversation
from tests.storage.builders import DAY
from tests.values import WORKSPACE_ID, make_question


def test_a_thread_continues_the_last_sectorflow_thread(db):
    question = make_question(thread_ts="1.000100")
    first = db.conversations.find(question, WORKSPACE_ID)
    db.conversations.save(question, WORKSPACE_ID, "thread-1")
    db.conversations.save(question, WORKSPACE_ID, "thread-2")

    assert first == Conversation()
    assert db.conversations.find(question, WORKSPACE_ID).thread_id == "thread-2"
    assert db.conversations.find(question, "another-workspace") == Conversation()


@pytest.mark.parametrize(
    ("first", "second", "is_continued"),
    [
        ({"ts": "7.0"}, {"ts": "8.0", "thread_ts": "7.0"}, True),
        ({"ts": "7.0"}, {"ts": "8.0"}, False),
        ({"ts": "7.0", "is_direct": True}, {"ts": "8.0", "is_direct": True}, True),
        ({"ts": "7.0", "is_direct": True}, {"ts": "8.0", "thread_ts": "7.0", "is_direct": True}, False),
        ({}, {"installation": InstallationKey("A0OTHER", "T0ACME")}, False),
        ({}, {"installation": InstallationKey("A0OWN", "T0OTHER")}, False),
        ({}, {"channel_id": "C0OTHER"}, False),
    ],
    ids=["a reply", "two mentions", "a DM", "a thread in a DM", "app", "team", "channel"],
)
def test_questions_of_one_thread_or_dm_are_one_conversation(db, first, second, is_continued):
    db.conversations.save(make_question(**first), WORKSPACE_ID, "thread-1")

    found = db.conversations.find(make_question(**second), WORKSPACE_ID)

    assert found.thread_id == ("thread-1" if is_continued else None)


@pytest.mark.parametrize(
    ("changes", "lifetime"), [({"thread_ts": "1.000100"}, 30 * DAY), ({"is_direct": True}, 3600)]
)
def test_each_reply_prolongs_a_conversation_for_30_days_or_an_hour_in_a_dm(db, changes, lifetime):
    question = make_question(**changes)
    db.conversations.save(question, WORKSPACE_ID, "thread-1")
    (key,) = db.redis.scan_iter()
    db.redis.expire(key, 10)

    db.conversations.save(question, WORKSPACE_ID, "thread-1")

    assert lifetime - 60 < int(db.redis.ttl(key)) <= lifetime
