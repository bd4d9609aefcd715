"""The stand-in for SectorFlow takes exactly what the API guide shows."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from sandbox.sectorflow.models import GPT, MODELS, PLUS_ID, TOKEN, WORKSPACE_ID
from sandbox.server import RunningSandbox

IDS = [model.id for model in MODELS]
BODY: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Tell me a joke"}],
    "models": IDS,
    "chatTools": [],
    "plusId": PLUS_ID,
}


def ask(
    running: RunningSandbox, body: Any, workspace: str = WORKSPACE_ID, token: str = TOKEN
) -> requests.Response:
    url = f"{running.base_url}/sectorflow/api/v1/chat/{workspace}/completions"
    return requests.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=5)


def plan(running: RunningSandbox, **fault: Any) -> None:
    fault = {"service": "sectorflow", "target": "completions", **fault}
    requests.post(f"{running.base_url}/_control/faults", json=fault).raise_for_status()


def texts(reply: dict[str, Any]) -> dict[str, Any]:
    return {each["modelId"]: each["choices"][0]["message"]["content"] for each in reply["choices"]}


def test_every_model_answers_in_an_order_of_its_own(running: RunningSandbox) -> None:
    reply = ask(running, BODY).json()

    order = [choice["modelId"] for choice in reply["choices"]]
    assert order != IDS
    assert sorted(order) == sorted(IDS)
    assert texts(reply)[GPT.id].startswith("Sure, here you go:")
    assert reply["usage"]["credits"] == sum(model.credits for model in MODELS)


def test_a_follow_up_in_the_thread_recalls_the_question(running: RunningSandbox) -> None:
    thread_id = ask(running, BODY).json()["threadId"]
    more = {**BODY, "messages": [{"role": "user", "content": "Another one"}], "threadId": thread_id}

    reply = ask(running, more).json()

    seen = requests.get(f"{running.base_url}/_control/requests").json()["requests"]
    assert reply["threadId"] == thread_id
    assert "Tell me a joke" in texts(reply)[GPT.id]
    assert [each["threadId"] for each in seen] == [None, thread_id]


@pytest.mark.parametrize(
    "wrong",
    [
        {"messages": []},
        {"messages": [{"role": "system", "content": "x"}]},
        {"messages": [{"role": "user", "content": None}]},
        {"models": []},
        {"models": ["00000000-0000-4000-8000-000000000000"]},
        {"chatTools": ["web"]},
        {"plusId": None},
        {"plusId": "expert"},
        {"threadId": "d10594ce-ead3-47ae-a0c1-5b71d57b31ef"},
        {"threadId": None},
        {"temperature": 1},
    ],
)
def test_any_other_body_is_refused(running: RunningSandbox, wrong: dict[str, Any]) -> None:
    assert ask(running, {**BODY, **wrong}).status_code == 400


def test_a_wrong_token_and_a_wrong_workspace_are_refused(running: RunningSandbox) -> None:
    statuses = [
        ask(running, BODY, token="wrong").status_code,
        ask(running, BODY, workspace="95c3e65b-5bac-43a3-9ef0-48e4e0923a48").status_code,
    ]

    assert statuses == [403, 404]


@pytest.mark.parametrize(
    ("model_fault", "content"), [("error", "The model did not answer."), ("null", None), ("empty", "")]
)
def test_one_model_can_go_wrong(running: RunningSandbox, model_fault: str, content: str | None) -> None:
    plan(running, model_id=GPT.id, model_fault=model_fault)

    reply = ask(running, BODY).json()

    assert texts(reply)[GPT.id] == content
    assert len(reply["choices"]) == 5


def test_a_model_can_be_missing_and_an_answer_huge(running: RunningSandbox) -> None:
    plan(running, model_id=GPT.id, model_fault="missing")
    plan(running, answer_length=100_000)

    without, huge = texts(ask(running, BODY).json()), texts(ask(running, BODY).json())

    assert GPT.id not in without
    assert {len(text) for text in huge.values()} == {100_000}


def test_whole_replies_can_go_wrong(running: RunningSandbox) -> None:
    plan(running, status=429, retry_after=7)
    plan(running, status=502, body="<html>Bad gateway</html>")
    plan(running, drop="middle")

    limited, broken = ask(running, BODY), ask(running, BODY)
    with pytest.raises(requests.RequestException):
        ask(running, BODY)

    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    assert (broken.status_code, broken.headers["Content-Type"]) == (502, "text/html")


def test_workspaces_are_listed_made_and_changed(running: RunningSandbox) -> None:
    base, headers = f"{running.base_url}/sectorflow/api/v1", {"Authorization": f"Bearer {TOKEN}"}

    made = requests.post(
        f"{base}/workspaces", json={"name": "New", "modelIds": [GPT.id]}, headers=headers
    ).json()
    url = f"{base}/workspaces/{made['id']}"
    changed = requests.post(url, json={"name": "Renamed"}, headers=headers).json()
    listed = requests.get(f"{base}/workspaces", headers=headers).json()

    assert changed == {**made, "name": "Renamed"}
    assert [each["name"] for each in listed] == ["Slack answers", "Renamed"]
    assert requests.get(url, headers=headers).json() == changed
    assert len(requests.get(f"{base}/models", headers=headers).json()) == 5


def behave(running: RunningSandbox, **manner: Any) -> int:
    return requests.post(f"{running.base_url}/_control/model", json=manner).status_code


def test_only_the_models_that_are_asked_answer(running: RunningSandbox) -> None:
    reply = ask(running, {**BODY, "models": [GPT.id]}).json()

    assert list(texts(reply)) == [GPT.id]
    assert reply["usage"]["credits"] == GPT.credits


def test_a_model_can_be_slow_until_told_otherwise(running: RunningSandbox) -> None:
    behave(running, model_id=GPT.id, delay=0.3)

    usages = {each["modelId"]: each["usage"] for each in ask(running, BODY).json()["choices"]}
    started = time.monotonic()
    quick = ask(running, {**BODY, "models": IDS[:1]})
    quick_seconds = time.monotonic() - started
    behave(running, model_id=GPT.id)
    later = ask(running, {**BODY, "models": [GPT.id]}).json()

    assert usages[GPT.id]["responseTimeMs"] == 300
    assert {usages[id_]["responseTimeMs"] for id_ in IDS if id_ != GPT.id} == {0}
    assert quick.status_code == 200
    assert quick_seconds < 0.3
    assert later["usage"]["responseTimeMs"] == 0


def test_a_model_can_fail_until_told_otherwise(running: RunningSandbox) -> None:
    behave(running, model_id=GPT.id, fault="missing", status=503)

    several = [ask(running, BODY).json() for _ in range(2)]
    alone = ask(running, {**BODY, "models": [GPT.id]})

    assert [GPT.id in texts(reply) for reply in several] == [False, False]
    assert alone.status_code == 503
    assert behave(running, model_id="no such model") == 400
    assert behave(running, model_id=GPT.id, colour="red") == 400


def test_an_expert_has_a_title_and_a_workspace_suggests_prompts(running: RunningSandbox) -> None:
    base, headers = f"{running.base_url}/sectorflow/api/v1", {"Authorization": f"Bearer {TOKEN}"}

    expert = requests.get(f"{base}/plus/{PLUS_ID}", headers=headers)
    unknown = requests.get(f"{base}/plus/{WORKSPACE_ID}", headers=headers)
    url = f"{base}/chat/{WORKSPACE_ID}/sample-prompts"
    prompts = [requests.get(url, params=query, headers=headers).json() for query in ({}, {"limit": 4})]
    refused = requests.get(f"{base}/plus/{PLUS_ID}")

    assert expert.json()["title"] == "Acme Handbook"
    assert (unknown.status_code, refused.status_code) == (404, 403)
    assert [len(each) for each in prompts] == [6, 4]
    assert prompts[0][0]["prompt"] == "Tell me a joke"
