from __future__ import annotations

from dataclasses import replace

import pytest

from sectorflow_slack.domain.installations import InstallationKey, OAuthState
from sectorflow_slack.domain.questions import FailedQuestion, Message, ModelAnswer, Plan, Progress, Reply
from tests.values import (
    API_TOKEN,
    BOT_TOKEN,
    CUSTOMERS_APP,
    NOW,
    TEAM_ID,
    make_bot,
    make_installation,
    make_pending,
    make_question,
)


@pytest.mark.parametrize(
    ("failure", "now", "status"),
    [
        (None, NOW, "pending"),
        (None, NOW + 9.9, "pending"),
        (None, NOW + 10, "expired"),
        ("already_installed", NOW, "failed"),
        ("already_installed", NOW + 10, "failed"),
    ],
)
def test_a_pending_installation_waits_expires_or_has_failed(failure, now, status):
    pending = make_pending(expires_at=NOW + 10, failure=failure)

    assert pending.status(now) == status


def test_an_installation_is_kept_under_its_app_and_team():
    installation = make_installation()

    assert installation.key == InstallationKey("A0OWN", TEAM_ID)
    assert str(installation.key) == f"A0OWN:{TEAM_ID}"


def test_an_org_wide_installation_is_kept_under_the_enterprise():
    bot = make_bot(team_id=None, enterprise_id="E0ORG", is_enterprise_install=True)

    assert bot.tenant_id == "E0ORG"


def test_a_team_of_an_enterprise_keeps_its_own_installation():
    assert make_bot(enterprise_id="E0ORG").tenant_id == TEAM_ID


@pytest.mark.parametrize("is_enterprise_install", [True, False])
def test_an_install_without_a_place_has_no_key(is_enterprise_install):
    bot = make_bot(team_id=None, enterprise_id=None, is_enterprise_install=is_enterprise_install)

    with pytest.raises(ValueError, match="names a team or an enterprise"):
        _ = bot.tenant_id


@pytest.mark.parametrize(
    ("is_direct", "thread_ts", "expected"),
    [
        (False, None, "1.000100"),
        (False, "0.5", "0.5"),
        (True, None, None),
        (True, "0.5", "0.5"),
    ],
)
def test_an_answer_goes_into_the_thread_but_inline_in_a_dm(is_direct, thread_ts, expected):
    question = make_question(is_direct=is_direct, thread_ts=thread_ts)

    assert question.reply_thread_ts == expected


def test_who_holds_a_question_makes_it_no_other_question():
    question = make_question()

    held = replace(question, holder="a-worker")

    assert held == question
    assert "a-worker" not in repr(held)


def test_no_repr_shows_a_secret_or_a_text():
    values = [
        make_installation(),
        make_pending(slack_app=CUSTOMERS_APP),
        make_question(text="a secret question"),
        Reply((ModelAnswer("m", "Model", text="a secret answer"),)),
        Progress(Plan((Message("a secret answer", ({"text": "a secret answer"},)),), "a_reason", ("m",))),
        FailedQuestion(make_question(text="a secret question"), "a_reason", NOW),
        OAuthState("an-id", "A0OWN"),
    ]

    shown = repr(values)

    secrets = [API_TOKEN, BOT_TOKEN, CUSTOMERS_APP.client_secret, CUSTOMERS_APP.signing_secret]
    assert not [secret for secret in [*secrets, "a secret", make_pending().link] if secret in shown]
    assert "A0CUSTOMER" in shown
