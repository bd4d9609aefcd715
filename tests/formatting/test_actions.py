import pytest
from hypothesis import given
from hypothesis import strategies as st

from sectorflow_slack.formatting.block_kit import ActionValue, action_of
from sectorflow_slack.formatting.displays import render
from tests.formatting.drawing import ANSWER_ID, carried, make_answer, model


@given(
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.integers(0, 9_999),
    st.integers(0, 9_999),
    st.sampled_from(["", "up", "plain_text", "tabs"]),
)
def test_what_a_button_carries_comes_back(answer_id, at, page, choice):
    value = ActionValue(answer_id, at, page, choice)

    assert ActionValue.decode(value.encode()) == value
    assert len(value.encode()) <= 150


@pytest.mark.parametrize(
    "text",
    [
        None, 7, "", ANSWER_ID, f"{ANSWER_ID}.0.0", f"{ANSWER_ID}.0.0.\n", f"{ANSWER_ID}.0.0.up\n",
        f"{ANSWER_ID}.00.0.", f"{ANSWER_ID}.-1.0.", f"{ANSWER_ID}.٣.0.", f"{ANSWER_ID}.10000.0.",
        f"{ANSWER_ID.upper()}.0.0.", f"x{ANSWER_ID[1:]}.0.0.", f"{ANSWER_ID}.0.0.UP", f"{ANSWER_ID}.0.0.a.b",
        f"{ANSWER_ID}.0.0.{'a' * 21}", f" {ANSWER_ID}.0.0.",
    ],
)  # fmt: skip
def test_what_no_button_carries_is_nothing(text):
    assert ActionValue.decode(text) is None


@given(st.text())
def test_any_text_can_be_decoded(text):
    assert ActionValue.decode(text) is None or ActionValue.decode(text)


@pytest.mark.parametrize("display", ["separated", "tabs"])
def test_every_button_of_an_answer_can_be_read_again(display):
    answer = make_answer(
        *(model("Words. " * 3_000, str(n)) for n in range(3)), model("", "B"), display=display
    )

    values = carried(render(answer))

    assert len(values) > 8
    assert all(value and value.answer_id == ANSWER_ID for value in values)


@pytest.mark.parametrize("action_id", ["show_tab", "show_tab:3", "show_tab:3:4"])
def test_an_actions_name_stands_before_its_number(action_id):
    assert action_of(action_id) == "show_tab"
