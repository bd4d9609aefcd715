"""Whatever a model writes: nothing is lost, no limit is passed, nothing is live."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from sectorflow_slack.domain.installations import DISPLAYS, REFUSALS
from sectorflow_slack.domain.questions import Answer, Message, ModelAnswer
from sectorflow_slack.formatting.displays import render
from sectorflow_slack.formatting.limits import ANSWER_CHARS
from sectorflow_slack.formatting.notices import for_update, plainer, simpler, words_of
from sectorflow_slack.formatting.reading import tidy
from sectorflow_slack.formatting.words import ENGLISH
from tests.formatting.drawing import (
    bodies,
    inlines,
    make_answer,
    model,
    separated,
    tab_pages,
    tabs,
)
from tests.formatting.markdown_strategies import documents
from tests.formatting.slack_rules import LIVE_IN_PROSE, assert_accepted, utf16

quick = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
names = st.one_of(st.sampled_from(["GPT-4o", "<!here> & co", "漢" * 200, "🙂" * 100]), st.text(max_size=20))
answers = st.builds(
    ModelAnswer, model_id=st.just("m"), name=names, base_model=names, text=documents, failed=st.booleans()
)


def signs(text: str) -> str:
    """What must not get lost: letters, but for those of marks, numbers of items, and entities."""
    without_marks = re.sub(r"<br[ \t]*/?>|&\w+;|\[[xX]\] ", "", tidy(text), flags=re.IGNORECASE)
    return "".join(re.findall(r"[^\W\d_]", without_marks))


def is_within(part: str, whole: str) -> bool:
    """Whether the signs of ``part`` are all in ``whole``, in their order."""
    rest = iter(whole)
    return all(sign in rest for sign in part)


def shown(messages: Sequence[Message]) -> str:
    texts = (run["text"] + run.get("url", "") for run in inlines(bodies(messages)))
    return signs("".join(texts))


@quick
@given(st.lists(answers, max_size=3), st.sampled_from(DISPLAYS), st.sets(st.sampled_from(REFUSALS)))
def test_slack_accepts_every_message_in_every_form(given_answers, display, refused):
    for message in render(make_answer(*given_answers, display=display), ENGLISH, frozenset(refused)):
        assert_accepted(message)
        for simple in (simpler(message), simpler(simpler(message)), simpler(simpler(simpler(message)))):
            assert_accepted(simple)
        assert utf16(for_update(message).text) <= 4_000
        for plain in plainer(message):
            assert plain.blocks == ()
            assert 0 < utf16(plain.text) <= 3_900
            assert not re.search("[<>]", plain.text)
            assert not LIVE_IN_PROSE.search(plain.text)


@quick
@given(documents, st.sampled_from(["separated", "folded"]))
def test_nothing_is_lost_and_the_order_is_kept(markdown, display):
    # Of a longer answer the beginning is shown.
    assume(len(markdown) <= ANSWER_CHARS)

    messages = render(make_answer(model(markdown), display=display))

    # Info strings name languages, titles of links and definitions that are used are not shown.
    assert is_within(signs(without_languages(tidy(markdown))), shown(messages))


def without_languages(markdown: str) -> str:
    return re.sub(r"^((?:[ >-]|\d\.)*)(?:```+[^\n`]*|~~~+[^\n]*)$", r"\1", markdown, flags=re.MULTILINE)


@quick
@given(documents)
def test_text_says_what_the_blocks_say_and_nothing_pings(markdown):
    for message in separated(make_answer(model(markdown))):
        said = (
            message.text.replace("\u2060", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        )
        if not said.endswith("…"):
            assert said == words_of(message.blocks)
        assert not re.search("[<>]", message.text)


@quick
@given(st.lists(answers, max_size=3))
def test_models_keep_their_order_and_each_message_begins_with_a_name(given_answers):
    messages = separated(make_answer(*given_answers))

    named = [block for message in messages for block in message.blocks if _is_name(block)]
    first = [block for block in named if "(continued)" not in str(block["text"])]
    assert all(_names_stand_apart(number, message.blocks) for number, message in enumerate(messages))
    assert len(first) >= len(given_answers)


def _is_name(block: Mapping[str, object]) -> bool:
    return block["type"] == "section" and "mrkdwn" in str(block["text"])


def _names_stand_apart(number: int, blocks: Sequence[Mapping[str, object]]) -> bool:
    """Whether a message begins with a name, and a line stands above each but the very first."""
    heads = [at for at, block in enumerate(blocks) if _is_name(block)]
    return heads[0] == bool(number) and all(blocks[at - 1]["type"] == "divider" for at in heads if at)


def every_page(answer: Answer) -> list[Message]:
    """Every page of every tab, as the presses of its buttons show them."""
    return [
        message
        for tab in range(len(answer.models))
        for page in range(tab_pages(answer, tab))
        for message in tabs(replace(answer, tab=tab, page=page))
    ]


@quick
@given(documents)
def test_every_tab_and_page_shows_it(markdown):
    # Each page is drawn from the whole answer: a hundred pages take their time.
    assume(len(markdown) < 40_000)

    messages = every_page(make_answer(model("Before.", "A"), model(markdown, "B"), display="tabs"))

    assert is_within(signs(without_languages(tidy(markdown))), shown(messages))
    assert_accepted(*messages)
