import base64
import json
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

import pytest

from sectorflow_slack.clients import slack as slack_module
from sectorflow_slack.clients.slack import SlackWebClient
from sectorflow_slack.clients.slack_transport import BUSY_ERRORS, RATE_ERRORS
from sectorflow_slack.domain.errors import ManifestRefused, SlackBusy, SlackError, SlackRefused
from sectorflow_slack.domain.installations import BotInstall, FreshToken, SlackApp
from sectorflow_slack.domain.questions import Message
from sectorflow_slack.domain.slack import SCOPES
from tests.clients.local_server import (
    TOO_LATE,
    breaks_off,
    hangs_up,
    reply,
    says,
    trickles,
)
from tests.clients.slack_requests import (
    BLOCKS,
    CALLS,
    CHANNEL,
    CODE,
    CONFIG_TOKEN,
    MANIFEST,
    REDIRECT_URI,
    REFRESH_TOKEN,
    TRIGGER,
    VIEW,
)
from tests.clients.test_slack_replies import MADE, ROTATED
from tests.values import BOT_TOKEN, CUSTOMERS_APP, NOW, FixedClock

BASIC = base64.b64encode(f"{CUSTOMERS_APP.client_id}:{CUSTOMERS_APP.client_secret}".encode()).decode()
NO_PREVIEWS = {"unfurl_links": False, "unfurl_media": False}
IN_THREAD = {"thread_ts": "1.0", "username": "Acme Assistant"}
TEXT_AND_BLOCKS = {"channel": "C0GENERAL", "text": "the fallback", "blocks": BLOCKS}
PROMPTS = [{"title": f"Title {n}", "message": f"Message {n}"} for n in range(6)]


@pytest.fixture
def client(session, server):
    return SlackWebClient(session, base_url=server.url, clock=FixedClock())


def sent(seen):
    """The arguments of a call, which come as JSON or as a form."""
    if seen.headers["Content-Type"].startswith("application/json"):
        return dict(json.loads(seen.body or b"{}"))
    return {name: value for name, (value,) in parse_qs(seen.body.decode()).items()}


@pytest.mark.parametrize(
    ("call", "method", "arguments"),
    [
        (CALLS["post"], "chat.postMessage", {**TEXT_AND_BLOCKS, **IN_THREAD, **NO_PREVIEWS}),
        (
            lambda slack: slack.post(BOT_TOKEN, CHANNEL, Message("words")),
            "chat.postMessage",
            {"channel": "C0GENERAL", "text": "words", **NO_PREVIEWS},
        ),
        (CALLS["update"], "chat.update", {**TEXT_AND_BLOCKS, "ts": "1.2"}),
        (CALLS["delete"], "chat.delete", {"channel": "C0GENERAL", "ts": "1.2"}),
        (CALLS["post_ephemeral"], "chat.postEphemeral", {**TEXT_AND_BLOCKS, **IN_THREAD, "user": "U0ANN"}),
        (
            lambda slack: slack.post_ephemeral(BOT_TOKEN, CHANNEL, "U0ANN", Message("words")),
            "chat.postEphemeral",
            {"channel": "C0GENERAL", "text": "words", "user": "U0ANN"},
        ),
        *[
            (
                lambda slack, status=status: slack.set_status(BOT_TOKEN, "D0ANN", "1.0", status),
                "assistant.threads.setStatus",
                {"channel_id": "D0ANN", "thread_ts": "1.0", "status": status},
            )
            for status in ("is asking four LLMs …", "")
        ],
        (
            lambda slack: slack.set_suggested_prompts(
                BOT_TOKEN, "D0ANN", "Hello", {each["title"]: each["message"] for each in PROMPTS}
            ),
            "assistant.threads.setSuggestedPrompts",
            {"channel_id": "D0ANN", "title": "Hello", "prompts": PROMPTS[:4]},
        ),
        (CALLS["home"], "views.publish", {"user_id": "U0ANN", "view": VIEW}),
        (CALLS["dialog"], "views.open", {"trigger_id": TRIGGER, "view": VIEW}),
        (CALLS["revoke"], "auth.revoke", {}),
    ],
)
def test_each_call_is_made_once_with_the_bots_token(client, server, call, method, arguments):
    server.answers(says({"ok": True, "ts": "1700000001.000100"}))

    result = call(client)

    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", f"/api/{method}")
    assert seen.headers["Authorization"] == f"Bearer {BOT_TOKEN}"
    assert sent(seen) == arguments
    assert result == ("1700000001.000100" if method == "chat.postMessage" else None)


@pytest.mark.parametrize(
    ("name", "method", "authorization", "arguments", "result"),
    [
        (
            "exchange",
            "oauth.v2.access",
            f"Basic {BASIC}",
            {"code": CODE, "redirect_uri": REDIRECT_URI},
            BotInstall(
                *("A0CUSTOMER", BOT_TOKEN, "U0BOT", "T0ACME", "Acme"),
                refresh_token=REFRESH_TOKEN,
                token_expires_at=NOW + 43_200,
            ),
        ),
        (
            "refresh",
            "oauth.v2.access",
            f"Basic {BASIC}",
            {"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN},
            FreshToken(BOT_TOKEN, REFRESH_TOKEN, NOW + 43_200),
        ),
        (
            "create",
            "apps.manifest.create",
            f"Bearer {CONFIG_TOKEN}",
            {"manifest": json.dumps(MANIFEST)},
            (SlackApp("A0MADE", "555.666", "made-client-secret", "made-signing-secret"), "T0ACME"),
        ),
        ("delete app", "apps.manifest.delete", f"Bearer {CONFIG_TOKEN}", {"app_id": "A0MADE"}, None),
    ],
)
def test_what_is_about_apps_is_sent_as_a_form_with_the_secret_in_the_header_only(
    client, server, name, method, authorization, arguments, result
):
    server.answers(says({**MADE, "team_id": "T0ACME"} if name == "create" else ROTATED))

    assert CALLS[name](client) == result

    (seen,) = server.seen
    assert seen.path == f"/api/{method}"
    assert seen.headers["Authorization"] == authorization
    assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert sent(seen) == arguments


def test_a_message_that_is_gone_already_is_deleted(client, server):
    server.answers(says({"ok": False, "error": "message_not_found"}))

    CALLS["delete"](client)

    assert len(server.seen) == 1


def test_a_dialog_does_not_keep_the_answer_to_the_press_waiting(client, server, monkeypatch):
    monkeypatch.setattr(slack_module, "MODAL_TIMEOUT_SECONDS", 0.2)
    server.answers(trickles)

    with pytest.raises(SlackBusy, match=TOO_LATE):
        CALLS["dialog"](client)


def dated(date):
    """An answer with this ``Date``: the handler would add the true one by itself."""

    def answer(handler):
        handler.send_response_only(200)
        if date is not None:
            handler.send_header("Date", date)
        handler.send_header("Content-Length", "11")
        handler.end_headers()
        handler.wfile.write(b'{"ok":true}')

    return answer


@pytest.mark.parametrize(
    ("date", "skew"),
    [
        *[(formatdate(NOW + ahead, usegmt=True), ahead) for ahead in (-400, 0, 90)],
        *[(date, None) for date in (None, "", "soon", "Wed, 99 Foo 2015 07:28:00 GMT")],
    ],
)
def test_a_probe_tells_how_far_slacks_clock_is_ahead_where_slack_says(client, server, date, skew):
    server.answers(dated(date))

    assert client.probe() == skew

    (seen,) = server.seen
    assert seen.path == "/api/api.test"
    assert "Authorization" not in seen.headers


@pytest.mark.parametrize("team_id", ["T0ACME", None])
def test_the_consent_page_is_asked_for_what_the_app_needs(client, team_id):
    url = client.authorize_url(CUSTOMERS_APP, "st&te=1", REDIRECT_URI, team_id)

    assert urlsplit(url).path == "/oauth/v2/authorize"
    assert parse_qs(urlsplit(url).query) == {
        "client_id": [CUSTOMERS_APP.client_id],
        "scope": [",".join(SCOPES)],
        "redirect_uri": [REDIRECT_URI],
        "state": ["st&te=1"],
        **({"team": [team_id]} if team_id else {}),
    }


# Making an app


def failure(client):
    with pytest.raises(SlackError) as caught:
        CALLS["create"](client)
    return caught.value


@pytest.mark.parametrize(
    ("said", "faults"),
    [
        ({"error": "invalid_app", "errors": [{"message": "no", "pointer": "/a"}]}, {"/a": ("no",)}),
        ({"error": "invalid_manifest", "errors": [{"message": CONFIG_TOKEN}]}, {"": ("…",)}),
        *[
            ({"error": "invalid_manifest", "errors": errors}, {"": ("invalid_manifest",)})
            for errors in ([{"pointer": "/a"}], [], None, {"message": "no list"})
        ],
    ],
)
def test_a_refusal_with_faults_is_about_the_manifest_and_has_always_one(client, server, said, faults):
    server.answers(says({"ok": False, **said}))

    error = failure(client)

    assert isinstance(error, ManifestRefused)
    assert (str(error), error.code, error.faults) == (said["error"], said["error"], faults)


@pytest.mark.parametrize("code", ["invalid_auth", "token_expired", "not_in_team", "invalid_arguments"])
def test_any_other_refusal_means_that_nothing_was_made(client, server, code):
    server.answers(says({"ok": False, "error": code, "errors": []}))

    error = failure(client)

    assert (type(error), error.code) == (SlackRefused, code)


@pytest.mark.parametrize(
    ("code", "status", "header", "seconds"),
    [
        ("ratelimited", 429, {"Retry_After": "30"}, 30.0),
        ("ratelimited", 429, {"Retry_After": "soon"}, 60.0),
        ("ratelimited", 429, {}, 60.0),
        *[(code, 200, {}, 60.0) for code in sorted(RATE_ERRORS)],
    ],
)
def test_a_rate_limit_always_says_how_long_to_wait_for_nothing_was_made(
    client, server, code, status, header, seconds
):
    server.answers(says({"ok": False, "error": code}, status, **header))

    error = failure(client)

    assert (type(error), error.code, error.retry_after) == (SlackBusy, code, seconds)


LATE = ["failed_creating_app", "failed_adding_collaborator", *sorted(BUSY_ERRORS - RATE_ERRORS)]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        *[(says({"ok": False, "error": code}), code) for code in LATE],
        (says({**MADE, "credentials": None}), "unexpected_reply"),
        (reply(500, '{"ok": false, "error": "invalid_manifest"}'), "invalid_manifest"),
        (reply(503, "away"), "status_503"),
        (reply(200, "<html>"), "status_200"),
        (reply(302, b"", Location="/elsewhere"), "status_302"),
        (hangs_up, "ConnectionError"),
        (breaks_off, "BodyBroken"),
    ],
)
def test_a_failure_in_the_middle_leaves_open_whether_an_app_was_made(client, server, answer, code):
    server.answers(answer)

    error = failure(client)

    assert (type(error), error.code) == (SlackBusy, code)
    assert not error.never_sent
    assert error.retry_after is None


def test_slack_has_as_long_to_make_an_app_as_the_caller_says(client, server):
    server.answers(trickles)

    with pytest.raises(SlackBusy, match=TOO_LATE):
        client.create_app(CONFIG_TOKEN, MANIFEST, timeout=0.3)
