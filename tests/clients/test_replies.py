from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sectorflow_slack.clients.replies import THREAD_ID_MAX_LENGTH, read_reply
from sectorflow_slack.domain.errors import ReplyUnreadable
from sectorflow_slack.domain.installations import SectorFlowSettings

VENDOR_REPLY = Path(__file__).with_name("vendor_reply.json")
VENDOR_MODEL_IDS = (
    "01442edd-1154-4d9c-b4e6-151ba35f8f56",
    "d4c52732-787e-4dec-b974-b1806035fb44",
    "9e9ccfcf-b238-43c5-afcb-c5b2b4acae2d",
    "c4b14a75-6aed-4358-ac87-07fb0e72caa4",
    "3c54812b-e43a-47c9-acd0-32d4caaff6f8",
)
SETTINGS = SectorFlowSettings("token", "workspace", ("m1", "m2"))


def inner(content: Any = "Hello", **changes: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": content}, **changes}


def outer(model_id: Any = "m1", *choices: Any, **changes: Any) -> dict[str, Any]:
    return {"modelId": model_id, "modelName": "One", "choices": list(choices or [inner()]), **changes}


def first_answer(*choices: Any):
    return read_reply({"choices": list(choices)}, SETTINGS).answers[0]


def test_the_vendors_example_gives_an_answer_for_each_model_in_the_order_asked() -> None:
    found = json.loads(VENDOR_REPLY.read_text())

    reply = read_reply(found, SectorFlowSettings("token", "workspace", VENDOR_MODEL_IDS))

    assert [answer.model_id for answer in reply.answers] == list(VENDOR_MODEL_IDS)
    assert [answer.name for answer in reply.answers] == [
        "OpenAi GPT-4o",
        "Cohere Command R+",
        "Model 3",
        "Google Gemini Pro 2M",
        "Model 5",
    ]
    assert [answer.base_model for answer in reply.answers] == [
        "gpt-4o",
        "command-r-plus",
        "",
        "gemini-1.5-pro",
        "",
    ]
    assert [answer.failed for answer in reply.answers] == [False, False, True, False, True]
    assert reply.answers[3].text.startswith("Two antennas got married")
    assert reply.thread_id == "d10594ce-ead3-47ae-a0c1-5b71d57b31ef"


def test_a_model_that_is_missing_failed_and_has_the_name_its_workspace_gives_it() -> None:
    settings = SectorFlowSettings("token", "workspace", ("M1", "m2"), model_names={"m1": "Known"})

    answers = read_reply({"choices": []}, settings).answers

    assert [(answer.name, answer.text, answer.failed) for answer in answers] == [
        ("Known", "", True),
        ("Model 2", "", True),
    ]


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ({"modelName": "New", "name": "Old"}, "New"),
        ({"modelName": None, "name": "Old"}, "Old"),
        ({"modelName": "  ", "name": " Old "}, "Old"),
        ({"modelName": 7, "name": ["Old"]}, "Model 1"),
    ],
)
def test_a_models_name_may_stand_under_its_older_key(names: dict[str, Any], name: str) -> None:
    answer = first_answer(outer("m1", **names))

    assert answer.name == name


def test_models_are_matched_whatever_the_case_of_their_ids() -> None:
    answer = first_answer(outer("M1"))

    assert answer.text == "Hello"


def test_a_model_id_may_stand_in_the_inner_choice_alone() -> None:
    answer = first_answer({"name": "One", "choices": [inner(modelId="m1")]})

    assert (answer.text, answer.failed) == ("Hello", False)


def test_the_active_one_of_several_inner_choices_counts() -> None:
    answer = first_answer(outer("m1", inner("old", active=False), inner("new", active=True)))

    assert answer.text == "new"


def test_the_first_inner_choice_counts_where_none_is_active() -> None:
    answer = first_answer(outer("m1", "noise", inner("first"), inner("second", active="yes")))

    assert answer.text == "first"


@pytest.mark.parametrize(
    "choice",
    [
        outer("m1", inner("The model is overloaded", finishReason="error")),
        outer("m1", inner("")),
        outer("m1", inner(" \n\t")),
        outer("m1", inner(None)),
        outer("m1", inner(["Hello"])),
        outer("m1", inner({"text": "Hello"})),
        outer("m1", {"message": "Hello"}),
        outer("m1", {"message": None}),
        outer("m1", {}),
        outer("m1", "Hello"),
        {"modelId": "m1", "modelName": "One"},
        {"modelId": "m1", "modelName": "One", "choices": {}},
        {"modelId": "m1", "modelName": "One", "choices": []},
    ],
)
def test_a_model_that_said_nothing_readable_failed_and_keeps_its_name(choice: dict[str, Any]) -> None:
    answer = first_answer(choice)

    assert (answer.name, answer.text, answer.failed) == ("One", "", True)


def test_an_unknown_or_absent_finish_reason_is_no_failure() -> None:
    reply = read_reply({"choices": [outer("m1"), outer("m2", inner(finishReason="length"))]}, SETTINGS)

    assert [answer.failed for answer in reply.answers] == [False, False]


@pytest.mark.parametrize("noise", [None, "m1", 7, [], {"modelId": None}, {"modelId": 7}, outer("other")])
def test_choices_that_belong_to_no_model_are_passed_over(noise: Any) -> None:
    reply = read_reply({"choices": [noise, outer("m1"), noise]}, SETTINGS)

    assert [answer.failed for answer in reply.answers] == [False, True]


def test_of_a_model_that_is_there_twice_the_first_answer_that_says_something_counts() -> None:
    answer = first_answer(outer("m1", inner("")), outer("m1", inner("first")), outer("m1", inner("second")))

    assert answer.text == "first"


@pytest.mark.parametrize(
    "thread_id", [None, "", 7, ["t"], "x" * (THREAD_ID_MAX_LENGTH + 1), "half a character: \ud800"]
)
def test_a_thread_id_that_could_not_be_sent_back_is_none(thread_id: Any) -> None:
    reply = read_reply({"choices": [], "threadId": thread_id}, SETTINGS)

    assert reply.thread_id is None


@pytest.mark.parametrize("found", [None, [], "", 7, True, {}, {"choices": None}, {"choices": {}}])
def test_a_reply_without_choices_is_unreadable(found: Any) -> None:
    with pytest.raises(ReplyUnreadable):
        read_reply(found, SETTINGS)


@pytest.mark.parametrize(("cost", "credits"), [(7, 7.0), (0, 0.0), (0.25, 0.25), (10**300, 1e300)])
def test_a_reply_tells_what_it_cost(cost: float, credits: float) -> None:
    reply = read_reply({"choices": [], "usage": {"credits": cost}}, SETTINGS)

    assert reply.credits == credits


@pytest.mark.parametrize(
    "usage",
    [
        None,
        7,
        [],
        {},
        *({"credits": cost} for cost in (None, "7", True, [7], -1, -0.5, math.nan, math.inf, 10**400)),
    ],
)
def test_a_cost_that_is_none_is_unknown(usage: Any) -> None:
    reply = read_reply({"choices": [], "usage": usage}, SETTINGS)

    assert reply.credits is None


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("m1")
_ANY_JSON = st.recursive(
    _SCALARS, lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3)
)
_INNER = st.fixed_dictionaries(
    {},
    optional={
        "modelId": _ANY_JSON,
        "active": _ANY_JSON,
        "message": _ANY_JSON | st.fixed_dictionaries({}, optional={"content": _ANY_JSON}),
        "finishReason": _ANY_JSON | st.just("error"),
    },
)
_OUTER = st.fixed_dictionaries(
    {},
    optional={
        "modelId": _ANY_JSON | st.sampled_from(["m1", "M2"]),
        "modelName": _ANY_JSON,
        "name": _ANY_JSON,
        "baseModel": _ANY_JSON,
        "choices": _ANY_JSON | st.lists(_INNER | _ANY_JSON, max_size=3),
    },
)
_REPLIES = _ANY_JSON | st.fixed_dictionaries(
    {"choices": _ANY_JSON | st.lists(_OUTER | _ANY_JSON, max_size=4)},
    optional={"threadId": _ANY_JSON, "usage": _ANY_JSON | st.fixed_dictionaries({"credits": _SCALARS})},
)


@given(_REPLIES)
def test_any_json_is_unreadable_or_gives_one_answer_per_model_in_order(found: Any) -> None:
    try:
        reply = read_reply(found, SETTINGS)
    except ReplyUnreadable:
        return

    assert [answer.model_id for answer in reply.answers] == ["m1", "m2"]
    assert all(answer.name for answer in reply.answers)
    assert reply.credits is None or 0 <= reply.credits < math.inf
    assert all(answer.failed == (not answer.text.strip()) for answer in reply.answers)
