from dataclasses import replace

import pytest

from sectorflow_slack.domain.questions import Answer, ModelAnswer
from sectorflow_slack.formatting.block_kit import ActionValue
from sectorflow_slack.formatting.displays import digest, render
from sectorflow_slack.formatting.notices import plainer
from sectorflow_slack.formatting.words import ENGLISH
from tests.formatting.drawing import (
    ANSWER_ID,
    bodies,
    carried,
    elements,
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
    tabs,
)
from tests.formatting.example_answers import ARABIC_AND_JAPANESE, JOKES, TUTORIAL
from tests.formatting.slack_rules import OF_ANSWERS, assert_accepted, types_in

WRONG = ENGLISH.may_be_wrong


def test_five_answers_stand_apart_in_one_message():
    (message,) = separated(make_answer(*JOKES))

    assert kinds(message) == [
        *["section", "rich_text", "divider"] * 3,
        *["section", "context", "divider"],
        *["section", "rich_text"],
        *["divider", "section"],
    ]
    assert headings((message,)) == [joke.name for joke in JOKES]
    assert_accepted(message)


def test_a_models_name_has_a_menu_beside_it():
    (message,) = separated(make_answer(model("Hello.", "<b> & *c*", "gpt-4o")))

    line = message.blocks[0]
    assert line["text"] == {
        "type": "mrkdwn",
        "text": "*&lt;b&gt; &amp; ∗c∗*  gpt-4o",  # noqa: RUF001
        "verbatim": True,
    }
    choices = ("follow_up", "regenerate", "plain_text", "up", "down")
    assert carried([message]) == [ActionValue(ANSWER_ID, choice=choice) for choice in choices]
    assert [each["action_id"] for each in elements([message])] == ["more"]


@pytest.mark.parametrize(
    ("name", "base", "shown"),
    [
        ("OpenAi GPT-4o", "gpt-4o", ""), ("Command R+", "command-r-plus", ""), ("GPT 4o", "GPT-4o", ""),
        ("Claude", "claude-3-opus", "claude-3-opus"),
        ("GPT-4o", "", ""), ("", "gpt-4o", "gpt-4o"), ("A", " \n", ""),
    ],
)  # fmt: skip
def test_a_base_model_is_named_where_it_tells_something(name, base, shown):
    (message,) = separated(make_answer(model("a", name, base)))

    assert message.blocks[0]["text"]["text"].partition("*  ")[2] == shown


@pytest.mark.parametrize(
    "failed",
    [
        ModelAnswer("m", "A", failed=True),
        *(model(text, "A") for text in (" \n", "\u202e\0", "\u200b\u2060\ufe0f")),
    ],
)
def test_a_model_without_an_answer_is_marked_in_its_place(failed):
    (message,) = separated(make_answer(replace(failed, seconds=3, credits=1), model("Hello.", "B")))

    assert message.blocks[0]["text"]["text"] == "*A*"
    assert kinds(message)[:4] == ["section", "context", "divider", "section"]
    assert small_texts([message]) == ["⚠ This model did not answer this time."]
    assert labels(message) == ["Try again", "Show as tabs", "Show folded"]
    assert carried([message], "regenerate") == [ActionValue(ANSWER_ID)]


@pytest.mark.parametrize("text", [TUTORIAL, ARABIC_AND_JAPANESE])
def test_an_answer_that_fits_is_one_message(text):
    (message,) = separated(make_answer(model(text)))

    assert_accepted(message)


POSING = (
    "First.\n\n---\n\n# Anthropic Claude 3.5 Sonnet\n\nI agree.\n\n⚠ This model did not answer this time."
)


def test_an_answer_can_not_pose_as_the_app_or_as_another_model():
    (message,) = separated(make_answer(model(POSING, "A"), model("b", "B")))

    assert headings([message]) == ["A", "B"]
    assert kinds(message) == ["section", "rich_text", "divider", "section", "rich_text", "divider", "section"]
    assert types_in(bodies([message])) <= OF_ANSWERS


def test_a_long_answer_goes_on_under_its_name_in_the_next_message():
    paragraphs = [f"Paragraph {number}. " + "All good. " * 60 for number in range(40)]

    messages = separated(make_answer(model("\n\n".join(paragraphs)), model("Short.", "Llama")))

    assert headings(messages) == ["GPT-4o", "GPT-4o (continued)", "GPT-4o (continued)", "Llama"]
    assert [len(carried([message])) for message in messages] == [5, 0, 5 + 2]
    shown = "".join(run["text"] for run in inlines(bodies(messages)[:-1]))
    assert "".join(shown.split()) == "".join("".join(paragraphs).split())


@pytest.mark.parametrize("chars", [199_990, 200_000, 250_000])
def test_an_answer_of_two_hundred_thousand_characters_is_shown_whole_and_of_a_longer_one_as_much(chars):
    answer = make_answer(model(("word " * 60_000)[:chars]))

    messages = separated(answer)

    assert sum(run["text"].count("word") for run in inlines(bodies(messages))) == min(chars, 200_000) // 5
    assert len(messages) <= 21
    assert (ENGLISH.cut_off in small_texts(messages)) is (chars > 200_000)
    assert (ENGLISH.cut_off in small_texts(tabs(replace(answer, page=99)))) is (chars > 200_000)


def test_a_long_name_keeps_within_slacks_limits():
    messages = separated(make_answer(model("word " * 5_000, "🙂 model " * 40)))

    assert headings(messages)[1].endswith(" (continued)")
    assert_accepted(*messages)


def test_a_model_that_is_asked_again_says_so_and_has_no_menu():
    answer = make_answer(model("a", "A"), model("", "B"), busy=("id of A", "id of B"))

    (message,) = separated(answer)

    assert kinds(message) == ["section", "rich_text", "divider", "section", "divider", "section"]
    assert "Asking again…" in message.blocks[0]["text"]["text"]
    assert labels(message) == ["Show as tabs", "Show folded"]


def test_asking_again_moves_nothing_to_another_message():
    answer = make_answer(model("word " * 6_000, "A"), model("word " * 4_000, "B"))

    messages = separated(replace(answer, busy=("id of A", "id of B")))

    assert [bodies([message]) for message in messages] == [bodies([message]) for message in separated(answer)]


def test_one_model_is_not_shown_as_tabs():
    (message,) = separated(make_answer(model("a")))

    assert labels(message) == []
    assert footers([message]) == [WRONG]


@pytest.mark.parametrize(
    ("seconds", "credits", "told"),
    [
        (None, None, ""),
        (12.2, 3.0, "12 s · 3 credits · "),
        (0.1, None, "1 s · "),
        (125.0, 1.0, "2 min 5 s · 1 credit · "),
        (None, 0.0, "0 credits · "),
        (None, 0.001, "< 0.01 credits · "),
        (None, 2.506, "2.51 credits · "),
        (float("nan"), float("inf"), ""),
        (-1.0, -1.0, ""),
    ],
)
def test_the_footer_says_what_is_known(seconds, credits, told):
    for models in ([model("a " * 8_000)], [model("a"), model("b")]):
        assert footers(separated(make_answer(*models, seconds=seconds, credits=credits))) == [told + WRONG]


def test_the_footer_says_that_files_were_not_read():
    (message,) = separated(make_answer(model("a"), has_files=True, seconds=3))

    assert footers([message]) == [f"3 s · {ENGLISH.file_not_read} · {WRONG}"]


@pytest.mark.parametrize(
    ("left_out", "told"),
    [
        ((), []),
        (("text",), [ENGLISH.question_cut]),
        (("messages",), ["Too long or not readable, so not asked: forwarded messages."]),
        (
            ("text", "messages", "tables"),
            [ENGLISH.question_cut, "Too long or not readable, so not asked: forwarded messages and tables."],
        ),
    ],
)
def test_the_footer_names_what_was_not_sent(left_out, told):
    answer = make_answer(model("a"), model("b"))
    question = replace(answer.question, left_out=left_out)

    for display in ("separated", "tabs", "folded"):
        messages = render(replace(answer, question=question, display=display))

        assert footers(messages) == [" · ".join([*told, WRONG])]


def test_each_name_has_what_its_answer_took():
    answer = make_answer(model("a", "A", "base", seconds=3.2, credits=2.5), model("b", "B", seconds=61))

    messages = separated(answer)

    lines = [block["text"]["text"] for block in messages[0].blocks if block["type"] == "section"]
    assert lines[:2] == ["*A*  base · 3 s · 2.5 credits", "*B*  1 min 1 s"]


def test_a_question_that_others_did_not_see_stands_above_the_answer():
    asked = "<!here> {x}\n why? " + "y" * 2_980

    messages = separated(make_answer(model("a " * 8_000), model("b"), asked=asked))

    assert quotes(messages) == [asked]
    assert messages[0].blocks[0]["type"] == "rich_text"
    assert_accepted(*messages)


def test_a_quoted_question_is_whole_in_plain_text_too():
    (message,) = separated(make_answer(model("a"), asked="<!here> Why?\nAnd how?"))

    (plain,) = plainer(message)

    assert plain.text.startswith("Question:\n&lt;!here&gt; Why?\nAnd how?\n\n◆ GPT-4o\na\n")


def test_a_quoted_question_longer_than_slack_lets_users_type_is_cut():
    (message,) = separated(make_answer(model("a"), asked="🙂" * 3_000))

    assert quotes([message]) == ["🙂" * 1_499 + "…"]
    assert_accepted(message)


def test_twenty_answers_keep_within_every_limit():
    answers = [model(f"Answer {n}. " * 30, f"Model {n}", "base") for n in range(20)]

    messages = separated(make_answer(*answers))

    assert headings(messages) == [each.name for each in answers]
    assert len(messages) <= 3
    assert_accepted(*messages)


# Messages that other people's may stand above

PARAGRAPHS = "\n\n".join(["word " * 200] * 24)
LONG = make_answer(model(PARAGRAPHS, "A", "base"), model(PARAGRAPHS, "B", "base"), seconds=3)


def asking(answer: Answer, text: str) -> Answer:
    return replace(answer, question=replace(answer.question, text=text))


def test_as_long_as_all_stand_together_no_name_names_the_question():
    alone = separated(LONG)

    assert [headings([message]) for message in alone] == [
        ["A"],
        ["A (continued)"],
        ["A (continued)", "B"],
        ["B (continued)"],
        ["B (continued)"],
    ]
    assert separated(replace(LONG, together=len(alone))) == alone


def test_the_first_name_in_each_later_message_names_it():
    messages = separated(replace(LONG, together=2))

    assert [headings([message]) for message in messages] == [
        ["A"],
        ["A (continued)"],
        ["A (continued), on “Tell me a joke”", "B"],
        ["B (continued), on “Tell me a joke”"],
        ["B (continued), on “Tell me a joke”"],
    ]
    assert bodies(messages) == bodies(separated(LONG))


@pytest.mark.parametrize("name", ["A", "🙂 model " * 40])
@pytest.mark.parametrize("asked", ["Why?", "<!here>\n" + "🙂 why " * 300])
def test_whatever_the_question_no_limit_is_passed(name, asked):
    answer = make_answer(model("word " * 9_000, name), model("word " * 9_000, name, model_id="b"))

    for message in separated(replace(asking(answer, asked), together=1))[1:]:
        assert headings([message])[0].endswith("”")
        assert_accepted(message)


def test_a_digest_tells_messages_apart_and_says_nothing_of_them():
    first, second = separated(LONG)[:2]

    assert digest(first) == digest(separated(LONG)[0]) != digest(second)
    assert digest(replace(first, text="Other")) != digest(first)
    assert len(digest(first)) == 16
