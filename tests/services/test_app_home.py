"""The Home tab, and the suggested prompts in the direct message."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sectorflow_slack.domain.errors import (
    AnswerLost,
    ReplyUnreadable,
    SectorFlowBusy,
    TokenRefused,
)
from sectorflow_slack.domain.installations import Workspace
from sectorflow_slack.domain.slack_jobs import PublishHome, SuggestPrompts
from sectorflow_slack.formatting.words import ENGLISH
from tests.services.scenario import Scenario
from tests.services.steps import KEY
from tests.values import API_TOKEN, BOT_TOKEN, MODEL_IDS, WORKSPACE_ID, make_event, make_settings

ERRORS = [
    SectorFlowBusy("status 503"),
    TokenRefused("status 401"),
    AnswerLost("timed out"),
    ReplyUnreadable("no JSON"),
]


def opened(tab: str = "home", **event: Any) -> dict[str, Any]:
    """An envelope: Ann opened the app (docs.slack.dev, app_home_opened)."""
    return make_event({"type": "app_home_opened", "tab": tab, "channel": "D0ANN", "user": "U0ANN", **event})


def configure(acme: Scenario, **changes: Any) -> None:
    acme.configure(sectorflow=replace(make_settings().sectorflow, **changes))


@pytest.fixture
def known(acme):
    """An installation that got the names of two models at its registration."""
    configure(acme, model_names={MODEL_IDS[0]: "GPT of January", MODEL_IDS[2]: "Claude of January"})
    return acme


def home_of(acme: Scenario) -> str:
    """Return the text of Ann's Home tab after she opened it."""
    acme.services.events.accept(opened())
    acme.run_slack_jobs()
    ((user_id, view),) = acme.slack.homes
    assert (user_id, view["type"]) == ("U0ANN", "home")
    assert not [token for token in (API_TOKEN, BOT_TOKEN) if token in str(view)]
    return str(view["blocks"])


def suggested(acme: Scenario) -> tuple[str, dict[str, str]]:
    """Return the title and the prompts that Ann gets when she opens her DM with the app."""
    acme.services.events.accept(opened("messages"))
    acme.run_slack_jobs()
    ((channel_id, title, prompts),) = acme.slack.suggested
    assert channel_id == "D0ANN"
    return title, prompts


# The event


def test_opening_the_app_enqueues_a_slack_job_and_is_counted_as_ignored(acme):
    acme.services.events.accept(opened())
    acme.services.events.accept(opened("messages"))

    metrics = acme.services.read_metrics()
    assert (metrics.counters["ignored", ""], metrics.open, acme.unaccounted) == (2, 0, 0)
    jobs = [PublishHome(KEY, user_id="U0ANN", channel_id="D0ANN"), SuggestPrompts(KEY, channel_id="D0ANN")]
    assert acme.slack_jobs == [(job, 0.0) for job in jobs]


def test_without_an_installation_nothing_is_enqueued(services, store):
    services.events.accept(opened())

    assert not [key for key in store.scan_iter() if key.startswith(("jobs", "turns", "wakes"))]
    assert services.read_metrics().counters["ignored", ""] == 1


@pytest.mark.parametrize("event", [{"tab": None}, {"user": None}, {"channel": 7}, {"tab": {}, "user": []}])
def test_an_invalid_event_is_acknowledged_too(acme, event):
    acme.services.events.accept(opened(**event))
    acme.run_slack_jobs()

    assert acme.services.read_metrics().counters["ignored", ""] == 1


# The Home tab


def test_the_home_tab_names_the_app_its_models_workspace_and_expert(acme):
    names = dict(zip(MODEL_IDS, ("GPT", "Gemini", "Claude"), strict=True))
    acme.sectorflow.workspace = Workspace("Jokes and riddles", names)

    home = home_of(acme)

    for text in ("Acme Assistant", "Jokes and riddles", "Sales expert", ENGLISH.home_separated):
        assert text in home
    assert -1 < home.index("GPT") < home.index("Gemini") < home.index("Claude")
    assert acme.sectorflow.checked == [(API_TOKEN, WORKSPACE_ID, 4.0)]


@pytest.mark.parametrize("error", [None, *ERRORS])
def test_names_that_sectorflow_does_not_return_are_the_stored_ones(known, error):
    known.sectorflow.workspace = Workspace("Jokes", {MODEL_IDS[0]: "GPT of today"})
    known.sectorflow.checks.then(error)
    known.sectorflow.names.then(error)

    home = home_of(known)

    names = ["GPT of today", "GPT of January", "Claude of January", "Sales expert", "SectorFlow workspace"]
    expected = [True, False, True, True, True] if error is None else [False, True, True, False, False]
    assert [name in home for name in names] == expected


def test_an_installation_without_any_name_has_a_home_tab_too(acme):
    acme.sectorflow.checks.then(ERRORS[0])

    assert ENGLISH.home_models_unknown in home_of(acme)


def test_without_an_expert_sectorflow_is_not_asked_for_one(acme):
    acme.configure(sectorflow=replace(make_settings().sectorflow, plus_id=""), display="tabs")
    acme.sectorflow.names.then(AssertionError("asked for an expert"))

    home = home_of(acme)

    assert "Sales expert" not in home
    assert ENGLISH.home_tabs in home


# Prompts


def test_the_dm_offers_four_prompts_of_the_workspace(acme):
    acme.sectorflow.samples = ("A joke", "A riddle", "A rhyme", "A tale", "And more")

    title, prompts = suggested(acme)

    assert title == ENGLISH.greeting
    assert list(prompts.values()) == ["A joke", "A riddle", "A rhyme", "A tale"]


@pytest.mark.parametrize("error", [None, *ERRORS])
def test_if_sectorflow_has_no_prompts_the_dm_offers_general_ones(acme, error):
    acme.sectorflow.names.then(error)

    assert suggested(acme)[1] == dict(ENGLISH.prompts)


def test_with_one_model_the_texts_do_not_mention_several(acme):
    configure(acme, model_ids=MODEL_IDS[:1])

    assert suggested(acme)[0] == ENGLISH.greeting_one
    assert ENGLISH.home_intro_one in home_of(acme)
