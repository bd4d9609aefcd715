"""What a person sees who opens the app: the Home tab, and prompts in the direct message."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import (
    AnswerLost,
    ReplyUnreadable,
    SectorFlowBusy,
    StorageUnavailable,
    TokenRefused,
)
from sectorflow_slack.domain.installations import Workspace
from sectorflow_slack.formatting.words import ENGLISH
from tests.services.scenario import Scenario
from tests.values import API_TOKEN, MODEL_IDS, WORKSPACE_ID, make_event, make_settings

AWAY = [
    SectorFlowBusy("status 503"),
    TokenRefused("status 401"),
    AnswerLost("timed out"),
    ReplyUnreadable("no JSON"),
]
KNOWN_NAMES = {MODEL_IDS[0]: "GPT of January", MODEL_IDS[2]: "Claude of January"}


def opened(tab: str = "home", **event: Any) -> dict[str, Any]:
    """An envelope: Ann opened the app (docs.slack.dev, app_home_opened)."""
    return make_event({"type": "app_home_opened", "tab": tab, "channel": "D0ANN", "user": "U0ANN", **event})


@pytest.fixture
def known(acme: Scenario) -> Scenario:
    """An installation that knows the names of two models from when it was registered."""
    acme.configure(sectorflow=replace(make_settings().sectorflow, model_names=KNOWN_NAMES))
    return acme


def home_of(acme: Scenario) -> str:
    """All that stands on Ann's Home tab after she opened it."""
    acme.services.events.accept(opened())
    acme.run_jobs()
    ((user_id, view),) = acme.slack.homes
    assert (user_id, view["type"]) == ("U0ANN", "home")
    assert "nobody-may-see" not in str(view)
    return str(view["blocks"])


def suggested(acme: Scenario) -> tuple[str, dict[str, str]]:
    """The greeting and the prompts that Ann is offered when she opens her DM with the app."""
    acme.services.events.accept(opened("messages"))
    acme.run_jobs()
    ((channel_id, title, prompts),) = acme.slack.suggested
    assert channel_id == "D0ANN"
    return title, prompts


# The event


def test_opening_the_app_asks_nothing_and_is_counted_as_ignored(acme):
    acme.services.events.accept(opened())
    acme.services.events.accept(opened("messages"))

    figures = acme.services.read_metrics()
    assert (figures.counters["ignored", ""], figures.open, acme.unaccounted) == (2, 0, 0)
    assert acme.queue.jobs == []
    assert [job.kind for job, _ in acme.queue.slack_jobs] == ["publish_home", "suggest_prompts"]


def test_a_team_without_the_app_sees_nothing(services, queue):
    services.events.accept(opened())

    assert queue.slack_jobs == []
    assert services.read_metrics().counters["ignored", ""] == 1


def test_if_no_worker_can_be_told_the_event_is_acknowledged_all_the_same(acme):
    acme.queue.enqueues.then(StorageUnavailable("ConnectionError"))

    acme.services.events.accept(opened())

    assert acme.services.read_metrics().counters["ignored", ""] == 1


@pytest.mark.parametrize("event", [{"tab": None}, {"user": None}, {"channel": 7}, {"tab": {}, "user": []}])
def test_an_odd_event_is_acknowledged_too(acme, event):
    acme.services.events.accept(opened(**event))
    acme.run_jobs()

    assert acme.services.read_metrics().counters["ignored", ""] == 1


# The Home tab


def test_the_home_tab_names_the_app_its_models_workspace_and_expert(acme):
    names = dict(zip(MODEL_IDS, ("GPT", "Gemini", "Claude"), strict=True))
    acme.sectorflow.workspace = Workspace(WORKSPACE_ID, "Jokes and riddles", names)

    shown = home_of(acme)

    for told in ("Acme Assistant", "Jokes and riddles", "Sales expert", ENGLISH.home_separated):
        assert told in shown
    assert -1 < shown.index("GPT") < shown.index("Gemini") < shown.index("Claude")
    assert acme.sectorflow.checked == [(API_TOKEN, WORKSPACE_ID, 4.0)]


def test_a_name_that_sectorflow_does_not_tell_any_more_is_the_one_known_before(known):
    known.sectorflow.workspace = Workspace(WORKSPACE_ID, "Jokes", {MODEL_IDS[0]: "GPT of today"})

    shown = home_of(known)

    assert "GPT of today" in shown
    assert "GPT of January" not in shown
    assert "Claude of January" in shown


@pytest.mark.parametrize("error", AWAY)
def test_while_sectorflow_is_away_the_home_tab_says_what_was_known_before(known, error):
    known.sectorflow.checks.then(error)
    known.sectorflow.names.then(error)

    shown = home_of(known)

    assert "GPT of January" in shown
    assert "Claude of January" in shown
    assert "Sales expert" not in shown
    assert "SectorFlow workspace" not in shown


def test_an_installation_that_never_knew_any_name_still_shows_a_home_tab(acme):
    acme.sectorflow.checks.then(AWAY[0])

    assert ENGLISH.home_models_unknown in home_of(acme)


def test_without_an_expert_none_is_asked_for(acme):
    acme.configure(sectorflow=replace(make_settings().sectorflow, plus_id=""), display="tabs")
    acme.sectorflow.names.then(AssertionError("asked for an expert"))

    shown = home_of(acme)

    assert "Sales expert" not in shown
    assert ENGLISH.home_tabs in shown


# Prompts


def test_the_dm_offers_four_prompts_of_the_workspace(acme):
    acme.sectorflow.samples = ("A joke", "A riddle", "A rhyme", "A tale", "And more")

    title, prompts = suggested(acme)

    assert title == ENGLISH.greeting
    assert list(prompts.values()) == ["A joke", "A riddle", "A rhyme", "A tale"]


@pytest.mark.parametrize("error", [None, *AWAY])
def test_if_sectorflow_tells_no_prompts_the_dm_offers_some_for_everybody(acme, error):
    acme.sectorflow.names.then(error)

    assert suggested(acme)[1] == dict(ENGLISH.prompts)


def test_if_one_model_answers_several_are_not_spoken_of(acme):
    acme.configure(sectorflow=replace(make_settings().sectorflow, model_ids=MODEL_IDS[:1]))

    assert suggested(acme)[0] == ENGLISH.greeting_one
    assert ENGLISH.home_intro_one in home_of(acme)
