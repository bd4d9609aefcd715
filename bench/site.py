"""The processes that are measured: Redis, web and worker as the Procfile starts them, the remote side."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import redis
import requests
from cryptography.fernet import Fernet

from sandbox.slack import seed
from sandbox.slack.signing import signed_headers
from sandbox.stage import environ_for, free_port
from sectorflow_slack.domain.installations import Installation
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installations import InstallationStore
from tests.chaos.processes import Group, OwnRedis, command_of
from tests.values import make_bot, make_installation, make_settings
from tests.waiting import until

#: gunicorn's processes and threads, of all servers that are compared.
SHAPE = ("--workers", "2", "--threads", "8")
#: Bounds for people that a measurement is not to meet.
UNBOUNDED = {
    "QUESTIONS_PER_PERSON": "1000000 per minute",
    "WAITING_PER_INSTALLATION": "1000000",
    "INSTALL_RATE_LIMIT": "1000000 per minute",
}
PLAIN = ("-m", "gunicorn", "-c", "bench/plain.py")
_numbers = count(1)


@dataclass
class Site:
    """Running processes, and what is needed to talk to them."""

    home: Path
    redis: OwnRedis
    port: int
    environ: dict[str, str]
    remote_url: str
    groups: list[Group] = field(default_factory=list)

    def start(self, *command: str, **environ: str) -> Group:
        """Start a command; its output goes to a file."""
        log = self.home / f"process-{len(self.groups)}.log"
        group = Group(command, self.environ | environ, log)
        self.groups.append(group)
        group.start()
        return group

    def start_web(self, *options: str, **environ: str) -> Group:
        """Start the Procfile's web, and wait until it is ready."""
        group = self.start(*command_of("web"), *options, **environ)
        self.await_port()
        return group

    def start_workers(self, number: int = 1, **environ: str) -> list[Group]:
        """Start the Procfile's workers, and wait until one of them has answered a question of each."""
        groups = [self.start(*command_of("worker"), **environ) for _ in range(number)]
        self.await_answers([self.ask(0)])
        return groups

    def start_other(self, name: str, *shape: str) -> Group:
        """Start a server of ``bench.servers`` under gunicorn."""
        address = ("--bind", f"127.0.0.1:{self.port}", f"bench.servers:{name}()")
        group = self.start(sys.executable, *PLAIN, *shape, *address)
        self.await_port()
        return group

    def await_port(self) -> None:
        """Wait until a server answers, whatever it is."""

        def answers() -> bool:
            try:
                return requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).status_code > 0
            except requests.RequestException:
                return False

        until(answers, 30, "the server answers")

    def install(self, customers: Sequence[str]) -> None:
        """Store one installation for each customer named; the teams are numbered."""
        client = redis.Redis.from_url(self.redis.url, decode_responses=True)
        store = InstallationStore(client, Cipher([self.environ["ENCRYPTION_KEYS"]]))
        for number, customer in enumerate(customers):
            store.save(installation(number, customer), None, None)

    def ask(self, team: int, delay: float = 0.0) -> int:
        """Send one event, which must be acknowledged; return the question's number."""
        number = next(_numbers)
        url = f"http://127.0.0.1:{self.port}/slack/events"
        body = mention(number, team, delay)
        headers = signed_headers(seed.SECTORFLOW_SIGNING_SECRET, int(time.time()), body)
        headers["Content-Type"] = "application/json"
        while (status := requests.post(url, body, headers=headers, timeout=10).status_code) == 503:
            time.sleep(0.1)
        if status != 200:
            raise SystemExit(f"an event got {status}; see {self.home}")
        return number

    def figures(self) -> dict[str, Any]:
        """Return what the remote side was asked."""
        found: dict[str, Any] = requests.get(f"{self.remote_url}/figures", timeout=10).json()
        return found

    def reset(self) -> None:
        """Let the remote side forget what it was asked."""
        requests.post(f"{self.remote_url}/reset", timeout=10)

    def await_answers(self, numbers: Sequence[int], seconds: float = 120.0) -> dict[int, dict[str, float]]:
        """Wait until Slack has the answers of questions; return their moments."""
        wanted = {str(number) for number in numbers}

        def are_posted() -> bool:
            times = self.figures()["times"]
            return all("posted" in times.get(number, {}) for number in wanted)

        deadline = time.monotonic() + seconds
        while not are_posted():
            if time.monotonic() > deadline:
                raise SystemExit(f"questions were not answered; see {self.home}")
            time.sleep(0.2)
        times = self.figures()["times"]
        return {number: times[str(number)] for number in numbers}

    def round_trips(self) -> int:
        """Return how often Redis has read from its clients: a script or a pipeline counts once."""
        stats: Any = self.redis.client.info("stats")
        return int(stats["total_reads_processed"])


def installation(number: int, customer: str = "") -> Installation:
    """Return the installation of a numbered team."""
    settings = make_settings(
        id=f"00000000-0000-4000-8000-{number:012}",
        app_id=seed.SECTORFLOW_APP_ID,
        customer_id=customer or f"customer-{number}",
    )
    bot = make_bot(app_id=seed.SECTORFLOW_APP_ID, team_id=f"T{number:08}", bot_token=f"xoxb-{number}")
    return replace(make_installation(settings, bot), installed_at=time.time())


def mention(number: int, team: int, delay: float = 0.0) -> bytes:
    """Return the body of an event: a question of Maya's to the app."""
    ts = f"{time.time():.0f}.{number % 1_000_000:06}"
    text = f"<@U0BOT> q-{number}-q d-{delay}-d What speaks for a small team, and what against it?"
    event = {
        "type": "app_mention",
        "user": f"U{number % 97:08}",
        "text": text,
        "ts": ts,
        "channel": "C0GENERAL",
    }
    envelope = {
        "type": "event_callback",
        "api_app_id": seed.SECTORFLOW_APP_ID,
        "team_id": f"T{team:08}",
        "event_id": f"Ev{number:010}",
        "event_time": int(time.time()),
        "authorizations": [{"team_id": f"T{team:08}", "enterprise_id": None, "is_enterprise_install": False}],
        "event": event,
    }
    return json.dumps(envelope).encode()


def signed_requests(events: int, teams: int, delay: float = 0.0) -> tuple[list[int], list[bytes]]:
    """Return the numbers and the whole HTTP requests of new events, spread over teams."""
    numbers = [next(_numbers) for _ in range(events)]
    return numbers, [_request(mention(number, number % teams, delay)) for number in numbers]


def _request(body: bytes) -> bytes:
    headers = signed_headers(seed.SECTORFLOW_SIGNING_SECRET, int(time.time()), body)
    lines = ["POST /slack/events HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def running_site(home: Path, **environ: str) -> Iterator[Site]:
    """Run a Redis and the remote side, with room for other processes, while the block lasts."""
    port, remote_port = free_port(), free_port()
    urls = f"http://localhost:{port}", f"http://127.0.0.1:{remote_port}"
    store = OwnRedis(home, free_port())
    settings = {**os.environ, **environ_for(*urls), **UNBOUNDED, "REDIS_URL": store.url}
    settings |= {
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "INSTALL_API_KEYS": "a-key-of-the-bench-mark",
    }
    settings |= {"PORT": str(port), **environ}
    site = Site(home, store, port, settings, urls[1])
    try:
        store.start()
        site.start(sys.executable, "-m", "bench.remote", "--port", str(remote_port))
        until(lambda: _is_up(urls[1]), 20, "the remote side answers")
        yield site
    finally:
        for group in (*site.groups, store):
            group.kill()


def _is_up(url: str) -> bool:
    try:
        return requests.get(f"{url}/figures", timeout=2).ok
    except requests.RequestException:
        return False


def memory_mib(*groups: Group) -> float:
    """Return the proportional memory (PSS) of the processes of groups."""
    return sum(_pss_kib(pid) for pid in _processes(groups)) / 1024


def cpu_seconds(*groups: Group) -> float:
    """Return the processor time that the processes of groups have used."""
    return sum(_ticks(pid) for pid in _processes(groups)) / os.sysconf("SC_CLK_TCK")


def _processes(groups: Sequence[Group]) -> list[int]:
    leaders = {group.leader.pid for group in groups}
    found = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in found if _group_of(pid) in leaders]


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _pss_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def timed(call: Callable[[], object]) -> float:
    """Return the seconds of a call."""
    started = time.monotonic()
    call()
    return time.monotonic() - started
