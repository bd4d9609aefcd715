"""Run the demo: ``python -m sandbox.demo``, or with ``--ask "Tell me a joke"`` for one answer.

The service runs with a store of its own; Slack and SectorFlow are the sandbox's. The app is installed as
SectorFlow's platform would do it, with curl, and a person's consent follows.
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
from types import FrameType

from sandbox.channel.terminal import as_text
from sandbox.sectorflow.models import MODELS, PLUS_ID, TOKEN, WORKSPACE_ID
from sandbox.slack import seed
from sandbox.stage import ROOT, Stage, StageError, running_stage

LOGS = ROOT / ".local"
ANSWER_SECONDS = 60.0


def main() -> int:
    """Run the demo; returns the exit code."""
    asked = _parse().ask
    LOGS.mkdir(exist_ok=True)
    log = LOGS / f"demo-{os.getpid()}.log"
    _end_by_signals()
    port, sandbox_port = (int(os.environ.get(name, "0")) for name in ("PORT", "SANDBOX_PORT"))
    _say("Starting the service with a store of its own, and a sandbox that plays Slack and SectorFlow …")
    try:
        with running_stage(log, port=port, sandbox_port=sandbox_port) as stage:
            _install(stage)
            if asked is None:
                return _invite_to_page(stage)
            return _ask(stage, asked)
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


def _install(stage: Stage) -> None:
    """Register an installation with curl, consent, and put the app into #general."""
    if shutil.which("curl") is None:
        raise StageError("curl is not on PATH")
    _say(f"\nRegistering an installation at {stage.service_url}/api/v1/installations, as SectorFlow would:")
    installation = json.loads(_curl(stage))
    _say(f"  {installation['status']}: {installation['id']}")
    page = stage.consent(installation["installUrl"])
    _say(f"A person follows its link and consents: {page.status_code} {_title(page.text)}")
    stage.control("invite", {"channel": seed.GENERAL_ID})


def _curl(stage: Stage) -> str:
    body = {
        "appName": "SectorFlow",
        "apiToken": TOKEN,
        "workspaceId": WORKSPACE_ID,
        "modelIds": [model.id for model in MODELS],
        "plusId": PLUS_ID,
        "customerId": "acme",
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


def _invite_to_page(stage: Stage) -> int:
    _say(
        f"\nReady. Ask in #general:  {stage.sandbox_url}/\n"
        f"Install API to browse:   {stage.service_url}/docs\n"
        f"Its key, as bearer token: in {stage.install_api_key_file}\n"
        f"Logs:                    {stage.log.relative_to(ROOT)}\n"
        "Ctrl-C stops everything."
    )
    stage.service.wait()
    raise StageError("the service ended by itself")


def _title(page: str) -> str:
    return page.partition("<title>")[2].partition("</title>")[0].strip() or "(no page)"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo", description=__doc__)
    parser.add_argument("--ask", metavar="QUESTION", help="ask this, print the answers, and end")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
