"""The page's tools for developers: suggestions to try, faults, and the requests as they happen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, render_template, request

from sandbox.channel.request_args import channel_of, json_response, read_json, reader_of, wanted_text
from sandbox.faults import Fault, FaultPlan
from sandbox.sectorflow.answers import QUESTIONS
from sandbox.sectorflow.models import GPT, MODELS, TOKEN, ModelBehaviour
from sandbox.slack import seed
from sandbox.slack.config_tokens import SEEDED_TOKEN
from sandbox.slack.delivery import RETRY_DELAYS
from sandbox.state import Sandbox, current_sandbox
from sandbox.traffic import Exchange

developer = Blueprint("developer", __name__, url_prefix="/developer")

#: How long the panel's long poll may stay open, in seconds.
_LONG_POLL_SECONDS = 25.0
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ROUTES = {
    "event": "Slack → app",
    "interaction": "Slack → app",
    "slack": "app → Slack",
    "sectorflow": "app → SectorFlow",
}


@dataclass(frozen=True)
class Suggestion:
    """A question to try, and whether a model fails to answer it the first time."""

    label: str
    text: str
    fails: bool = False


SUGGESTIONS = {
    "joke": Suggestion("A joke", QUESTIONS["joke"]),
    "table": Suggestion("A table", QUESTIONS["table"]),
    "code": Suggestion("Code", QUESTIONS["code"]),
    "long": Suggestion("A long answer", QUESTIONS["long"]),
    "formula": Suggestion("A formula", QUESTIONS["formula"]),
    "differ": Suggestion("Answers that differ", QUESTIONS["refund"]),
    "failing": Suggestion("A failing model", QUESTIONS["plan"], fails=True),
}

#: The faults of each service by name: the label, and the fault's fields.
FAULTS: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "sectorflow": {
        "slow": ("Slow: 15 s", {"target": "completions", "delay": 15.0}),
        "429": ("429 Too Many Requests", {"retry_after": 2}),
        "503": ("503 Service Unavailable", {"status": 503}),
        "401": ("401 for the token", {"status": 401}),
        "drop": ("Connection ends", {"drop": "before"}),
    },
    "slack": {
        "slow": ("Slow: 2 s", {"delay": 2.0}),
        "429": ("429 Too Many Requests", {"retry_after": 3}),
        "503": ("503 Service Unavailable", {"status": 503, "body": "<h1>Service Unavailable</h1>"}),
        "drop": ("Answer lost on the way", {"drop": "after"}),
    },
}
STAGE_ACTIONS = {
    "kill-worker": "Kill the worker",
    "stop-store": "Stop Redis for 15 s",
    "install-second": "Install a second app",
}
#: Values for the install page's ways to get a Slack app.
CREDENTIALS = {
    "SectorFlow API token": TOKEN,
    "App configuration token": SEEDED_TOKEN,
    "Acme Helper: app ID": seed.CUSTOMER_APP_ID,
    "Acme Helper: client ID": seed.CUSTOMER_CLIENT_ID,
    "Acme Helper: client secret": seed.CUSTOMER_CLIENT_SECRET,
    "Acme Helper: signing secret": seed.CUSTOMER_SIGNING_SECRET,
}


@developer.app_context_processor
def variables() -> dict[str, Any]:
    """Return the variables of the page's templates: suggestions, faults, and the service's install page."""
    sandbox = current_sandbox()
    service = urlsplit(sandbox.settings.events_url)
    return {
        "suggestions": SUGGESTIONS,
        "faults": FAULTS,
        "chosen_faults": {name: _chosen(plan) for name, plan in _plans(sandbox).items()},
        "models": MODELS,
        "failing_models": sandbox.sectorflow.failing_models(),
        "stage_actions": {
            name: each for name, each in STAGE_ACTIONS.items() if name in sandbox.stage_actions
        },
        "can_install": "install" in sandbox.stage_actions,
        "install_page": f"{service.scheme}://{service.netloc}/install",
        "sectorflow_token": TOKEN,
        "credentials": CREDENTIALS,
        "retry_seconds": RETRY_DELAYS[1] * sandbox.settings.retry_scale,
    }


@developer.post("/try/<channel_id>")
def try_out(channel_id: str) -> Response:
    """Ask a suggestion as the reader: ``suggestion``, and ``app``, the bot to mention unless in a DM."""
    sandbox = current_sandbox()
    channel = channel_of(sandbox.world, channel_id)
    suggestion = SUGGESTIONS.get(wanted_text("suggestion")) or abort(422)
    mention = wanted_text("app", "")
    if channel.kind != "im" and mention not in sandbox.world.users:
        abort(422)
    if suggestion.fails:
        fault = Fault("completions", containing=suggestion.text, model_id=GPT.id, model_fault="error")
        sandbox.sectorflow_faults.add(fault)
    text = suggestion.text if channel.kind == "im" else f"<@{mention}> {suggestion.text}"
    said = sandbox.world.ask(reader_of(sandbox.world, channel).id, channel.id, text)
    return json_response({"ts": said["ts"]}, 201)


@developer.post("/fault")
def choose_fault() -> Response:
    """Make a ``service`` fail by the fault of this ``name`` until another is chosen; "" for none."""
    service, name = wanted_text("service"), wanted_text("name")
    known, plan = FAULTS.get(service), _plans(current_sandbox()).get(service)
    if known is None or plan is None or (name and name not in known):
        abort(422)
    for each in known:
        plan.remove(_key(each))
    if name:
        plan.add(Fault(**{"target": "*", **known[name][1]}, times=None, name=_key(name)))
    return json_response({})


@developer.post("/model")
def fail_model() -> Response:
    """Make the model of ``model_id`` fail until another is chosen; "" for none."""
    wanted = read_json().get("model_id", "")
    if wanted and wanted not in {model.id for model in MODELS}:
        abort(422)
    for model in MODELS:
        behaviour = ModelBehaviour(fault="error") if model.id == wanted else ModelBehaviour()
        current_sandbox().sectorflow.set_behaviour(model.id, behaviour)
    return json_response({})


@developer.post("/stage")
def act_on_stage() -> Response:
    """Run an action of the process that also runs the service, by its ``name``."""
    action = current_sandbox().stage_actions.get(wanted_text("name")) or abort(422)
    action()
    return json_response({})


@developer.get("/traffic")
def traffic() -> Response:
    """Return the requests that changed after the version ``?since=``, rendered; waits for one."""
    since = request.args.get("since", 0, int)
    found = current_sandbox().world.traffic.since(since, _LONG_POLL_SECONDS)
    last = max((each.version for each in found), default=since)
    return json_response({"last": last, "requests": [_rendered(each) for each in found]})


def _rendered(exchange: Exchange) -> str:
    time = datetime.fromtimestamp(exchange.began).astimezone()
    name = _UUID.sub(lambda found: f"{found[0][:8]}…", exchange.name)
    route = _ROUTES[exchange.route]
    return render_template("channel/exchange.html", each=exchange, name=name, time=time, route=route)


def _plans(sandbox: Sandbox) -> Mapping[str, FaultPlan]:
    return {"slack": sandbox.slack_faults, "sectorflow": sandbox.sectorflow_faults}


def _chosen(plan: FaultPlan) -> str:
    """Return the name of the fault that was chosen on the page; "" if there is none."""
    names = [each.name.removeprefix("page:") for each in plan.pending() if each.name.startswith("page:")]
    return names[0] if names else ""


def _key(name: str) -> str:
    return f"page:{name}"
