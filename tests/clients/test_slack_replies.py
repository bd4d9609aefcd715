import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sectorflow_slack.clients.slack_replies import (
    MAX_FAULT_LENGTH,
    MAX_FAULTS,
    read_app,
    read_faults,
    read_fresh_token,
    read_install,
)
from sectorflow_slack.domain.errors import InstallIncomplete, SlackBusy, SlackError, SlackRefused
from sectorflow_slack.domain.installations import InstallationKey
from sectorflow_slack.domain.slack import SCOPES
from tests.values import BOT_TOKEN, NOW

REFRESH_TOKEN = "xoxe-1-refresh-token-that-nobody-may-see"
CONFIG_TOKEN = "config-token-that-nobody-may-see"
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
#: What an end and a successor of a token may not look like.
ODD_ROTATIONS = [
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


def left_behind(**changes):
    with pytest.raises(InstallIncomplete) as caught:
        installed(**changes)
    return caught.value


# Installs


@pytest.mark.parametrize("flag", [True, "true"])
def test_an_org_wide_install_is_kept_under_its_enterprise(flag):
    bot = installed(team=None, enterprise={"id": "E0ORG", "name": "Org"}, is_enterprise_install=flag)

    assert (bot.team_id, bot.tenant_id, bot.team_name) == (None, "E0ORG", "Org")


def test_a_team_of_an_org_is_kept_under_the_team():
    bot = installed(enterprise={"id": "E0ORG", "name": "Org"})

    assert (bot.tenant_id, bot.enterprise_id, bot.team_name) == ("T0ACME", "E0ORG", "Acme")


def test_a_token_that_ends_comes_with_its_end_and_with_what_the_next_is_asked_for():
    bot = installed(**ROTATED)

    assert (bot.refresh_token, bot.token_expires_at) == (REFRESH_TOKEN, NOW + 43_200)
    assert REFRESH_TOKEN not in repr(bot)


def test_a_token_without_an_end_has_no_successor():
    bot = installed(expires_in=None, refresh_token=None)

    assert (bot.refresh_token, bot.token_expires_at) == ("", None)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        *[(rotation, InstallationKey("A0CUSTOMER", "T0ACME")) for rotation in ODD_ROTATIONS],
        *[({"bot_user_id": odd}, InstallationKey("A0CUSTOMER", "T0ACME")) for odd in (None, "", 7, [], {})],
        *[({"app_id": odd}, InstallationKey("A0CUSTOMER", "T0ACME")) for odd in (None, "", 7, [], {})],
        ({"app_id": "A0OTHER", "bot_user_id": None}, InstallationKey("A0OTHER", "T0ACME")),
        (
            {"enterprise": {"id": "E0ORG"}, "is_enterprise_install": True, "bot_user_id": None},
            InstallationKey("A0CUSTOMER", "E0ORG"),
        ),
        *[({"team": odd}, None) for odd in (None, "", 7, [], {}, {"id": 7})],
        ({"is_enterprise_install": True}, None),
    ],
)
def test_the_token_of_an_install_that_is_not_whole_is_handed_on_with_where_it_may_be_in_use(changes, key):
    error = left_behind(**changes)

    assert isinstance(error, SlackRefused)
    assert (error.code, error.bot_token, error.key) == ("unexpected_reply", BOT_TOKEN, key)
    assert BOT_TOKEN not in f"{error} {error!r} {error.args}"


@pytest.mark.parametrize("token", [None, "", "xoxb two words", 7, [], {}, {"id": 7}])
def test_an_install_without_a_token_leaves_nothing_behind(token):
    with pytest.raises(SlackRefused, match="unexpected_reply") as caught:
        installed(access_token=token)

    assert not isinstance(caught.value, InstallIncomplete)


# The next token


@pytest.mark.parametrize(
    "reply",
    [
        INSTALLED,
        *[{**INSTALLED, **rotation} for rotation in ODD_ROTATIONS],
        *[{**ROTATED, "access_token": odd} for odd in (None, "xoxb\nX-Other: 1", "x" * 5_000)],
        *[{**ROTATED, "app_id": odd} for odd in ("A0OTHER", None)],
    ],
)
def test_a_next_token_that_is_not_whole_or_another_apps_is_refused(reply):
    with pytest.raises(SlackRefused, match="unexpected_reply"):
        read_fresh_token(reply, "A0CUSTOMER", NOW)


def test_a_next_token_is_not_shown():
    fresh = read_fresh_token(ROTATED, "A0CUSTOMER", NOW)

    assert BOT_TOKEN not in repr(fresh)
    assert REFRESH_TOKEN not in repr(fresh)


# Apps that were made, and why one was not


@pytest.mark.parametrize("team_id", [None, "", 7, {}])
def test_an_app_is_made_also_where_slack_does_not_say_for_which_team(team_id):
    app, team = read_app({**MADE, "team_id": team_id})

    assert team is None
    assert "made-" not in repr(app)


@pytest.mark.parametrize(
    "changes",
    [
        *[{"app_id": odd} for odd in (None, "A0 MADE")],
        *[{"credentials": odd} for odd in (None, [])],
        {"credentials": {**MADE["credentials"], "client_id": 7}},
        {"credentials": {**MADE["credentials"], "client_secret": ""}},
        {"credentials": {**MADE["credentials"], "signing_secret": "half\n"}},
    ],
)
def test_an_app_whose_credentials_are_not_there_leaves_us_in_doubt(changes):
    with pytest.raises(SlackBusy, match="unexpected_reply"):
        read_app({**MADE, **changes})


@pytest.mark.parametrize(
    ("found", "faults"),
    [
        (
            [
                {"message": "URL didn't respond.", "pointer": "/settings/event_subscriptions/request_url"},
                {"message": "Too long", "pointer": "/display_information/name", "code": "max_length"},
                {"message": "Not nice", "pointer": "/display_information/name"},
            ],
            {
                "/settings/event_subscriptions/request_url": ("URL didn't respond.",),
                "/display_information/name": ("Too long", "Not nice"),
            },
        ),
        ([{"message": "No place"}], {"": ("No place",)}),
        ([{"message": "Odd place", "pointer": 7}], {"": ("Odd place",)}),
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
def test_slacks_faults_are_told_by_their_place_in_the_manifest_and_show_no_token(found, faults):
    assert read_faults(found, CONFIG_TOKEN) == faults


def test_faults_are_no_more_and_no_longer_than_one_would_read():
    found = [{"message": "x" * 9_999, "pointer": f"/{n}/" + "y" * 9_999} for n in range(MAX_FAULTS + 9)]

    faults = read_faults(found, CONFIG_TOKEN)

    assert len(faults) == MAX_FAULTS
    assert {len(message) for messages in faults.values() for message in messages} == {MAX_FAULT_LENGTH}
    assert {len(pointer) for pointer in faults} == {MAX_FAULT_LENGTH}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(max_size=5), each, max_size=2),
    max_leaves=4,
)
_REPLIES = st.fixed_dictionaries({}, optional={name: st.just(ROTATED[name]) | _JSON for name in ROTATED})


@settings(deadline=None)
@given(_REPLIES)
def test_any_reply_is_an_install_or_an_error_of_ours(found):
    try:
        bot = read_install(found, "A0CUSTOMER", NOW)
    except SlackError:
        return

    assert all(isinstance(value, str) and value for value in (bot.app_id, bot.bot_token, bot.tenant_id))
    assert (bot.token_expires_at is None) == (bot.refresh_token == "")
