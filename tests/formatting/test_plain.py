from sectorflow_slack.domain.questions import ModelAnswer
from sectorflow_slack.formatting.plain import fallback, notice, notice_to_ask_again, plainer
from sectorflow_slack.formatting.separated import separated
from tests.formatting.drawing import make_answer
from tests.formatting.example_answers import JOKES, TUTORIAL
from tests.formatting.slack_rules import utf16


def test_plain_answers_stand_under_bold_names() -> None:
    (rich,) = separated(make_answer(*JOKES[1:]))

    (message,) = plainer(rich)

    assert message.blocks == ()
    assert message.text.startswith("*Google Gemini Pro 2M*\ngemini-1.5-pro\nTwo antennas")
    assert "\n\n*Claude*\nclaude-3-opus\n⚠ This model did not answer this time.\n\n*Llama*" in message.text


def test_a_plain_answer_is_escaped_and_else_verbatim() -> None:
    (rich,) = separated(make_answer(ModelAnswer("m", "A & B", text=TUTORIAL)))

    (message,) = plainer(rich)

    readable = TUTORIAL.replace("<https://docs.python.org/3/>", "https://docs.python.org/3/")
    escaped = readable.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert message.text == f"*A &amp; B*\n{escaped}".rstrip("\n")


def test_a_long_plain_answer_goes_on_in_further_messages() -> None:
    code = "x < 1\n" * 1_000
    (rich,) = separated(make_answer(ModelAnswer("m", "A", text=f"```py\n{code}```")))

    messages = plainer(rich)

    assert len(messages) > 1
    assert all(utf16(message.text) <= 3_900 for message in messages)
    assert sum(message.text.count("x &lt; 1") for message in messages) == 1_000


def test_a_notice_is_one_section_beside_its_escaped_text() -> None:
    message = notice("Ask <@me> something.")

    text = {"type": "plain_text", "text": "Ask <@me> something.", "emoji": False}
    assert message.blocks == ({"type": "section", "text": text},)
    assert message.text == "Ask &lt;@me&gt; something."


def test_a_notice_to_ask_again_has_a_button_that_carries_the_letters_id() -> None:
    message = notice_to_ask_again("It failed.", "0123abcd")

    section, actions = message.blocks
    assert (message.text, section) == ("It failed.", notice("It failed.").blocks[0])
    label = {"type": "plain_text", "text": "Ask again", "emoji": False}
    button = {"type": "button", "action_id": "ask_again", "text": label, "value": "0123abcd"}
    assert actions == {"type": "actions", "elements": [button]}


def test_a_plain_notice_to_ask_again_is_its_sentence() -> None:
    (message,) = plainer(notice_to_ask_again("It failed.", "0123abcd"))

    assert (message.text, message.blocks) == ("It failed.", ())


def test_the_fallback_names_each_model_and_its_first_words() -> None:
    text = fallback(JOKES)

    lines = text.split("\n")
    assert [line.split(":")[0] for line in lines] == [joke.name for joke in JOKES]
    assert lines[3] == "Claude: ⚠ This model did not answer this time."


def test_a_long_fallback_is_cut_with_an_ellipsis_and_no_entity_in_half() -> None:
    text = fallback([ModelAnswer("m", "A", text="<" * 9_000), ModelAnswer("n", "B", text="word " * 9_000)])

    first, second = text.split("\n")
    assert first.removeprefix("A: ").replace("&lt;", "") == "…"
    assert second.endswith("word…")
    assert utf16(text) <= 3_000
