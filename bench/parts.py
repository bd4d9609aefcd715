"""Where the processor time of an acknowledgement goes: applications are called without a server in front."""

from __future__ import annotations

import contextlib
import cProfile
import io
import logging
import os
import pstats
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench import servers
from bench.report import table
from bench.site import Site, running_site, signed_requests
from sectorflow_slack.app import create_app
from sectorflow_slack.logging import JsonFormatter

TEAMS = 50
EVENTS = 300
RUNS = 10
#: The parts of this service's view, each by a function that contains it.
PARTS: Mapping[str, tuple[str, str]] = {
    "check the signature, parse JSON": ("web/guards.py", "signed_payload"),
    "read the event": ("services/event_payloads.py", "read"),
    "read the question": ("services/event_payloads.py", "as_incoming"),
    "write the two notices of a refusal": ("storage/slack_jobs.py", "job_body"),
    "seal": ("storage/crypto.py", "seal"),
    "call Redis": ("redis/commands/core.py", "__call__"),
    "write the log line": ("logging/__init__.py", "info"),
}


def explain(home: Path) -> tuple[str, dict[str, float]]:
    """Return the least processor time of an event in each application, and the shares of this one's parts."""
    with running_site(home) as site, _environment(site):
        site.install([""] * TEAMS)
        logging.getLogger().handlers[:] = [_silent_handler()]
        logging.getLogger().setLevel("INFO")
        ours = create_app()
        apps = {"this service": ours, "Bolt, stores first": servers.bolt_stored(), "floor": servers.floor()}
        times = {name: [_run(app) for _ in range(RUNS)] for name, app in apps.items()}
        profile = cProfile.Profile(time.process_time)
        profile.runcall(_run, ours)
    rows = [[name, f"{min(seconds[1:]) * 1000:.2f}"] for name, seconds in times.items()]
    shares = [[part, f"{share * 100:.0f} %"] for part, share in _shares(pstats.Stats(profile))]
    text = table(["application", "processor time of an event, ms"], rows)
    return f"{text}\n\n{table(['part of this service', 'share'], shares)}", {}


def _silent_handler() -> logging.Handler:
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(JsonFormatter())
    return handler


@contextlib.contextmanager
def _environment(site: Site) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(site.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def _run(app: Callable[..., Any]) -> float:
    """Let an application answer some events; return the processor seconds of each."""
    statuses: list[str] = []
    environs = [_environ(request) for request in signed_requests(EVENTS, TEAMS)[1]]
    started = time.process_time()
    for environ in environs:
        response = app(environ, lambda status, _headers, _error=None: statuses.append(status))
        b"".join(response)
        getattr(response, "close", lambda: None)()
    seconds = time.process_time() - started
    if set(statuses) != {"200 OK"}:
        raise SystemExit(f"events got {set(statuses)}")
    return seconds / EVENTS


def _environ(request: bytes) -> dict[str, Any]:
    head, _, body = request.partition(b"\r\n\r\n")
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": servers.ROUTE, "SERVER_NAME": "localhost"}
    for line in head.decode().split("\r\n")[1:]:
        name, _, value = line.partition(": ")
        name = name.upper().replace("-", "_")
        environ[name if name.startswith("CONTENT_") else f"HTTP_{name}"] = value
    wsgi = {"wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body), "SERVER_PORT": "80"}
    return {**environ, **wsgi, "SERVER_PROTOCOL": "HTTP/1.1", "QUERY_STRING": ""}


def _shares(stats: Any) -> Iterator[tuple[str, float]]:
    """Yield each part with its share of the whole, and what is left."""
    left = 1.0
    for part, (file, function) in PARTS.items():
        found = [
            entry[3]
            for (path, _, name), entry in stats.stats.items()
            if path.endswith(file) and name == function
        ]
        share = max(found, default=0.0) / stats.total_tt
        left -= share
        yield part, share
    yield "WSGI, werkzeug's request, and the rest", left
