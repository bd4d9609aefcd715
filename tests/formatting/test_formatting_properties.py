"""Whatever a model writes: nothing is lost, no limit is passed, nothing is live."""

import re
from collections.abc import Mapping, Sequence

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sectorflow_slack.domain.questions import ModelAnswer
from sectorflow_slack.formatting.escaping import neutralise, restore
from sectorflow_slack.formatting.parsing import tidy
from sectorflow_slack.formatting.plain import fallback, plainer
from sectorflow_slack.formatting.separated import separated
from tests.formatting.drawing import make_answer, model
from tests.formatting.markdown_strategies import documents
from tests.formatting.slack_rules import LIVE_IN_PROSE, LIVE_TOKEN, assert_accepted, markdown_of, utf16

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
    """Give what must not get lost: all but white space, marks of Markdown, the items' numbers, and escapes.

    A formula's marks and ``<br>`` are among the marks, what turns the direction of a text among the escapes.
    """
    without_marks = re.sub(r"(?:<|&lt;)br[ \t]*/?>|\d+[.)]", "", tidy(text), flags=re.IGNORECASE)
    return re.sub(r"[\s\\<>`~|$()\[\]\u2060\u202a-\u202e\u2066-\u2069:-]|&lt;", "", without_marks)


def is_within(part: str, whole: str) -> bool:
    """Say whether the signs of ``part`` are all in ``whole``, in their order."""
    rest = iter(whole)
    return all(sign in rest for sign in part)


@quick
@given(st.lists(answers, max_size=3))
def test_slack_accepts_every_message(given_answers: list[ModelAnswer]) -> None:
    messages = separated(make_answer(*given_answers))

    for message in messages:
        assert_accepted(message)


@quick
@given(documents)
def test_nothing_is_lost_and_the_order_is_kept(markdown: str) -> None:
    messages = separated(make_answer(model(markdown)))

    assert is_within(signs(markdown), signs("".join(markdown_of(messages))))


@quick
@given(documents)
def test_what_fits_is_posted_as_it_was_written(markdown: str) -> None:
    messages = separated(make_answer(model(markdown)))

    if len(messages) == 1 and len(signs(markdown)) > 0 and "|" not in markdown:
        shown = "".join(markdown_of(messages)).replace("```latex", "```")
        assert signs(shown) == signs(markdown)


@quick
@given(st.lists(answers, max_size=3))
def test_models_keep_their_order_and_each_message_begins_with_a_heading(
    given_answers: list[ModelAnswer],
) -> None:
    messages = separated(make_answer(*given_answers))

    headings = [b for message in messages for b in message.blocks if b["type"] == "header"]
    first_headings = [h for h in headings if "(continued)" not in str(h)]
    assert all(headings_stand_apart(number, message.blocks) for number, message in enumerate(messages))
    assert len(first_headings) == len(given_answers)


def headings_stand_apart(number: int, blocks: Sequence[Mapping[str, object]]) -> bool:
    """Say whether a message begins with a heading, and a line stands above each but the very first."""
    kinds = [block["type"] for block in blocks]
    heads = [at for at, kind in enumerate(kinds) if kind == "header"]
    return heads[0] == bool(number) and all(kinds[at - 1] == "divider" for at in heads if at)


@quick
@given(documents)
def test_neutral_markdown_says_the_same_and_holds_nothing_live(markdown: str) -> None:
    neutral = neutralise(markdown)

    assert not LIVE_TOKEN.search(neutral)
    assert signs(restore(neutral)) == signs(restore(markdown))


@quick
@given(documents)
def test_neutralising_twice_changes_nothing(markdown: str) -> None:
    once = neutralise(markdown)

    assert neutralise(once) == once


@quick
@given(st.lists(answers, max_size=3))
def test_plain_messages_lose_nothing_and_stay_short(given_answers: list[ModelAnswer]) -> None:
    messages = [plain for message in separated(make_answer(*given_answers)) for plain in plainer(message)]

    for message in messages:
        assert message.blocks == ()
        assert 0 < utf16(message.text) <= 3_900
        assert not re.search("[<>]", message.text)
        assert not LIVE_IN_PROSE.search(message.text)
    shown = signs("".join(message.text for message in messages).replace("&gt;", "").replace("&amp;", "&"))
    for answer in given_answers:
        assert answer.failed or is_within(signs(answer.text), shown)


@quick
@given(st.lists(answers, max_size=120))
def test_the_fallback_is_short_and_cuts_no_entity(given_answers: list[ModelAnswer]) -> None:
    text = fallback(given_answers)

    assert utf16(text) <= 3_000
    assert not re.search("[<>]", text)
    assert not re.search(r"&(?!(amp|lt|gt);)", text)
    assert not LIVE_IN_PROSE.search(text)
