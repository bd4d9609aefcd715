from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.installations import Refusal
from sectorflow_slack.domain.questions import Answer, Message
from sectorflow_slack.formatting.block_kit import ActionValue
from sectorflow_slack.formatting.displays import render
from sectorflow_slack.formatting.notices import simpler
from sectorflow_slack.formatting.words import ENGLISH
from tests.formatting.drawing import (
    ANSWER_ID,
    bodies,
    carried,
    footers,
    headings,
    inlines,
    kinds,
    labels,
    make_answer,
    model,
    quotes,
    separated,
    small_texts,
)
from tests.formatting.slack_rules import assert_accepted

THREE = (model("Hello *you*.", "GPT-4o", "gpt-4o"), model("", "Claude", failed=True), model("Hi.", "Gemini"))
TABLE = "| a | b |\n|---|---|\n| c | d |\n\nText.\n\n"
LONG = "\n\n".join(f"Paragraph {n}. " + "All good. " * 60 for n in range(40))


def folded(answer: Answer, *refused: Refusal) -> tuple[Message, ...]:
    return render(replace(answer, display="folded"), ENGLISH, frozenset(refused))


def containers(*messages: Message) -> list[dict[str, Any]]:
    return [block for message in messages for block in message.blocks if block["type"] == "container"]


def heads(*messages: Message) -> list[tuple[str, str]]:
    """What is read of closed containers."""
    return [
        (each["title"]["text"], each.get("subtitle", {"text": ""})["text"]) for each in containers(*messages)
    ]


def test_each_answer_is_folded_under_its_models_name_and_its_first_words():
    (message,) = folded(make_answer(*THREE))

    assert kinds(message) == ["container"] * 3 + ["divider", "section"]
    assert heads(message) == [
        ("GPT-4o", "Hello you."),
        ("Claude", ENGLISH.model_failed),
        ("Gemini", "Hi."),
    ]
    assert [each["type"] for each in containers(message)[0]["child_blocks"]] == ["rich_text", "actions"]
    assert_accepted(message)


@pytest.mark.parametrize(("models", "open_ones"), [(THREE, [True, False, False]), (THREE[1:], [False, True])])
def test_the_first_answer_that_there_is_is_open(models, open_ones):
    (message,) = folded(make_answer(*models))

    assert all(each["is_collapsible"] for each in containers(message))
    assert [not each["default_collapsed"] for each in containers(message)] == open_ones


def test_each_container_has_the_menu_of_its_model():
    (message,) = folded(make_answer(*THREE))

    choices = ("follow_up", "regenerate", "plain_text", "up", "down")
    assert carried([message], "more") == [
        ActionValue(ANSWER_ID, at, choice=choice) for at in (0, 2) for choice in choices
    ]
    assert carried([message], "regenerate") == [ActionValue(ANSWER_ID, 1)]
    assert labels(message) == ["Try again", "Show all", "Show as tabs"]


def test_a_model_that_is_asked_again_says_so_open_and_closed_and_moves_nothing():
    answer = make_answer(model(LONG, "A"), model("", "B"), model("c", "C"))

    messages = folded(replace(answer, busy=("id of A", "id of B")))

    assert [subtitle for _, subtitle in heads(*messages)][:2] == [ENGLISH.asking_again] * 2
    assert small_texts(messages).count(ENGLISH.asking_again) == 2
    assert [model for model in carried(messages, "more") if model and model.model < 2] == []
    assert [bodies([message]) for message in messages] == [bodies([message]) for message in folded(answer)]


def test_what_does_not_fit_a_container_goes_on_below_the_name_again():
    messages = folded(make_answer(model(LONG, "A"), model("Short.", "B")))

    assert [kinds(message)[0] for message in messages] == ["container"] + ["divider"] * (len(messages) - 1)
    assert headings(messages) == ["A (continued)"] * (len(messages) - 1)
    assert heads(*messages) == [("A", heads(messages[0])[0][1]), ("B", "Short.")]
    shown = "".join(run["text"] for run in inlines(bodies(messages)[:-1]))
    assert "".join(shown.split()) == "".join(LONG.split())
    assert_accepted(*messages)


def test_a_container_has_no_more_blocks_than_slack_takes():
    messages = folded(make_answer(model(TABLE * 12, "A"), model(TABLE * 4 + "End.", "B")))

    assert [len(each["child_blocks"]) for each in containers(*messages)] == [9, 9]
    assert len([block for block in bodies(messages) if block["type"] == "table"]) == 16
    assert_accepted(*messages)


def test_twenty_answers_keep_within_every_limit():
    messages = folded(make_answer(*(model(f"Answer {n}. " * 30, f"🙂 model {n} " * 20) for n in range(20))))

    assert len(containers(*messages)) == 20
    assert_accepted(*messages)


def test_the_text_is_the_whole_answer_and_has_the_first_words_once():
    (message,) = folded(make_answer(*THREE))

    assert message.text.split("\n") == [
        *["◆ GPT-4o", "Hello you.", "", "◆ Claude", ENGLISH.model_failed, "", "◆ Gemini", "Hi."],
        ENGLISH.may_be_wrong,
    ]


def test_the_question_of_a_dialog_stands_above_the_first_and_the_footer_below_the_last():
    messages = folded(make_answer(*THREE, asked="And why?", seconds=3))

    assert quotes(messages) == ["And why?"]
    assert kinds(messages[0])[0] == "rich_text"
    assert footers(messages) == [f"3 s · {ENGLISH.may_be_wrong}"]


def test_the_first_name_in_a_message_that_others_may_stand_above_names_the_question():
    answer = make_answer(model(LONG, "A"), model(LONG, "B"), together=1)

    first_names = [
        (headings([message]) + [title for title, _ in heads(message)])[0] for message in folded(answer)
    ]

    assert all("on “Tell me a joke”" in name for name in first_names[1:])
    assert first_names[0] == "A"


# Where Slack refuses


def test_where_containers_are_refused_answers_are_separated_and_not_offered_folded():
    answer = make_answer(*THREE)

    (message,) = folded(answer, "containers")

    assert message.blocks[:-1] == separated(answer)[0].blocks[:-1]
    assert labels(message)[-1] == "Show as tabs"
    assert_accepted(message)


def test_a_folded_message_in_simpler_form_is_a_separated_one():
    answer = make_answer(*THREE, model("x", "D"), busy=("id of D",))

    simple = simpler(folded(answer)[0])

    assert (simple.without, containers(simple)) == ("containers", [])
    assert headings([simple]) == ["GPT-4o", "Claude", "Gemini", "D"]
    assert bodies([simple]) == bodies(separated(answer))
    assert carried([simple], "more") == carried(separated(answer), "more")
    assert_accepted(simple)


def test_where_a_second_table_is_refused_each_message_has_one():
    answer = make_answer(model(TABLE * 3, "A"), model(TABLE, "B"), display="folded")

    for display in ("separated", "tabs", "folded"):
        messages = render(replace(answer, display=display), ENGLISH, frozenset({"second_table"}))

        assert max(len([b for b in bodies([m]) if b["type"] == "table"]) for m in messages) == 1
        assert_accepted(*messages)


def test_a_message_with_two_tables_has_first_one_and_then_none():
    (message,) = separated(make_answer(model(TABLE * 2, "A")))

    one, none = simpler(message), simpler(simpler(message))

    assert [kinds(each).count("table") for each in (message, one, none)] == [2, 1, 0]
    assert [each.without for each in (message, one, none)] == ["", "second_table", ""]
    assert_accepted(one, none)


def test_the_first_words_are_the_answers_and_not_the_reasoning_below_it():
    (message,) = render(make_answer(model("<think>Let me see.</think>42", seconds=3), display="folded"))

    assert message.blocks[0]["subtitle"]["text"] == "3 s · 42"
