"""A press asks a question again only where its button can have been; whatever else it says does no harm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import fakeredis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sectorflow_slack.domain.errors import StorageUnavailable, TokenRefused
from sectorflow_slack.services import Services
from sectorflow_slack.services.answers import AnswerService
from tests.fakes import FakeSectorFlowClient, FakeSlackClient, FakeTaskQueue
from tests.services.steps import KEY, LETTER_ID, ask
from tests.values import make_bot, make_installation, make_press, make_terms

REFUSED = TokenRefused("status 401")


@pytest.fixture
def failed(answers: AnswerService, sectorflow: FakeSectorFlowClient, slack: FakeSlackClient) -> None:
    """Somebody's question failed, and they were told so beside a button."""
    sectorflow.answers.then(REFUSED)
    ask(answers, id=LETTER_ID)


@pytest.mark.parametrize(
    "press",
    [
        make_press("f" * 32),
        make_press("question-1"),
        make_press(LETTER_ID.upper()),
        make_press(f"{LETTER_ID}\n"),
        make_press(LETTER_ID, api_app_id="A0OTHER"),
        make_press(LETTER_ID, team={"id": "T0OTHER"}),
        make_press(LETTER_ID, team=None),
        make_press(LETTER_ID, team=None, enterprise={"id": "E0ORG"}, is_enterprise_install=True),
        make_press(LETTER_ID, channel={"id": "C0OTHER"}),
        make_press(LETTER_ID, channel=None, container={"channel_id": "C0OTHER"}),
        make_press(LETTER_ID, channel=None, container=None),
        make_press(LETTER_ID, type="view_submission"),
        make_press(LETTER_ID, actions=[{"action_id": "other", "value": LETTER_ID}]),
        make_press(LETTER_ID, actions=[LETTER_ID, None]),
        make_press(LETTER_ID, actions={"action_id": "ask_again", "value": LETTER_ID}),
    ],
)
def test_any_other_press_does_nothing(
    failed: None, services: Services, queue: FakeTaskQueue, press: dict[str, Any]
) -> None:
    services.interactions.accept(press)

    assert (queue.jobs, queue.errands) == ([], [])
    assert services.letters.find(LETTER_ID) is not None


def test_a_press_in_an_app_that_was_uninstalled_does_nothing(
    failed: None, services: Services, queue: FakeTaskQueue
) -> None:
    services.answers.installations.delete(KEY, before=make_installation().installed_at)

    services.interactions.accept(make_press(LETTER_ID))

    assert queue.jobs == []


def test_the_channel_may_stand_beside_the_message_only(
    failed: None, services: Services, queue: FakeTaskQueue
) -> None:
    services.interactions.accept(make_press(LETTER_ID, channel=None))

    assert queue.jobs == [(KEY, 0.0)]


@pytest.mark.parametrize("org_wide", [True, "true"])
@pytest.mark.parametrize("team", [None, {"id": "T0SOME"}])
def test_in_an_org_wide_installation_the_enterprise_counts(
    answers: AnswerService,
    services: Services,
    sectorflow: FakeSectorFlowClient,
    queue: FakeTaskQueue,
    team: dict[str, str] | None,
    org_wide: Any,
) -> None:
    bot = make_bot(team_id=None, enterprise_id="E0ORG", is_enterprise_install=True)
    org = make_installation(make_terms(id="org"), bot)
    answers.installations.save(org, None, None)
    sectorflow.answers.then(REFUSED)
    ask(answers, id=LETTER_ID, installation=org.key)

    enterprise = {"id": "E0ORG"}
    press = make_press(LETTER_ID, team=team, enterprise=enterprise, is_enterprise_install=org_wide)
    services.interactions.accept(press)

    assert queue.jobs == [(org.key, 0.0)]


def test_a_press_that_could_not_be_stored_is_said_to_be(
    failed: None, services: Services, redis_server: fakeredis.FakeServer
) -> None:
    redis_server.connected = False

    with pytest.raises(StorageUnavailable):
        services.interactions.accept(make_press(LETTER_ID))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["\ud800", "true"]),
    lambda each: (
        st.lists(each, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "value", "action_id", "channel_id"]), each, max_size=3)
    ),
    max_leaves=6,
)
_FIELDS = (
    "type",
    "api_app_id",
    "team",
    "enterprise",
    "is_enterprise_install",
    "channel",
    "container",
    "actions",
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(changes=st.fixed_dictionaries({}, optional=dict.fromkeys(_FIELDS, _JSON)))
def test_whatever_stands_in_its_fields_a_press_does_no_harm(
    failed: None, services: Services, changes: dict[str, Any]
) -> None:
    queue = FakeTaskQueue()
    press = make_press(LETTER_ID, **changes)

    replace(services.interactions, queue=queue).accept(press)

    assert queue.jobs in ([], [(KEY, 0.0)])
