"""Slack or SectorFlow refuses, is slow, or sends an invalid answer."""

import time
from typing import Any

import pytest

from sandbox.sectorflow.models import MODELS
from tests.chaos.site import install
from tests.chaos.verdicts import headings
from tests.waiting import until

pytestmark = pytest.mark.processes

RETRY_AFTER = 3
JSON = "application/json"

#: Faults of SectorFlow that a retry mends, and those without an answer in the end.
MENDED: dict[str, dict[str, Any]] = {
    "500 once": {"status": 500},
    "503 with a page": {"status": 503, "body": "<html>busy</html>"},
    "429 with Retry-After": {"status": 429, "retry_after": 2},
    "just in time": {"delay": 8.0},
}
FINAL: dict[str, dict[str, Any]] = {
    "400": {"status": 400},
    "403": {"status": 403},
    "a page of HTML": {"body": "<html>hello</html>"},
    "null": {"body": "null", "content_type": JSON},
    "no choices": {"body": '{"threadId": "x"}', "content_type": JSON},
    "empty choices": {"body": '{"choices": []}', "content_type": JSON},
    "cut in the middle": {"drop": "middle"},
    "slower than its time": {"delay": 11.5},
    "50 MB": {"answer_length": 25_000_000},
}
WORDS = {name: f"fault{number}x" for number, name in enumerate({**MENDED, **FINAL})}


@pytest.fixture(scope="module")
def asked(whole_site):
    """A question for each of these, all under way at once."""
    channel = whole_site.channel("faults")
    asked = {}
    for name, fault in {**MENDED, **FINAL}.items():
        whole_site.fault("sectorflow", target="completions", containing=WORDS[name], **fault)
        asked[name] = whole_site.ask(WORDS[name], channel)
    whole_site.await_faults("sectorflow")
    return asked


def test_a_temporary_failure_of_sectorflow_is_tried_again(site, asked):
    mended = [asked[name] for name in MENDED]

    site.await_answers("SectorFlow: 500, 503, 429, nearly too late", *mended, seconds=30)


def test_a_permanent_failure_of_sectorflow_ends_in_one_plain_sentence(site, asked):
    final = [asked[name] for name in FINAL]

    until(lambda: all(site.answers(each) for each in final), 30, "each has a message")

    site.add_row("SectorFlow: nine permanent failures (one sentence each)", *final)
    verdicts = dict(zip(FINAL, site.verdicts(final), strict=True))
    assert verdicts == dict.fromkeys(FINAL, "excused")
    assert [len(site.posted(each)) for each in final] == [1] * len(final)
    assert [site.times_asked(WORDS[name]) for name in FINAL] == [1] * len(final)


def test_a_limit_of_slacks_is_waited_for_while_another_team_goes_on(site):
    other = site.stage.control("team", {"name": "umbrella"})
    install(site.stage, other["channel"], teamId=other["team"])
    channel = site.channel("limited")
    site.fault("slack", target="chat.postMessage", retry_after=RETRY_AFTER, containing=channel)
    limited = site.ask("limited", channel)
    since = time.monotonic()
    until(lambda: site.times_asked("limited") == 1, 10, "SectorFlow is asked")

    free = site.ask("free", other["channel"], user=other["user"], team_id=other["team"])
    site.await_answers("another team meanwhile", free, seconds=RETRY_AFTER)
    early = site.answers(limited)
    took = site.await_answers(f"Slack: 429, Retry-After {RETRY_AFTER}", limited, seconds=30, since=since)

    assert early == []
    assert took > RETRY_AFTER - 1
    assert site.times_asked("limited") == 1


def test_a_message_that_slack_refuses_is_posted_plainer(site):
    asked = []
    for error in ("invalid_blocks", "msg_blocks_too_long", "msg_too_long"):
        channel = site.channel(error)
        site.fault("sectorflow", target="completions", delay=0.5, containing=f"plainer{len(error)}")
        # Once for its first form, once for the simpler one.
        site.fault("slack", target="chat.postMessage", error=error, containing=channel, times=2)
        asked.append(site.ask(f"plainer{len(error)}", channel))

    for question in asked:
        until(lambda question=question: site.answers(question), 20, "there is a message")
        posted = site.posted(question)
        assert headings(posted) == []
        assert all(model.name in str(posted) for model in MODELS[:2])


def test_slack_failing_between_two_posts_repeats_none_of_them(site):
    faults: tuple[dict[str, Any], ...] = ({"status": 503}, {"drop": "before"}, {"error": "internal_error"})
    asked = []
    for number, fault in enumerate(faults):
        channel = site.channel(f"failing{number}")
        site.fault("slack", target="chat.postMessage", skip=1, containing=channel, **fault)
        asked.append(site.ask("a long one", channel))

    site.await_answers("Slack: 503, no answer, internal_error at the second post", *asked, seconds=30)
    assert site.stage.control("faults")["slack"] == []


@pytest.mark.parametrize(
    "error", ["channel_not_found", "not_in_channel", "is_archived", "account_inactive", "token_revoked"]
)
def test_a_permanent_refusal_of_slacks_is_tried_once_and_delays_no_other_question(site, error):
    # In a separate team: an installation ends with its token.
    doomed = site.stage.control("team", {"name": error})
    install(site.stage, doomed["channel"], teamId=doomed["team"])
    site.fault("slack", target="chat.postMessage", containing=doomed["channel"], error=error, times=None)
    refused = site.ask(f"refused{error}", doomed["channel"], user=doomed["user"], team_id=doomed["team"])

    next_one = site.ask("the next one")

    site.await_answers(f"Slack: {error}, and the next question of others", next_one, seconds=10)
    until(lambda: site.times_asked(f"refused{error}") == 1, 10, "SectorFlow is asked")
    until(lambda: site.open_questions() == 0, 20, "no question is open")
    assert site.posted(refused) == []
