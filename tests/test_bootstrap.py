"""The composition root: one of each part in a process."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import fakeredis
import pytest

from sectorflow_slack.bootstrap import build_services


@pytest.fixture
def parts(settings):
    """All parts of a process's services by type, each once."""
    store = fakeredis.FakeRedis(server=fakeredis.FakeServer(), decode_responses=True)
    found = defaultdict(dict)
    todo = [build_services(settings, store)]
    while todo:
        part = todo.pop()
        found[type(part).__name__][id(part)] = part
        if dataclasses.is_dataclass(part):
            todo += [getattr(part, each.name) for each in dataclasses.fields(part)]
    return found


def test_the_services_of_a_process_share_one_of_each_service_store_and_client(parts):
    shared = {
        name: each for name, each in parts.items() if name.endswith(("Service", "Store", "Client", "Metrics"))
    }

    assert {
        "StatusService",
        "TokenService",
        "InstallationStore",
        "SlackWebClient",
        "Metrics",
    } <= shared.keys()
    assert not [name for name, each in shared.items() if len(each) > 1]
