"""Commands print plain sentences, and nothing that moves a terminal's cursor."""

import logging
import sys

import pytest

from sectorflow_slack.commands.output import error_message, printable
from sectorflow_slack.domain import errors
from sectorflow_slack.logging import configure_logging
from tests.commands.conftest import documents


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (errors.TokenRefused("status 403"), "SectorFlow refuses this token (status 403)."),
        (errors.WorkspaceMissing("status 404"), "SectorFlow knows no such workspace (status 404)."),
        (errors.SectorFlowBusy("no connection"), "SectorFlow is busy or down (no connection)"),
        (errors.SectorFlowBroken("status 500"), "SectorFlow failed (status 500)."),
        (errors.QuestionRefused("status 400"), "SectorFlow refuses the question (status 400)."),
        (errors.AnswerLost("ReadTimeout"), "was late or incomplete (ReadTimeout)"),
        (
            errors.ReplyUnreadable("the reply is not an object"),
            "cannot be read (the reply is not an object).",
        ),
        (errors.SlackBusy("ratelimited"), "Slack is busy or down (ratelimited)"),
        (errors.SlackRefused("invalid_auth"), "Slack refuses (invalid_auth)."),
    ],
)
def test_an_error_of_the_service_is_one_sentence(error, message):
    assert message in error_message(error)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *[(nothing, "-") for nothing in (None, "", [])],
        *[(True, "yes"), (False, "no"), (7, "7")],
        (["a", None, "b"], "a, -, b"),
        ("two\n\tlines", "two\n\tlines"),
        *[(f"Ac{control}me", "Ac\ufffdme") for control in "\x00\x1b\r\x7f\x9b\u202e\u2066\ud800"],
    ],
)
def test_a_terminal_shows_values_and_no_control_characters(value, shown):
    assert printable(value) == shown


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("command", "label"),
    [
        ("keys re-encrypt", "Encrypting"),
        ("installations export", "Reading"),
        ("installations import", "Restoring"),
    ],
)
def test_a_terminal_shows_progress_and_json_output_has_none(run, tmp_path, command, label):
    file = str(tmp_path / "backup")
    run("installations export", file)
    arguments = [] if command == "keys re-encrypt" else [file]

    for_people = run(command, *arguments)
    as_json = run(command, *arguments, "--json")

    assert label in for_people.stderr
    assert as_json.stderr == ""
    assert len(documents(as_json)) == 1


def test_warnings_are_not_logged_and_errors_not_to_stdout(run, capfd):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("INFO")

    try:
        run("apps list")
        logging.getLogger("sectorflow_slack").warning("a warning")
        stream = root.handlers[0]
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)

    assert isinstance(stream, logging.StreamHandler)
    assert stream.stream is not sys.__stdout__
    assert "a warning" not in "".join(capfd.readouterr())
