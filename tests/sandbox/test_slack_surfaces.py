"""The apps' surfaces besides messages: statuses, agent sessions, suggested prompts, Home tabs."""

import pytest

from sandbox.slack.seed import GENERAL_ID, MAYA_ID
from tests.sandbox.helpers import DIVIDER, Box, Json, error_of, markdown, refusal

HOME = {"type": "home", "blocks": [DIVIDER]}
PROMPT = {"title": "A joke", "message": "Tell me a joke"}
STATUS, PROMPTS = "assistant.threads.setStatus", "assistant.threads.setSuggestedPrompts"


@pytest.fixture
def direct(box) -> str:
    return box.world.open_dm(MAYA_ID, box.install.bot_user_id).id


@pytest.fixture
def thread(box) -> Json:
    return {"channel_id": GENERAL_ID, "thread_ts": box.mention()["ts"]}


def test_a_status_lasts_until_the_app_answers_or_ends_it_or_two_minutes_have_passed(box, thread):
    ts = thread["thread_ts"]
    seen = []

    def look():
        seen.append(box.report("status", channel=GENERAL_ID, thread_ts=ts)["status"])

    def show(text="is thinking…"):
        box.slack.api_call(STATUS, json={**thread, "status": text, "loading_messages": ["Reading…"]})
        look()

    show()
    box.slack.chat_postEphemeral(channel=GENERAL_ID, user=MAYA_ID, thread_ts=ts, text="psst")
    look()
    box.post(thread_ts=ts)
    look()
    for text in ("is thinking…", "", "is thinking…"):
        show(text)
    box.pass_time(120)
    look()

    assert [each is not None for each in seen] == [True, True, False, True, False, True, False]
    assert (seen[0]["text"], seen[0]["loading_messages"]) == ("is thinking…", ["Reading…"])


def test_ten_loading_messages_are_accepted(box, thread):
    assert box.slack.api_call(STATUS, json={**thread, "status": "x", "loading_messages": ["x"] * 10})["ok"]


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        *[(STATUS, {"loading_messages": loading}) for loading in (["x"] * 11, [""], [7], "x")],
        *[(PROMPTS, {"prompts": prompts}) for prompts in ([], [PROMPT] * 5, [{"title": "x"}], "x")],
        *[(PROMPTS, {"prompts": [{**PROMPT, **each}]}) for each in ({"icon": "x"}, {"title": ""})],
    ],
)
def test_an_invalid_argument_is_refused(box, direct, thread, method, wrong):
    place = thread if method == STATUS else {"channel_id": direct}

    assert error_of(box.slack.api_call, method, json={**place, "status": "x", **wrong}) == "invalid_arguments"


def session(box: Box, thread: Json, status: str, **rest: str) -> Json:
    return dict(box.slack.agents_sessions_setStatus(**thread, status=status, **rest).data)


def test_a_session_is_created_by_its_first_status_and_ends_processing_after_an_hour(box, thread):
    seen = []
    for status, title in (("processing", "A joke"), ("active", "Another"), ("processing", "")):
        session(box, thread, status, title=title)
        seen += box.report("sessions", channel=GENERAL_ID, thread_ts=thread["thread_ts"])["sessions"]
    box.post(thread_ts=thread["thread_ts"])
    for seconds in (3_599, 101):
        box.pass_time(seconds)
        seen += box.report("sessions", channel=GENERAL_ID)["sessions"]

    expected = ["processing", "active", "processing", "processing", "active"]
    assert [each["status"] for each in seen] == expected
    assert {each["title"] for each in seen} == {"A joke"}


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"status": "thinking"}, "invalid_arguments"),
        ({"title": "x" * 201}, "invalid_arguments"),
        ({"initiator_user_id": "U404"}, "invalid_arguments"),
        ({"thread_ts": ""}, "invalid_arguments"),
        ({"thread_ts": "1700000000.000100"}, "thread_not_found"),
        ({"channel_id": "C404"}, "channel_not_found"),
        ({"username": "Ada"}, "missing_scope"),
    ],
)
def test_an_invalid_status_of_a_session_is_refused(box, thread, wrong, error):
    box.install.scopes = ("chat:write",)
    body = {**thread, "status": "active", "title": "x" * 200}

    accepted = box.slack.api_call("agents.sessions.setStatus", json=body)

    assert accepted["agent_status"] == "active"
    assert error_of(box.slack.api_call, "agents.sessions.setStatus", json={**body, **wrong}) == error


def test_only_agents_have_sessions_and_only_subscribed_ones_can_be_stopped(box, thread):
    stoppable = session(box, thread, "processing")
    box.app.bot_events = ()
    warned = session(box, thread, "processing")
    box.app.manifest = {"features": {"bot_user": {"display_name": "x"}}}

    assert "warning" not in stoppable
    assert warned["warning"] == "missing_agent_session_stopped_event_subscription"
    assert error_of(session, box, thread, "processing") == "not_agent_app"


def test_stop_sends_an_event_and_leaves_the_status_to_the_agent(box, thread):
    stop = {"user": MAYA_ID, "channel": GENERAL_ID, "thread_ts": thread["thread_ts"]}
    box.service.wait_for(1)
    too_early = box.refuses("stop", **stop)
    session(box, thread, "processing")

    box.control("stop", **stop)

    event = box.service.events(2)[1]["event"]
    (still,) = box.report("sessions", channel=GENERAL_ID)["sessions"]
    session(box, thread, "active")
    assert event.pop("event_ts")
    assert event == {"type": "agent_session_stopped", **stop, "streaming_message_ts": []}
    assert (too_early, still["status"]) == (True, "processing")
    assert box.refuses("stop", **stop)


def test_one_to_four_prompts_are_suggested_in_the_apps_dm_with_their_scope(box, direct):
    body = {"channel_id": direct, "prompts": [PROMPT] * 4, "title": "Try"}

    box.slack.api_call(PROMPTS, json=body)
    elsewhere = error_of(box.slack.api_call, PROMPTS, json={**body, "channel_id": GENERAL_ID})
    box.install.scopes = ("chat:write",)
    unscoped = error_of(box.slack.api_call, PROMPTS, json=body)

    shown = box.report("prompts", channel=direct)["prompts"]
    assert (shown["title"], shown["prompts"]) == ("Try", [PROMPT] * 4)
    assert (elsewhere, unscoped) == ("channel_not_found", "missing_scope")


def test_an_app_without_a_tab_shows_none(box, direct):
    tabs = {"home_tab_enabled": False, "messages_tab_enabled": True, "messages_tab_read_only_enabled": True}
    box.app.manifest = {"features": {"app_home": tabs}}

    assert error_of(box.slack.views_publish, user_id=MAYA_ID, view=HOME) == "not_enabled"
    assert box.refuses("open-home", user=MAYA_ID, tab="home")
    with pytest.raises(LookupError):
        box.world.ask(MAYA_ID, direct, "hello")


def test_a_home_tab_accepts_no_markdown(box):
    faulty = {"type": "home", "blocks": [markdown("x")]}

    refused = refusal(box.slack.views_publish, user_id=MAYA_ID, view=faulty)
    box.slack.views_publish(user_id=MAYA_ID, view=HOME)

    assert refused["error"] == "invalid_arguments"
    assert "[json-pointer:/view/blocks/0/type]" in refused["response_metadata"]["messages"][0]
    assert box.report("home", app_id=box.app.app_id, user=MAYA_ID)["view"]["blocks"] == HOME["blocks"]
