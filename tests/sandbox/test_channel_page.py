"""The channel page of one user: what its script gets, what only this user sees, and the user's actions."""

import json
import threading

import pytest
import requests

from sandbox.channel.composing import as_sent
from sandbox.slack.seed import ARCHIVED_ID, CUSTOMER_APP_ID, GENERAL_ID, GROUP_DM_ID, MAYA_ID, TEAM_ID, TOM_ID
from tests.sandbox.helpers import Box, Json, actions, block, button, markdown, modal, mrkdwn

BLOCKS = [actions(button(action_id="tab"))]


def get(box: Box, path: str, **query: str) -> requests.Response:
    return requests.get(f"{box.url}{path}", params=query)


def news(box: Box, channel: str = GENERAL_ID, person: str = MAYA_ID, **query: str) -> Json:
    read: Json = get(box, f"/channel/api/{channel}", **{"as": person, **query}).json()
    return read


def html(box: Box, *place: str, **query: str) -> str:
    return "".join(entry["html"] for entry in news(box, *place, **query)["entries"])


def act(box: Box, action: str, person: str = MAYA_ID, **body: object) -> requests.Response:
    return requests.post(f"{box.url}/channel/api/{GENERAL_ID}/{action}", json=body, params={"as": person})


def test_the_page_is_marked_as_not_slack_and_loads_only_its_own_scripts(box):
    page = get(box, "/")

    policy = page.headers["Content-Security-Policy"]
    assert page.url.endswith(f"/channel/{GENERAL_ID}")
    assert "Sandbox, not Slack" in page.text
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "style=" not in page.text
    assert "http" not in page.text.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("@Acme Helper @Acme hi", "<@U2> <@U1> hi"),
        ("me@acme.example @acmes", "me@acme.example @acmes"),
        ("@HERE <!channel>", "<!here> &lt;!channel&gt;"),
        ("<https://a.example>", "&lt;<https://a.example>&gt;"),
        ("see https://a.example/?a=1&b=@Acme.", "see <https://a.example/?a=1&amp;b=@Acme>."),
    ],
)
def test_typed_text_is_sent_as_slack_sends_it(text, sent):
    assert as_sent(text, {"Acme": "U1", "Acme Helper": "U2"}) == sent


def test_a_reply_goes_into_its_thread_and_is_counted_below_the_first_message(box):
    question = box.world.ask(MAYA_ID, GENERAL_ID, "Hello", files=("notes <1>.pdf",))["ts"]
    box.post(thread_ts=question, username="Acme AI", blocks=[markdown("A **joke**.")])
    act(box, "say", text="Thanks", thread=question)

    got = news(box, thread=question)

    entries = {entry["key"]: entry["html"] for entry in got["entries"]}
    assert "2 replies" in " ".join(entries[question].split())
    assert "notes &lt;1&gt;.pdf" in entries[question]
    assert "Thanks" not in "".join(entries.values())
    assert [entry["key"] for entry in got["replies"]][:2] == [question, "count"]
    assert "A <strong>joke</strong>." in got["replies"][2]["html"]
    assert '<b>Acme AI</b> <span class="badge">APP<' in got["replies"][2]["html"]


def test_news_waits_for_a_change_and_has_the_apps_statuses_in_the_thread(box):
    ts, app = box.mention()["ts"], box.app.app_id
    for set_status, status in (
        (box.slack.agents_sessions_setStatus, "processing"),
        (box.slack.assistant_threads_setStatus, "is thinking…"),
    ):
        set_status(channel_id=GENERAL_ID, thread_ts=ts, status=status)
    since = box.world.version
    threading.Timer(0.01, box.world.touch).start()

    got = news(box, since=str(since), thread=ts)
    stopped = [act(box, "stop", TOM_ID, app=each, thread=ts).status_code for each in (app, "A404")]

    assert got["version"] > since
    assert got["status"] == "SectorFlow is thinking…"
    assert "SectorFlow: Working…" in got["working"]
    assert f'data-stop="{app}" data-in="{ts}"' in got["working"]
    assert stopped == [202, 404]
    assert box.service.events(2)[1]["event"]["user"] == TOM_ID


def test_news_comes_when_a_status_ends(box):
    ts = box.mention()["ts"]
    box.slack.assistant_threads_setStatus(channel_id=GENERAL_ID, thread_ts=ts, status="is thinking…")
    ends_at = box.report("status", channel=GENERAL_ID, thread_ts=ts)["status"]["ends_at"]
    box.pass_time(ends_at - box.world.clock() - 0.2)

    got = news(box, since=str(box.world.version), thread=ts)

    assert (got["version"], got["status"]) == (box.world.version, "")


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("say", {"text": "  "}, 422),
        ("say", {"text": 7}, 422),
        ("say", {"text": "x" * 40_001}, 422),
        ("say", {"text": "Hi", "thread": "1.2"}, 422),
        ("say", {"text": "Hi", "files": [7]}, 422),
        ("say", {"text": "Hi", "table": [["a", "b"], ["c"]]}, 422),
        ("say", {"text": "Hi", "table": [["a"]] * 101}, 422),
        ("say", {"text": "/invite @Unknown"}, 422),
        ("edit", {"ts": "1.2", "text": "Hi"}, 404),
        ("delete", {"ts": "1.2"}, 404),
        ("forward", {"ts": "1.2", "to": GENERAL_ID}, 404),
        ("forward", {"ts": "1.2", "to": ARCHIVED_ID}, 422),
        ("invite", {"user": TOM_ID}, 422),
        ("invite", {"user": "U404"}, 422),
        ("press", {"ts": "1.2", "block_id": "b", "action_id": "a"}, 404),
    ],
)
def test_an_invalid_action_is_refused(box, action, body, status):
    assert act(box, action, **body).status_code == status


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"try/{GENERAL_ID}", {"suggestion": "unknown", "app": MAYA_ID}),
        (f"try/{GENERAL_ID}", {"suggestion": "joke", "app": "U404"}),
        ("fault", {"service": "slack", "name": "unknown"}),
        ("fault", {"service": "unknown", "name": ""}),
        ("model", {"model_id": "unknown"}),
        ("stage", {"name": "kill-worker"}),
    ],
)
def test_developer_tools_refuse_unknown_names_and_forms_of_other_sites(box, path, body):
    url = f"{box.url}/developer/{path}"

    assert requests.post(url, json=body).status_code == 422
    assert requests.post(url, data=body).status_code == 415


def test_only_the_author_edits_and_deletes_a_message(box):
    ts = box.world.ask(MAYA_ID, GENERAL_ID, f"<@{box.install.bot_user_id}> a &lt; b <https://a.example>")[
        "ts"
    ]
    typed = 'data-typed="@SectorFlow a &lt; b https://a.example"'

    mayas, toms = (html(box, GENERAL_ID, person) for person in (MAYA_ID, TOM_ID))
    refused = [act(box, action, TOM_ID, ts=ts, text="Hi").status_code for action in ("edit", "delete")]
    edited = act(box, "edit", ts=ts, text="@SectorFlow c").status_code

    assert [typed in mayas, "data-edit" in toms, "data-delete" in toms] == [True, False, False]
    assert (refused, edited) == ([404, 404], 200)
    assert box.world.messages(GENERAL_ID)[0]["text"] == f"<@{box.install.bot_user_id}> c"


def test_an_app_is_invited_and_mentioned_by_its_handle(box):
    bot = box.world.installs.install(CUSTOMER_APP_ID, TEAM_ID).bot_user_id

    for text in ("/invite @acme_helper", "@acme_helper hi"):
        assert act(box, "say", text=text).status_code == 201

    joined, said = (each["text"] for each in box.world.messages(GENERAL_ID))
    assert joined == f"<@{bot}> was added by <@{MAYA_ID}>."
    assert said == f"<@{bot}> hi"


def test_a_group_dm_has_the_names_of_the_others(box):
    page = get(box, f"/channel/{GROUP_DM_ID}", **{"as": TOM_ID}).text

    assert "Message Maya, Aiko" in page


def test_a_form_of_another_site_a_list_and_an_archived_channel_are_refused(box):
    hi = {"text": "Hi"}
    wrong = [(GENERAL_ID, {"data": hi}), (GENERAL_ID, {"json": ["text"]}), (ARCHIVED_ID, {"json": hi})]

    answers = [requests.post(f"{box.url}/channel/api/{channel}/say", **body) for channel, body in wrong]

    assert [each.status_code for each in answers] == [415, 422, 422]


@pytest.mark.parametrize(
    "path", ["C404", "api/C404", f"with/{TOM_ID}", "with/U4", f"{GENERAL_ID}?as=U404", f"{GENERAL_ID}?as="]
)
def test_unknown_channels_and_users_are_not_found(box, path):
    assert get(box, f"/channel/{path}").status_code == 404


def test_an_ephemeral_message_is_shown_to_its_user_only(box):
    parent = box.post()
    for text, thread in (("psst", {}), ("pssst", {"thread_ts": parent})):
        box.slack.chat_postEphemeral(channel=GENERAL_ID, user=TOM_ID, text=text, **thread)

    toms, mayas = (news(box, GENERAL_ID, person, thread=parent) for person in (TOM_ID, MAYA_ID))

    assert ["psst" in str(each["entries"]) for each in (toms, mayas)] == [True, False]
    assert ["Only visible to you" in str(each["entries"]) for each in (toms, mayas)] == [True, False]
    assert ["pssst" in str(each["replies"]) for each in (toms, mayas)] == [True, False]
    assert "1 reply" not in str(toms["entries"])


def open_modal(box: Box) -> str:
    trigger_id = box.press(box.post(blocks=BLOCKS), "tab", user=TOM_ID).trigger_id
    return str(box.slack.views_open(trigger_id=trigger_id, view=modal())["view"]["id"])


def test_a_modal_can_be_closed(box):
    assert act(box, "close", TOM_ID, view=open_modal(box)).status_code == 200
    assert news(box, GENERAL_ID, TOM_ID)["modal"] == ""


def test_a_modal_is_its_users(box):
    view = open_modal(box)
    body = {"view": view, "values": {"ask": "Why?"}}
    errors = {"ask": "Ask more."}
    toms, mayas = (news(box, GENERAL_ID, person)["modal"] for person in (TOM_ID, MAYA_ID))

    refused = [act(box, action, MAYA_ID, **body).status_code for action in ("submit", "close")]
    box.service.body = json.dumps({"response_action": "errors", "errors": errors}).encode()
    faulty = act(box, "submit", TOM_ID, **body).json()
    box.service.body = b""
    sent = act(box, "submit", TOM_ID, **body).json()

    assert f'data-view="{view}"' in toms
    assert "Your &lt;b&gt;question&lt;/b&gt;" in toms
    assert (mayas, refused) == ("", [404, 404])
    assert faulty == {"closed": False, "errors": errors}
    assert sent == {"closed": True, "errors": {}}


def test_the_page_of_an_app_shows_its_prompts_and_its_home_tab(box):
    page = f"/channel/with/{box.install.bot_user_id}"
    empty = get(box, page, **{"as": TOM_ID, "tab": "home"}).text
    direct = get(box, page, **{"as": TOM_ID}).text
    prompt = {"title": "A joke", "message": "Tell me one"}
    channel = box.service.events(2)[1]["event"]["channel"]
    box.slack.assistant_threads_setSuggestedPrompts(channel_id=channel, thread_ts="", prompts=[prompt])
    offered = html(box, channel, TOM_ID)
    view = {"type": "home", "blocks": [block("section", text=mrkdwn("*Welcome*"))]}
    box.slack.views_publish(user_id=TOM_ID, view=view)

    box.world.ask(TOM_ID, channel, "Tell me one")

    after = html(box, channel, TOM_ID)
    assert ("Message SectorFlow" in direct, "has put nothing here yet" in empty) == (True, True)
    assert ['data-say="Tell me one"' in each for each in (offered, after)] == [True, False]
    assert "<strong>Welcome</strong>" in get(box, page, **{"as": TOM_ID, "tab": "home"}).text
    assert [body["event"]["tab"] for body in box.service.events(2)[:2]] == ["home", "messages"]
