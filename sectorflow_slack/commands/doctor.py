"""``flask doctor``: one look at everything that the service needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import cast

import click
from flask import current_app
from flask.cli import with_appcontext

from sectorflow_slack.commands.checks import examine
from sectorflow_slack.commands.findings import Finding, Patient
from sectorflow_slack.commands.speaking import Command, json_option, readable, say_json, watching
from sectorflow_slack.config import Settings
from sectorflow_slack.domain.checkup import Watch
from sectorflow_slack.services import Services

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
    watch = watching("Opening records", as_json=as_json)
    verdicts = [_say(finding, as_json) for finding in _findings(records, seconds, watch)]
    ctx.exit(1 if "fail" in verdicts else 0)


def _findings(records: int, seconds: float, watch: Watch) -> Iterable[Finding]:
    faults = current_app.config.get(SETTINGS_FAULTS)
    if faults is not None:
        return _faults(faults)
    services = cast(Services, current_app.extensions["sectorflow_slack"])
    settings = cast(Settings, current_app.config["SETTINGS"])
    return examine(Patient(settings, services, records, seconds, watch))


def _faults(faults: str) -> Iterator[Finding]:
    for fault in faults.splitlines():
        yield Finding(
            "settings", "fail", fault, "See docs/configuration.md; the rest is looked at after that."
        )


def _say(finding: Finding, as_json: bool) -> str:
    if as_json:
        say_json(asdict(finding))
        return finding.status
    mark = click.style(f"{finding.status:4}", fg=_COLOURS[finding.status])
    click.echo(f"{mark}  {finding.check}: {readable(finding.message)}")
    if finding.status != "ok" and finding.remedy:
        click.echo(f"      {finding.remedy}")
    return finding.status
