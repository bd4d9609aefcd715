"""A whole site to break: sandbox, Redis, web and worker processes, each of which can be killed alone."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from cryptography.fernet import Fernet

from sandbox.sectorflow.models import MODELS, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.slack.records import new_id
from sandbox.slack.signing import signed_headers
from sandbox.stage import STOP_SECONDS, Stage, environ_for, free_port, is_placeholder, start_sandbox, wait_for
from tests.chaos.processes import SHARED_PORT, Group, OwnRedis, command_of
from tests.chaos.verdicts import ROWS, Asked
from tests.waiting import until

INSTALL_API_KEY = "a-key-for-the-install-api"
HEADINGS = tuple(model.name for model in MODELS[:2])
#: Slack's delays before its retries (0, 60 and 300 s) become 0, 1.2 and 6 s.
SANDBOX_OPTIONS = ("--sectorflow-latency", "0.1", "--no-rate-limits", "--retry-scale", "0.02")


@dataclass
class Site:
    """The running processes, and every question that was asked."""

    stage: Stage
    redis: OwnRedis
    webs: list[Group]
    workers: list[Group]
    asked: list[Asked] = field(default_factory=list)
    _rows: list[tuple[str, list[Asked], float | None]] = field(default_factory=list)

    # Questions

    def ask(self, text: str, channel: str = seed.GENERAL_ID, **rest: Any) -> Asked:
        """Ask as a user in Slack, which sends the event, with its retries."""
        message = self.stage.ask("{bot} " + text, channel, **rest)
        return self.record(channel, message["ts"], text)

    def post(self, text: str, channel: str = seed.GENERAL_ID) -> Asked:
        """Post a question without an event: the test delivers it."""
        return self.record(channel, self.stage.ask(text, channel)["ts"], text)

    def record(self, channel: str, ts: str, text: str, app_id: str = seed.SECTORFLOW_APP_ID) -> Asked:
        self.asked.append(Asked(channel, ts, app_id, HEADINGS, "The end." if "long" in text else ""))
        return self.asked[-1]

    def event(self, asked: Asked, text: str = "What now?", **event: Any) -> dict[str, Any]:
        mention = {"type": "app_mention", "user": seed.MAYA_ID, "text": text}
        return {
            "type": "event_callback",
            "api_app_id": asked.app_id,
            "team_id": seed.TEAM_ID,
            "event_id": new_id("Ev"),
            "event_time": int(time.time()),
            "event": {**mention, "ts": asked.ts, "channel": asked.channel, **event},
        }

    def deliver(
        self, event: Mapping[str, Any], secret: str = seed.SECTORFLOW_SIGNING_SECRET, retry: int = 0
    ) -> int | None:
        """Post an event over a new connection, to any of the web processes; None without an answer."""
        body = json.dumps(event).encode()
        headers = signed_headers(secret, int(time.time()), body) | {"Content-Type": "application/json"}
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_timeout"}
        try:
            url = f"{self.stage.service_url}/slack/events"
            return requests.post(url, data=body, headers=headers, timeout=10).status_code
        except requests.ConnectionError:
            return None

    def deliver_at_once(self, *events: Mapping[str, Any]) -> list[int | None]:
        with ThreadPoolExecutor(len(events)) as pool:
            return list(pool.map(self.deliver, events))

    # Faults

    def fault(self, service: str, **fields: Any) -> None:
        self.stage.control("faults", {"service": service, **fields})

    def hold(self, service: str, target: str, containing: str) -> None:
        """Delay the next call until ``release``."""
        self.fault(service, target=target, containing=containing, delay=60.0)

    def release(self, containing: str) -> None:
        self.stage.control("release", {"containing": containing})

    def await_faults(self, service: str) -> None:
        """Wait until calls have used up all faults of a service; their delays may still go on."""
        until(lambda: not self.stage.control("faults")[service], 30, f"{service} is called")

    # Requests that Slack and SectorFlow got

    def channel(self, name: str) -> str:
        channel = str(self.stage.control("channel", {"name": name})["channel"])
        self.stage.control("invite", {"channel": channel})
        return channel

    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.stage.control("messages")["messages"]
        return [message for message in found if message.get("bot_id")]

    def posted(self, asked: Asked) -> list[dict[str, Any]]:
        """Return the app's messages in a question's thread."""
        return [each for each in self.messages() if each.get("thread_ts") == asked.ts]

    def answers(self, asked: Asked) -> list[dict[str, Any]]:
        """Return the app's messages in a question's thread without placeholders."""
        return [each for each in self.posted(asked) if not is_placeholder(each)]

    def is_processing(self, asked: Asked) -> bool:
        """Whether the question's thread shows that it is worked on, with a Stop button."""
        sessions = self.stage.control(f"sessions?channel={asked.channel}&thread_ts={asked.ts}")["sessions"]
        return any(each["status"] == "processing" and each["app_id"] == asked.app_id for each in sessions)

    def stop(self, asked: Asked) -> None:
        """Press Slack's Stop button in the question's thread."""
        place = {"channel": asked.channel, "thread_ts": asked.ts}
        self.stage.control("stop", {**place, "user": seed.MAYA_ID, "app_id": asked.app_id})

    def times_asked(self, word: str) -> int:
        """Return how many requests to SectorFlow contained a word."""
        return sum(word in str(each["body"]) for each in self.stage.control("requests")["requests"])

    def status(self, path: str) -> int | None:
        """Return the status of a page of the service, None without an answer."""
        try:
            return requests.get(f"{self.stage.service_url}/{path}", timeout=10).status_code
        except requests.RequestException:
            return None

    def open_questions(self) -> int:
        store = self.redis.client
        keys = store.keys("[wlu]*:*:*")
        return sum(store.llen(key) if store.type(key) == "list" else store.zcard(key) for key in keys)

    # Verdicts

    def verdicts(self, questions: list[Asked]) -> list[str]:
        messages = self.messages()
        return [question.verdict(messages) for question in questions]

    def stuck(self, questions: list[Asked]) -> list[Asked]:
        """Return the questions whose thread shows that they are worked on."""
        return [question for question in questions if self.is_processing(question)]

    def answered(self, *questions: Asked) -> bool:
        return set(self.verdicts(list(questions))) == {"answered"}

    def await_answers(
        self, fault: str, *questions: Asked, seconds: float, since: float | None = None
    ) -> float:
        """Wait for whole answers and add them to the table; return the seconds since ``since``, or now."""
        since = time.monotonic() if since is None else since
        self.add_row(fault, *questions)
        try:
            until(lambda: self.answered(*questions), seconds, "answered once")
        except AssertionError as error:
            raise AssertionError(f"{error}, but {self.verdicts(list(questions))}") from None
        took = time.monotonic() - since
        self._rows[-1] = (fault, list(questions), took)
        return took

    def add_row(self, fault: str, *questions: Asked, seconds: float | None = None) -> None:
        self._rows.append((fault, list(questions), seconds))

    def report(self) -> None:
        """Judge all questions by the final state: a late duplicate counts too."""
        ROWS.extend((fault, self.verdicts(questions), seconds) for fault, questions, seconds in self._rows)

    # Processes

    def start_worker(self) -> Group:
        first = self.workers[0]
        log = first.log.with_name(f"worker{len(self.workers)}.log")
        self.workers.append(Group(first.command, first.environ, log))
        self.run_workers(self.workers[-1])
        return self.workers[-1]

    def run_workers(self, *workers: Group) -> None:
        """Start workers and wait until all of them look for work."""
        before = self._names()
        for worker in workers:
            worker.start()
        until(lambda: len(self._names() - before) >= len(workers), 60, "the workers look for work")

    def _names(self) -> set[str]:
        return {str(each) for each in self.redis.client.zrange("workers", 0, -1)}

    def mend(self) -> None:
        """Remove all faults and restart the processes that are missing."""
        requests.delete(f"{self.stage.sandbox_url}/_control/faults", timeout=5)
        self.redis.recover()
        for web in self.webs:
            if not web.is_running:
                web.start()
        if not any(worker.is_running for worker in self.workers):
            self.run_workers(self.workers[0])
        until(lambda: self.status("readyz") == 200, 20, "ready again")


@contextmanager
def running_site(
    home: Path, *, webs: int = 1, workers: int = 1, worker_options: tuple[str, ...] = (), **environ: str
) -> Iterator[Site]:
    """Run a site with the app installed, while the block lasts."""
    port, sandbox_port, redis_port = free_port(), free_port(), free_port()
    urls = f"http://localhost:{port}", f"http://127.0.0.1:{sandbox_port}"
    redis = OwnRedis(home, redis_port)
    settings = {**os.environ, **environ_for(*urls), **SHARED_PORT, "REDIS_URL": redis.url}
    settings |= {"ENCRYPTION_KEYS": Fernet.generate_key().decode(), "INSTALL_API_KEYS": INSTALL_API_KEY}
    # One person asks everything here.
    settings |= {"QUESTIONS_PER_PERSON": "10000 per minute", **environ}
    kinds = {"web": (webs, ()), "worker": (workers, worker_options)}
    groups = {
        kind: [
            Group((*command_of(kind), *options), settings, home / f"{kind}{at}.log") for at in range(count)
        ]
        for kind, (count, options) in kinds.items()
    }
    with (home / "sandbox.log").open("w") as output:
        sandbox = start_sandbox(sandbox_port, urls[0], output, SANDBOX_OPTIONS)
    try:
        redis.start()
        for group in groups["web"]:
            group.start()
        stage = Stage(*urls, INSTALL_API_KEY, home, groups["web"][0].leader)
        site = Site(stage, redis, groups["web"], groups["worker"])
        site.run_workers(*site.workers)
        wait_for(f"{urls[1]}/_control/installs", sandbox, home)
        wait_for(f"{urls[0]}/readyz", groups["web"][0].leader, home)
        install(stage, seed.GENERAL_ID, seed.RANDOM_ID)
        yield site
        site.report()
    finally:
        for group in (*groups["web"], *groups["worker"], redis):
            group.kill()
        sandbox.kill()
        sandbox.wait(STOP_SECONDS)


def registration(**fields: object) -> dict[str, object]:
    """Return the body of a registration with two models."""
    models = [model.id for model in MODELS[:2]]
    body = {"appName": "SectorFlow", "apiToken": TOKEN, "workspaceId": WORKSPACE_ID, "modelIds": models}
    return {**body, **fields}


def install(stage: Stage, *channels: str, app_id: str = seed.SECTORFLOW_APP_ID, **fields: object) -> None:
    """Install an app, by default the service's own, and add it to channels."""
    registered = stage.register(registration(**fields))
    assert registered.status_code == 201, registered.text
    stage.consent(registered.json()["installUrl"])
    for channel in channels:
        stage.control("invite", {"channel": channel, "app_id": app_id})
