"""SectorFlow's REST API under ``/sectorflow/api/v1``: the calls that its guide documents."""

from __future__ import annotations

import time
import uuid
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.faults import Fault, cut_in_the_middle, drop_connection, wait
from sandbox.sectorflow.models import SAMPLE_PROMPTS, TOKEN, ModelBehaviour
from sandbox.sectorflow.service import BadRequestError, Json, is_uuid
from sandbox.state import current_sandbox

sectorflow = Blueprint("sectorflow", __name__, url_prefix="/sectorflow/api/v1")


@sectorflow.before_request
def check_token() -> Response | None:
    """Refuse a wrong token (the guide: 403)."""
    if request.headers.get("Authorization") == f"Bearer {TOKEN}":
        return None
    return _error(403, "Unauthorized")


@sectorflow.errorhandler(BadRequestError)
def refuse(error: BadRequestError) -> Response:
    """Return 400 for an invalid body."""
    return _error(400, str(error))


@sectorflow.get("/models")
@sectorflow.get("/models/all")
def models() -> Response:
    """List the models, as a bare array; with ``includeSystem=true`` SectorFlow's own too."""
    fault = _fault("models")
    if fault is not None:
        return _answer_of(fault)
    return jsonify(current_sandbox().sectorflow.models(include_system=_is_true("includeSystem", "false")))


@sectorflow.get("/models/<model_id>")
def model(model_id: str) -> Response:
    """Return a model."""
    fault = _fault("models")
    if fault is not None:
        return _answer_of(fault)
    listed = current_sandbox().sectorflow.models(include_system=True)
    found = next((each for each in listed if each["id"] == model_id.lower()), None)
    return _error(404, "Model not found") if found is None else jsonify(found)


@sectorflow.get("/workspaces")
def workspaces() -> Response:
    """List the workspaces, as a bare array."""
    fault = _fault("workspaces")
    return _answer_of(fault) if fault is not None else jsonify(current_sandbox().sectorflow.workspaces())


@sectorflow.post("/workspaces")
def create_workspace() -> Response:
    """Create a workspace."""
    return jsonify(current_sandbox().sectorflow.save_workspace(str(uuid.uuid4()), _body()))


@sectorflow.get("/workspaces/<workspace_id>")
def workspace(workspace_id: str) -> Response:
    """Return a workspace."""
    fault = _fault("workspaces")
    if fault is not None:
        return _answer_of(fault)
    found = current_sandbox().sectorflow.workspace(workspace_id)
    return _error(404, "Workspace not found") if found is None else jsonify(found)


@sectorflow.post("/workspaces/<workspace_id>")
def save_workspace(workspace_id: str) -> Response:
    """Change a workspace, or create one with that id."""
    if not is_uuid(workspace_id):
        return _error(400, "the id must be a UUID")
    return jsonify(current_sandbox().sectorflow.save_workspace(workspace_id.lower(), _body()))


@sectorflow.get("/plus")
def experts() -> Response:
    """List the experts, as a bare array; with ``showPublic=false`` only the team's own."""
    fault = _fault("plus")
    if fault is not None:
        return _answer_of(fault)
    return jsonify(current_sandbox().sectorflow.experts(show_public=_is_true("showPublic", "true")))


@sectorflow.get("/plus/<plus_id>")
def expert(plus_id: str) -> Response:
    """Return an expert."""
    fault = _fault("plus")
    if fault is not None:
        return _answer_of(fault)
    found = current_sandbox().sectorflow.expert(plus_id)
    return _error(404, "Plus not found") if found is None else jsonify(found)


@sectorflow.get("/chat/<workspace_id>/sample-prompts")
def sample_prompts(workspace_id: str) -> Response:
    """Return at most ``limit`` sample prompts; the shape is a guess, as it is not documented."""
    fault = _fault("sample-prompts")
    if fault is not None:
        return _answer_of(fault)
    if current_sandbox().sectorflow.workspace(workspace_id) is None:
        return _error(404, "Workspace not found")
    limit = request.args.get("limit", 6, int)
    return jsonify([{"id": at, "prompt": each} for at, each in enumerate(SAMPLE_PROMPTS[:limit], 1)])


@sectorflow.post("/chat/<workspace_id>/completions")
def complete(workspace_id: str) -> Response:
    """Answer a question, or with an injected fault."""
    sandbox = current_sandbox()
    body = request.get_json(silent=True)
    sandbox.sectorflow.see(workspace_id, body)
    fault = sandbox.sectorflow_faults.use("completions", request.get_data())
    wait(fault)
    if fault is not None and fault.answers_itself:
        return _answer_of(fault)
    latency, behaviours = sandbox.settings.sectorflow_latency, sandbox.sectorflow.behaviours(body)
    time.sleep(latency + max((each.delay for each in behaviours.values()), default=0.0))
    alone = next(iter(behaviours.values())) if len(behaviours) == 1 else ModelBehaviour()
    if alone.status is not None:
        return _error(alone.status, "The model is away")
    if sandbox.sectorflow.workspace(workspace_id) is None:
        return _error(404, "Workspace not found")
    reply = sandbox.sectorflow.complete(workspace_id.lower(), body, latency)
    for model_id, behaviour in behaviours.items():
        if behaviour.fault is not None:
            reply = apply_model_fault(reply, Fault(model_id=model_id, model_fault=behaviour.fault))
    if fault is None:
        return jsonify(reply)
    response = jsonify(apply_model_fault(reply, fault))
    if fault.drop == "after":
        return drop_connection()
    return cut_in_the_middle(response) if fault.drop == "middle" else response


def apply_model_fault(reply: Json, fault: Fault) -> Json:
    """Apply a fault to a reply, for one model or (without ``model_id``) for all."""
    kept = []
    for choice in reply["choices"]:
        if fault.model_id not in (None, choice["modelId"]):
            kept.append(choice)
        elif fault.model_fault != "missing":
            kept.append(_faulty_choice(choice, fault))
    return {**reply, "choices": kept}


def _faulty_choice(choice: Json, fault: Fault) -> Json:
    if fault.model_fault == "null_choices" or choice["choices"] is None:
        return {**choice, "choices": None}
    inner = {**choice["choices"][0]}
    text = inner["message"]["content"]
    contents = {"error": "The model did not answer.", "null": None, "empty": ""}
    content = contents.get(fault.model_fault or "", text)
    if fault.answer_length is not None:
        content = (text * (fault.answer_length // len(text) + 1))[: fault.answer_length]
    inner["message"] = {**inner["message"], "content": content}
    if fault.model_fault == "error":
        inner["finishReason"] = "error"
    return {**choice, "choices": [inner]}


def _fault(target: str) -> Fault | None:
    """Wait for the fault of a call other than a completion; return it if it replaces the call."""
    fault = current_sandbox().sectorflow_faults.use(target)
    wait(fault)
    return fault if fault is not None and fault.answers_itself else None


def _answer_of(fault: Fault) -> Response:
    if fault.drop == "before":
        return drop_connection()
    status = fault.status or (429 if fault.retry_after is not None else 500)
    if fault.body is not None:
        response = Response(fault.body, fault.status or 200, content_type=fault.content_type)
    else:
        response = _error(status, fault.error or "Internal Server Error")
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    return response


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadRequestError("the body must be an object")
    return body


def _error(status: int, message: str) -> Response:
    response = jsonify({"status": status, "error": message, "path": request.path})
    response.status_code = status
    return response


def _is_true(name: str, default: str) -> bool:
    return request.args.get(name, default).lower() == "true"
