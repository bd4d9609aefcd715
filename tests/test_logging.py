import json
import logging
import subprocess
import sys
from logging.config import dictConfig

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sectorflow_slack.logging import JsonFormatter, configure_logging, describe, gunicorn_logging

MARKER = "m4rk3r"

#: Replaces stdout as the job engine does in its children, logs, and replaces it before too.
LOGGING_BEHIND_A_REPLACED_STDOUT = """
import io, logging, sys
from sectorflow_slack.logging import configure_logging
sys.stdout = io.StringIO()
configure_logging("DEBUG")
sys.stdout = io.StringIO()
logging.getLogger("sectorflow_slack").debug("heard by %s", "all")
for name in ("slack_sdk.web", "urllib3.connectionpool", "requests", "dramatiq.worker", "werkzeug", "redis"):
    logging.getLogger(name).debug("a body")
    logging.getLogger(name).info("hello")
"""


@pytest.fixture
def untouched_logging():
    """Put the handlers and levels back that a test changes."""
    loggers = [
        logging.getLogger(),
        *(logging.getLogger(name) for name in list(logging.root.manager.loggerDict)),
    ]
    kept = [(each, each.handlers[:], each.level, each.propagate) for each in loggers]
    yield
    for each, handlers, level, propagate in kept:
        each.handlers[:] = handlers
        each.setLevel(level)
        each.propagate = propagate


def make_record(message="done", *args, **attributes):
    record = logging.LogRecord("sectorflow_slack.test", logging.INFO, __file__, 1, message, args, None)
    for name, value in {"created": 1_800_000_000.5, "msecs": 500.0, **attributes}.items():
        setattr(record, name, value)
    return record


def written(record):
    line = json.loads(JsonFormatter().format(record))
    return line


def caught(depth=0):
    def fail(left):
        if left:
            fail(left - 1)
        raise ValueError(MARKER)

    with pytest.raises(ValueError, match=MARKER) as raised:
        fail(depth)
    return raised.value


def test_a_line_says_when_how_grave_who_and_what():
    line = written(make_record("answered %s in %d s", "question-1", 3))

    assert line == {
        "time": "2027-01-15T08:00:00.500Z",
        "level": "INFO",
        "logger": "sectorflow_slack.test",
        "message": "answered question-1 in 3 s",
    }


def test_extra_ids_are_kept_and_anything_else_is_written_as_text():
    line = written(make_record(installation="A1:T1", count=2, place={"key": None}, odd=frozenset({1})))

    assert line["installation"] == "A1:T1"
    assert line["count"] == 2
    assert line["place"] == {"key": None}
    assert line["odd"] == "frozenset({1})"


def test_an_error_is_written_as_its_type_and_places_without_its_text_or_its_causes():
    try:
        raise RuntimeError("outer") from caught()
    except RuntimeError as error:
        line = JsonFormatter().format(make_record(exc_info=(RuntimeError, error, error.__traceback__)))

    assert MARKER not in line
    assert "outer" not in line
    assert str(json.loads(line)["error"]).startswith("RuntimeError at test_logging.py:")


def test_no_error_is_written_where_none_is_under_way():
    assert "error" not in written(make_record(exc_info=(None, None, None)))


def test_the_last_six_places_of_an_error_are_named():
    assert describe(caught(depth=20)).count("test_logging.py:") == 6
    assert describe(KeyError(MARKER)) == "KeyError at unknown place"


@given(message=st.text(st.characters()), extra=st.text(st.characters()))
def test_whatever_is_logged_takes_one_line_of_ascii(message, extra):
    text = JsonFormatter().format(make_record("%s", message, extra=extra))

    assert text.isascii()
    assert len(text.splitlines()) == 1
    assert json.loads(text)["message"] == message
    assert json.loads(text)["extra"] == extra


def test_lines_go_to_the_real_stdout_and_libraries_keep_their_bodies_to_themselves():
    command = [sys.executable, "-c", LOGGING_BEHIND_A_REPLACED_STDOUT]

    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["message"] for line in lines] == ["heard by all"] + ["hello"] * 6
    assert lines[0]["level"] == "DEBUG"
    assert done.stderr == ""


@pytest.mark.usefixtures("untouched_logging")
def test_a_second_configuration_takes_the_place_of_the_first():
    configure_logging("INFO")
    configure_logging("WARNING")

    assert len(logging.getLogger().handlers) == 1
    assert logging.getLogger().level == logging.WARNING
    assert logging.getLogger("urllib3").getEffectiveLevel() == logging.WARNING


@pytest.mark.usefixtures("untouched_logging")
@pytest.mark.usefixtures("untouched_logging")
def test_gunicorn_writes_the_same_lines_and_none_that_quotes_a_request(capsys):
    dictConfig(gunicorn_logging("INFO"))
    gunicorn = logging.getLogger("gunicorn.error")

    gunicorn.error("Error handling request %s", "/slack/install/a-secret-link")
    gunicorn.warning("Invalid request from ip=%s: %s", "192.0.2.1", "code=a-secret-code")
    gunicorn.info("Booting worker with pid: %s", 7)
    logging.getLogger("gunicorn.access").info("GET /slack/install/a-link")
    logging.getLogger("anything").debug("too quiet")

    messages = [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()]
    assert messages == [
        "Error handling request …",
        "Invalid request from ip=…: …",
        "Booting worker with pid: 7",
    ]
