"""Slack's replies about apps and tokens."""

import pytest

from sectorflow_slack.clients.slack_replies import (
    MAX_FAULT_LENGTH,
    MAX_FAULTS,
    read_app,
    read_faults,
    read_fresh_token,
    read_install,
)
from sectorflow_slack.domain.errors import InstallIncomplete, SlackBusy, SlackRefused
from sectorflow_slack.domain.installations import FreshToken, InstallationKey
from sectorflow_slack.domain.slack import SCOPES
from tests.values import BOT_TOKEN, NOW

REFRESH_TOKEN = "xoxe-1-the-secret-refresh-token"
CONFIG_TOKEN = "the-secret-config-token"
KEY = InstallationKey("A0CUSTOMER", "T0ACME")
INSTALLED = {
    "ok": True,
    "app_id": "A0CUSTOMER",
    "access_token": BOT_TOKEN,
    "token_type": "bot",
    "scope": ",".join(SCOPES),
    "bot_user_id": "U0BOT",
    "team": {"id": "T0ACME", "name": "Acme"},
    "enterprise": None,
    "is_enterprise_install": False,
    "authed_user": {"id": "U0ANN"},
}
ROTATED = {**INSTALLED, "expires_in": 43_200, "refresh_token": REFRESH_TOKEN}
MADE = {
    "ok": True,
    "app_id": "A0MADE",
    "credentials": {
        "client_id": "555.666",
        "client_secret": "made-client-secret",
        "verification_token": "made-verification-token",
        "signing_secret": "made-signing-secret",
    },
    "oauth_authorize_url": "https://slack.com/oauth/v2/authorize?client_id=555.666",
}
#: Expiry and refresh token do not belong together, or one is invalid.
INVALID_ROTATIONS = [
    {"expires_in": 43_200},
    {"refresh_token": REFRESH_TOKEN},
    *[{"expires_in": 43_200, "refresh_token": odd} for odd in (None, "", 7, "two words")],
    *[
        {"expires_in": odd, "refresh_token": REFRESH_TOKEN}
        for odd in (None, "43200", True, 0, -1, 10**400, float("inf"), float("nan"))
    ],
]


def installed(**changes):
    return read_install({**INSTALLED, **changes}, "A0CUSTOMER", NOW)


ORG = {"id": "E0ORG", "name": "Org"}


# Installations


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("T0ACME", "T0ACME", "Acme")),
        ({"enterprise": ORG}, ("T0ACME", "T0ACME", "Acme")),
        *[
            ({"team": None, "enterprise": ORG, "is_enterprise_install": flag}, (None, "E0ORG", "Org"))
            for flag in (True, "true")
        ],
    ],
)
def test_the_tenant_is_the_team_or_the_organisation(changes, expected):
    bot = installed(**changes)

    assert (bot.team_id, bot.tenant_id, bot.team_name) == expected


def test_a_token_that_expires_comes_with_its_expiry_and_refresh_token_and_is_not_shown():
    bot, fresh = installed(**ROTATED), read_fresh_token(ROTATED, "A0CUSTOMER", NOW)

    assert (bot.refresh_token, bot.token_expires_at) == (REFRESH_TOKEN, NOW + 43_200)
    assert fresh == FreshToken(BOT_TOKEN, REFRESH_TOKEN, NOW + 43_200)
    assert not [token for token in (BOT_TOKEN, REFRESH_TOKEN) if token in repr((bot, fresh))]


def test_a_token_that_never_expires_has_no_refresh_token():
    bot = installed(expires_in=None, refresh_token=None)

    assert (bot.refresh_token, bot.token_expires_at) == ("", None)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        *[(rotation, KEY) for rotation in INVALID_ROTATIONS],
        *[({field: odd}, KEY) for field in ("bot_user_id", "app_id") for odd in (None, "", 7, [], {})],
        ({"app_id": "A0OTHER", "bot_user_id": None}, InstallationKey("A0OTHER", "T0ACME")),
        (
            {"enterprise": {"id": "E0ORG"}, "is_enterprise_install": True, "bot_user_id": None},
            InstallationKey("A0CUSTOMER", "E0ORG"),
        ),
        *[({"team": odd}, None) for odd in (None, "", 7, [], {}, {"id": 7})],
        ({"is_enterprise_install": True}, None),
    ],
)
def test_the_error_of_an_incomplete_installation_has_its_token_and_key(changes, key):
    with pytest.raises(InstallIncomplete) as caught:
        installed(**changes)

    error = caught.value
    assert isinstance(error, SlackRefused)
    assert (error.code, error.bot_token, error.key) == ("unexpected_reply", BOT_TOKEN, key)
    assert BOT_TOKEN not in f"{error} {error!r} {error.args}"


@pytest.mark.parametrize("token", [None, "", "xoxb two words", 7, [], {}, {"id": 7}])
def test_an_installation_without_a_token_is_refused(token):
    with pytest.raises(SlackRefused, match="unexpected_reply") as caught:
        installed(access_token=token)

    assert not isinstance(caught.value, InstallIncomplete)


# Refreshed tokens


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_in": None, "refresh_token": None},
        *[{"expires_in": None, "refresh_token": None, **rotation} for rotation in INVALID_ROTATIONS],
        *[{"access_token": odd} for odd in (None, "xoxb\nX-Other: 1", "x" * 5_000)],
        *[{"app_id": odd} for odd in ("A0OTHER", None)],
    ],
)
def test_an_incomplete_refreshed_token_or_one_of_another_app_is_refused(changes):
    with pytest.raises(SlackRefused, match="unexpected_reply"):
        read_fresh_token({**ROTATED, **changes}, "A0CUSTOMER", NOW)


# Created apps, and faults of manifests


@pytest.mark.parametrize("team_id", [None, "", 7, {}])
def test_a_created_app_may_lack_its_team(team_id):
    app, team = read_app({**MADE, "team_id": team_id})

    assert team is None
    assert "made-" not in repr(app)


@pytest.mark.parametrize(
    "changes",
    [
        *[{"app_id": odd} for odd in (None, "A0 MADE")],
        *[{"credentials": odd} for odd in (None, [])],
        *[
            {"credentials": {**MADE["credentials"], **odd}}
            for odd in ({"client_id": 7}, {"client_secret": ""}, {"signing_secret": "half\n"})
        ],
    ],
)
def test_a_created_app_without_credentials_may_exist(changes):
    with pytest.raises(SlackBusy, match="unexpected_reply"):
        read_app({**MADE, **changes})


@pytest.mark.parametrize(
    ("found", "faults"),
    [
        (
            [
                {"message": "URL didn't respond.", "pointer": "/settings/request_url"},
                {"message": "Too long", "pointer": "/display_information/name", "code": "max_length"},
                {"message": "Not nice", "pointer": "/display_information/name"},
            ],
            {
                "/settings/request_url": ("URL didn't respond.",),
                "/display_information/name": ("Too long", "Not nice"),
            },
        ),
        ([{"message": "No pointer"}], {"": ("No pointer",)}),
        ([{"message": "Odd pointer", "pointer": 7}], {"": ("Odd pointer",)}),
        ([{"code": "only_a_code", "pointer": "/a"}], {"/a": ("only_a_code",)}),
        ([{"message": " two\nlines ", "pointer": "/a"}], {"/a": ("two lines",)}),
        ([None, 7, "text", [], {}, {"message": None}, {"message": "one"}], {"": ("one",)}),
        ([{"message": "one", "manifest": {}, "token": CONFIG_TOKEN}], {"": ("one",)}),
        *[
            ([{"message": f"bad: {token}!", "pointer": f"/{token}"}], {"/…": ("bad: …" + rest,)})
            for token, rest in ((CONFIG_TOKEN, "!"), ("xoxb-123-456-another", ""), ("xoxe-1-refresh", ""))
        ],
    ],
)
def test_faults_are_grouped_by_pointer_and_show_no_token(found, faults):
    assert read_faults(found, CONFIG_TOKEN) == faults


def test_faults_are_limited_in_number_and_length():
    found = [{"message": "x" * 9_999, "pointer": f"/{n}/" + "y" * 9_999} for n in range(MAX_FAULTS + 9)]

    faults = read_faults(found, CONFIG_TOKEN)

    assert len(faults) == MAX_FAULTS
    assert {len(message) for messages in faults.values() for message in messages} == {MAX_FAULT_LENGTH}
    assert {len(pointer) for pointer in faults} == {MAX_FAULT_LENGTH}
