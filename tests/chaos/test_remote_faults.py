"""Slack or SectorFlow refuses, is slow, or sends what nobody can read."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sandbox.sectorflow.models import MODELS
from tests.chaos.building import install
from tests.chaos.harness import Site
from tests.chaos.processes import until
from tests.chaos.verdicts import Asked, headings

pytestmark = pytest.mark.processes

RETRY_AFTER = 4

#: What SectorFlow does: after some of it there is an answer in the end, after the rest there is none.
MENDED: dict[str, dict[str, Any]] = {
    "500 once": {"status": 500},
    "503 with a page": {"status": 503, "body": "<html>busy</html>"},
    "429 with Retry-After": {"status": 429, "retry_after": 2},
    "just in time": {"delay": 3.5},
}
FINAL: dict[str, dict[str, Any]] = {
    "400": {"status": 400},
    "403": {"status": 403},
    "a page of HTML": {"body": "<html>hello</html>"},
    "null": {"body": "null", "content_type": "application/json"},
    "no choices": {"body": '{"threadId": "x"}', "content_type": "application/json"},
    "empty choices": {"body": '{"choices": []}', "content_type": "application/json"},
    "cut in the middle": {"drop": "middle"},
    "slower than its time": {"delay": 5.5},
    "50 MB": {"answer_length": 25_000_000},
}


def ask_all(site: Site, faults: dict[str, dict[str, Any]]) -> dict[str, Asked]:
    channel = site.channel("faults")
    asked = {}
    for number, (name, fault) in enumerate(faults.items()):
        word = f"fault{len(faults)}x{number}"
        site.fault("sectorflow", target="completions", containing=word, **fault)
        asked[name] = site.ask(word, channel)
    return asked


def test_what_sectorflow_gets_wrong_for_a_moment_is_tried_again(site: Site) -> None:
    asked = ask_all(site, MENDED)

    site.await_answers("SectorFlow: 500, 503, 429, nearly too late", *asked.values(), seconds=15)


def test_what_sectorflow_gets_wrong_for_good_ends_in_one_plain_sentence(site: Site) -> None:
    asked = ask_all(site, FINAL)

    until(lambda: all(site.answers(each) for each in asked.values()), 20, "each is told something")

    site.enter("SectorFlow: nine ways to fail for good (told once each)", *asked.values())
    verdicts = dict(zip(asked, site.verdicts(list(asked.values())), strict=True))
    assert verdicts == dict.fromkeys(FINAL, "excused")
    assert [len(site.posted(each)) for each in asked.values()] == [1] * len(asked)
    assert [site.times_asked(f"fault{len(FINAL)}x{number}") for number in range(len(FINAL))] == [1] * len(
        FINAL
    )


def test_a_model_that_is_missing_is_marked_and_the_other_is_shown(site: Site) -> None:
    site.fault(
        "sectorflow",
        containing="onemissing",
        model_id=MODELS[1].id,
        model_fault="missing",
        target="completions",
    )

    question = site.ask("onemissing")

    site.await_answers("SectorFlow: a model is missing", question, seconds=10)
    assert "did not answer" in str(site.posted(question))


def test_a_limit_of_slacks_is_waited_for_while_another_team_goes_on(site: Site) -> None:
    other = site.stage.control("team", {"name": "umbrella"})
    install(site.stage, other["channel"], teamId=other["team"])
    channel = site.channel("limited")
    site.fault("slack", target="chat.postMessage", retry_after=RETRY_AFTER, containing=channel)
    limited = site.ask("limited", channel)
    until(lambda: site.times_asked("limited") == 1, 5, "SectorFlow is asked")

    free = site.ask("free", other["channel"], user=other["user"], team_id=other["team"])
    others = site.await_answers("another team meanwhile", free, seconds=RETRY_AFTER)
    took = others + site.await_answers(f"Slack: 429, Retry-After {RETRY_AFTER}", limited, seconds=15)

    assert others < 2
    assert took > RETRY_AFTER - 1
    assert site.times_asked("limited") == 1


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_blocks_too_long", "msg_too_long"])
def test_a_message_that_slack_does_not_take_is_posted_plainer(site: Site, error: str) -> None:
    channel = site.channel(error)
    site.fault("sectorflow", target="completions", delay=0.5, containing=f"plainer{len(error)}")
    # Once for its first form, once for the simpler one.
    site.fault("slack", target="chat.update", error=error, containing=channel, times=2)

    question = site.ask(f"plainer{len(error)}", channel)

    until(lambda: site.answers(question), 10, "something is said")
    posted = site.posted(question)
    assert headings(posted) == []
    assert all(model.name in str(posted) for model in MODELS[:2])


@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": "before"}, {"error": "internal_error"}])
def test_slack_failing_between_two_posts_repeats_none_of_them(site: Site, fault: dict[str, Any]) -> None:
    channel = site.channel("failing")
    site.fault("slack", target="chat.postMessage", skip=1, containing=channel, **fault)

    question = site.ask("a long one", channel)

    (kind,) = fault.items()
    site.await_answers("Slack: {} {} at the second post".format(*kind), question, seconds=15)
    assert time.time() - float(question.ts) > 0.7


@pytest.mark.parametrize(
    "error", ["channel_not_found", "not_in_channel", "is_archived", "account_inactive", "token_revoked"]
)
def test_what_slack_refuses_for_good_is_tried_once_and_holds_up_nobody(site: Site, error: str) -> None:
    # A team of its own: when its token is dead, its installation is.
    doomed = site.stage.control("team", {"name": error})
    install(site.stage, doomed["channel"], teamId=doomed["team"])
    where = {"target": "chat.postMessage", "containing": doomed["channel"]}
    site.fault("slack", error=error, times=None, **where)
    refused = site.ask(f"refused{error}", doomed["channel"], user=doomed["user"], team_id=doomed["team"])

    next_one = site.ask("the next one")

    site.await_answers(f"Slack: {error}, and the next question of others", next_one, seconds=10)
    until(lambda: site.times_asked(f"refused{error}") == 1, 5, "SectorFlow is asked")
    until(lambda: site.open_questions() == 0, 10, "nothing is left open")
    assert site.posted(refused) == []
