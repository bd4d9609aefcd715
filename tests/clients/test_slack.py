"""Slack's methods: their requests, and the errors of creating an app."""

import base64
import json
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

import pytest

from sectorflow_slack.clients import slack as slack_module
from sectorflow_slack.clients.slack_transport import BUSY_ERRORS, RATE_ERRORS
from sectorflow_slack.domain.errors import ManifestRefused, SlackBusy, SlackError, SlackRefused
from sectorflow_slack.domain.installations import BotInstall, FreshToken, SlackApp
from sectorflow_slack.domain.questions import Message
from sectorflow_slack.domain.slack import SCOPES
from tests.clients.local_server import TOO_LATE, breaks_off, hangs_up, reply, says, trickles
from tests.clients.slack_calls import (
    BLOCKS,
    CALLS,
    CHANNEL,
    CODE,
    CONFIG_TOKEN,
    MANIFEST,
    MESSAGE,
    REDIRECT_URI,
    REFRESH_TOKEN,
    TRIGGER,
    VIEW,
    refused,
)
from tests.clients.test_slack_replies import MADE, ROTATED
from tests.values import BOT_TOKEN, CUSTOMERS_APP, NOW

BASIC = base64.b64encode(f"{CUSTOMERS_APP.client_id}:{CUSTOMERS_APP.client_secret}".encode()).decode()
NO_PREVIEWS = {"unfurl_links": False, "unfurl_media": False}
IN_THREAD = {"thread_ts": "1.0", "username": "Acme Assistant"}
TEXT_AND_BLOCKS = {"channel": "C0GENERAL", "text": "the fallback", "blocks": BLOCKS}
NUMBER = "5a3b1ff6-92b4-5a6c-8a0e-0d6f2a2f7a11"
PROMPTS = [{"title": f"Title {n}", "message": f"Message {n}"} for n in range(6)]


def arguments_of(request):
    """The arguments of a call, which come as JSON or as a form."""
    if request.headers["Content-Type"].startswith("application/json"):
        return json.loads(request.body or b"{}")
    return {name: value for name, (value,) in parse_qs(request.body.decode()).items()}


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
            lambda slack: slack.set_status(BOT_TOKEN, "D0ANN", "1.0", ""),
            "assistant.threads.setStatus",
            {"channel_id": "D0ANN", "thread_ts": "1.0", "status": ""},
        ),
        (
            CALLS["set_session_status"],
            "agents.sessions.setStatus",
            {"channel_id": "C0GENERAL", "thread_ts": "1.0", "status": "processing", "title": MESSAGE.text},
        ),
        (
            lambda slack: slack.set_session_status(BOT_TOKEN, "D0ANN", "1.0", is_processing=False),
            "agents.sessions.setStatus",
            {"channel_id": "D0ANN", "thread_ts": "1.0", "status": "active"},
        ),
        (
            lambda slack: slack.post(BOT_TOKEN, CHANNEL, Message("words"), NUMBER),
            "chat.postMessage",
            {"channel": "C0GENERAL", "text": "words", "client_msg_id": NUMBER, **NO_PREVIEWS},
        ),
        (
            lambda slack: slack.set_suggested_prompts(
                BOT_TOKEN, "D0ANN", "Hello", {each["title"]: each["message"] for each in PROMPTS}
            ),
            "assistant.threads.setSuggestedPrompts",
            {"channel_id": "D0ANN", "title": "Hello", "prompts": PROMPTS[:4]},
        ),
        (CALLS["publish_home"], "views.publish", {"user_id": "U0ANN", "view": VIEW}),
        (CALLS["open_view"], "views.open", {"trigger_id": TRIGGER, "view": VIEW}),
        (CALLS["revoke"], "auth.revoke", {}),
    ],
)
def test_each_call_is_one_request_with_the_bot_token(client, server, call, method, arguments):
    server.answers(says({"ok": True, "ts": "1700000001.000100"}))

    result = call(client)

    (request,) = server.seen
    assert (request.method, request.path) == ("POST", f"/api/{method}")
    assert request.headers["Authorization"] == f"Bearer {BOT_TOKEN}"
    assert arguments_of(request) == arguments
    assert result == ("1700000001.000100" if method == "chat.postMessage" else None)


@pytest.mark.parametrize(
    ("call", "method", "authorization", "arguments", "result"),
    [
        (
            "exchange_code",
            "oauth.v2.access",
            f"Basic {BASIC}",
            {"code": CODE, "redirect_uri": REDIRECT_URI},
            BotInstall(
                *("A0CUSTOMER", BOT_TOKEN, "U0BOT", "T0ACME", "Acme"),
                installer_id="U0ANN",
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
            "create_app",
            "apps.manifest.create",
            f"Bearer {CONFIG_TOKEN}",
            {"manifest": json.dumps(MANIFEST)},
            (SlackApp("A0MADE", "555.666", "made-client-secret", "made-signing-secret"), "T0ACME"),
        ),
        ("delete_app", "apps.manifest.delete", f"Bearer {CONFIG_TOKEN}", {"app_id": "A0MADE"}, None),
    ],
)
def test_calls_about_apps_send_the_secret_in_the_header_only(
    client, server, call, method, authorization, arguments, result
):
    server.answers(says({**MADE, "team_id": "T0ACME"} if call == "create_app" else ROTATED))

    assert CALLS[call](client) == result

    (request,) = server.seen
    assert request.path == f"/api/{method}"
    assert request.headers["Authorization"] == authorization
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert arguments_of(request) == arguments


@pytest.mark.parametrize("code", ["duplicate_message_not_found", "duplicate_channel_not_found"])
def test_after_an_error_that_names_its_number_a_message_is_posted_without_it(client, server, code):
    answers = iter([refused(code), says({"ok": True, "ts": "1700000001.000100"})])
    server.answers(lambda handler: next(answers)(handler))

    assert client.post(BOT_TOKEN, CHANNEL, MESSAGE, NUMBER) == "1700000001.000100"

    numbered, without = map(arguments_of, server.seen)
    assert numbered == {**without, "client_msg_id": NUMBER}


@pytest.mark.parametrize("answer", [refused("is_archived"), refused("invalid_blocks"), reply(503, "down")])
def test_after_any_other_error_a_numbered_message_is_not_posted_again(client, server, answer):
    server.answers(answer)

    with pytest.raises(SlackError):
        client.post(BOT_TOKEN, CHANNEL, MESSAGE, NUMBER)

    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("reply", "name"), [({"user": "acme-bot"}, "acme-bot"), ({}, ""), ({"user": None}, ""), ({"user": 7}, "")]
)
def test_the_name_of_the_bot_is_that_of_its_user(client, server, reply, name):
    server.answers(says({"ok": True, **reply}))

    assert client.bot_name(BOT_TOKEN) == name

    (request,) = server.seen
    assert request.path == "/api/auth.test"
    assert request.headers["Authorization"] == f"Bearer {BOT_TOKEN}"


def test_deleting_a_deleted_message_succeeds(client, server):
    server.answers(refused("message_not_found"))

    CALLS["delete"](client)

    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "call", [CALLS["open_view"], lambda slack: slack.create_app(CONFIG_TOKEN, MANIFEST, timeout=0.2)]
)
def test_opening_a_modal_and_creating_an_app_have_time_outs_of_their_own(client, server, monkeypatch, call):
    monkeypatch.setattr(slack_module, "MODAL_TIMEOUT_SECONDS", 0.2)
    server.answers(trickles)

    with pytest.raises(SlackBusy, match=TOO_LATE):
        call(client)


def dated(date):
    """An answer with this ``Date``, which the handler would otherwise add itself."""

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
def test_a_probe_returns_how_far_slacks_clock_is_ahead(client, server, date, skew):
    server.answers(dated(date))

    assert client.probe() == skew

    (request,) = server.seen
    assert request.path == "/api/api.test"
    assert "Authorization" not in request.headers


@pytest.mark.parametrize("team_id", ["T0ACME", None])
def test_the_consent_page_requests_the_scopes_of_the_app(client, team_id):
    url = client.authorize_url(CUSTOMERS_APP, "st&te=1", REDIRECT_URI, team_id)

    assert urlsplit(url).path == "/oauth/v2/authorize"
    assert parse_qs(urlsplit(url).query) == {
        "client_id": [CUSTOMERS_APP.client_id],
        "scope": [",".join(SCOPES)],
        "redirect_uri": [REDIRECT_URI],
        "state": ["st&te=1"],
        **({"team": [team_id]} if team_id else {}),
    }


# Creating an app


def error_of_creation(client):
    with pytest.raises(SlackError) as caught:
        CALLS["create_app"](client)
    return caught.value


@pytest.mark.parametrize(
    ("code", "errors", "faults"),
    [
        ("invalid_app", [{"message": "no", "pointer": "/a"}], {"/a": ("no",)}),
        ("invalid_manifest", [{"message": CONFIG_TOKEN}], {"": ("…",)}),
        *[
            ("invalid_manifest", errors, {"": ("invalid_manifest",)})
            for errors in ([{"pointer": "/a"}], [], None, {"message": "no list"})
        ],
    ],
)
def test_a_refused_manifest_has_at_least_one_fault(client, server, code, errors, faults):
    server.answers(refused(code, errors=errors))

    error = error_of_creation(client)

    assert isinstance(error, ManifestRefused)
    assert (str(error), error.code, error.faults) == (code, code, faults)


@pytest.mark.parametrize(
    ("answer", "kind", "code", "retry_after"),
    [
        # Slack created no app.
        *[
            (refused(code, errors=[]), SlackRefused, code, None)
            for code in ("invalid_auth", "token_expired", "not_in_team", "invalid_arguments")
        ],
        (says({}, 429, Retry_After="30"), SlackBusy, "ratelimited", 30.0),
        *[(says({}, 429, **odd), SlackBusy, "ratelimited", 60.0) for odd in ({}, {"Retry_After": "soon"})],
        *[(refused(code), SlackBusy, code, 60.0) for code in sorted(RATE_ERRORS)],
        # Slack may have created one.
        *[
            (refused(code), SlackBusy, code, None)
            for code in ("failed_creating_app", "failed_adding_collaborator")
        ],
        *[(refused(code), SlackBusy, code, None) for code in sorted(BUSY_ERRORS - RATE_ERRORS)],
        (says({**MADE, "credentials": None}), SlackBusy, "unexpected_reply", None),
        (reply(500, '{"ok": false, "error": "invalid_manifest"}'), SlackBusy, "invalid_manifest", None),
        (reply(503, "down"), SlackBusy, "status_503", None),
        (hangs_up, SlackBusy, "ConnectionError", None),
        (breaks_off, SlackBusy, "BodyBroken", None),
    ],
)
def test_an_error_shows_whether_slack_may_have_created_an_app(
    client, server, answer, kind, code, retry_after
):
    server.answers(answer)

    error = error_of_creation(client)

    assert (type(error), error.code, getattr(error, "retry_after", None)) == (kind, code, retry_after)
    assert not getattr(error, "never_sent", False)
