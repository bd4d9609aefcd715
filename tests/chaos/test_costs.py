"""What questions, acknowledgements and an idle service cost Redis, as counts; and what it may forbid."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from sandbox.slack import seed
from sectorflow_slack.storage.permissions import needed_commands
from tests.chaos.site import Site, running_site
from tests.waiting import until

pytestmark = pytest.mark.processes

#: Commands of a connection that is made or kept.
OF_CONNECTIONS = {"HELLO", "AUTH", "CLIENT SETINFO", "CLIENT SETNAME", "SELECT", "PING"}
#: What the tests themselves call.
OF_TESTS = {"ECHO", "MONITOR", "INFO", "ACL", "CLIENT", "CONFIG"}
MOST_PER_QUESTION = 16
MOST_IDLE_PER_SECOND = 2
MOST_CONNECTIONS = 20
IDLE_SECONDS = 10
#: How many modules an entry point loads at most, Python's included, and which packages it does without.
MODULES = {
    "sectorflow_slack.app": (1100, {"aiohttp", "dramatiq", "sandbox"}),
    "sectorflow_slack.worker": (850, {"aiohttp", "dramatiq", "sandbox", "flask", "jinja2", "gunicorn"}),
}


@pytest.fixture(scope="module")
def costs(tmp_path_factory) -> Iterator[Site]:
    """One web and one worker, whose user of Redis may run no dangerous command."""
    home = tmp_path_factory.mktemp("costs")
    many = {"WORKER_THREADS": "128", "QUESTIONS_PER_INSTALLATION": "64", "WEB_CONCURRENCY": "2"}
    with running_site(home, **many) as site:
        site.redis.client.execute_command("ACL", "SETUSER", "admin", "on", "nopass", "~*", "&*", "+@all")
        url = site.redis.url.replace("redis://", "redis://admin:any@")
        site.redis.client = redis.Redis.from_url(url, decode_responses=True)
        site.redis.client.execute_command("ACL", "SETUSER", "default", "-@dangerous")
        for word in ("first", "second"):  # loads the scripts in each process
            site.await_answers("costs", site.ask(word), seconds=30)
        yield site
        site.redis.client.execute_command("ACL", "SETUSER", "default", "+@all")


@contextmanager
def monitored(client: redis.Redis) -> Iterator[list[str]]:
    """Collect the commands that clients send meanwhile, without those of metrics."""
    found: list[str] = []
    with client.monitor() as monitor:
        yield found
        client.echo("the end")
        transactions: dict[tuple[str, str], list[str]] = {}
        for each in monitor.listen():
            if each["command"] == "ECHO the end":
                break
            if each["client_type"] == "lua":
                continue
            # MULTI … EXEC counts unless all of it is about metrics.
            sent = transactions.setdefault((each["client_address"], each["client_port"]), [])
            sent.append(each["command"])
            if sent[0] != "MULTI" or sent[-1] == "EXEC":
                found += [] if all(map(is_of_metrics, sent)) else sent
                sent.clear()


def is_of_metrics(command: str) -> bool:
    name, _, rest = command.partition(" ")
    return name in {"MULTI", "EXEC", "ECHO"} or rest.startswith(("metrics", "figures:"))


def ask(site: Site, word: str) -> list[str]:
    """Ask one question; return the commands until it is completed."""
    question = site.post(word)
    event, before = site.event(question, word), site.redis.client.hget("metrics", "answered")
    with monitored(site.redis.client) as commands:
        assert site.deliver(event) == 200
        until(lambda: site.redis.client.hget("metrics", "answered") != before, what="it is answered")
    return commands


def test_a_question_takes_few_commands_of_redis(costs):
    # Recurring calls may fall into one of them.
    commands = min((ask(costs, f"few{number}") for number in range(4)), key=len)

    assert len(commands) <= MOST_PER_QUESTION, commands


def test_an_acknowledgement_is_one_command(costs):
    question = costs.post("again")
    event = costs.event(question, "again")
    assert costs.deliver(event) == 200
    costs.await_answers("costs", question, seconds=30)

    seen = []
    for _ in range(6):
        with monitored(costs.redis.client) as commands:
            assert costs.deliver(event, retry=1) == 200
        seen.append([command for command in commands if not command.startswith("PING")])

    assert min(map(len, seen)) == 1, seen


def test_an_idle_service_sends_few_commands(costs):
    started = time.monotonic()
    with monitored(costs.redis.client) as commands:
        until(lambda: time.monotonic() - started >= IDLE_SECONDS, what="ten seconds are over")

    assert len(commands) <= MOST_IDLE_PER_SECOND * IDLE_SECONDS, commands


def test_every_command_that_is_sent_is_allowed_and_listed(costs):
    client = costs.redis.client
    client.execute_command("ACL", "LOG", "RESET")
    client.execute_command("CONFIG", "RESETSTAT")

    costs.await_answers("costs", costs.ask("allowed"), seconds=30)
    denied = client.execute_command("ACL", "LOG")
    names = {name.removeprefix("cmdstat_").replace("|", " ").upper() for name in client.info("commandstats")}

    assert denied == []
    sent = {name for name in names if name.partition(" ")[0] not in OF_TESTS}
    assert sent - OF_CONNECTIONS <= set(needed_commands())


def test_64_questions_after_a_burst_of_100_events_leave_room_among_20_connections(costs):
    costs.fault("sectorflow", target="completions", containing="burst", delay=60.0, times=None)
    events = [costs.event(costs.post(f"burst{number}"), f"burst{number}") for number in range(100)]
    key = f"underway:{seed.SECTORFLOW_APP_ID}:{seed.TEAM_ID}"

    statuses = costs.deliver_at_once(*events)
    until(lambda: costs.redis.client.zcard(key) == 64, what="64 questions are under way")
    connections = [each for each in costs.redis.client.client_list() if each["user"] == "default"]

    assert set(statuses) == {200}
    assert len(connections) <= MOST_CONNECTIONS


@pytest.mark.parametrize("module", MODULES)
def test_a_process_imports_no_more_than_it_needs(module):
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, (most, unneeded) = set(done.stdout.split()), MODULES[module]

    assert len(loaded) <= most
    assert not loaded & unneeded
