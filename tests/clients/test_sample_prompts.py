from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sectorflow_slack.clients.sample_prompts import (
    MAX_PROMPT_LENGTH,
    MAX_PROMPTS,
    MAX_TITLE_LENGTH,
    read_sample_prompts,
    read_title,
)


@pytest.mark.parametrize(
    "found",
    [
        ["One?", "Two?"],
        [{"prompt": "One?"}, {"content": "Two?"}],
        [{"text": "One?"}, {"message": "Two?", "id": 2}],
        [{"title": "One?"}, "Two?"],
        {"samplePrompts": ["One?", "Two?"]},
        {"prompts": [{"prompt": "One?", "title": "1"}, {"content": "Two?"}]},
        {"items": ["One?", "Two?"], "total": 2},
        {"prompts": None, "content": ["One?", "Two?"]},
    ],
)
def test_prompts_are_found_wherever_they_are_likely(found: Any) -> None:
    assert read_sample_prompts(found) == ("One?", "Two?")


def test_the_longer_field_of_a_prompt_goes_before_its_title() -> None:
    assert read_sample_prompts([{"title": "Jokes", "prompt": "Tell me a joke"}]) == ("Tell me a joke",)


def test_there_are_four_prompts_at_most_and_each_is_there_once() -> None:
    prompts = read_sample_prompts(["a", "b", "a", " b ", "c", "d", "e"])

    assert prompts == ("a", "b", "c", "d")


def test_a_prompt_is_one_line_without_what_nobody_sees() -> None:
    assert read_sample_prompts([" Tell me\n\ta  joke\x00 \ud800"]) == ("Tell me a joke",)


def test_a_prompt_that_would_have_to_be_cut_is_passed_over() -> None:
    longest = "x" * MAX_PROMPT_LENGTH

    assert read_sample_prompts([longest + "x", longest]) == (longest,)


@pytest.mark.parametrize(
    "found", [None, 7, "prompts", True, [], {}, {"prompts": "a"}, [None, 7, [], {}, "", " \n", {"prompt": 7}]]
)
def test_what_holds_no_prompts_gives_none(found: Any) -> None:
    assert read_sample_prompts(found) == ()


@pytest.mark.parametrize(
    ("found", "title"),
    [
        ({"title": "Legal expert", "id": "1"}, "Legal expert"),
        ({"title": " Legal\nexpert "}, "Legal expert"),
        ({"title": "x" * 5_000}, "x" * MAX_TITLE_LENGTH),
        ({"title": None}, ""),
        ({"title": 7}, ""),
        ({}, ""),
        ([], ""),
        (None, ""),
    ],
)
def test_an_experts_title_is_one_line_or_none(found: Any, title: str) -> None:
    assert read_title(found) == title


_TEXTS = st.text(st.characters(codec=None, exclude_categories=()), max_size=MAX_PROMPT_LENGTH + 9)
_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | _TEXTS,
    lambda each: (
        st.lists(each, max_size=6)
        | st.dictionaries(st.sampled_from(["prompts", "content", "text", "title", "other"]), each, max_size=3)
    ),
)


@given(_ANY_JSON)
def test_any_json_gives_a_few_lines_that_can_be_sent(found: Any) -> None:
    prompts = read_sample_prompts(found)

    assert len(prompts) == len(set(prompts)) <= MAX_PROMPTS
    for line in (*prompts, *filter(None, [read_title(found)])):
        assert 0 < len(line) <= MAX_PROMPT_LENGTH
        assert line == line.strip()
        assert len(line.splitlines()) == 1
        assert line.encode()
