"""Run the demo: ``python -m sandbox.demo``, or with ``--ask "Tell me a joke"`` for one answer.

The service runs with a store of its own; Slack and SectorFlow are the sandbox's. A person installs the app
on the service's own page. With ``--installed`` or ``--ask``, or by a button of the channel page, it is
installed as SectorFlow's platform would do it, with curl, and a person's consent follows.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from types import FrameType

from sandbox.channel.terminal import as_text
from sandbox.sectorflow.models import MODELS, PLUS_ID, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.stage import ROOT, Stage, StageError, running_stage

LOGS = ROOT / ".local"
ANSWER_SECONDS = 60.0


def main() -> int:
    """Run the demo; returns the exit code."""
    options = _parse()
    LOGS.mkdir(exist_ok=True)
    log = LOGS / f"demo-{os.getpid()}.log"
    _end_by_signals()
    port, sandbox_port = (int(os.environ.get(name, "0")) for name in ("PORT", "SANDBOX_PORT"))
    _say("Starting the service with a store of its own, and a sandbox that plays Slack and SectorFlow …")
    try:
        inside = options.ask is None
        with running_stage(log, port=port, sandbox_port=sandbox_port, sandbox_inside=inside) as stage:
            if options.installed or not inside:
                _install(stage)
            return _show_pages(stage) if inside else _ask(stage, options.ask)
    except (StageError, subprocess.CalledProcessError) as error:
        _say(f"The demo did not work: {error}\nWhat the processes wrote is in {log}")
        return 1
    except KeyboardInterrupt:
        _say("\nStopped.")
        return 0


def _end_by_signals() -> None:
    """Turn the first signal into KeyboardInterrupt and ignore later ones, so that the shutdown completes.

    Signals ignored at the start stay ignored: SIGHUP under nohup, SIGINT in a shell's background job.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]

    def end(number: int, frame: FrameType | None) -> None:
        for each in heard:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in heard:
        signal.signal(number, end)


def _install(stage: Stage, app_id: str = seed.SECTORFLOW_APP_ID, **fields: object) -> None:
    """Register an installation with curl, consent, and put the app into #general.

    ``fields`` replace those of the registration.
    """
    if shutil.which("curl") is None:
        raise StageError("curl is not on PATH")
    _say(f"\nRegistering an installation at {stage.service_url}/api/v1/installations, as SectorFlow would:")
    installation = json.loads(_curl(stage, fields))
    _say(f"  {installation['status']}: {installation['id']}")
    page = stage.consent(installation["installUrl"])
    _say(f"A person follows its link and consents: {page.status_code} {_title(page.text)}")
    stage.control("invite", {"channel": seed.GENERAL_ID, "app_id": app_id})


def _install_second(stage: Stage) -> None:
    """Install the customer's own app, which answers with two models in tabs."""
    credentials = {
        "appId": seed.CUSTOMER_APP_ID,
        "clientId": seed.CUSTOMER_CLIENT_ID,
        "clientSecret": seed.CUSTOMER_CLIENT_SECRET,
        "signingSecret": seed.CUSTOMER_SIGNING_SECRET,
    }
    models = {"modelIds": [model.id for model in MODELS[-2:]], "display": "tabs", "plusId": ""}
    _install(stage, seed.CUSTOMER_APP_ID, appName="Acme Helper", slackApp=credentials, **models)


def _curl(stage: Stage, fields: Mapping[str, object]) -> str:
    body = {
        "appName": "SectorFlow",
        "apiToken": TOKEN,
        "workspaceId": WORKSPACE_ID,
        "modelIds": [model.id for model in MODELS],
        "plusId": PLUS_ID,
        "customerId": "acme",
        **fields,
    }
    # curl reads the key and the token from its standard input: arguments are visible to every local user.
    options = [
        f'url = "{stage.service_url}/api/v1/installations"',
        f'header = "Authorization: Bearer {stage.install_api_key}"',
        'header = "Content-Type: application/json"',
        f"data = {json.dumps(json.dumps(body))}",
    ]
    command = ["curl", "--silent", "--show-error", "--fail-with-body", "--config", "-"]
    _say(f"  $ {' '.join(command)} < options")
    done = subprocess.run(  # noqa: S603 - curl with options of our own
        command, input="\n".join(options), capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout


def _ask(stage: Stage, text: str) -> int:
    """Ask one question in #general and print the answers as Slack would show them."""
    started = time.monotonic()
    said = stage.ask(f"{{bot}} {text}")
    _say(f"\nMaya in #general: @SectorFlow {text}\n")
    for message in stage.wait_for_answer(said, ANSWER_SECONDS):
        sys.stdout.write(as_text(message, colour=sys.stdout.isatty()) + "\n\n")
    _say(f"(answered after {time.monotonic() - started:.1f} s)")
    return 0


def _show_pages(stage: Stage) -> int:
    """Print where to begin, and run until the service ends."""
    add_stage_actions(stage)
    if not stage.control("installs")["installs"]:
        _say(
            f"\n1. Install the app, as a customer:   {stage.service_url}/install\n"
            f"   SectorFlow API token to paste:    {TOKEN}\n"
            "   (To skip this step: `make demo SKIP=1`, or “Install it for me” on the next page.)\n"
            f"2. Ask in #general:                  {stage.sandbox_url}/"
        )
    _say(
        f"\nReady. The channel:      {stage.sandbox_url}/\n"
        f"Install API to browse:   {stage.service_url}/docs\n"
        f"Its key, as bearer token: in {stage.install_api_key_file}\n"
        f"Logs:                    {stage.log.relative_to(ROOT)}\n"
        "Ctrl-C stops everything."
    )
    stage.service.wait()
    raise StageError("the service ended by itself")


def add_stage_actions(stage: Stage) -> None:
    """Let the channel page of a sandbox in this process install apps, kill the worker and stop the store."""
    if stage.sandbox is None:
        raise StageError("the sandbox does not run in this process")
    stage.sandbox.stage_actions |= {
        "install": lambda: _install(stage),
        "install-second": lambda: _install_second(stage),
        "kill-worker": lambda: stage.service.send_signal(signal.SIGUSR1),
        "stop-store": lambda: stage.service.send_signal(signal.SIGUSR2),
    }


def _title(page: str) -> str:
    return page.partition("<title>")[2].partition("</title>")[0].strip() or "(no page)"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo", description=__doc__)
    parser.add_argument("--ask", metavar="QUESTION", help="ask this, print the answers, and end")
    parser.add_argument("--installed", action="store_true", help="install the app at the start")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
