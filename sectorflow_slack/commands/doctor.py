"""``doctor``: check the settings, Redis, the workers and the remote services."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal
from urllib.parse import urlsplit

import click
import requests
from flask import current_app
from flask.cli import with_appcontext

from sectorflow_slack.clients.http import open_session, send
from sectorflow_slack.commands.output import (
    Command,
    echo_json,
    error_message,
    json_option,
    printable,
    progress,
)
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.checkup import StoreFigures, Watch
from sectorflow_slack.domain.errors import InstallRefused, SectorFlowSlackError, StorageUnavailable
from sectorflow_slack.domain.installations import AnyInstallation, InstallationQuery
from sectorflow_slack.domain.metrics import Memory
from sectorflow_slack.services import Services
from sectorflow_slack.services.settings_check import check_with_sectorflow
from sectorflow_slack.web import current_services, current_settings

#: Acknowledging an event takes several round trips, and Slack waits 3 s for it.
ROUND_TRIP_WARN_MS = 50.0
MEMORY_WARN_SHARE = 0.8
MEMORY_WARN_DAYS = 14
DAY_SECONDS = 24 * 3600
#: A question that has waited for longer than this finds no free worker.
WAIT_FAIL_SECONDS = 120.0
#: Slack's signatures are refused beyond five minutes (docs.slack.dev, verifying requests from Slack).
SKEW_FAIL_SECONDS = 300.0
SKEW_WARN_SECONDS = 60.0
PUBLIC_TIMEOUT_SECONDS = 5.0
#: How many installations are checked; each takes a few calls to SectorFlow.
MAX_INSTALLATIONS = 20
#: How many lost values a message names.
MAX_NAMED = 5

#: The configuration key of an application without settings: their faults, one a line.
SETTINGS_FAULTS = "SETTINGS_FAULTS"

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
_SEE_OPERATIONS = "See docs/operations.md, What Redis must keep."
#: By how data outlasts a restart; if it does not, the warnings of the Redis settings say so.
_PERSISTENCE = {
    "aof": "Redis appends each write to a file (AOF).",
    "rdb": "Redis writes snapshots (RDB); a crash loses the writes since the last one.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    check: str
    status: Literal["ok", "warn", "fail"]
    message: str
    #: Advice to the operator; "" if it is ok.
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """The services that the checks use, and how thorough the checks are."""

    settings: Settings
    services: Services
    #: How many encrypted records are opened.
    records: int
    #: Shows the progress through the records.
    watch: Watch = iter


@click.command(cls=Command)
@click.option(
    "--records",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Records to open at most.",
)
@json_option("Print one JSON object a line.")
@click.pass_context
@with_appcontext
def doctor(ctx: click.Context, records: int, as_json: bool) -> None:
    """Find out why the service does not work: check everything it needs, and print what to do.

    Checks the settings, Redis, encryption, workers, Slack, SectorFlow and the public address. Each result is
    ok, warn or fail. Changes nothing. Exits with 1 if a check fails.
    """
    watch = progress("Opening records", as_json=as_json)
    statuses = []
    for finding in _findings(records, watch):
        _echo_finding(finding, as_json)
        statuses.append(finding.status)
    if not as_json:
        click.echo(f"\nNext: {_next_step(statuses)}")
    ctx.exit(1 if "fail" in statuses else 0)


def _findings(records: int, watch: Watch) -> Iterable[Finding]:
    faults = current_app.config.get(SETTINGS_FAULTS)
    if faults is not None:
        remedy = "See docs/configuration.md; the other checks need correct settings."
        return (Finding("settings", "fail", fault, remedy) for fault in faults.splitlines())
    return run_checks(Context(current_settings, current_services, records, watch))


def _next_step(statuses: Collection[str]) -> str:
    if "fail" in statuses:
        return "correct what is marked fail, from the top, and run this again."
    apps = current_services.apps.list()
    if any(app.tenant_ids for app in apps):
        return "mention the app in Slack. Questions that fail are in sectorflow-slack failed list."
    if apps:
        return "register an installation (sectorflow-slack installations register) and open its install link."
    return "create a Slack app (sectorflow-slack manifest APP_NAME --link), see docs/slack-app.md."


def _echo_finding(finding: Finding, as_json: bool) -> None:
    if as_json:
        echo_json(asdict(finding))
        return
    mark = click.style(f"{finding.status:4}", fg=_COLOURS[finding.status])
    click.echo(f"{mark}  {finding.check}: {printable(finding.message)}")
    if finding.status != "ok" and finding.remedy:
        click.echo(f"      {finding.remedy}")


def run_checks(context: Context) -> Iterator[Finding]:
    """Run every check; those that read Redis are skipped if Redis is down."""
    yield from check_own_settings(context)
    is_redis_usable = True
    for finding in check_redis(context):
        is_redis_usable = is_redis_usable and finding.status != "fail"
        yield finding
    if is_redis_usable:
        yield from _or_failed("encryption", check_encryption, context)
        yield from _or_failed("workers", check_workers, context)
    yield from check_slack(context)
    is_sectorflow_up = False
    for finding in check_sectorflow(context):
        is_sectorflow_up = finding.status == "ok"
        yield finding
    if is_redis_usable and is_sectorflow_up:
        yield from _or_failed("installations", check_installations, context)
    yield from check_public_address(context)


def _or_failed(
    name: str, check: Callable[[Context], Iterator[Finding]], context: Context
) -> Iterator[Finding]:
    try:
        yield from check(context)
    except StorageUnavailable as error:
        yield Finding(name, "fail", error_message(error), "Check Redis, then run this again.")


def check_own_settings(context: Context) -> Iterator[Finding]:
    """Check that Slack can reach the public URL; the settings are valid, or this would not run."""
    if context.settings.serves_https:
        own_app = "with" if context.settings.slack_app else "without"
        yield Finding(
            "settings", "ok", f"All settings are valid, {own_app} a Slack app of the service's own."
        )
    else:
        message = "PUBLIC_URL is http on this machine: Slack calls https addresses only."
        yield Finding("settings", "warn", message, "Set PUBLIC_URL to the https address in front.")


def check_redis(context: Context) -> Iterator[Finding]:
    """Check that Redis is up, fast and writable, and that its settings suit the service."""
    try:
        figures = context.services.checkup.figures()
        is_writable = not context.services.missing()
    except StorageUnavailable as error:
        yield Finding("redis", "fail", error_message(error), "Start it, or correct REDIS_URL.")
        return
    trip = f"{figures.round_trip_ms:.1f} ms a round trip"
    version = f"Redis {figures.version}" if figures.version else "Redis"
    if not is_writable:
        message = f"Redis answers, {trip}, but takes no writes."
        yield Finding("redis", "fail", message, "Add memory or disk space.")
        return
    if figures.round_trip_ms > ROUND_TRIP_WARN_MS:
        yield Finding("redis", "warn", f"{version} is slow: {trip}.", "Run it closer to the service.")
    else:
        yield Finding("redis", "ok", f"{version} answers, {trip}.")
    yield from _check_commands(figures.refused)
    yield from _check_memory(figures.memory)
    yield from _check_persistence(figures)
    for warning in context.services.warnings():
        yield Finding("redis settings", "warn", warning, _SEE_OPERATIONS)


def _check_commands(refused: tuple[str, ...]) -> Iterator[Finding]:
    if refused:
        message = f"Redis refuses {', '.join(refused)}."
        yield Finding("redis commands", "fail", message, "Allow them to the user of REDIS_URL.")
    else:
        yield Finding("redis commands", "ok", "Redis allows every command that is needed.")


def _check_memory(memory: Memory) -> Iterator[Finding]:
    if memory.used_bytes is None:
        unknown = "Redis does not report how full it is (INFO is forbidden)."
        yield Finding("redis memory", "warn", unknown, "Watch its provider's figures.")
        return
    used, limit, full_in = memory.used_bytes, memory.limit_bytes, memory.full_in_seconds
    message = f"{used / 2**20:.0f} MiB used" + (f" of {limit / 2**20:.0f}" if limit else ", no limit set")
    if full_in is not None:
        message += f", full in about {full_in / DAY_SECONDS:.0f} days at the growth of the last week"
    is_urgent = full_in is not None and full_in < MEMORY_WARN_DAYS * DAY_SECONDS
    if is_urgent or (limit and used > MEMORY_WARN_SHARE * limit):
        yield Finding("redis memory", "warn", f"{message}: a full Redis takes no writes.", "Add memory.")
    else:
        yield Finding("redis memory", "ok", f"{message}.")


def _check_persistence(figures: StoreFigures) -> Iterator[Finding]:
    """Check how data outlasts a restart; warn if Redis forbids INFO and CONFIG, which would show it."""
    remedy = f"Look at its plan or its settings. {_SEE_OPERATIONS}"
    if figures.persistence is None:
        unknown = "Redis does not report whether it stores its data on disk."
        yield Finding("redis persistence", "warn", unknown, remedy)
    elif figures.persistence in _PERSISTENCE:
        yield Finding("redis persistence", "ok", _PERSISTENCE[figures.persistence])
    if figures.policy is None:
        unknown = "Redis does not report what it evicts when its memory is full."
        yield Finding("redis settings", "warn", unknown, remedy)


def check_encryption(context: Context) -> Iterator[Finding]:
    """Check which values need an older key or open with none, and which tokens are still to be revoked."""
    found = context.services.checkup.sealed(context.records, context.watch)
    records = f"{found.records} records" + ("" if found.is_complete else " (there are more)")
    if found.lost:
        named = ", ".join(found.lost[:MAX_NAMED]) + (" …" if len(found.lost) > MAX_NAMED else "")
        yield Finding(
            "encryption",
            "fail",
            f"No key opens {len(found.lost)} values in {records}: {named}.",
            "Add the missing key at the end of ENCRYPTION_KEYS, or delete the records that it encrypted.",
        )
    if found.outdated:
        yield Finding(
            "encryption",
            "warn",
            f"{found.outdated} values in {records} are under an older key.",
            "Run sectorflow-slack keys re-encrypt before you remove that key.",
        )
    elif not found.lost:
        yield Finding("encryption", "ok", f"{records}, all under the first key.")
    if found.revocations:
        waiting = f"{found.revocations} bot tokens are still to be revoked at Slack."
        yield Finding("revocations", "warn", waiting, "Workers retry; check that Slack is reachable.")
    else:
        yield Finding("revocations", "ok", "No bot token is still to be revoked.")


def check_workers(context: Context) -> Iterator[Finding]:
    """Check that workers are running, and that questions neither wait long nor fail."""
    figures = context.services.read_metrics()
    alive = context.services.checkup.workers()
    oldest = "no question is open"
    if figures.open:
        oldest = f"the oldest of {figures.open} open questions is {figures.oldest_seconds:.0f} s old"
    if not alive:
        yield Finding("workers", "fail", f"No worker is running; {oldest}.", "Start a worker process.")
    elif figures.waiting and figures.oldest_seconds > WAIT_FAIL_SECONDS:
        yield Finding("workers", "warn", f"{alive} running, but {oldest}.", "Start more workers.")
    else:
        yield Finding("workers", "ok", f"{alive} running, {figures.open} open questions.")
    if figures.failed_questions:
        reasons = Counter(each.reason for each in context.services.failed_questions.list())
        why = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
        failed = f"{figures.failed_questions} questions failed for good this week{': ' + why if why else ''}."
        remedy = "See sectorflow-slack failed list, and docs/operations.md for the reasons."
        yield Finding("failed questions", "warn", failed, remedy)
    else:
        yield Finding("failed questions", "ok", "None.")


def check_slack(context: Context) -> Iterator[Finding]:
    """Check that Slack is reachable, and that the clock is right enough for Slack's signatures."""
    try:
        skew = context.services.slack.probe()
    except SectorFlowSlackError as error:
        remedy = "Check SLACK_BASE_URL and the network."
        yield Finding("slack", "fail", error_message(error), remedy)
        return
    yield Finding("slack", "ok", "Slack answers.")
    if skew is None:
        yield Finding("clock", "warn", "Slack sent no time to compare with.", "Check this machine's clock.")
        return
    difference = f"This machine's clock is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} Slack's"
    remedy = "Set it by NTP."
    if abs(skew) > SKEW_FAIL_SECONDS:
        yield Finding("clock", "fail", f"{difference}: every request from Slack is refused.", remedy)
    elif abs(skew) > SKEW_WARN_SECONDS:
        message = f"{difference}: beyond 300 s, requests from Slack are refused."
        yield Finding("clock", "warn", message, remedy)
    else:
        yield Finding("clock", "ok", f"{difference}.")


def check_sectorflow(context: Context) -> Iterator[Finding]:
    """Check that SectorFlow is reachable; it refuses a call without a token, which shows that it is up."""
    try:
        status = context.services.sectorflow.probe()
    except SectorFlowSlackError as error:
        remedy = "Check SECTORFLOW_BASE_URL and the network."
        yield Finding("sectorflow", "fail", error_message(error), remedy)
        return
    if status >= 500 or status == 429:
        yield Finding("sectorflow", "warn", f"SectorFlow answers with status {status}.", "Ask SectorFlow.")
    elif status == 404:
        message = "There is no such API at SECTORFLOW_BASE_URL (status 404)."
        yield Finding("sectorflow", "warn", message, "Correct SECTORFLOW_BASE_URL.")
    else:
        yield Finding("sectorflow", "ok", f"SectorFlow answers (status {status} without a token).")


def check_installations(context: Context) -> Iterator[Finding]:
    """Check with SectorFlow the token, workspace, models and expert of each installation, or of the first."""
    registration = context.services.registration
    page = registration.list(InstallationQuery(limit=MAX_INSTALLATIONS, status="installed"))
    found = (registration.find(each.settings.id) for each in page.items)
    checked = {each.settings.id: _faults(context, each) for each in found if each is not None}
    refused = [f"{id_} ({', '.join(faults)})" for id_, faults in checked.items() if faults]
    count = f"{len(checked)} installations" + (" (there are more)" if page.next_cursor else "")
    if refused:
        message = f"SectorFlow refuses settings of {len(refused)} of {count}: {'; '.join(refused)}."
        yield Finding("installations", "warn", message, "Use sectorflow-slack installations change.")
    else:
        yield Finding("installations", "ok", f"SectorFlow accepts the settings of {count}.")


def _faults(context: Context, installation: AnyInstallation) -> list[str]:
    settings = installation.settings.sectorflow
    if not settings.api_token:
        return ["apiToken"]
    try:
        check_with_sectorflow(context.services.sectorflow, settings)
    except InstallRefused as refusal:
        return list(refusal.faults)
    return []


def check_public_address(context: Context) -> Iterator[Finding]:
    """Check that the service answers at its public URL."""
    address = context.settings.public_url + "/healthz"
    host = urlsplit(address).netloc
    remedy = "Check that PUBLIC_URL leads to a running web process, from outside too."
    try:
        request = requests.Request("GET", address)
        settings = context.settings
        session = open_session(1, proxy=settings.outgoing_proxy, ca_bundle=settings.outgoing_ca_bundle)
        response, _ = send(session, request, PUBLIC_TIMEOUT_SECONDS)
    except requests.RequestException as error:
        message = f"{host} does not answer from this machine ({type(error).__name__})."
        yield Finding("public address", "warn", message, remedy)
        return
    if response.status_code == 200:
        yield Finding("public address", "ok", f"{host} answers.")
    else:
        message = f"{host} answers /healthz with status {response.status_code}."
        yield Finding("public address", "warn", message, remedy)
