"""The dialogs that users fill in: each within Slack's limits, each with what its submission needs."""

from typing import Any

import pytest

from sandbox.slack.modals import check_modal
from sectorflow_slack.formatting.block_kit import ActionValue
from sectorflow_slack.formatting.views import (
    HomeFacts,
    ask_dialog,
    compare_dialog,
    follow_up_dialog,
    home,
    models_dialog,
)
from tests.formatting.drawing import ANSWER_ID

MODELS = {"id-1": "GPT-4o", "id-2": "", "id-3": "Claude"}
MANY = {f"c4b14a75-6aed-4358-ac87-07fb0e72c{n:03}": "🙂 <!here> model " * 30 for n in range(20)}


def groups_of(view: dict[str, Any]) -> list[dict[str, Any]]:
    return [each["element"] for each in view["blocks"] if each.get("element", {}).get("type") == "checkboxes"]


def names(options: list[dict[str, Any]]) -> list[str]:
    return [option["text"]["text"] for option in options]


@pytest.mark.parametrize("models", [MODELS, MANY])
def test_every_dialog_keeps_within_slacks_limits(models):
    views = (
        follow_up_dialog(ANSWER_ID, 3, models[next(iter(models))]),
        compare_dialog(ANSWER_ID, models),
        models_dialog(ANSWER_ID, models),
        ask_dialog("D0ANN", models),
    )

    for view in views:
        # The sandbox may not know checkboxes.
        assert [each for each in check_modal(view) if "checkboxes" not in each["message"]] == []
        assert all(1 <= len(group["options"]) <= 10 for group in groups_of(view))
        assert all(0 < len(view[key]["text"]) <= 24 for key in ("title", "submit", "close"))
    assert len({view["callback_id"] for view in views}) == 4
    carried = [ActionValue.decode(view["private_metadata"]) for view in views]
    assert carried == [ActionValue(ANSWER_ID, 3), ActionValue(ANSWER_ID), ActionValue(ANSWER_ID), None]


@pytest.mark.parametrize(
    ("last", "listed"),
    [
        ("", ["GPT-4o", "Model", "Claude"]),
        ("id-3", ["Claude", "GPT-4o", "Model"]),
        ("gone", ["GPT-4o", "Model", "Claude"]),
    ],
)
def test_the_model_that_compared_last_comes_first(last, listed):
    (block,) = compare_dialog(ANSWER_ID, MODELS, last)["blocks"]

    assert names(block["element"]["options"]) == listed
    assert names([block["element"]["initial_option"]]) == listed[:1]


@pytest.mark.parametrize(
    ("chosen", "ticked"), [((), ["id-1", "id-2", "id-3"]), (("id-3",), ["id-3"]), (("gone",), [])]
)
def test_the_models_of_a_thread_are_ticked_all_where_none_was_chosen(chosen, ticked):
    view = models_dialog(ANSWER_ID, MODELS, chosen)

    (group,) = groups_of(view)
    assert [option["value"] for option in group.get("initial_options", [])] == ticked
    assert names(group["options"]) == ["GPT-4o", "Model", "Claude"]
    buttons = [block["accessory"] for block in view["blocks"] if "accessory" in block]
    assert [(each["action_id"], each["value"]) for each in buttons] == [("go_on", each) for each in MODELS]


def test_twenty_models_are_ticked_in_two_groups():
    assert [len(group["options"]) for group in groups_of(ask_dialog("D0ANN", MANY))] == [10, 10]


def test_the_home_tab_leads_to_the_dialog_where_there_is_one():
    views = [home(HomeFacts(model_names=("A",)), ask_in=dm) for dm in ("", "D0ANN")]

    assert ["'ask'" in str(view) for view in views] == [False, True]
