"""A whole site to break: sandbox, Redis, web and worker processes, each of which can be signalled alone."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

from sandbox.sectorflow.models import MODELS
from sandbox.slack import seed
from sandbox.slack.records import new_id
from sandbox.slack.signing import signed_headers
from sandbox.stage import Stage, is_placeholder
from tests.chaos.processes import Group, OwnRedis
from tests.chaos.verdicts import ROWS, Asked
from tests.waiting import until

INSTALL_API_KEY = "a-key-for-the-install-api"
HEADINGS = tuple(model.name for model in MODELS[:2])


@dataclass
class Site:
    """Everything that runs, and every question that was asked."""

    stage: Stage
    redis: OwnRedis
    webs: list[Group]
    workers: list[Group]
    asked: list[Asked] = field(default_factory=list)
    _rows: list[tuple[str, list[Asked], float | None]] = field(default_factory=list)

    def ask(self, text: str, channel: str = seed.GENERAL_ID, **rest: Any) -> Asked:
        """Ask as a person in Slack; the event comes by itself, with Slack's retries."""
        said = self.stage.ask("{bot} " + text, channel, **rest)
        return self.remember(channel, said["ts"], text, str(rest.get("app_id", seed.SECTORFLOW_APP_ID)))

    def say(self, text: str, channel: str = seed.GENERAL_ID, app_id: str = seed.SECTORFLOW_APP_ID) -> Asked:
        """Ask without an event being sent: the test brings it."""
        said = self.stage.ask(text, channel)
        return self.remember(channel, said["ts"], text, app_id)

    def remember(self, channel: str, ts: str, text: str, app_id: str) -> Asked:
        """Keep in mind what a whole answer to a question is."""
        asked = Asked(channel, ts, app_id, HEADINGS, "The end." if "long" in text else "")
        self.asked.append(asked)
        return asked

    def event(self, asked: Asked, text: str = "What now?", **fields: Any) -> dict[str, Any]:
        """Make the event of a question; ``envelope`` fields and an ``event`` of one's own may be given."""
        mention = {
            "type": "app_mention",
            "user": seed.MAYA_ID,
            "text": text,
            "ts": asked.ts,
            "channel": asked.channel,
            **fields.pop("event", {}),
        }
        return {
            "type": "event_callback",
            "api_app_id": asked.app_id,
            "team_id": seed.TEAM_ID,
            "event_id": new_id("Ev"),
            "event_time": int(time.time()),
            "event": mention,
            **fields,
        }

    def deliver(
        self, event: Mapping[str, Any], secret: str = seed.SECTORFLOW_SIGNING_SECRET, retry: int = 0
    ) -> int | None:
        """Bring an event to whichever web process takes it, over a new connection; None without an answer."""
        body = json.dumps(event).encode()
        headers = signed_headers(secret, int(time.time()), body) | {"Content-Type": "application/json"}
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_timeout"}
        url = f"{self.stage.service_url}/slack/events"
        try:
            return requests.post(url, data=body, headers=headers, timeout=10).status_code
        except requests.ConnectionError:
            return None

    def deliver_at_once(self, *events: Mapping[str, Any]) -> list[int | None]:
        with ThreadPoolExecutor(len(events)) as pool:
            return list(pool.map(self.deliver, events))

    def fault(self, service: str, **fields: Any) -> None:
        self.stage.control("faults", {"service": service, **fields})

    def hold(self, service: str, target: str, containing: str, **fields: Any) -> None:
        """Let the next call wait until it is released."""
        self.fault(service, target=target, containing=containing, delay=60.0, **fields)

    def release(self, containing: str) -> None:
        """End the wait of the calls that are held."""
        self.stage.control("release", {"containing": containing})

    def await_faults(self, service: str) -> None:
        """Wait until calls of a service have met every fault that was ordered; a delay may still go on."""
        until(lambda: not self.stage.control("faults")[service], 30, f"{service} is called")

    def channel(self, name: str) -> str:
        channel = str(self.stage.control("channel", {"name": name})["channel"])
        self.stage.control("invite", {"channel": channel})
        return channel

    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.stage.control("messages")["messages"]
        return [message for message in found if message.get("bot_id")]

    def posted(self, asked: Asked) -> list[dict[str, Any]]:
        """Return what was posted in a question's thread."""
        return [each for each in self.messages() if each.get("thread_ts") == asked.ts]

    def answers(self, asked: Asked) -> list[dict[str, Any]]:
        """Return what was said to a question; what only stands in for the answer is left out."""
        return [each for each in self.posted(asked) if not is_placeholder(each)]

    def times_asked(self, word: str) -> int:
        """Return how often SectorFlow was asked something with this word in it."""
        return sum(word in str(each["body"]) for each in self.stage.control("requests")["requests"])

    def verdicts(self, questions: list[Asked]) -> list[str]:
        messages = self.messages()
        return [question.verdict(messages) for question in questions]

    def answered(self, *questions: Asked) -> bool:
        return set(self.verdicts(list(questions))) == {"answered"}

    def await_answers(
        self, fault: str, *questions: Asked, seconds: float, since: float | None = None
    ) -> float:
        """Wait for whole answers and enter them in the table; return how long it took.

        ``since`` is the moment (``time.monotonic``) from which on it is counted, where that is not now.
        """
        since = time.monotonic() if since is None else since
        self._rows.append((fault, list(questions), None))
        try:
            until(lambda: self.answered(*questions), seconds, "answered once")
        except AssertionError as error:
            raise AssertionError(f"{error}, but {self.verdicts(list(questions))}") from None
        took = time.monotonic() - since
        self._rows[-1] = (fault, list(questions), took)
        return took

    def enter(self, fault: str, *questions: Asked, seconds: float | None = None) -> None:
        self._rows.append((fault, list(questions), seconds))

    def report(self) -> None:
        """Judge all questions as they stand at the very end: what came twice, late, counts too."""
        for fault, questions, seconds in self._rows:
            ROWS.append((fault, self.verdicts(questions), seconds))

    def open_questions(self) -> int:
        count = 0
        for key in self.redis.client.keys("[wlu]*:*:*"):
            is_list = self.redis.client.type(key) == "list"
            count += self.redis.client.llen(key) if is_list else self.redis.client.zcard(key)
        return count

    def start_worker(self) -> Group:
        like = self.workers[0]
        log = like.log.with_name(f"worker{len(self.workers)}.log")
        worker = Group(like.command, like.environ, log)
        self.workers.append(worker)
        self.run_workers(worker)
        return worker

    def run_workers(self, *workers: Group) -> None:
        """Start workers and wait until all of them look for work."""
        before = self._heartbeats()
        for worker in workers:
            worker.start()
        until(lambda: len(self._heartbeats() - before) >= len(workers), 60, "the workers look for work")

    def _heartbeats(self) -> set[str]:
        return {str(each) for each in self.redis.client.zrange("dramatiq:__heartbeats__", 0, -1)}

    def mend(self) -> None:
        """Put everything right again after a test."""
        requests.delete(f"{self.stage.sandbox_url}/_control/faults", timeout=5)
        self.redis.recover()
        for web in self.webs:
            if not web.is_running:
                web.start()
        if not any(worker.is_running for worker in self.workers):
            self.run_workers(self.workers[0])
        until(lambda: self.status("readyz") == 200, 20, "ready again")

    def status(self, path: str) -> int | None:
        """Ask the service for a page; return the status, None without an answer."""
        try:
            return requests.get(f"{self.stage.service_url}/{path}", timeout=10).status_code
        except requests.RequestException:
            return None
