"""What ``flask doctor`` looks at. Each check ends in findings: one sentence, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import requests

from sectorflow_slack.clients.http import open_session, send
from sectorflow_slack.commands.speaking import sentence
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.errors import SectorFlowSlackError, StorageUnavailable
from sectorflow_slack.services import Services

Verdict = Literal["ok", "warn", "fail"]

#: Slack's signatures are refused beyond five minutes (docs.slack.dev, verifying requests from Slack).
SKEW_FAIL_SECONDS = 300.0
SKEW_WARN_SECONDS = 60.0
#: An acknowledgement takes several round trips, and Slack waits 3 s for it.
ROUND_TRIP_WARN_MS = 50.0
MEMORY_WARN_SHARE = 0.8
#: A question that has waited for longer has nobody to take it.
WAIT_FAIL_SECONDS = 120.0
PUBLIC_TIMEOUT_SECONDS = 5.0
#: How many places without a key are named.
NAMED = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    status: Verdict
    message: str
    #: What to do about it; "" where there is nothing to do.
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined, and how thoroughly."""

    settings: Settings
    services: Services
    #: How many sealed records are opened.
    records: int
    #: For how long workers are watched.
    seconds: float


Check = Callable[[Patient], Iterator[Finding]]


def examine(patient: Patient) -> Iterator[Finding]:
    """Run every check; what Redis is needed for is left out where it is away."""
    yield from check_settings(patient)
    is_there = True
    for finding in check_redis(patient):
        is_there = is_there and finding.status != "fail"
        yield finding
    yield from _run(OF_REDIS if is_there else (), patient)
    yield from _run(OF_OTHERS, patient)


def _run(checks: Iterable[tuple[str, Check]], patient: Patient) -> Iterator[Finding]:
    for name, check in checks:
        try:
            yield from check(patient)
        except StorageUnavailable as error:
            yield Finding(name, "fail", sentence(error), "Look at Redis, then run this again.")


def check_settings(patient: Patient) -> Iterator[Finding]:
    """Look at what only somebody outside can see of the settings: they were read, or this would not run."""
    if patient.settings.serves_https:
        own = "with" if patient.settings.slack_app else "without"
        yield Finding("settings", "ok", f"All settings are good, {own} a Slack app of the service's own.")
    else:
        address = "PUBLIC_URL is http on this machine: Slack reaches https addresses only."
        yield Finding("settings", "warn", address, "Set PUBLIC_URL to the https address in front.")


def check_redis(patient: Patient) -> Iterator[Finding]:
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
    for warning in patient.services.warnings():
        yield Finding("redis settings", "warn", warning, "See docs/operations.md, What Redis must keep.")


def _check_memory(used: int | None, limit: int | None) -> Iterator[Finding]:
    if used is None:
        return
    said = f"{used / 2**20:.0f} MiB used" + (f" of {limit / 2**20:.0f}" if limit else ", no limit set")
    if limit and used > MEMORY_WARN_SHARE * limit:
        yield Finding("redis memory", "warn", f"{said}: when it is full, nothing is taken.", "Give it more.")
    else:
        yield Finding("redis memory", "ok", f"{said}.")


def check_encryption(patient: Patient) -> Iterator[Finding]:
    """See which sealed values need an older key, or open with none; and which tokens wait for revocation."""
    found = patient.services.checkup.sealed(patient.records)
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


def check_workers(patient: Patient) -> Iterator[Finding]:
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
    if figures.dead_letters:
        failed = f"{figures.dead_letters} questions failed for good this week."
        yield Finding("failed questions", "warn", failed, "See flask --app wsgi failed list.")
    else:
        yield Finding("failed questions", "ok", "None.")


def check_slack(patient: Patient) -> Iterator[Finding]:
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


def check_sectorflow(patient: Patient) -> Iterator[Finding]:
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


def check_public_url(patient: Patient) -> Iterator[Finding]:
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


OF_REDIS: tuple[tuple[str, Check], ...] = (("encryption", check_encryption), ("workers", check_workers))
OF_OTHERS: tuple[tuple[str, Check], ...] = (
    ("slack", check_slack),
    ("sectorflow", check_sectorflow),
    ("public address", check_public_url),
)
