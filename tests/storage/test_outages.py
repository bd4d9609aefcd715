"""Every method of every store raises ``StorageUnavailable`` while Redis is down."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from sectorflow_slack.domain.errors import StorageUnavailable
from sectorflow_slack.domain.install_form import Draft, FormSession, Offer
from sectorflow_slack.domain.installations import InstallationQuery, OAuthResult, OAuthState, Revocation
from sectorflow_slack.domain.questions import Answer, Lease, Progress, StoredAnswer
from sectorflow_slack.storage.crypto import Cipher
from tests.fakes import make_reply
from tests.storage.builders import FIRST, KEY, PLAN
from tests.storage.conftest import Stores
from tests.storage.test_questions import ASKED, FULL
from tests.values import MODEL_IDS, FixedClock, make_installation, make_pending

CIPHER = Cipher(["A" * 43 + "="])
ANSWER = Answer(FIRST, make_reply(MODEL_IDS).answers)
#: An argument of each type that the methods need.
ARGUMENTS: dict[str, Any] = {
    "str": "x",
    "int": 0,
    "float": 0.0,
    "bool": True,
    "str | None": None,
    "SlackApp | None": None,
    "ModelAnswer | None": None,
    "Answer": ANSWER,
    "StoredAnswer": StoredAnswer(ANSWER, (), 1, 1),
    "Installation": make_installation(),
    "InstallationKey": KEY,
    "InstallationQuery": InstallationQuery(),
    "OAuthState": OAuthState("x", "A0"),
    "OAuthResult": OAuthResult("x"),
    "FormSession": FormSession("x", Offer()),
    "Draft": Draft(),
    "Refusal": "containers",
    "PendingInstallation": make_pending(),
    "Plan": PLAN,
    "Lease": Lease("x", KEY, "x", Progress()),
    "Question": FIRST,
    "Revocation": Revocation("id-1", KEY, "xoxb-1"),
    "Sequence[Question]": [FIRST],
    "Sequence[str]": [],
    "IncomingQuestion": ASKED,
    "Sequence[SlackJob]": [FULL, FULL],
    "SlackJob": FULL,
    "Collection[str]": [],
    "Exception": ValueError(),
}
SEALED_BACKUP = CIPHER.seal("backup", "installations", '{"app:A0": {}}')
#: Metrics gather in the process while Redis is down.
SILENT = {
    f"metrics.{method}" for method in ("count", "count_ignored", "count_model", "observe", "flush", "start")
}

METHODS = [
    f"{name}.{method}"
    for name, store in vars(Stores(redis.Redis(port=1), CIPHER, FixedClock())).items()
    for method in vars(type(store))
    if type(store).__module__.startswith("sectorflow_slack.storage") and not method.startswith("_")
    if name != "cipher" and f"{name}.{method}" not in SILENT
]


@pytest.mark.parametrize("method", METHODS)
def test_a_redis_that_is_down_is_reported(unreachable, method):
    name, _, method = method.partition(".")
    call = getattr(getattr(Stores(unreachable, CIPHER, FixedClock()), name), method)
    needed = [each for each in inspect.signature(call).parameters.values() if each.default is each.empty]
    values = {each.name: ARGUMENTS[each.annotation] for each in needed}

    with pytest.raises(StorageUnavailable):
        run(call, **(values | {"sealed": SEALED_BACKUP} if method == "restore" else values))


def run(call: Any, **arguments: object) -> None:
    result = call(**arguments)
    if isinstance(result, Iterator):
        next(result)
