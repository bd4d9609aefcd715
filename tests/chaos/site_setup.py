"""How a site is built and taken down."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from sandbox.sectorflow.models import MODELS, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.stage import STOP_SECONDS, Stage, environ_for, free_port, start_sandbox, wait_for
from tests.chaos.harness import INSTALL_API_KEY, Site
from tests.chaos.processes import SHARED_PORT, Group, OwnRedis, command_of

#: Slack's waits before its retries (0, 60 and 300 s) become 0, 1.2 and 6 s.
SANDBOX_OPTIONS = ("--sectorflow-latency", "0.1", "--no-rate-limits", "--retry-scale", "0.02")


@contextmanager
def running_site(
    home: Path,
    *,
    webs: int = 1,
    workers: int = 1,
    environ: Mapping[str, str] | None = None,
    worker_options: tuple[str, ...] = (),
) -> Iterator[Site]:
    """Run a site in whose Slack the app is installed, while the block lasts."""
    port, sandbox_port, redis_port = free_port(), free_port(), free_port()
    urls = f"http://localhost:{port}", f"http://127.0.0.1:{sandbox_port}"
    redis = OwnRedis(home, redis_port)
    settings = {**os.environ, **environ_for(*urls), **SHARED_PORT, **_secrets(redis.url), **(environ or {})}
    commands = {"web": command_of("web"), "worker": (*command_of("worker"), *worker_options)}
    groups = {
        name: [Group(commands[name], settings, home / f"{name}{number}.log") for number in range(count)]
        for name, count in (("web", webs), ("worker", workers))
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
    """Return what SectorFlow's platform asks the install API for."""
    return {
        "appName": "SectorFlow",
        "apiToken": TOKEN,
        "workspaceId": WORKSPACE_ID,
        "modelIds": [model.id for model in MODELS[:2]],
        **fields,
    }


def install(stage: Stage, *channels: str, **fields: object) -> None:
    """Install an app, the service's own unless ``slackApp`` is given, and put it into channels."""
    registered = stage.register(registration(**fields))
    assert registered.status_code == 201, registered.text
    stage.consent(registered.json()["installUrl"])
    app = fields.get("slackApp")
    app_id = app["appId"] if isinstance(app, dict) else seed.SECTORFLOW_APP_ID
    for channel in channels:
        stage.control("invite", {"channel": channel, "app_id": app_id})


def _secrets(redis_url: str) -> dict[str, str]:
    return {
        "REDIS_URL": redis_url,
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "INSTALL_API_KEYS": INSTALL_API_KEY,
    }
