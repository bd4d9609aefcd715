"""Slack's Web API under ``/api/``: authentication, scopes, rate limits and Slack's own errors."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from sandbox.faults import Fault, cut_in_the_middle, drop_connection, wait
from sandbox.slack import chat_methods, oauth_methods, other_methods, session_methods, surface_methods
from sandbox.slack.calls import Answer, Call, Method, SlackError, read_arguments, read_token
from sandbox.slack.records import Install
from sandbox.state import Sandbox, current_sandbox

web_api = Blueprint("web_api", __name__)

METHODS: dict[str, Method] = {
    **chat_methods.METHODS,
    **oauth_methods.METHODS,
    **other_methods.METHODS,
    **session_methods.METHODS,
    **surface_methods.METHODS,
}


@web_api.route("/api/<method>", methods=["GET", "POST"])
def call(method: str) -> Response:
    """Answer a call, or with an injected fault."""
    sandbox = current_sandbox()
    fault = sandbox.slack_faults.use(method, request.get_data())
    wait(fault)
    if fault is not None and fault.answers_itself:
        return _answer_of(fault)
    response = _called(sandbox, method)
    if fault is not None and fault.drop == "after":
        return drop_connection()
    return cut_in_the_middle(response) if fault is not None and fault.drop == "middle" else response


def _called(sandbox: Sandbox, name: str) -> Response:
    """Run a method and return its answer: HTTP 200 also for errors, except 429."""
    try:
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        arguments = read_arguments(method)
        token = read_token(arguments)
        call_ = Call(sandbox, name, arguments, token, _authenticate(sandbox, method, token))
        _limit(call_)
        _check_scopes(call_, method)
        return _respond({"ok": True, **method.run(call_)}, call_.bot)
    except SlackError as refusal:
        return _refuse(refusal)


def _authenticate(sandbox: Sandbox, method: Method, token: str | None) -> Install | None:
    if not method.needs_bot:
        return None
    if not token:
        raise SlackError("not_authed")
    found = sandbox.world.installs.authenticate(token)
    if isinstance(found, str):
        raise SlackError(found)
    return found


def _limit(call_: Call) -> None:
    if not call_.sandbox.settings.rate_limits:
        return
    caller = f"{call_.bot.app_id}:{call_.bot.tenant_id}" if call_.bot else call_.token or ""
    channel = call_.arguments.get("channel")
    seconds = call_.sandbox.limits.wait_for(
        call_.method, caller, channel if isinstance(channel, str) else None
    )
    if seconds:
        raise SlackError("ratelimited", retry_after=seconds)


def _check_scopes(call_: Call, method: Method) -> None:
    if not method.scopes or set(method.scopes) & set(call_.install.scopes):
        return
    raise SlackError("missing_scope", needed=method.scopes[0], provided=",".join(call_.install.scopes))


def _respond(answer: Answer, install: Install | None) -> Response:
    response = jsonify(answer)
    if install is not None:
        response.headers["x-oauth-scopes"] = ",".join(install.scopes)
    return response


def _refuse(refusal: SlackError) -> Response:
    details = dict(refusal.details)
    seconds = details.pop("retry_after", None)
    response = jsonify({"ok": False, "error": refusal.error, **details})
    if seconds is not None:
        response.status_code = 429
        response.headers["Retry-After"] = str(seconds)
    return response


def _answer_of(fault: Fault) -> Response:
    """Return the answer of a fault that replaces the call."""
    if fault.drop == "before":
        return drop_connection()
    if fault.body is not None:
        return Response(fault.body, fault.status or 200, content_type=fault.content_type)
    is_limit = fault.retry_after is not None or fault.status == 429
    response = jsonify({"ok": False, "error": fault.error or ("ratelimited" if is_limit else "fatal_error")})
    response.status_code = fault.status or (429 if is_limit else 200)
    if is_limit:
        response.headers["Retry-After"] = str(fault.retry_after or 1)
    return response
