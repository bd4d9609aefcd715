"""What another release wrote is read as far as this one knows it."""

from __future__ import annotations

import json
from dataclasses import asdict

from sectorflow_slack.storage.records import read_question
from tests.values import make_question


def test_a_question_with_more_fields_than_are_known_is_read() -> None:
    written = {**asdict(make_question()), "of_a_later_release": [1, 2]}

    assert read_question(json.dumps(written)) == make_question()


def test_a_question_with_fewer_fields_than_are_known_is_read() -> None:
    written = asdict(make_question())
    for name in ("model_ids", "button_ts", "holder"):
        del written[name]

    assert read_question(json.dumps(written)) == make_question()
