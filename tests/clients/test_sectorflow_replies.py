import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sectorflow_slack.clients.sectorflow_replies import (
    MAX_PROMPT_LENGTH,
    MAX_PROMPTS,
    MAX_TITLE_LENGTH,
    THREAD_ID_MAX_LENGTH,
    read_reply,
    read_sample_prompts,
    read_title,
)
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


def inner(content="Hello", **changes):
    return {"message": {"role": "assistant", "content": content}, **changes}


def outer(model_id="m1", *choices, **changes):
    return {"modelId": model_id, "modelName": "One", "choices": list(choices or [inner()]), **changes}


def first_answer(*choices):
    return read_reply({"choices": list(choices)}, SETTINGS).answers[0]


# Replies


def test_the_vendors_example_has_an_answer_for_each_model_in_the_requested_order():
    found = json.loads(VENDOR_REPLY.read_text())

    reply = read_reply(found, SectorFlowSettings("token", "workspace", VENDOR_MODEL_IDS))

    assert [(answer.model_id, answer.name, answer.base_model, answer.failed) for answer in reply.answers] == [
        (VENDOR_MODEL_IDS[0], "OpenAi GPT-4o", "gpt-4o", False),
        (VENDOR_MODEL_IDS[1], "Cohere Command R+", "command-r-plus", False),
        (VENDOR_MODEL_IDS[2], "Model 3", "", True),
        (VENDOR_MODEL_IDS[3], "Google Gemini Pro 2M", "gemini-1.5-pro", False),
        (VENDOR_MODEL_IDS[4], "Model 5", "", True),
    ]
    assert reply.answers[3].text.startswith("Two antennas got married")
    assert reply.thread_id == "d10594ce-ead3-47ae-a0c1-5b71d57b31ef"


def test_a_missing_model_failed_and_has_its_name_in_the_workspace():
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
def test_the_name_of_a_model_may_have_the_older_key(names, name):
    assert first_answer(outer("m1", **names)).name == name


@pytest.mark.parametrize("asked", ["m1", "M1"])
@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ([outer("M1")], "Hello"),
        ([{"name": "One", "choices": [inner(modelId="m1")]}], "Hello"),
        ([outer("m1", inner(finishReason="length"))], "Hello"),
        ([outer("m1", inner("old", active=False), inner("new", active=True))], "new"),
        ([outer("m1", "noise", inner("first"), inner("second", active="yes"))], "first"),
        ([outer("m1", inner("")), outer("m1", inner("first")), outer("m1", inner("second"))], "first"),
        *[
            ([noise, outer("m1"), noise], "Hello")
            for noise in (None, "m1", 7, [], {"modelId": None}, {"modelId": 7}, outer("other"))
        ],
    ],
)
def test_a_models_answer_is_found_among_the_others(asked, choices, text):
    reply = read_reply({"choices": choices}, SectorFlowSettings("token", "workspace", (asked, "m2")))

    assert [(answer.text, answer.failed) for answer in reply.answers] == [(text, False), ("", True)]


@pytest.mark.parametrize(
    "choices",
    [
        *[
            [choice]
            for choice in (
                inner("The model is overloaded", finishReason="error"),
                *(inner(content) for content in ("", " \n\t", None, ["Hello"], {"text": "Hello"})),
                {"message": "Hello"},
                {"message": None},
                {},
                "Hello",
            )
        ],
        None,
        {},
        [],
    ],
)
def test_a_model_without_a_readable_text_failed(choices):
    answer = first_answer({"modelId": "m1", "modelName": "One", "choices": choices})

    assert (answer.name, answer.text, answer.failed) == ("One", "", True)


@pytest.mark.parametrize(
    ("choices", "failure"),
    [
        ([], "missing"),
        ([outer("m1", inner("overloaded", finishReason="error"))], "error"),
        ([outer("m1", inner(""))], "empty"),
        ([outer("m1")], ""),
    ],
)
def test_a_failed_model_has_a_reason(choices, failure):
    (answer,) = read_reply({"choices": choices}, SectorFlowSettings("token", "workspace", ("m1",))).answers

    assert answer.failure == failure


@pytest.mark.parametrize(
    "thread_id", [None, "", 7, ["t"], "x" * (THREAD_ID_MAX_LENGTH + 1), "half a character: \ud800"]
)
def test_an_invalid_thread_id_is_none(thread_id):
    assert read_reply({"choices": [], "threadId": thread_id}, SETTINGS).thread_id is None


@pytest.mark.parametrize("found", [None, [], "", 7, True, {}, {"choices": None}, {"choices": {}}])
def test_a_reply_without_choices_is_unreadable(found):
    with pytest.raises(ReplyUnreadable):
        read_reply(found, SETTINGS)


@pytest.mark.parametrize(
    ("usage", "figures"),
    [
        ({"responseTimeMs": 1500, "credits": 2}, (1.5, 2.0)),
        ({"responseTimeMs": 0}, (0.0, None)),
        ({"responseTimeMs": "1500", "credits": -1}, (None, None)),
        (None, (None, None)),
    ],
)
def test_a_model_has_the_figures_of_its_own_usage(usage, figures):
    answer = first_answer(outer(usage=usage))

    assert (answer.seconds, answer.credits) == figures


@pytest.mark.parametrize(
    ("usage", "credits"),
    [
        *[({"credits": cost}, float(cost)) for cost in (7, 0, 0.25, 10**300)],
        *[
            ({"credits": cost}, None)
            for cost in (None, "7", True, [7], -1, -0.5, math.nan, math.inf, 10**400)
        ],
        *[(usage, None) for usage in (None, 7, [], {})],
    ],
)
def test_the_credits_are_a_number_or_unknown(usage, credits):
    assert read_reply({"choices": [], "usage": usage}, SETTINGS).credits == credits


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("m1")
_JSON = st.recursive(
    _SCALARS,
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(max_size=5), each, max_size=2),
    max_leaves=3,
)


def objects(**fields):
    """Objects with any of these fields; each field may also be any JSON."""
    return st.fixed_dictionaries({}, optional={name: _JSON | field for name, field in fields.items()})


_INNER = objects(modelId=_JSON, active=_JSON, message=objects(content=_JSON), finishReason=st.just("error"))
_OUTER = objects(
    modelId=st.sampled_from(["m1", "M2"]),
    modelName=_JSON,
    name=_JSON,
    baseModel=_JSON,
    choices=st.lists(_INNER | _JSON, max_size=2),
)
_REPLIES = objects(
    choices=st.lists(_OUTER | _JSON, max_size=3), threadId=_JSON, usage=objects(credits=_SCALARS)
)


@settings(deadline=None)
@given(_JSON | _REPLIES)
def test_any_json_is_unreadable_or_has_one_answer_per_model_in_order(found):
    try:
        reply = read_reply(found, SETTINGS)
    except ReplyUnreadable:
        return

    assert [answer.model_id for answer in reply.answers] == ["m1", "m2"]
    assert all(answer.name for answer in reply.answers)
    assert reply.credits is None or 0 <= reply.credits < math.inf
    assert all(answer.failed == (not answer.text.strip()) for answer in reply.answers)


# Sample prompts and the titles of experts


@pytest.mark.parametrize(
    ("found", "prompts"),
    [
        *[
            (found, ("One?", "Two?"))
            for found in (
                ["One?", "Two?"],
                [{"prompt": "One?"}, {"content": "Two?"}],
                [{"text": "One?"}, {"message": "Two?", "id": 2}],
                [{"title": "One?"}, "Two?"],
                {"samplePrompts": ["One?", "Two?"]},
                {"prompts": [{"prompt": "One?", "title": "1"}, {"content": "Two?"}]},
                {"items": ["One?", "Two?"], "total": 2},
                {"prompts": None, "content": ["One?", "Two?"]},
            )
        ],
        (["a", "b", "a", " b ", "c", "d", "e"], ("a", "b", "c", "d")),
        ([" Tell me\n\ta  joke\x00 \ud800"], ("Tell me a joke",)),
        (["x" * (MAX_PROMPT_LENGTH + 1), "x" * MAX_PROMPT_LENGTH], ("x" * MAX_PROMPT_LENGTH,)),
        *[(found, ()) for found in (None, 7, "prompts", True, [], {}, {"prompts": "a"})],
        ([None, 7, [], {}, "", " \n", {"prompt": 7}], ()),
    ],
)
def test_prompts_are_found_under_several_keys_and_limited(found, prompts):
    assert read_sample_prompts(found) == prompts


@pytest.mark.parametrize(
    ("found", "title"),
    [
        ({"title": "Legal expert", "id": "1"}, "Legal expert"),
        ({"title": " Legal\nexpert "}, "Legal expert"),
        ({"title": "x" * 5_000}, "x" * MAX_TITLE_LENGTH),
        *[(found, "") for found in ({"title": None}, {"title": 7}, {}, [], None)],
    ],
)
def test_an_experts_title_is_one_line_or_none(found, title):
    assert read_title(found) == title


_LINES = st.text(st.characters(codec=None, exclude_categories=()), max_size=9) | st.just("x" * 301)
_ANY_TEXTS = st.recursive(
    st.none() | st.booleans() | st.floats() | _LINES,
    lambda each: (
        st.lists(each, max_size=6)
        | st.dictionaries(st.sampled_from(["prompts", "content", "text", "title", "other"]), each, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(_ANY_TEXTS)
def test_any_json_gives_prompts_that_can_be_sent(found):
    prompts = read_sample_prompts(found)

    assert len(prompts) == len(set(prompts)) <= MAX_PROMPTS
    for line in (*prompts, *filter(None, [read_title(found)])):
        assert 0 < len(line) <= MAX_PROMPT_LENGTH
        assert line == line.strip()
        assert len(line.splitlines()) == 1
        assert line.encode()
