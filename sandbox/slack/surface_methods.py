"""views.* and assistant.threads.* (docs.slack.dev, methods)."""

from __future__ import annotations

from typing import Any

from sandbox.slack.block_ids import with_ids
from sandbox.slack.blocks import check_home
from sandbox.slack.calls import Answer, Call, Method, SlackError, missing
from sandbox.slack.channel_arguments import find_channel, find_parent
from sandbox.slack.modals import check_modal
from sandbox.slack.records import Channel
from sandbox.slack.rules import Fault

MAX_LOADING_MESSAGES = 10
MAX_PROMPTS = 4


def open_view(call: Call) -> Answer:
    """Open a modal for the user of a trigger: once, within three seconds.

    An invalid view does not use up the trigger.
    """
    trigger_id, view = call.text("trigger_id"), call.value("view")
    if not isinstance(view, dict):
        missing("view")
    refuse_view(check_modal(view))
    trigger = call.world.surfaces.use_trigger(trigger_id, call.app.app_id)
    if isinstance(trigger, str):
        raise SlackError(trigger)
    kept = {**view, "blocks": with_ids(view["blocks"])}
    team_id = call.world.users[trigger.user_id].team_id
    home = {
        "team_id": team_id,
        "app_installed_team_id": call.install.tenant_id,
        "bot_id": call.install.bot_id,
    }
    return {"view": call.world.surfaces.open_modal(trigger, {**kept, **home})}


def update_view(call: Call) -> Answer:
    """Show another view in a modal of the app that is open; ``not_found`` for any other."""
    view_id, view = call.text("view_id"), call.value("view")
    if not isinstance(view, dict):
        missing("view")
    refuse_view(check_modal(view))
    modal = call.world.surfaces.modals.get(view_id)
    if modal is None or modal.app_id != call.app.app_id:
        raise SlackError("not_found")
    fresh = {"callback_id": "", "private_metadata": "", **view, "blocks": with_ids(view["blocks"])}
    with call.world.lock:
        kept = {name: each for name, each in modal.view.items() if name not in ("submit", "close")}
        modal.view = {**kept, **fresh}
        call.world.touch()
    return {"view": modal.view}


def publish_view(call: Call) -> Answer:
    """Publish a user's Home tab of the app; ``not_enabled`` if the app has none."""
    user_id, view = call.text("user_id"), call.value("view")
    if user_id not in call.world.users:
        raise SlackError("invalid_arguments")
    if not call.app.shows("home"):
        raise SlackError("not_enabled")
    if not isinstance(view, dict) or view.get("type") != "home":
        missing("view")
    refuse_view([{**each, "pointer": f"/blocks{each['pointer']}"} for each in check_home(view.get("blocks"))])
    with call.world.lock:
        kept = {"id": "V0000000001", "team_id": call.install.team_id, **view}
        call.world.surfaces.home_views[call.app.app_id, user_id] = kept
        call.world.touch()
    return {"view": kept}


def refuse_view(faults: list[Fault]) -> None:
    """Raise ``invalid_arguments`` for a view that has faults."""
    if faults:
        errors = [f"[ERROR] {each['message']} [json-pointer:/view{each['pointer']}]" for each in faults]
        raise SlackError("invalid_arguments", response_metadata={"messages": errors})


def set_status(call: Call) -> Answer:
    """Show the app's status in a thread until it answers, clears it, or two minutes have passed."""
    channel = find_channel(call, call.text("channel_id"))
    thread_ts = find_parent(call, channel, "thread_ts") or ""
    if not thread_ts:
        missing("thread_ts")
    if "status" not in call.arguments:
        missing("status")
    loading = call.value("loading_messages") or []
    if not _are_texts(loading) or len(loading) > MAX_LOADING_MESSAGES:
        raise SlackError("invalid_arguments")
    call.world.surfaces.set_status(
        channel.id,
        thread_ts,
        call.optional_text("status"),
        by=call.install.bot_user_id,
        loading=tuple(loading),
    )
    return {}


def set_suggested_prompts(call: Call) -> Answer:
    """Set one to four suggested prompts in the app's own DM, each with a title and a message."""
    channel = _own_dm(call, call.text("channel_id"))
    find_parent(call, channel)
    prompts = call.value("prompts")
    if not isinstance(prompts, list) or not prompts:
        missing("prompts")
    if len(prompts) > MAX_PROMPTS:
        refuse_argument(f"no more than {MAX_PROMPTS} items allowed [json-pointer:/prompts]")
    for index, prompt in enumerate(prompts):
        if not isinstance(prompt, dict) or prompt.keys() != {"title", "message"}:
            refuse_argument(f"must have a title and a message [json-pointer:/prompts/{index}]")
        if not _are_texts(list(prompt.values())):
            refuse_argument(f"must be strings [json-pointer:/prompts/{index}]")
    call.world.surfaces.set_prompts(channel.id, tuple(prompts), call.optional_text("title"))
    return {}


def refuse_argument(message: str) -> None:
    """Raise Slack's error for an invalid argument."""
    raise SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}"]})


def _own_dm(call: Call, channel_id: str) -> Channel:
    """Return a DM of the app; ``channel_not_found`` for any other channel."""
    channel = call.world.channels.get(channel_id)
    if channel is None or channel.kind != "im" or call.install.bot_user_id not in channel.members:
        raise SlackError("channel_not_found")
    return channel


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(each, str) and each.strip() for each in values)


METHODS = {
    "views.open": Method(open_view),
    "views.publish": Method(publish_view),
    "views.update": Method(update_view),
    "assistant.threads.setStatus": Method(set_status, ("chat:write", "assistant:write")),
    "assistant.threads.setSuggestedPrompts": Method(set_suggested_prompts, ("assistant:write",)),
}
