"""What ``flask doctor`` looks at in Redis: the server, what is sealed in it, and who takes questions."""

from __future__ import annotations

from collections.abc import Iterator

from sectorflow_slack.commands.findings import Check, Finding, Patient
from sectorflow_slack.commands.speaking import sentence
from sectorflow_slack.domain.checkup import StoreFigures
from sectorflow_slack.domain.errors import StorageUnavailable

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


def check_encryption(patient: Patient) -> Iterator[Finding]:
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


OF_REDIS: tuple[tuple[str, Check], ...] = (("encryption", check_encryption), ("workers", check_workers))
