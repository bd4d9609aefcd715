from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sectorflow_slack.clients.slack import SlackWebClient
from sectorflow_slack.domain.errors import InstallIncomplete, SlackBusy, SlackError, SlackRefused
from sectorflow_slack.domain.installations import BotInstall, FreshToken, InstallationKey
from sectorflow_slack.domain.slack import SCOPES
from tests.clients.local_server import LocalServer, says
from tests.values import BOT_TOKEN, CUSTOMERS_APP, NOW, FixedClock

REFRESH_TOKEN = "xoxe-1-refresh-token-that-nobody-may-see"
REDIRECT_URI = "https://slack.example.com/slack/oauth_redirect"
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
#: What an end and a successor of a token may not look like.
ODD_ROTATIONS = [
    {"expires_in": 43_200},
    {"refresh_token": REFRESH_TOKEN},
    {"expires_in": 43_200, "refresh_token": None},
    {"expires_in": 43_200, "refresh_token": ""},
    {"expires_in": 43_200, "refresh_token": 7},
    {"expires_in": 43_200, "refresh_token": "two words"},
    {"expires_in": None, "refresh_token": REFRESH_TOKEN},
    {"expires_in": "43200", "refresh_token": REFRESH_TOKEN},
    {"expires_in": True, "refresh_token": REFRESH_TOKEN},
    {"expires_in": 0, "refresh_token": REFRESH_TOKEN},
    {"expires_in": -1, "refresh_token": REFRESH_TOKEN},
    {"expires_in": 10**400, "refresh_token": REFRESH_TOKEN},
    {"expires_in": float("inf"), "refresh_token": REFRESH_TOKEN},
    {"expires_in": float("nan"), "refresh_token": REFRESH_TOKEN},
]


@pytest.fixture
def client(session: requests.Session, server: LocalServer) -> SlackWebClient:
    return SlackWebClient(session, base_url=server.url, clock=FixedClock())


def test_the_consent_page_is_asked_for_what_the_app_needs(client: SlackWebClient) -> None:
    url = client.authorize_url(CUSTOMERS_APP, "st&te=1", REDIRECT_URI, "T0ACME")

    parts = urlsplit(url)
    assert parts.path == "/oauth/v2/authorize"
    assert parse_qs(parts.query) == {
        "client_id": [CUSTOMERS_APP.client_id],
        "scope": [",".join(SCOPES)],
        "redirect_uri": [REDIRECT_URI],
        "state": ["st&te=1"],
        "team": ["T0ACME"],
    }


def test_the_consent_page_lets_a_person_choose_the_team_where_none_is_named(client: SlackWebClient) -> None:
    url = client.authorize_url(CUSTOMERS_APP, "state", REDIRECT_URI, None)

    assert "team" not in parse_qs(urlsplit(url).query)


def test_a_token_is_taken_back(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({"ok": True, "revoked": True}))

    client.revoke(BOT_TOKEN)

    (seen,) = server.seen
    assert seen.path == "/api/auth.revoke"
    assert seen.headers["Authorization"] == f"Bearer {BOT_TOKEN}"


def test_a_code_is_exchanged_as_a_form_with_the_secret_in_the_header_only(
    client: SlackWebClient, server: LocalServer
) -> None:
    server.answers(says(INSTALLED))

    bot = client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)

    (seen,) = server.seen
    assert seen.path == "/api/oauth.v2.access"
    assert seen.headers["Authorization"] == basic_of_customers_app()
    assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(seen.body.decode()) == {"code": ["the-code"], "redirect_uri": [REDIRECT_URI]}
    assert bot == BotInstall("A0CUSTOMER", BOT_TOKEN, "U0BOT", "T0ACME", "Acme")


@pytest.mark.parametrize("flag", [True, "true"])
def test_an_org_wide_install_is_kept_under_its_enterprise(
    client: SlackWebClient, server: LocalServer, flag: Any
) -> None:
    org = {"team": None, "enterprise": {"id": "E0ORG", "name": "Org"}, "is_enterprise_install": flag}
    server.answers(says({**INSTALLED, **org}))

    bot = client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)

    assert (bot.team_id, bot.tenant_id, bot.team_name) == (None, "E0ORG", "Org")


def test_a_team_of_an_org_is_kept_under_the_team(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({**INSTALLED, "enterprise": {"id": "E0ORG", "name": "Org"}}))

    bot = client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)

    assert (bot.tenant_id, bot.enterprise_id, bot.team_name) == ("T0ACME", "E0ORG", "Acme")


@pytest.mark.parametrize("field", ["app_id", "access_token", "bot_user_id", "team"])
@pytest.mark.parametrize("value", [None, "", 7, [], {}, {"id": 7}])
def test_an_install_that_lacks_what_it_must_have_is_refused(
    client: SlackWebClient, server: LocalServer, field: str, value: Any
) -> None:
    server.answers(says({**INSTALLED, field: value}))

    with pytest.raises(SlackRefused, match="unexpected_reply"):
        client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)


def left_behind(client: SlackWebClient, server: LocalServer, **changes: Any) -> InstallIncomplete:
    server.answers(says({**INSTALLED, **changes}))
    with pytest.raises(InstallIncomplete) as caught:
        client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)
    return caught.value


@pytest.mark.parametrize(
    "changes", [{"app_id": None}, {"bot_user_id": ""}, {"expires_in": 43_200}, {"refresh_token": "lonely"}]
)
def test_the_token_of_an_install_that_is_not_whole_is_handed_on_with_where_it_may_be_in_use(
    client: SlackWebClient, server: LocalServer, changes: dict[str, Any]
) -> None:
    error = left_behind(client, server, **changes)

    assert (error.bot_token, error.key) == (BOT_TOKEN, InstallationKey("A0CUSTOMER", "T0ACME"))
    assert BOT_TOKEN not in f"{error} {error!r} {error.args}"


def test_a_token_of_an_org_or_of_another_app_than_asked_for_may_be_in_use_there(
    client: SlackWebClient, server: LocalServer
) -> None:
    org = {"enterprise": {"id": "E0ORG"}, "is_enterprise_install": True, "bot_user_id": None}

    assert left_behind(client, server, **org).key == InstallationKey("A0CUSTOMER", "E0ORG")
    assert left_behind(client, server, app_id="A0OTHER", bot_user_id=None).key == InstallationKey(
        "A0OTHER", "T0ACME"
    )


@pytest.mark.parametrize("changes", [{"team": None}, {"is_enterprise_install": True}])
def test_where_slack_names_no_team_nobody_knows_where_a_token_is_in_use(
    client: SlackWebClient, server: LocalServer, changes: dict[str, Any]
) -> None:
    assert left_behind(client, server, **changes).key is None


@pytest.mark.parametrize("token", [None, "", "xoxb two words", 7])
def test_an_install_without_a_token_leaves_nothing_behind(
    client: SlackWebClient, server: LocalServer, token: Any
) -> None:
    server.answers(says({**INSTALLED, "access_token": token}))

    with pytest.raises(SlackRefused, match="unexpected_reply") as caught:
        client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)

    assert not isinstance(caught.value, InstallIncomplete)


def test_an_org_wide_install_without_its_org_is_refused(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({**INSTALLED, "is_enterprise_install": True}))

    with pytest.raises(SlackRefused, match="unexpected_reply"):
        client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)


def test_a_token_that_ends_comes_with_its_end_and_with_what_the_next_is_asked_for(
    client: SlackWebClient, server: LocalServer
) -> None:
    server.answers(says(ROTATED))

    bot = client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)

    assert (bot.refresh_token, bot.token_expires_at) == (REFRESH_TOKEN, NOW + 43_200)
    assert REFRESH_TOKEN not in repr(bot)


def test_a_token_without_an_end_has_no_successor(client: SlackWebClient, server: LocalServer) -> None:
    server.answers(says({**INSTALLED, "expires_in": None, "refresh_token": None}))

    bot = client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)

    assert (bot.refresh_token, bot.token_expires_at) == ("", None)


@pytest.mark.parametrize("rotation", ODD_ROTATIONS)
def test_an_install_whose_token_would_end_unseen_is_refused(
    client: SlackWebClient, server: LocalServer, rotation: dict[str, Any]
) -> None:
    server.answers(says({**INSTALLED, **rotation}))

    with pytest.raises(SlackRefused, match="unexpected_reply"):
        client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)


def test_the_next_token_is_asked_for_with_the_secret_in_the_header_only(
    client: SlackWebClient, server: LocalServer
) -> None:
    server.answers(says({**ROTATED, "access_token": "xoxe.xoxb-next", "refresh_token": "xoxe-1-next"}))

    fresh = client.refresh(CUSTOMERS_APP, REFRESH_TOKEN)

    (seen,) = server.seen
    assert seen.path == "/api/oauth.v2.access"
    assert seen.headers["Authorization"] == basic_of_customers_app()
    assert parse_qs(seen.body.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": [REFRESH_TOKEN],
    }
    assert fresh == FreshToken("xoxe.xoxb-next", "xoxe-1-next", NOW + 43_200)
    assert "next" not in repr(fresh)


@pytest.mark.parametrize(
    "changes",
    [
        *ODD_ROTATIONS,
        {},
        {"access_token": None},
        {"access_token": "xoxb\nX-Other: 1"},
        {"access_token": "x" * 5_000},
        {"app_id": "A0OTHER"},
        {"app_id": None},
    ],
)
def test_a_next_token_that_is_not_whole_or_another_apps_is_refused(
    client: SlackWebClient, server: LocalServer, changes: dict[str, Any]
) -> None:
    if "access_token" in changes or "app_id" in changes:
        changes = {**ROTATED, **changes}
    server.answers(says({**INSTALLED, **changes}))

    with pytest.raises(SlackRefused, match="unexpected_reply"):
        client.refresh(CUSTOMERS_APP, REFRESH_TOKEN)


@pytest.mark.parametrize(
    ("code", "kind"), [("invalid_refresh_token", SlackRefused), ("internal_error", SlackBusy)]
)
def test_a_next_token_that_slack_does_not_give_is_refused_or_may_come_later(
    client: SlackWebClient, server: LocalServer, code: str, kind: type[SlackError]
) -> None:
    server.answers(says({"ok": False, "error": code}))

    with pytest.raises(kind, match=code):
        client.refresh(CUSTOMERS_APP, REFRESH_TOKEN)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(max_size=5), each, max_size=2),
    max_leaves=4,
)
_REPLIES = _JSON | st.fixed_dictionaries(
    {"ok": st.just(True) | _JSON},
    optional={name: st.just(ROTATED[name]) | _JSON for name in ROTATED if name != "ok"},
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(found=_REPLIES)
def test_any_reply_is_an_install_or_an_error_of_ours(
    client: SlackWebClient, server: LocalServer, found: Any
) -> None:
    server.answers(says(found))

    try:
        bot = client.exchange_code(CUSTOMERS_APP, "the-code", REDIRECT_URI)
    except SlackError:
        return

    assert all(isinstance(value, str) and value for value in (bot.app_id, bot.bot_token, bot.tenant_id))
    assert (bot.token_expires_at is None) == (bot.refresh_token == "")


def basic_of_customers_app() -> str:
    pair = f"{CUSTOMERS_APP.client_id}:{CUSTOMERS_APP.client_secret}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
