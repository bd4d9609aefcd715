"""The domain's values: their derived properties, and their reprs."""

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
def test_an_installation_without_consent_is_pending_expired_or_failed(failure, now, status):
    assert make_pending(expires_at=NOW + 10, failure=failure).status(now) == status


@pytest.mark.parametrize(
    ("team_id", "enterprise_id", "is_org_wide", "tenant_id"),
    [
        (TEAM_ID, None, False, TEAM_ID),
        (TEAM_ID, "E0ORG", False, TEAM_ID),
        (None, "E0ORG", True, "E0ORG"),
    ],
)
def test_the_key_of_an_installation_is_its_app_and_tenant(team_id, enterprise_id, is_org_wide, tenant_id):
    bot = make_bot(team_id=team_id, enterprise_id=enterprise_id, is_enterprise_install=is_org_wide)

    key = make_installation(bot=bot).key

    assert key == InstallationKey("A0OWN", tenant_id)
    assert str(key) == f"A0OWN:{tenant_id}"


@pytest.mark.parametrize("is_org_wide", [True, False])
def test_an_install_without_a_tenant_has_no_key(is_org_wide):
    bot = make_bot(team_id=None, enterprise_id=None, is_enterprise_install=is_org_wide)

    with pytest.raises(ValueError, match="names a team or an enterprise"):
        _ = bot.tenant_id


@pytest.mark.parametrize(
    ("is_direct", "thread_ts", "expected"),
    [(False, None, "1.000100"), (False, "0.5", "0.5"), (True, None, None), (True, "0.5", "0.5")],
)
def test_an_answer_goes_into_the_thread_but_inline_in_a_dm(is_direct, thread_ts, expected):
    assert make_question(is_direct=is_direct, thread_ts=thread_ts).reply_thread_ts == expected


def test_two_leases_of_a_question_are_equal():
    question = make_question()

    leased = replace(question, holder="a-worker")

    assert leased == question
    assert "a-worker" not in repr(leased)


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
