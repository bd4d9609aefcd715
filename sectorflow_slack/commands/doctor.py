"""``flask doctor``: one look at everything that the service needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal, cast
from urllib.parse import urlsplit

import click
import requests
from flask import current_app
from flask.cli import with_appcontext

from sectorflow_slack.clients.http import open_session, send
from sectorflow_slack.commands.output import Command, echo_json, json_option, progress, readable, sentence
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.checkup import StoreFigures, Watch
from sectorflow_slack.domain.errors import SectorFlowSlackError, StorageUnavailable
from sectorflow_slack.services import Services

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    status: Verdict
    message: str
    #: What to do about it; "" where there is nothing to do.
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What is examined, and how thoroughly."""

    settings: Settings
    services: Services
    #: How many sealed records are opened.
    records: int
    #: For how long workers are watched.
    seconds: float
    #: Shows how many of the records are opened.
    watch: Watch = iter


Check = Callable[[Context], Iterator[Finding]]


#: An acknowledgement takes several round trips, and Slack waits 3 s for it.
ROUND_TRIP_WARN_MS = 50.0
MEMORY_WARN_SHARE = 0.8
#: A question that has waited for longer has nobody to take it.
WAIT_FAIL_SECONDS = 120.0
#: How many places without a key are named.
NAMED = 5

_READ_ON = "See docs/operations.md, What Redis must keep."
#: By what outlasts a restart; where nothing does, a warning of the settings says so.
_KEPT = {
    "aof": "Redis appends what it is given to a file (AOF).",
    "rdb": "Redis writes snapshots (RDB); a crash loses what came since the last one.",
}


def check_redis(patient: Context) -> Iterator[Finding]:
    """See whether Redis is there, quick, roomy, and set as the service needs it."""
    try:
        figures = patient.services.checkup.figures()
        is_writable = not patient.services.missing()
    except StorageUnavailable as error:
        yield Finding("redis", "fail", sentence(error), "Start it, or correct REDIS_URL.")
        return
    trip = f"{figures.round_trip_ms:.1f} ms a round trip"
    if not is_writable:
        yield Finding(
            "redis", "fail", f"Redis answers, {trip}, but takes no writes.", "Give it memory or disk."
        )
        return
    version = f"Redis {figures.version}" if figures.version else "Redis"
    if figures.round_trip_ms > ROUND_TRIP_WARN_MS:
        yield Finding("redis", "warn", f"{version} is slow: {trip}.", "Put it nearer to the service.")
    else:
        yield Finding("redis", "ok", f"{version} answers, {trip}.")
    yield from _check_memory(figures.used_bytes, figures.limit_bytes)
    yield from _check_persistence(figures)
    for warning in patient.services.warnings():
        yield Finding("redis settings", "warn", warning, _READ_ON)


def _check_memory(used: int | None, limit: int | None) -> Iterator[Finding]:
    if used is None:
        return
    said = f"{used / 2**20:.0f} MiB used" + (f" of {limit / 2**20:.0f}" if limit else ", no limit set")
    if limit and used > MEMORY_WARN_SHARE * limit:
        yield Finding("redis memory", "warn", f"{said}: when it is full, nothing is taken.", "Give it more.")
    else:
        yield Finding("redis memory", "ok", f"{said}.")


def _check_persistence(figures: StoreFigures) -> Iterator[Finding]:
    """Say how data outlasts a restart; what Redis lets nobody ask (INFO, CONFIG) is not passed over."""
    if figures.kept is None:
        said = "Redis does not say whether it keeps its data on disk: that cannot be told from here."
        yield Finding("redis persistence", "warn", said, f"Look at its plan or its settings. {_READ_ON}")
    elif figures.kept in _KEPT:
        yield Finding("redis persistence", "ok", _KEPT[figures.kept])
    if figures.policy is None:
        said = "Redis does not say what it drops when its memory is full: that cannot be told from here."
        yield Finding("redis settings", "warn", said, f"Look at its plan or its settings. {_READ_ON}")


def check_encryption(patient: Context) -> Iterator[Finding]:
    """See which sealed values need an older key, or open with none; and which tokens wait for revocation."""
    found = patient.services.checkup.sealed(patient.records, patient.watch)
    said = f"{found.records} records" + ("" if found.is_complete else " (there are more)")
    if found.lost:
        named = ", ".join(found.lost[:NAMED]) + (" …" if len(found.lost) > NAMED else "")
        yield Finding(
            "encryption",
            "fail",
            f"{len(found.lost)} values in {said} are opened by no key: {named}.",
            "Put the key that is missing back at the end of ENCRYPTION_KEYS, or delete what it sealed.",
        )
    if found.outdated:
        yield Finding(
            "encryption",
            "warn",
            f"{found.outdated} values in {said} are under an older key.",
            "Run flask --app wsgi keys re-encrypt before you drop that key.",
        )
    elif not found.lost:
        yield Finding("encryption", "ok", f"{said}, all under the first key.")
    if found.revocations:
        waiting = f"{found.revocations} bot tokens are still to be revoked at Slack."
        yield Finding("revocations", "warn", waiting, "Workers go on trying; see that Slack is reachable.")
    else:
        yield Finding("revocations", "ok", "No bot token waits to be revoked.")


def check_workers(patient: Context) -> Iterator[Finding]:
    """See whether somebody takes questions."""
    figures = patient.services.read_metrics()
    alive = patient.services.checkup.workers(patient.seconds)
    waits = "no question is open"
    if figures.open:
        waits = f"the oldest of {figures.open} open questions is {figures.oldest_seconds:.0f} s old"
    if not alive:
        yield Finding("workers", "fail", f"No worker asks for questions; {waits}.", "Start a worker process.")
    elif figures.waiting and figures.oldest_seconds > WAIT_FAIL_SECONDS:
        yield Finding("workers", "warn", f"{alive} at work, but {waits}.", "Start more workers.")
    else:
        yield Finding("workers", "ok", f"{alive} at work, {figures.open} open questions.")
    if figures.failed_questions:
        failed = f"{figures.failed_questions} questions failed for good this week."
        yield Finding("failed questions", "warn", failed, "See flask --app wsgi failed list.")
    else:
        yield Finding("failed questions", "ok", "None.")


OF_REDIS: tuple[tuple[str, Check], ...] = (("encryption", check_encryption), ("workers", check_workers))


#: Slack's signatures are refused beyond five minutes (docs.slack.dev, verifying requests from Slack).
SKEW_FAIL_SECONDS = 300.0
SKEW_WARN_SECONDS = 60.0
PUBLIC_TIMEOUT_SECONDS = 5.0


def examine(patient: Context) -> Iterator[Finding]:
    """Run every check; what Redis is needed for is left out where it is away."""
    yield from check_settings(patient)
    is_there = True
    for finding in check_redis(patient):
        is_there = is_there and finding.status != "fail"
        yield finding
    yield from _run(OF_REDIS if is_there else (), patient)
    yield from _run(OF_OTHERS, patient)


def _run(checks: Iterable[tuple[str, Check]], patient: Context) -> Iterator[Finding]:
    for name, check in checks:
        try:
            yield from check(patient)
        except StorageUnavailable as error:
            yield Finding(name, "fail", sentence(error), "Look at Redis, then run this again.")


def check_settings(patient: Context) -> Iterator[Finding]:
    """Look at what only somebody outside can see of the settings: they were read, or this would not run."""
    if patient.settings.serves_https:
        own = "with" if patient.settings.slack_app else "without"
        yield Finding("settings", "ok", f"All settings are good, {own} a Slack app of the service's own.")
    else:
        address = "PUBLIC_URL is http on this machine: Slack reaches https addresses only."
        yield Finding("settings", "warn", address, "Set PUBLIC_URL to the https address in front.")


def check_slack(patient: Context) -> Iterator[Finding]:
    """See whether Slack is there, and whether this machine's clock is right enough for its signatures."""
    try:
        skew = patient.services.slack.probe()
    except SectorFlowSlackError as error:
        yield Finding("slack", "fail", sentence(error), "Look at SLACK_BASE_URL and the way out of here.")
        return
    yield Finding("slack", "ok", "Slack answers.")
    if skew is None:
        yield Finding("clock", "warn", "Slack did not say what time it is.", "Compare this machine's clock.")
        return
    said = f"This machine's clock is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} Slack's"
    remedy = "Set it by NTP."
    if abs(skew) > SKEW_FAIL_SECONDS:
        yield Finding("clock", "fail", f"{said}: everything that Slack signs is refused.", remedy)
    elif abs(skew) > SKEW_WARN_SECONDS:
        yield Finding("clock", "warn", f"{said}: beyond 300 s what Slack signs is refused.", remedy)
    else:
        yield Finding("clock", "ok", f"{said}.")


def check_sectorflow(patient: Context) -> Iterator[Finding]:
    """See whether SectorFlow is there; without a token it answers with a refusal, which is as good."""
    try:
        status = patient.services.sectorflow.probe()
    except SectorFlowSlackError as error:
        remedy = "Look at SECTORFLOW_BASE_URL and the way out of here."
        yield Finding("sectorflow", "fail", sentence(error), remedy)
        return
    if status >= 500 or status == 429:
        yield Finding("sectorflow", "warn", f"SectorFlow answers with status {status}.", "Ask SectorFlow.")
    elif status == 404:
        wrong = "There is no such API at SECTORFLOW_BASE_URL (status 404)."
        yield Finding("sectorflow", "warn", wrong, "Correct SECTORFLOW_BASE_URL.")
    else:
        yield Finding("sectorflow", "ok", f"SectorFlow answers (status {status} without a token).")


def check_public_url(patient: Context) -> Iterator[Finding]:
    """See whether the service answers where the world is told to find it."""
    address = patient.settings.public_url + "/healthz"
    host = urlsplit(address).netloc
    remedy = "See that PUBLIC_URL leads to a running web process, from outside too."
    try:
        request = requests.Request("GET", address)
        response, _ = send(open_session(pool_size=1), request, PUBLIC_TIMEOUT_SECONDS)
    except requests.RequestException as error:
        said = f"{host} does not answer from here ({type(error).__name__})."
        yield Finding("public address", "warn", said, remedy)
        return
    if response.status_code == 200:
        yield Finding("public address", "ok", f"{host} answers.")
    else:
        said = f"{host} answers /healthz with status {response.status_code}."
        yield Finding("public address", "warn", said, remedy)


OF_OTHERS: tuple[tuple[str, Check], ...] = (
    ("slack", check_slack),
    ("sectorflow", check_sectorflow),
    ("public address", check_public_url),
)


#: Where an application that could not be made keeps what is wrong with its settings, a line for each.
SETTINGS_FAULTS = "SETTINGS_FAULTS"

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(cls=Command)
@click.option(
    "--records", type=click.IntRange(min=1), default=10_000, show_default=True, help="Open so many at most."
)
@click.option(
    "--seconds", type=click.FloatRange(0.1, 60), default=2.0, show_default=True, help="Watch workers so long."
)
@json_option("One JSON object a line.")
@click.pass_context
@with_appcontext
def doctor(ctx: click.Context, records: int, seconds: float, as_json: bool) -> None:
    """Check settings, Redis, encryption, workers, Slack, SectorFlow and the public address.

    Each is ok, warn or fail, with a sentence and what to do. Changes nothing. Ends with 1 where one fails.
    """
    watch = progress("Opening records", as_json=as_json)
    verdicts = [_say(finding, as_json) for finding in _findings(records, seconds, watch)]
    ctx.exit(1 if "fail" in verdicts else 0)


def _findings(records: int, seconds: float, watch: Watch) -> Iterable[Finding]:
    faults = current_app.config.get(SETTINGS_FAULTS)
    if faults is not None:
        return _faults(faults)
    services = cast(Services, current_app.extensions["sectorflow_slack"])
    settings = cast(Settings, current_app.config["SETTINGS"])
    return examine(Context(settings, services, records, seconds, watch))


def _faults(faults: str) -> Iterator[Finding]:
    for fault in faults.splitlines():
        yield Finding(
            "settings", "fail", fault, "See docs/configuration.md; the rest is looked at after that."
        )


def _say(finding: Finding, as_json: bool) -> str:
    if as_json:
        echo_json(asdict(finding))
        return finding.status
    mark = click.style(f"{finding.status:4}", fg=_COLOURS[finding.status])
    click.echo(f"{mark}  {finding.check}: {readable(finding.message)}")
    if finding.status != "ok" and finding.remedy:
        click.echo(f"      {finding.remedy}")
    return finding.status
