"""What is said while an answer is worked on, in dialogs, on the Home tab, and to copy."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.slack.blocks import check_home, check_message
from sectorflow_slack.formatting import limits
from sectorflow_slack.formatting.block_kit import ActionValue
from sectorflow_slack.formatting.notices import (
    asking,
    help_notice,
    notice,
    plain_text_messages,
    session_title,
    status,
)
from sectorflow_slack.formatting.reading import tidy
from sectorflow_slack.formatting.views import HomeFacts, follow_up_dialog, greeting, home, suggested_prompts
from sectorflow_slack.formatting.words import ENGLISH
from tests.formatting.drawing import ANSWER_ID, CORPUS, blocks_of
from tests.formatting.slack_rules import assert_accepted

HOSTILE_NAMES = ("<!here> {names}", "🙂" * 400, "a\nb", "*bold* @channel", "\0\ud800")


def test_people_see_who_is_being_asked():
    assert asking(["GPT-4o", "Claude", "Gemini"]) == notice("Asking GPT-4o, Claude and Gemini…")
    assert asking([]).text == asking(["", ""]).text == "Asking the models…"
    assert asking([""]).text == "Asking the model…"


def test_models_whose_names_are_not_known_are_counted():
    assert asking(["", "Claude"]).text == "Asking Claude and 1 other…"
    assert asking(["GPT-4o", "", "Claude", "\n", ""]).text == "Asking GPT-4o, Claude and 3 others…"
    assert "answers from Claude and 1 other." in help_notice(["", "Claude"]).text
    assert "• Claude\n• 2 others" in sections_of(home(HomeFacts(model_names=("", "Claude", ""))))


def test_people_see_that_it_goes_on():
    assert status(["GPT-4o", "Claude"]) == "is asking GPT-4o and Claude…"
    assert status(["", ""]) == "is asking the models…"


@pytest.mark.parametrize("names", [["🙂 model " * 40], ["model " * 10] * 20, HOSTILE_NAMES])
def test_a_status_is_one_short_line(names):
    assert 0 < limits.count(status(names)) <= 120
    assert "\n" not in status(names)


def test_a_session_is_called_as_its_question_begins():
    assert session_title(" Why is\nthe sky blue? ") == "Why is the sky blue?"
    assert limits.count(session_title("🙂 why " * 90)) <= 200


def test_help_names_the_models_where_they_are_known():
    assert help_notice([]) == help_notice([""]) == notice(ENGLISH.help)
    assert "answers from GPT-4o and Claude." in help_notice(["GPT-4o", "Claude"]).text


@pytest.mark.parametrize("names", [HOSTILE_NAMES, HOSTILE_NAMES[:1], ("x" * 9_000,) * 20])
def test_no_name_breaks_a_message(names):
    for message in (asking(names), help_notice(names)):
        assert_accepted(message)


def test_the_home_tab_says_who_answers_and_how_to_ask():
    facts = HomeFacts("Ask AI", "Marketing", "Copywriter", ("GPT-4o", "Claude"), "tabs")

    view = home(facts)

    text = json.dumps(view, ensure_ascii=False)
    assert view["type"] == "home"
    assert check_home(view["blocks"]) == []
    for part in ("Ask AI", "“Marketing”", "“Copywriter”", "• GPT-4o\\n• Claude", "mention me", "installed"):
        assert part in text
    assert ENGLISH.home_tabs in text


def test_the_home_tab_says_something_friendly_where_names_are_unknown():
    view = home(HomeFacts())

    text = json.dumps(view, ensure_ascii=False)
    assert "SectorFlow" in text
    assert ENGLISH.home_models_unknown in text
    assert "“" not in text
    assert check_home(view["blocks"]) == []


@pytest.mark.parametrize("workspace", ["", "Research"])
@pytest.mark.parametrize("names", [("GPT-4o",), ("",), ("A", "B")])
def test_slack_accepts_a_home_tab_whatever_is_unknown(workspace, names):
    view = home(HomeFacts(app_name="X", workspace_name=workspace, model_names=names))

    assert check_home(view["blocks"]) == []


def test_the_home_tab_links_to_the_pages_of_support_and_privacy():
    facts = HomeFacts(support_url="https://example.com/help", privacy_url="https://example.com/privacy")

    blocks = home(facts)["blocks"]

    (links,) = blocks[-1]["elements"]
    assert links["text"] == "<https://example.com/help|Support> · <https://example.com/privacy|Privacy>"
    assert check_home(blocks) == []
    assert "context" not in [block["type"] for block in home(HomeFacts())["blocks"]]


def sections_of(view: dict[str, object]) -> list[str]:
    """The paragraphs of a Home tab."""
    blocks: list[dict[str, Any]] = view["blocks"]
    return [block["text"]["text"] for block in blocks if block["type"] == "section"]


@pytest.mark.parametrize("name", ["GPT-4o", ""])
def test_no_text_speaks_of_several_models_if_there_is_one(name):
    said = sections_of(home(HomeFacts("Ask AI", "Marketing", "Copywriter", (name,), "tabs")))

    for text in (*said, greeting(1), asking([name]).text, help_notice([name]).text, status([name])):
        assert not re.search(r"\b(several|side by side|models|their|They|one below|each)\b", text)
    assert greeting(1) != greeting(2) == greeting(0)


def test_people_learn_that_a_channels_thread_needs_a_mention_too():
    assert "mention me again in the same thread" in str(home(HomeFacts()))


def test_no_name_breaks_the_home_tab():
    view = home(HomeFacts(*HOSTILE_NAMES[:3], model_names=("🙂" * 900,) * 20))

    assert check_home(view["blocks"]) == []


@pytest.mark.parametrize("name", ["GPT-4o", "", *HOSTILE_NAMES])
def test_the_dialog_asks_for_a_question_to_one_model(name):
    view = follow_up_dialog(ANSWER_ID, 3, name)

    assert (view["type"], view["callback_id"]) == ("modal", "follow_up_dialog")
    assert ActionValue.decode(view["private_metadata"]) == ActionValue(ANSWER_ID, 3)
    (block,) = view["blocks"]
    assert block["element"]["max_length"] == 3_000
    assert block["element"]["multiline"] is True
    assert 0 < len(block["label"]["text"]) <= 150
    assert all(len(view[key]["text"]) <= 24 for key in ("title", "submit", "close"))


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS.keys())
def test_an_answer_can_be_copied_as_it_was_written(text):
    messages = plain_text_messages("Claude <!here>", text)

    shown = [
        block["elements"][0]["elements"][0]["text"]
        for block in blocks_of(messages)
        if block["type"] == "rich_text"
    ]
    assert "".join("\n".join(shown).split()) == "".join(tidy(text).split())
    if len(shown) == 1:
        assert shown == [tidy(text)]
    for message in messages:
        assert check_message(message.text, list(message.blocks)) == []
        assert_accepted(message)


def test_an_empty_answer_gives_nothing_to_copy():
    assert plain_text_messages("A", " \n ") == ()


@given(st.lists(st.text(max_size=80), max_size=8))
def test_at_most_four_prompts_have_short_titles(samples):
    prompts = suggested_prompts(samples)

    assert 1 <= len(prompts) <= 4
    assert all(title.strip() and len(title) <= 48 and prompts[title].strip() for title in prompts)


def test_without_samples_there_are_general_prompts():
    assert suggested_prompts([]) == suggested_prompts([" "]) == dict(ENGLISH.prompts)
    assert suggested_prompts(["Why is\nthe sky blue?"]) == {"Why is the sky blue?": "Why is\nthe sky blue?"}
