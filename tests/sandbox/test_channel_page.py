"""The channel page: what its script is told, and what it may say."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sandbox.channel.page import channel_blueprint
from sandbox.slack.records import Install
from sandbox.slack.seed import ARCHIVED_ID, GENERAL_ID, MAYA_ID, SECTORFLOW_APP_ID, TEAM_ID, TOM_ID, seed
from sandbox.slack.world import World

API = f"/channel/api/{GENERAL_ID}"


@pytest.fixture
def world() -> World:
    return seed(World(), "http://localhost:1/slack/events")


@pytest.fixture
def install(world: World) -> Install:
    return world.installs.install(SECTORFLOW_APP_ID, TEAM_ID)


@pytest.fixture
def sandbox(world: World) -> Flask:
    app = Flask("sandbox-page")
    app.register_blueprint(channel_blueprint(world, patience=0.05))
    return app


@pytest.fixture
def visitor(sandbox: Flask) -> FlaskClient:
    return sandbox.test_client()


def answer(world: World, install: Install, thread_ts: str) -> None:
    block = {"type": "markdown", "text": "A **joke**."}
    bot = {"user": install.bot_user_id, "bot_id": install.bot_id}
    world.post_message(GENERAL_ID, text="A joke.", blocks=[block], thread_ts=thread_ts, **bot)


def test_the_first_page_is_a_channel_that_says_it_is_not_slack(visitor: FlaskClient) -> None:
    page = visitor.get("/", follow_redirects=True)

    assert page.request.path == f"/channel/{GENERAL_ID}"
    assert "Sandbox, not Slack" in page.text


def test_no_page_runs_or_loads_anything_that_is_not_its_own(visitor: FlaskClient) -> None:
    page = visitor.get(f"/channel/{GENERAL_ID}")

    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "style=" not in page.text
    assert "http" not in page.text.replace("http-equiv", "")


def test_what_is_typed_is_said_with_its_mention_and_escaped(
    world: World, install: Install, visitor: FlaskClient
) -> None:
    said = visitor.post(f"{API}/say", json={"text": " @sectorflow is 1 < 2 && 3? "})

    message = world.find_message(GENERAL_ID, said.json["ts"]) if said.json else None
    assert said.status_code == 201
    assert message is not None
    assert message["text"] == f"<@{install.bot_user_id}> is 1 &lt; 2 &amp;&amp; 3?"
    assert message["user"] == MAYA_ID


def test_a_reply_goes_into_its_thread_and_is_counted_below_the_first_message(
    world: World, install: Install, visitor: FlaskClient
) -> None:
    question = world.ask(MAYA_ID, GENERAL_ID, "Hello")
    answer(world, install, question["ts"])
    visitor.post(f"{API}/say", json={"text": "Thanks", "thread": question["ts"]})

    news = visitor.get(f"{API}?thread={question['ts']}").get_json()

    entries = {entry["key"]: entry["html"] for entry in news["entries"]}
    assert "2 replies" in " ".join(entries[question["ts"]].split())
    assert "Thanks" not in "".join(entries.values())
    assert [entry["key"] for entry in news["replies"]][:2] == [question["ts"], "count"]
    assert "A <strong>joke</strong>." in news["replies"][2]["html"]
    assert 'class="badge">APP<' in news["replies"][2]["html"]


def test_messages_of_one_author_stand_below_one_name(world: World, visitor: FlaskClient) -> None:
    for author in (TOM_ID, TOM_ID, MAYA_ID):
        world.ask(author, GENERAL_ID, "Hi")

    day, *messages = visitor.get(API).get_json()["entries"]

    assert "Today" in day["html"]
    assert ['class="message grouped"' in entry["html"] for entry in messages] == [False, True, False]


def test_an_app_that_signs_with_another_name_is_shown_by_it(
    world: World, install: Install, visitor: FlaskClient
) -> None:
    world.post_message(
        GENERAL_ID, text="Hi", user=install.bot_user_id, bot_id=install.bot_id, username="Acme AI"
    )

    assert "<b>Acme AI</b>" in visitor.get(API).get_json()["entries"][1]["html"]


def test_news_waits_for_a_change_and_names_the_status_of_the_thread(
    world: World, install: Install, visitor: FlaskClient
) -> None:
    question = world.ask(MAYA_ID, GENERAL_ID, "Hello")
    world.surfaces.set_status(GENERAL_ID, question["ts"], "is thinking…", by=install.bot_user_id)
    since = world.version
    threading.Timer(0.01, world.touch).start()

    news = visitor.get(f"{API}?since={since}&thread={question['ts']}").get_json()

    assert news["version"] > since
    assert news["status"] == "SectorFlow is thinking…"


def test_a_mentioned_app_outside_the_channel_can_be_invited(
    world: World, install: Install, visitor: FlaskClient
) -> None:
    question = world.ask(MAYA_ID, GENERAL_ID, f"<@{install.bot_user_id}> Hello")
    before = visitor.get(API).get_json()["entries"][1]["html"]

    invited = visitor.post(f"{API}/invite", json={"user": install.bot_user_id, "ts": question["ts"]})

    entries = visitor.get(API).get_json()["entries"]
    assert invited.status_code == 200
    assert f'data-invite="{install.bot_user_id}"' in before
    assert "data-invite" not in entries[1]["html"]
    assert "was added by" in entries[2]["html"]


def test_a_mention_of_an_app_by_somebody_else_asks_the_reader_nothing(
    world: World, install: Install, visitor: FlaskClient
) -> None:
    world.ask(TOM_ID, GENERAL_ID, f"<@{install.bot_user_id}> Hello")

    assert "data-invite" not in visitor.get(API).get_json()["entries"][1]["html"]


def test_an_installed_app_stands_in_the_sidebar_and_leads_to_its_direct_messages(
    world: World, install: Install, visitor: FlaskClient
) -> None:
    sidebar = visitor.get(API).get_json()["sidebar"]

    page = visitor.get(f"/channel/with/{install.bot_user_id}", follow_redirects=True)

    assert f"/channel/with/{install.bot_user_id}" in sidebar
    assert "Message SectorFlow" in page.text
    assert world.open_dm(MAYA_ID, install.bot_user_id).id in page.request.path


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("say", {"text": "  "}, 422),
        ("say", {"text": 7}, 422),
        ("say", ["text"], 422),
        ("say", {"text": "x" * 40_001}, 422),
        ("say", {"text": "Hi", "thread": "1.2"}, 422),
        ("invite", {"user": TOM_ID}, 422),
        ("invite", {"user": "U404"}, 422),
        ("press", {"ts": "1.2", "block_id": "b", "action_id": "a"}, 404),
    ],
)
def test_what_makes_no_sense_is_refused(visitor: FlaskClient, action: str, body: object, status: int) -> None:
    assert visitor.post(f"{API}/{action}", json=body).status_code == status


def test_a_form_of_another_site_is_refused(visitor: FlaskClient) -> None:
    assert visitor.post(f"{API}/say", data={"text": "Hi"}).status_code == 415


def test_nothing_is_said_in_an_archived_channel(visitor: FlaskClient) -> None:
    assert visitor.post(f"/channel/api/{ARCHIVED_ID}/say", json={"text": "Hi"}).status_code == 422


@pytest.mark.parametrize(
    "path", ["/channel/C404", "/channel/api/C404", f"/channel/with/{TOM_ID}", "/channel/with/U4"]
)
def test_what_is_not_there_is_not_found(visitor: FlaskClient, path: str) -> None:
    assert visitor.get(path).status_code == 404
