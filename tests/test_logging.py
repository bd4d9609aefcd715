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

#: Replaces stdout, before and after the configuration.
LOGGING_BEHIND_A_REPLACED_STDOUT = """
import io, logging, sys
from sectorflow_slack.logging import configure_logging
sys.stdout = io.StringIO()
configure_logging("DEBUG")
sys.stdout = io.StringIO()
logging.getLogger("sectorflow_slack").debug("answered %s", "question-1")
for name in ("slack_sdk.web", "urllib3.connectionpool", "requests", "werkzeug", "redis"):
    logging.getLogger(name).debug("a body")
    logging.getLogger(name).info("hello")
"""


@pytest.fixture
def restored_logging():
    """Restore the handlers and levels of all loggers after the test."""
    loggers = [logging.getLogger(name) for name in (None, *logging.root.manager.loggerDict)]
    saved = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, handlers, level, propagate in saved:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


def make_record(message="done", *args, **attributes):
    record = logging.LogRecord("sectorflow_slack.test", logging.INFO, __file__, 1, message, args, None)
    for name, value in {"created": 1_800_000_000.5, "msecs": 500.0, **attributes}.items():
        setattr(record, name, value)
    return record


def formatted(record):
    return json.loads(JsonFormatter().format(record))


def raised_error(depth=0):
    def fail(left):
        if left:
            fail(left - 1)
        raise ValueError(MARKER)

    with pytest.raises(ValueError, match=MARKER) as raised:
        fail(depth)
    return raised.value


def test_a_line_has_time_level_logger_and_message():
    line = formatted(make_record("answered %s in %d s", "question-1", 3))

    assert line == {
        "time": "2027-01-15T08:00:00.500Z",
        "level": "INFO",
        "logger": "sectorflow_slack.test",
        "message": "answered question-1 in 3 s",
    }


def test_extra_is_written_as_json_or_as_text():
    line = formatted(make_record(installation="A1:T1", count=2, context={"key": None}, odd=frozenset({1})))

    assert line["installation"] == "A1:T1"
    assert line["count"] == 2
    assert line["context"] == {"key": None}
    assert line["odd"] == "frozenset({1})"


def test_an_error_is_written_as_type_and_traceback_without_its_text_or_causes():
    try:
        raise RuntimeError("outer") from raised_error()
    except RuntimeError as error:
        line = JsonFormatter().format(make_record(exc_info=(RuntimeError, error, error.__traceback__)))

    assert MARKER not in line
    assert "outer" not in line
    assert str(json.loads(line)["error"]).startswith("RuntimeError at test_logging.py:")


def test_exc_info_without_an_exception_writes_no_error():
    assert "error" not in formatted(make_record(exc_info=(None, None, None)))


def test_only_the_last_six_frames_of_a_traceback_are_written():
    assert describe(raised_error(depth=20)).count("test_logging.py:") == 6
    assert describe(KeyError(MARKER)) == "KeyError at unknown location"


@given(message=st.text(st.characters()), extra=st.text(st.characters()))
def test_every_record_is_one_line_of_ascii(message, extra):
    text = JsonFormatter().format(make_record("%s", message, extra=extra))

    assert text.isascii()
    assert len(text.splitlines()) == 1
    assert json.loads(text)["message"] == message
    assert json.loads(text)["extra"] == extra


def test_lines_go_to_the_real_stdout_without_the_debug_lines_of_libraries():
    command = [sys.executable, "-c", LOGGING_BEHIND_A_REPLACED_STDOUT]

    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["message"] for line in lines] == ["answered question-1"] + ["hello"] * 5
    assert lines[0]["level"] == "DEBUG"
    assert done.stderr == ""


@pytest.mark.usefixtures("restored_logging")
def test_a_second_configuration_replaces_the_first():
    configure_logging("INFO")
    configure_logging("WARNING")

    assert len(logging.getLogger().handlers) == 1
    assert logging.getLogger().level == logging.WARNING
    assert logging.getLogger("urllib3").getEffectiveLevel() == logging.WARNING


@pytest.mark.usefixtures("restored_logging")
def test_gunicorn_writes_json_that_quotes_no_request(capsys):
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
