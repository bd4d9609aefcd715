"""The commands of Redis that the service needs."""

import re
from pathlib import Path

import pytest
import redis

from sectorflow_slack.storage.permissions import needed_commands, refused_commands
from tests.storage.conftest import dump

SAFE = ["+@all", "-@dangerous"]
TRANSACTION = ("WATCH", "MULTI", "EXEC", "UNWATCH")


@pytest.fixture
def limited(real_db, real_redis_url):
    """Return a client whose user has these rules."""
    clients = []

    def connect(*rules: str) -> redis.Redis:
        real_db.redis.execute_command("ACL", "SETUSER", "limited", "reset", "on", "nopass", "~*", *rules)
        client = redis.Redis.from_url(real_redis_url, username="limited", password="-", decode_responses=True)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()
    real_db.redis.acl_deluser("limited")


@pytest.mark.real_redis
@pytest.mark.parametrize("rules", [["+@all"], SAFE], ids=" ".join)
def test_a_user_without_dangerous_commands_has_all_that_are_needed_and_trying_them_leaves_nothing(
    limited, real_db, rules
):
    assert refused_commands(limited(*rules)) == ()
    assert dump(real_db.redis) == {}


@pytest.mark.real_redis
@pytest.mark.parametrize("command", sorted({*needed_commands()} - {*TRANSACTION}))
def test_a_refused_command_is_named(limited, command):
    assert refused_commands(limited(*SAFE, f"-{command.lower().replace(' ', '|')}")) == (command,)


@pytest.mark.real_redis
def test_a_user_without_transactions_is_named(limited):
    assert refused_commands(limited(*SAFE, "-multi")) == TRANSACTION


def test_every_command_of_a_script_is_listed():
    sources = [path.read_text() for path in Path("sectorflow_slack").rglob("*.py")]
    called = set(re.findall(r"redis\.call\('([A-Z]+)'", "".join(sources)))

    assert called <= set(needed_commands())


def test_the_docs_list_the_same_commands():
    text = (
        Path("docs/deployment.md").read_text().partition("## What Redis must allow")[2].partition("\n## ")[0]
    )

    listed = re.search(r"```\n(.*?)```", text, re.DOTALL)
    assert listed is not None
    assert re.split(r",\s+", listed[1].strip()) == sorted(needed_commands())
