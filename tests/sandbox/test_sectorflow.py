"""The fake SectorFlow accepts exactly the requests in the API guide."""

from typing import Any

import pytest
import requests

from sandbox.sectorflow.answers import QUESTIONS
from sandbox.sectorflow.models import GPT, MISTRAL, MODELS, PLUS_ID, RESEARCH_ID, TOKEN, WORKSPACE_ID
from tests.sandbox.helpers import Box

IDS = [model.id for model in MODELS]
OTHER_ID = "95c3e65b-5bac-43a3-9ef0-48e4e0923a48"
JOKE = [{"role": "user", "content": "Tell me a joke"}]
BODY: dict[str, Any] = {"messages": JOKE, "models": IDS, "chatTools": [], "plusId": PLUS_ID}


def call(box: Box, method: str, path: str, token: str = TOKEN, **rest: Any) -> requests.Response:
    url, headers = f"{box.url}/sectorflow/api/v1/{path}", {"Authorization": f"Bearer {token}"}
    return requests.request(method, url, headers=headers, timeout=30, **rest)


def ask(box: Box, body: Any = BODY, workspace: str = WORKSPACE_ID, **rest: str) -> requests.Response:
    return call(box, "POST", f"chat/{workspace}/completions", json=body, **rest)


def fault(box: Box, **fields: Any) -> None:
    box.control("faults", service="sectorflow", target="completions", **fields)


def texts(reply: dict[str, Any]) -> dict[str, Any]:
    return {each["modelId"]: each["choices"][0]["message"]["content"] for each in reply["choices"]}


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
        {"plusId": WORKSPACE_ID},
        {"threadId": OTHER_ID},
        {"threadId": None},
        {"temperature": 1},
    ],
)
def test_any_other_body_is_refused(box, wrong):
    assert ask(box, {**BODY, **wrong}).status_code == 400


def test_a_wrong_token_and_a_wrong_workspace_are_refused(box):
    assert ask(box, token="wrong").status_code == 403
    assert ask(box, workspace=OTHER_ID).status_code == 404


def test_whole_replies_can_fail(box):
    fault(box, answer_length=100_000)
    fault(box, status=429, retry_after=7)
    fault(box, status=502, body="<html>Bad gateway</html>")
    fault(box, drop="middle")

    huge, limited, broken = ask(box), ask(box), ask(box)
    with pytest.raises(requests.RequestException):
        ask(box)

    assert {len(text) for text in texts(huge.json()).values()} == {100_000}
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    assert (broken.status_code, broken.headers["Content-Type"]) == (502, "text/html")


def test_a_model_can_be_slow_or_fail_until_it_is_reset(box):
    box.control("model", model_id=GPT.id, delay=0.05)
    slow = {each["modelId"]: each["usage"]["responseTimeMs"] for each in ask(box).json()["choices"]}
    box.control("model", model_id=GPT.id, fault="missing", status=503)
    several = [GPT.id in texts(ask(box).json()) for _ in range(2)]
    alone = ask(box, {**BODY, "models": [GPT.id]})
    box.control("model", model_id=GPT.id)
    after = ask(box).json()

    assert slow == {id_: 50 if id_ == GPT.id else 0 for id_ in IDS}
    assert (several, alone.status_code) == ([False, False], 503)
    assert (GPT.id in texts(after), after["usage"]["responseTimeMs"]) == (True, 0)


def test_workspaces_models_experts_and_prompts_are_listed(box):
    made = call(box, "POST", "workspaces", json={"name": "New", "modelIds": [GPT.id]}).json()
    listed, found = (call(box, "GET", path).json() for path in ("workspaces", f"workspaces/{made['id']}"))
    refused = [
        call(box, "GET", f"plus/{id_}", token) for id_, token in ((OTHER_ID, "x"), (made["id"], TOKEN))
    ]
    prompts = call(box, "GET", f"chat/{WORKSPACE_ID}/sample-prompts", params={"limit": 4}).json()

    assert [each["name"] for each in listed] == ["Slack answers", "Research desk", "Customer support", "New"]
    assert found == made
    assert call(box, "GET", f"plus/{PLUS_ID}").json()["title"] == "Acme Handbook"
    assert [each.status_code for each in refused] == [403, 404]
    assert (len(prompts), prompts[0]["prompt"]) == (4, "Tell me a joke")


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("models", [model.name for model in MODELS]),
        ("models?includeSystem=true", [*(model.name for model in MODELS), MISTRAL.name]),
        (f"models/{MISTRAL.id}", [MISTRAL.name]),
        ("plus", ["Acme Handbook", "Contract Reader"]),
        ("plus?showPublic=false", ["Acme Handbook"]),
    ],
)
def test_lists_have_the_teams_own_and_on_demand_the_others(box, path, names):
    listed = call(box, "GET", path).json()

    named = [
        each.get("name", each.get("title")) for each in ([listed] if isinstance(listed, dict) else listed)
    ]
    assert named == names


def test_a_model_answers_only_in_its_workspaces(box):
    body = {**BODY, "models": [MISTRAL.id]}

    assert ask(box, body).status_code == 400
    assert ask(box, body, RESEARCH_ID).status_code == 200


@pytest.mark.parametrize("question", QUESTIONS.values())
def test_no_two_models_answer_alike(box, question):
    body = {**BODY, "messages": [{"role": "user", "content": question}]}

    assert len(set(texts(ask(box, body).json()).values())) == len(MODELS)


def test_a_model_compares_the_labelled_answers_of_a_question(box):
    question = "Say where they agree and where they differ.\n\nAnswer A: 30 days\n\nAnswer B: 14 days"
    body = {**BODY, "models": [GPT.id], "messages": [{"role": "user", "content": question}]}

    assert "[A], [B] name the same main point" in texts(ask(box, body).json())[GPT.id]
