"""Org-wide installs, shared channels, files, and an app that was taken out of a channel."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox.server import RunningSandbox
from sandbox.slack import seed
from sandbox.slack.interactions import Place, press
from sandbox.slack.records import Install
from tests.sandbox.conftest import Receiver

ORG = "E0ACMEORG01"


def control(running: RunningSandbox, path: str, **body: Any) -> dict[str, Any]:
    answer = requests.post(f"{running.base_url}/_control/{path}", json=body)
    answer.raise_for_status()
    read: dict[str, Any] = answer.json()
    return read


def bodies(receiver: Receiver, count: int) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in receiver.wait_for(count)]


@pytest.fixture
def east(running: RunningSandbox) -> dict[str, Any]:
    """A workspace of an organisation; its app is installed org-wide."""
    return control(running, "team", name="east", enterprise_id=ORG)


@pytest.fixture
def west(running: RunningSandbox, east: dict[str, Any]) -> dict[str, Any]:
    """Another workspace of that organisation."""
    control(running, "install-app", team_id=east["team"], org_wide=True)
    made = control(running, "team", name="west", enterprise_id=ORG)
    control(running, "invite", channel=made["channel"])
    return made


def test_an_organisation_consents_once_for_all_its_workspaces(
    running: RunningSandbox, east: dict[str, Any]
) -> None:
    app = running.sandbox.world.apps[seed.SECTORFLOW_APP_ID]
    wish = {"client_id": app.client_id, "scope": "chat:write", "redirect_uri": app.redirect_urls[0]}
    form = {**wish, "decision": "allow", "chosen_team": east["team"], "org_wide": "1"}
    url = f"{running.base_url}/oauth/v2/authorize"
    back = requests.post(url, data=form, allow_redirects=False).headers["Location"]
    code = parse_qs(urlsplit(back).query)["code"][0]

    answer = WebClient(base_url=f"{running.base_url}/api/").oauth_v2_access(
        client_id=app.client_id,
        client_secret=app.client_secret,
        code=code,
        redirect_uri=app.redirect_urls[0],
    )

    assert (answer["team"], answer["is_enterprise_install"]) == (None, True)
    assert answer["enterprise"]["id"] == ORG


def test_an_app_that_organisations_cannot_have_is_installed_in_the_workspace(
    running: RunningSandbox, east: dict[str, Any]
) -> None:
    app = running.sandbox.world.apps[seed.SECTORFLOW_APP_ID]
    app.org_deploy = False
    wish = {"client_id": app.client_id, "scope": "chat:write", "redirect_uri": app.redirect_urls[0]}
    form = {**wish, "decision": "allow", "chosen_team": east["team"], "org_wide": "1"}

    page = requests.get(f"{running.base_url}/oauth/v2/authorize", params=wish).text
    requests.post(f"{running.base_url}/oauth/v2/authorize", data=form, allow_redirects=False)

    (code,) = running.sandbox.codes._codes.values()
    assert "org_wide" not in page
    assert code.org_wide is False


def test_an_org_wide_event_names_the_organisation_and_the_team_it_happened_in(
    running: RunningSandbox, west: dict[str, Any], receiver: Receiver
) -> None:
    control(
        running, "ask", user=west["user"], channel=west["channel"], text="{bot} hello", team_id=west["team"]
    )

    (body,) = bodies(receiver, 1)
    (authorization,) = body["authorizations"]
    assert (authorization["is_enterprise_install"], authorization["enterprise_id"]) == (True, ORG)
    assert authorization["team_id"] is None
    assert (body["team_id"], body["enterprise_id"]) == (west["team"], ORG)


def test_an_org_wide_press_has_no_team(
    running: RunningSandbox, west: dict[str, Any], interactive: Receiver
) -> None:
    world = running.sandbox.world
    install = world.installs.find(seed.SECTORFLOW_APP_ID, west["team"])
    assert install is not None
    slack = WebClient(install.bot_token, base_url=f"{running.base_url}/api/")
    button = {"type": "button", "text": {"type": "plain_text", "text": "x"}, "action_id": "a"}
    blocks = [{"type": "actions", "elements": [button]}]
    ts = slack.chat_postMessage(channel=west["channel"], text="x", blocks=blocks)["ts"]

    press(world, west["user"], Place(west["channel"], ts, "a"))

    payload = json.loads(parse_qs(interactive.got[-1][1].decode())["payload"][0])
    assert (payload["team"], payload["is_enterprise_install"]) == (None, True)
    assert payload["enterprise"]["id"] == ORG
    assert payload["user"]["team_id"] == west["team"]


def test_a_person_of_another_organisation_asks_in_a_shared_channel(
    running: RunningSandbox, install: Install, receiver: Receiver
) -> None:
    guest = control(running, "share", channel=seed.GENERAL_ID, name="globex", enterprise_id="E0GLOBEX001")

    control(running, "ask", user=guest["user"], channel=seed.GENERAL_ID, text="{bot} hello")
    control(running, "ask", user=seed.MAYA_ID, channel=seed.GENERAL_ID, text="{bot} hello")

    theirs, ours = sorted(bodies(receiver, 2), key=lambda each: each["event"]["ts"])
    assert (theirs["is_ext_shared_channel"], ours["is_ext_shared_channel"]) == (True, True)
    assert (theirs["event"]["user_team"], theirs["event"]["source_team"]) == ("E0GLOBEX001", guest["team"])
    assert ours["event"]["user_team"] == seed.TEAM_ID
    assert theirs["team_id"] == guest["team"]
    assert theirs["authorizations"][0]["team_id"] == seed.TEAM_ID


def test_a_press_by_a_foreigner_is_still_for_the_apps_own_team(
    running: RunningSandbox, slack: WebClient, interactive: Receiver
) -> None:
    guest = control(running, "share", channel=seed.GENERAL_ID, name="globex")
    button = {"type": "button", "text": {"type": "plain_text", "text": "x"}, "action_id": "a"}
    blocks = [{"type": "actions", "elements": [button]}]
    ts = slack.chat_postMessage(channel=seed.GENERAL_ID, text="x", blocks=blocks)["ts"]

    press(running.sandbox.world, guest["user"], Place(seed.GENERAL_ID, ts, "a"))

    payload = json.loads(parse_qs(interactive.got[-1][1].decode())["payload"][0])
    assert (payload["team"]["id"], payload["user"]["team_id"]) == (seed.TEAM_ID, guest["team"])


def test_an_app_that_was_taken_out_is_not_in_the_channel(running: RunningSandbox, slack: WebClient) -> None:
    slack.chat_postMessage(channel=seed.GENERAL_ID, text="x")

    control(running, "remove", channel=seed.GENERAL_ID)

    with pytest.raises(SlackApiError) as raised:
        slack.chat_postMessage(channel=seed.GENERAL_ID, text="x")
    assert raised.value.response["error"] == "not_in_channel"


def test_files_are_in_the_event_of_a_direct_message_and_of_a_mention(
    running: RunningSandbox, install: Install, receiver: Receiver
) -> None:
    direct = control(running, "open-dm", user=seed.MAYA_ID)["channel"]
    files = ["figures.xlsx", "notes.pdf"]

    control(running, "ask", user=seed.MAYA_ID, channel=direct, text="Look", files=files)
    receiver.wait_for(1)
    control(running, "ask", user=seed.MAYA_ID, channel=seed.GENERAL_ID, text="{bot} look", files=files)

    message, mention = (body["event"] for body in bodies(receiver, 2))
    assert (message["subtype"], [each["name"] for each in message["files"]]) == ("file_share", files)
    assert mention["type"] == "app_mention"
    assert "subtype" not in mention
    assert mention["files"][1]["mimetype"] == "application/pdf"
