"""views.* and assistant.threads.* (docs.slack.dev, methods)."""

from __future__ import annotations

from typing import Any

from sandbox.slack.blocks import check_home
from sandbox.slack.calls import Answer, Call, Method, Refusal, missing
from sandbox.slack.filling import with_ids
from sandbox.slack.modals import check_modal
from sandbox.slack.places import find_channel, find_parent
from sandbox.slack.records import Channel
from sandbox.slack.rules import Fault

MAX_LOADING_MESSAGES = 10
MAX_PROMPTS = 4


def open_view(call: Call) -> Answer:
    """Open a modal for who pressed, with the press's trigger: once, within three seconds.

    A faulty view does not use the trigger up.
    """
    trigger_id, view = call.text("trigger_id"), call.value("view")
    if not isinstance(view, dict):
        missing("view")
    refuse_view(check_modal(view))
    trigger = call.world.surfaces.use_trigger(trigger_id, call.app.app_id)
    if isinstance(trigger, str):
        raise Refusal(trigger)
    kept = {**view, "blocks": with_ids(view["blocks"])}
    team_id = call.world.users[trigger.user_id].team_id
    home = {
        "team_id": team_id,
        "app_installed_team_id": call.install.tenant_id,
        "bot_id": call.install.bot_id,
    }
    return {"view": call.world.surfaces.open_modal(trigger, {**kept, **home})}


def publish_view(call: Call) -> Answer:
    """Put blocks on a person's Home tab of the app; ``not_enabled`` where the app has none."""
    user_id, view = call.text("user_id"), call.value("view")
    if user_id not in call.world.users:
        raise Refusal("invalid_arguments")
    if not call.app.shows("home"):
        raise Refusal("not_enabled")
    if not isinstance(view, dict) or view.get("type") != "home":
        missing("view")
    refuse_view([{**each, "pointer": f"/blocks{each['pointer']}"} for each in check_home(view.get("blocks"))])
    with call.world.lock:
        call.world.surfaces.home_views[call.app.app_id, user_id] = view
        call.world.touch()
    return {"view": {"id": "V0000000001", "team_id": call.install.team_id, **view}}


def refuse_view(faults: list[Fault]) -> None:
    """Refuse a view that has faults, as ``invalid_arguments``; nothing happens without faults."""
    if faults:
        errors = [f"[ERROR] {each['message']} [json-pointer:/view{each['pointer']}]" for each in faults]
        raise Refusal("invalid_arguments", response_metadata={"messages": errors})


def set_status(call: Call) -> Answer:
    """Show that the app is at work in a thread, until it answers, ends it or two minutes are over."""
    channel = find_channel(call, call.text("channel_id"))
    thread_ts = find_parent(call, channel, "thread_ts") or ""
    if not thread_ts:
        missing("thread_ts")
    if "status" not in call.arguments:
        missing("status")
    loading = call.value("loading_messages") or []
    if not _are_texts(loading) or len(loading) > MAX_LOADING_MESSAGES:
        raise Refusal("invalid_arguments")
    call.world.surfaces.set_status(
        channel.id,
        thread_ts,
        call.optional_text("status"),
        by=call.install.bot_user_id,
        loading=tuple(loading),
    )
    return {}


def set_suggested_prompts(call: Call) -> Answer:
    """Offer one to four questions in the app's own DM, each with a title and the message it stands for."""
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
    """Refuse a call for an argument, in Slack's words."""
    raise Refusal("invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}"]})


def _own_dm(call: Call, channel_id: str) -> Channel:
    """Give a DM of the app; any other channel is ``channel_not_found`` (an agent's threads are in DMs)."""
    channel = call.world.channels.get(channel_id)
    if channel is None or channel.kind != "im" or call.install.bot_user_id not in channel.members:
        raise Refusal("channel_not_found")
    return channel


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(each, str) and each.strip() for each in values)


METHODS = {
    "views.open": Method(open_view),
    "views.publish": Method(publish_view),
    "assistant.threads.setStatus": Method(set_status, ("chat:write", "assistant:write")),
    "assistant.threads.setSuggestedPrompts": Method(set_suggested_prompts, ("assistant:write",)),
}
