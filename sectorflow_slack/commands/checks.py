"""What ``flask doctor`` looks at, one check after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import requests

from sectorflow_slack.clients.http import open_session, send
from sectorflow_slack.commands.findings import Check, Finding, Patient
from sectorflow_slack.commands.speaking import sentence
from sectorflow_slack.commands.store_checks import OF_REDIS, check_redis
from sectorflow_slack.domain.errors import SectorFlowSlackError, StorageUnavailable

#: Slack's signatures are refused beyond five minutes (docs.slack.dev, verifying requests from Slack).
SKEW_FAIL_SECONDS = 300.0
SKEW_WARN_SECONDS = 60.0
PUBLIC_TIMEOUT_SECONDS = 5.0


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


OF_OTHERS: tuple[tuple[str, Check], ...] = (
    ("slack", check_slack),
    ("sectorflow", check_sectorflow),
    ("public address", check_public_url),
)
