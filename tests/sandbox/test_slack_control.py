"""The switches that other processes use."""

from __future__ import annotations

import requests

from sandbox.server import RunningSandbox
from sandbox.slack.seed import GENERAL_ID, MAYA_ID
from tests.sandbox.conftest import Receiver


def test_another_process_can_install_ask_and_read(running: RunningSandbox, receiver: Receiver) -> None:
    control = f"{running.base_url}/_control"
    asked = {"user": MAYA_ID, "channel": GENERAL_ID, "text": "{bot} hello"}

    installed = requests.post(f"{control}/install-app", json={"channels": [GENERAL_ID]}).json()["install"]
    said = requests.post(f"{control}/ask", json=asked).json()["message"]

    receiver.wait_for(1)
    messages = requests.get(f"{control}/messages", params={"channel": GENERAL_ID}).json()["messages"]
    assert said["text"] == f"<@{installed['bot_user_id']}> hello"
    assert messages == [said]


def test_a_reset_starts_over(running: RunningSandbox) -> None:
    control = f"{running.base_url}/_control"
    requests.post(f"{control}/install-app", json={"channels": [GENERAL_ID]})
    requests.post(f"{control}/ask", json={"user": MAYA_ID, "channel": GENERAL_ID, "text": "hello"})

    requests.post(f"{control}/reset", json={}).raise_for_status()

    assert requests.get(f"{control}/messages").json() == {"messages": []}
    assert requests.get(f"{control}/installs").json() == {"installs": []}


def test_an_unknown_switch_or_field_is_refused(running: RunningSandbox) -> None:
    control = f"{running.base_url}/_control"
    fault = {"service": "slack", "target": "*", "colour": "red"}

    statuses = [
        requests.post(f"{control}/faults", json=fault).status_code,
        requests.post(f"{control}/settings", json={"colour": "red"}).status_code,
        requests.post(f"{control}/ask", json={"user": MAYA_ID}).status_code,
    ]

    assert statuses == [400, 400, 400]


def test_a_fault_is_to_come_until_a_call_meets_it(running: RunningSandbox) -> None:
    control = f"{running.base_url}/_control"
    requests.post(f"{control}/faults", json={"service": "slack", "target": "auth.test", "status": 503})

    before = requests.get(f"{control}/faults").json()
    requests.post(f"{running.base_url}/api/auth.test")
    after = requests.get(f"{control}/faults").json()

    assert [fault["target"] for fault in before["slack"]] == ["auth.test"]
    assert (before["sectorflow"], after) == ([], {"slack": [], "sectorflow": []})
