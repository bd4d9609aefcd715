"""agents.sessions.* (docs.slack.dev, methods)."""

from __future__ import annotations

from sandbox.slack.calls import Answer, Call, Method, SlackError
from sandbox.slack.channel_arguments import find_channel, find_parent
from sandbox.slack.sessions import STATUSES, Session

MAX_TITLE = 200
STOPPED = "agent_session_stopped"
_WARNING = "missing_agent_session_stopped_event_subscription"


def set_status(call: Call) -> Answer:
    """Set the status of the agent's session in a thread; create the session if there is none."""
    if not call.app.is_agent:
        raise SlackError("not_agent_app")
    channel = find_channel(call, call.text("channel_id"))
    call.text("thread_ts")
    thread_ts = find_parent(call, channel) or ""
    status, title = call.text("status"), call.optional_text("title")
    initiator = call.optional_text("initiator_user_id")
    if status not in STATUSES:
        refuse(f"must be one of {', '.join(STATUSES)} [json-pointer:/status]")
    if len(title) > MAX_TITLE:
        refuse(f"must be less than {MAX_TITLE + 1} characters [json-pointer:/title]")
    if initiator and initiator not in channel.members:
        refuse("must be a member of the channel [json-pointer:/initiator_user_id]")
    session = Session(
        call.app.app_id,
        channel.id,
        thread_ts,
        call.install.bot_user_id,
        status,
        title=title,
        initiator_user_id=initiator,
        username=_name(call),
        can_stop=STOPPED in call.app.bot_events,
    )
    session = call.world.sessions.set_status(session)
    shown = {"status": status, "agent_status": status, "title": session.title}
    if session.can_stop:
        return shown
    return {**shown, "warning": _WARNING, "response_metadata": {"warnings": [_WARNING]}}


def refuse(message: str) -> None:
    """Raise Slack's error for an invalid argument."""
    raise SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}"]})


def _name(call: Call) -> str:
    """Return the agent's custom name; it needs ``chat:write.customize``, as an icon does."""
    scope = "chat:write.customize"
    custom = [name for name in ("username", "icon_url", "icon_emoji") if call.arguments.get(name)]
    if custom and scope not in call.install.scopes:
        raise SlackError("missing_scope", needed=scope, provided=",".join(call.install.scopes))
    return call.optional_text("username")


METHODS = {"agents.sessions.setStatus": Method(set_status, ("chat:write",))}
