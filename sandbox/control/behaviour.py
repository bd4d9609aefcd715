"""Control of the sandbox's behaviour: faults, settings, models, the age of tokens, reset."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response, jsonify

from sandbox.control.base import control, read_body, read_install
from sandbox.faults import Fault
from sandbox.sectorflow.models import ModelBehaviour
from sandbox.slack.codes import Codes
from sandbox.slack.config_tokens import ConfigTokens
from sandbox.slack.seed import TEAM_ID, seed
from sandbox.state import current_sandbox


@control.post("/faults")
def add_fault() -> Response:
    """Add a fault: ``service`` is ``slack`` or ``sectorflow``, the rest are the fields of a fault."""
    body = read_body()
    sandbox = current_sandbox()
    plans = {"slack": sandbox.slack_faults, "sectorflow": sandbox.sectorflow_faults}
    plans[body.pop("service")].add(Fault(**body))
    return jsonify(ok=True)


@control.get("/faults")
def pending_faults() -> Response:
    """Return the faults that no call has used up: ``slack`` and ``sectorflow``, each a list."""
    sandbox = current_sandbox()
    plans = {"slack": sandbox.slack_faults, "sectorflow": sandbox.sectorflow_faults}
    return jsonify({name: [asdict(fault) for fault in plan.pending()] for name, plan in plans.items()})


@control.delete("/faults")
def clear_faults() -> Response:
    """Remove every fault."""
    current_sandbox().slack_faults.clear()
    current_sandbox().sectorflow_faults.clear()
    return jsonify(ok=True)


@control.post("/release")
def release_calls() -> Response:
    """End the delays of the calls in progress, or only of the faults with this ``containing``."""
    containing = read_body().get("containing", "")
    current_sandbox().slack_faults.release(containing)
    current_sandbox().sectorflow_faults.release(containing)
    return jsonify(ok=True)


@control.post("/settings")
def change_settings() -> Response:
    """Change settings of the sandbox while it runs."""
    settings = current_sandbox().settings
    for name, value in read_body().items():
        if not hasattr(settings, name):
            raise KeyError(name)
        setattr(settings, name, value)
    return jsonify(asdict(settings))


@control.post("/model")
def change_model() -> Response:
    """Set the behaviour of one of SectorFlow's models.

    ``model_id``, and ``delay`` (seconds), ``fault`` (as a fault's ``model_fault``), ``status`` (answered
    if it is the only model asked); a field that is not given is reset.
    """
    body = read_body()
    current_sandbox().sectorflow.set_behaviour(body.pop("model_id"), ModelBehaviour(**body))
    return jsonify(ok=True)


@control.post("/age-tokens")
def age_tokens() -> Response:
    """Age the tokens of ``app_id``'s install in ``team_id``, which must rotate, by ``seconds``.

    ``"kind": "config"`` ages the app configuration tokens instead.
    """
    body = read_body()
    seconds = float(body["seconds"])
    if body.get("kind") == "config":
        current_sandbox().config_tokens.age(seconds)
    else:
        current_sandbox().world.installs.age(read_install(body), seconds)
    return jsonify(ok=True)


@control.post("/reset")
def reset() -> Response:
    """Reset the sandbox to the seeded world, without faults or requests."""
    sandbox = current_sandbox()
    sandbox.world.clear()
    seed(sandbox.world, sandbox.settings.events_url)
    sandbox.slack_faults.clear()
    sandbox.sectorflow_faults.clear()
    sandbox.sectorflow.clear()
    sandbox.limits.clear()
    sandbox.codes = Codes(sandbox.world.clock)
    sandbox.config_tokens = ConfigTokens(TEAM_ID, sandbox.world.clock)
    return jsonify(ok=True)
