from __future__ import annotations

from typing import Any

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.storage.conversations import RedisConversationStore
from tests.values import WORKSPACE_ID, make_question

DAY = 24 * 3600
QUESTION = make_question(thread_ts="1.000100")


@pytest.fixture
def conversations(store: redis.Redis) -> RedisConversationStore:
    return RedisConversationStore(store)


def test_a_thread_goes_on_with_its_sectorflow_thread(conversations: RedisConversationStore) -> None:
    conversations.save(QUESTION, WORKSPACE_ID, "thread-1")
    conversations.save(QUESTION, WORKSPACE_ID, "thread-2")

    assert conversations.find(QUESTION, WORKSPACE_ID) == "thread-2"


def test_a_new_thread_starts_afresh(conversations: RedisConversationStore) -> None:
    assert conversations.find(QUESTION, WORKSPACE_ID) is None


def test_a_follow_up_continues_what_the_first_mention_began(conversations: RedisConversationStore) -> None:
    conversations.save(make_question(ts="7.0"), WORKSPACE_ID, "thread-1")

    assert conversations.find(make_question(ts="8.0", thread_ts="7.0"), WORKSPACE_ID) == "thread-1"


def test_two_mentions_outside_threads_are_two_conversations(conversations: RedisConversationStore) -> None:
    conversations.save(make_question(ts="7.0"), WORKSPACE_ID, "thread-1")

    assert conversations.find(make_question(ts="8.0"), WORKSPACE_ID) is None


def test_a_dm_outside_threads_is_one_conversation(conversations: RedisConversationStore) -> None:
    conversations.save(make_question(ts="7.0", is_direct=True), WORKSPACE_ID, "thread-1")

    assert conversations.find(make_question(ts="8.0", is_direct=True), WORKSPACE_ID) == "thread-1"
    in_thread = make_question(ts="8.0", thread_ts="7.0", is_direct=True)
    assert conversations.find(in_thread, WORKSPACE_ID) is None


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"installation": InstallationKey("A0OTHER", "T0ACME")},
        {"installation": InstallationKey("A0OWN", "T0OTHER")},
        {"channel_id": "C0OTHER"},
        {"thread_ts": "2.000200"},
    ],
    ids=["app", "team", "channel", "thread"],
)
def test_conversations_of_different_places_are_apart(
    conversations: RedisConversationStore, elsewhere: dict[str, Any]
) -> None:
    conversations.save(QUESTION, WORKSPACE_ID, "thread-1")
    other = make_question(**{"thread_ts": "1.000100", **elsewhere})

    assert conversations.find(other, WORKSPACE_ID) is None


def test_conversations_of_different_workspaces_are_apart(conversations: RedisConversationStore) -> None:
    conversations.save(QUESTION, WORKSPACE_ID, "thread-1")

    assert conversations.find(QUESTION, "another-workspace") is None


@pytest.mark.parametrize(
    ("is_direct", "thread_ts", "lifetime"),
    [
        (False, None, 30 * DAY),
        (False, "1.0", 30 * DAY),
        (True, "1.0", 30 * DAY),
        (True, None, 3600),
    ],
)
def test_a_thread_is_remembered_for_30_days_and_a_dm_outside_one_for_an_hour(
    conversations: RedisConversationStore,
    store: redis.Redis,
    is_direct: bool,
    thread_ts: str | None,
    lifetime: int,
) -> None:
    question = make_question(is_direct=is_direct, thread_ts=thread_ts)

    conversations.save(question, WORKSPACE_ID, "thread-1")

    (key,) = store.scan_iter()
    assert 0 <= lifetime - int(store.ttl(key)) <= 5


def test_each_exchange_makes_a_conversation_live_on(
    conversations: RedisConversationStore, store: redis.Redis
) -> None:
    conversations.save(QUESTION, WORKSPACE_ID, "thread-1")
    (key,) = store.scan_iter()
    store.expire(key, 10)

    conversations.save(QUESTION, WORKSPACE_ID, "thread-1")

    assert int(store.ttl(key)) > 29 * DAY


def test_a_store_that_is_away_is_said_to_be(nobody: redis.Redis) -> None:
    conversations = RedisConversationStore(nobody)

    with pytest.raises(StorageUnavailable):
        conversations.find(QUESTION, WORKSPACE_ID)
    with pytest.raises(StorageUnavailable):
        conversations.save(QUESTION, WORKSPACE_ID, "thread-1")
