"""Every method of every store raises ``StorageUnavailable`` while Redis is away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.installations import InstallationQuery, OAuthState, Revocation
from sectorflow_slack.domain.progress import KeptAnswer
from sectorflow_slack.domain.questions import Answer
from sectorflow_slack.storage.answers import RedisAnswerStore
from sectorflow_slack.storage.apps import RedisAppStore
from sectorflow_slack.storage.backup import RedisBackup
from sectorflow_slack.storage.conversations import RedisConversationStore
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.directory import RedisDirectory
from sectorflow_slack.storage.feedback import RedisFeedbackStore
from sectorflow_slack.storage.health import RedisCheckup
from sectorflow_slack.storage.idempotency import RedisIdempotencyStore
from sectorflow_slack.storage.installations import RedisInstallationStore
from sectorflow_slack.storage.interim import RedisInterimStore
from sectorflow_slack.storage.keyring import RedisKeyRing
from sectorflow_slack.storage.letters import RedisLetterStore
from sectorflow_slack.storage.metrics import RedisMetrics
from sectorflow_slack.storage.oauth_states import RedisOAuthStateStore
from sectorflow_slack.storage.pauses import RedisPauseStore
from sectorflow_slack.storage.pending import RedisPendingStore
from sectorflow_slack.storage.questions import RedisQuestionStore
from sectorflow_slack.storage.rate_limits import RedisRateLimit
from sectorflow_slack.storage.revocations import RedisRevocationStore
from tests.fakes import make_reply
from tests.storage.question_steps import FIRST, KEY, PLAN
from tests.values import MODEL_IDS, WORKSPACE_ID, FixedClock, make_installation, make_pending

CIPHER = Cipher(["A" * 43 + "="])
BACKUP = CIPHER.seal("backup", "installations", '{"app:A0": {}}')
HERE, ANSWER = make_installation(), Answer(FIRST, make_reply(MODEL_IDS).answers)
REVOCATION = Revocation("id-1", KEY, "xoxb-1")

Make = Callable[[redis.Redis], Any]
STORES: list[tuple[Make, dict[str, tuple[Any, ...]]]] = [
    (
        lambda client: RedisAnswerStore(client, CIPHER, retention_days=3),
        {
            "keep": (ANSWER,),
            "posted": ("x", ("1.1",)),
            "find": ("x",),
            "show": ("x",),
            "ask_again": ("x", 0),
            "replace": ("x", 0, None),
            "drawn": (KeptAnswer(ANSWER, (), 1, 1),),
        },
    ),
    (
        lambda client: RedisAppStore(client, CIPHER, None),
        {"find": ("A0",), "signing_secrets": ("A0",), "adopt_signing_secret": ("A0", "secret"), "list": ()},
    ),
    (lambda client: RedisBackup(client, CIPHER), {"export": (), "restore": (BACKUP,)}),
    (
        RedisConversationStore,
        {"find": (FIRST, WORKSPACE_ID), "save": (FIRST, WORKSPACE_ID, "thread-1")},
    ),
    (
        lambda client: RedisDirectory(client, CIPHER, FixedClock()),
        {"page": (InstallationQuery(),), "find": ("x",)},
    ),
    (
        lambda client: RedisFeedbackStore(client, retention_days=3),
        {"vote": (ANSWER, 0, "U1"), "of": (KEY,), "all": ()},
    ),
    (
        lambda client: RedisCheckup(client, RedisKeyRing(client, CIPHER)),
        {"figures": (), "sealed": (1,), "awaits_revocation": (KEY,), "workers": (0.0,)},
    ),
    (
        lambda client: RedisIdempotencyStore(client, CIPHER),
        {"claim": ("x", "body", "id"), "making_app": ("x",), "done": ("x",), "release": ("x",)},
    ),
    (
        lambda client: RedisInstallationStore(client, CIPHER),
        {
            "find": (KEY,),
            "find_by_id": ("x",),
            "save": (HERE, None, None),
            "change": (HERE, 1),
            "renew": (HERE, HERE),
            "remove": (HERE,),
            "delete": (KEY, 0.0),
        },
    ),
    (
        lambda client: RedisInterimStore(client, CIPHER),
        {
            "claim": ("x",),
            "keep": ("x", "1.1"),
            "drop": ("x",),
            "take_over": (FIRST,),
            "slow": (),
            "untold": (KEY,),
            "leave_untold": ([FIRST],),
        },
    ),
    (lambda client: RedisKeyRing(client, CIPHER), {"places": (), "renew": ("x",), "check": ("x",)}),
    (lambda client: RedisLetterStore(client, CIPHER), {"find": ("x",), "dead": (), "revive": (FIRST,)}),
    (RedisOAuthStateStore, {"issue": (OAuthState("x", "A0"),), "consume": ("x",)}),
    (RedisPauseStore, {"pause": (KEY, "chat.postMessage", 1.0), "remaining": (KEY, "chat.postMessage")}),
    (
        lambda client: RedisPendingStore(client, CIPHER),
        {
            "save": (make_pending(),),
            "find": ("x",),
            "find_by_link": ("x",),
            "fail": ("x", "already_installed"),
            "change": (make_pending(), 1),
            "remove": ("x",),
        },
    ),
    (
        lambda client: RedisQuestionStore(client, CIPHER, limit=1),
        {
            "accept": (FIRST,),
            "has_room": (KEY,),
            "take": (KEY,),
            "hold": ([FIRST],),
            "confirm": (FIRST,),
            "progress": (FIRST,),
            "save_plan": (FIRST, PLAN),
            "mark_posted": (FIRST, ()),
            "put_back": (FIRST, 1.0),
            "finish": (FIRST,),
            "due": (),
        },
    ),
    (
        lambda client: RedisRevocationStore(client, CIPHER),
        {"take": (), "done": (REVOCATION,), "put_back": (REVOCATION, 1.0)},
    ),
    (lambda client: RedisRateLimit(client, "1 per day"), {"hit": ("caller",)}),
    # Its other methods lose their figure in silence.
    (RedisMetrics, {"read": ()}),
]
KEYWORDS: dict[str, dict[str, Any]] = {"vote": {"up": True}, "put_back": {"counts": False}}


@pytest.mark.parametrize(("make", "calls"), STORES)
def test_every_method_says_that_redis_is_away(
    unreachable: redis.Redis, make: Make, calls: dict[str, tuple[Any, ...]]
) -> None:
    store = make(unreachable)
    methods = {name for name in vars(type(store)) if not name.startswith("_")}
    if not isinstance(store, RedisMetrics):
        assert methods == calls.keys()

    for name, arguments in calls.items():
        keywords = KEYWORDS.get(name, {}) if not isinstance(store, RedisRevocationStore) else {}
        with pytest.raises(StorageUnavailable):
            result = getattr(store, name)(*arguments, **keywords)
            if isinstance(result, Iterator):
                next(result)
