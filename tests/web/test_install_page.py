"""The page at ``/install``: who may see and do what, and what it never shows or repeats."""

import re
import uuid
from html import unescape

import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from sectorflow_slack.domain.questions import ModelAnswer
from sectorflow_slack.services.install_page import MAX_TRIALS, RATES
from sectorflow_slack.storage.feedback import figures_of
from sectorflow_slack.web.install_page import COOKIE
from tests.values import (
    API_TOKEN,
    CUSTOMERS_APP,
    MODEL_IDS,
    OWN_APP,
    PLUS_ID,
    WORKSPACE_ID,
    make_installation,
    make_settings,
)
from tests.web.flows import CREATE_APP_URL, CREATED_APP, WORKSPACE_URL

SECTORFLOW = "https://platform.sectorflow.ai/api/v1"
ASK_URL = f"{SECTORFLOW}/chat/{WORKSPACE_ID}/completions"
MODELS = [{"id": each, "name": f"Model {number}"} for number, each in enumerate(MODEL_IDS, 1)]
WORKSPACES = [
    {
        "id": WORKSPACE_ID,
        "name": "Jokes",
        "models": [{"modelId": each["id"], "name": each["name"]} for each in MODELS[:2]],
    }
]
REPLY = {
    "choices": [
        {"modelId": each, "modelName": "GPT", "choices": [{"message": {"content": "**Ha** <script>"}}]}
        for each in MODEL_IDS[:2]
    ]
}


@pytest.fixture
def sectorflow(outside):
    """A SectorFlow that knows one workspace, three models and one expert."""
    outside.get(WORKSPACE_URL, json=WORKSPACES[0])
    outside.get(f"{SECTORFLOW}/workspaces", json=WORKSPACES)
    outside.get(f"{SECTORFLOW}/models", json=MODELS)
    outside.get(f"{SECTORFLOW}/plus", json=[{"id": PLUS_ID, "title": "Handbook"}])
    outside.post(ASK_URL, json=REPLY)
    return outside


@pytest.fixture
def client(client_with):
    return client_with(install_page=True)


def csrf_of(client, path="/install"):
    """Return the hidden value of the forms on a page."""
    return re.findall(r'name="csrf" value="([^"]+)"', client.get(path, follow_redirects=True).text)[0]


def sign_in(client, token=API_TOKEN, **headers):
    form = {"csrf": csrf_of(client), "apiToken": token}
    return client.post("/install/sign-in", data=form, headers=headers)


def send(client, action, path=None, **values):
    """Send a form, a new one by default, with a button; return the answer."""
    path = path or client.get("/install/new").headers["Location"]
    page = client.get(path).text
    form = {
        "csrf": csrf_of(client),
        "action": action,
        "chosenFor": WORKSPACE_ID,
        "revision": re.findall(r'name="revision" value="([^"]*)"', page)[0],
        "appName": "Acme Assistant",
        "workspaceId": WORKSPACE_ID,
        "model": re.findall(r'name="model" value="([^"]+)"', page),
        "plusId": "",
        "display": "separated",
        "source": "own",
        "question": "Why?",
        **values,
    }
    return client.post(path, data=form)


def shown(client, response):
    """Follow a redirect; return the text of the page, without tags."""
    assert response.status_code == 303, response.text
    page = client.get(response.headers["Location"].partition("#")[0], follow_redirects=True)
    assert page.status_code == 200
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page.text)))


# Signing in


@pytest.mark.parametrize("path", ["/install", "/install/new", "/install/forms/1"])
def test_the_page_is_not_there_unless_it_is_on(client_with, path):
    response = client_with(install_page=False).get(path)

    assert (response.status_code, response.mimetype) == (404, "text/html")


def test_a_user_who_has_signed_in_sees_the_lists_of_the_token(client, sectorflow):
    page = shown(client, sign_in(client))

    for part in ("Signed in: 1 workspace, 3 models.", "Jokes", "Model 1", "Model 2", "Model 3", "Handbook"):
        assert part in page
    assert {call.request.headers["Authorization"] for call in sectorflow.calls} == {f"Bearer {API_TOKEN}"}


def test_the_token_is_in_no_page_cookie_or_address(client, sectorflow, store):
    first = sign_in(client)
    send(client, "complete", newApiToken="another-secret-token", configToken="xoxe-secret", source="new")

    pages = [client.get(path).text for path in ("/install", "/install/forms/1")]

    seen = "".join(pages) + str(first.headers)
    assert not [secret for secret in (API_TOKEN, "another-secret-token", "xoxe-secret") if secret in seen]
    assert "kept; leave empty" in pages[1]


@pytest.mark.parametrize(
    ("public_url", "secure"), [("https://slack.example.com", True), ("http://localhost:8000", False)]
)
def test_the_session_is_a_cookie_hidden_from_scripts_and_other_sites(client_with, public_url, secure):
    header = client_with(install_page=True, public_url=public_url).get("/install").headers["Set-Cookie"]

    assert header.startswith(f"{COOKIE}=")
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header
    assert "Path=/install" in header
    assert ("Secure" in header) is secure


def test_signing_in_makes_a_new_cookie_and_signing_out_ends_the_session(client, sectorflow):
    csrf_of(client)
    before = client.get_cookie(COOKIE, path="/install").value
    sign_in(client)
    session = client.get_cookie(COOKIE, path="/install").value
    client.post("/install/sign-out", data={"csrf": csrf_of(client)})

    assert before != session
    client.set_cookie(COOKIE, session, path="/install")
    assert client.get("/install/new").headers["Location"] == "/install?over="


@pytest.mark.parametrize(
    ("token", "status", "text"),
    [
        ("refused", 401, "SectorFlow refuses this token."),
        ("refused", 403, "SectorFlow refuses this token."),
        ("two words", 200, "Enter the token without spaces"),
        ("", 200, "Enter the token without spaces"),
        ("x" * 4097, 200, "Enter the token without spaces"),
        ("tökën", 200, "Enter the token without spaces"),
    ],
)
def test_a_wrong_token_opens_nothing(client, sectorflow, token, status, text):
    sectorflow.upsert(responses.GET, f"{SECTORFLOW}/workspaces", status=status)

    assert text in shown(client, sign_in(client, token))

    assert client.get("/install/new").headers["Location"] == "/install?over="


def test_a_sectorflow_that_is_away_lets_ids_be_typed(client, sectorflow):
    for name in ("workspaces", "models", "plus"):
        sectorflow.upsert(responses.GET, f"{SECTORFLOW}/{name}", status=500)

    page = shown(client, sign_in(client))

    assert "Signed in: workspaces unknown, models unknown." in page
    assert page.count("SectorFlow gave no list") == 3


# Forms of other sites, and floods


@pytest.mark.parametrize("path", ["/install/sign-in", "/install/sign-out", "/install/forms/1"])
@pytest.mark.parametrize("csrf", [{}, {"csrf": ""}, {"csrf": "guess"}, {"csrf": "é"}])
def test_a_form_of_another_site_does_nothing(client, sectorflow, path, csrf):
    sign_in(client)
    calls = len(sectorflow.calls)

    response = client.post(path, data={"apiToken": API_TOKEN, "action": "complete", **csrf})

    assert response.status_code == 403
    assert "<title>This form is out of date " in response.text
    assert len(sectorflow.calls) == calls
    assert client.get("/install/new").headers["Location"] == "/install/forms/1"


def test_without_a_cookie_no_value_opens_the_form(app, client, sectorflow):
    csrf = csrf_of(client)
    client.delete_cookie(COOKIE, path="/install")

    assert client.post("/install/sign-in", data={"csrf": csrf, "apiToken": API_TOKEN}).status_code == 403


def most(name):
    return int(RATES[name].partition(" ")[0])


def test_an_address_tries_few_tokens_and_the_others_go_on(client, sectorflow):
    tries = [
        sign_in(client, f"token-{n}", **{"X-Forwarded-For": "1.1.1.1, 2.2.2.2"})
        for n in range(most("install_signin") + 1)
    ]

    assert [each.status_code for each in tries] == [303] * most("install_signin") + [429]
    assert "Retry-After" in tries[-1].headers
    assert sign_in(client, "token", **{"X-Forwarded-For": "1.1.1.1, 3.3.3.3"}).status_code == 303


def test_a_token_asks_sectorflow_only_so_often(client, sectorflow):
    sign_in(client)

    answers = [send(client, "reload").status_code for _ in range(most("install_token"))]

    assert answers == [303] * (most("install_token") - 1) + [429]


def test_sectorflow_is_asked_for_a_few_users_at_once(client, sectorflow, services):
    sign_in(client)
    slots = client.application.extensions["sectorflow_slack"].install_page.slots
    while slots.acquire(blocking=False):
        pass

    refused = [sign_in(client, "another").status_code, send(client, "try").status_code]
    slots.release()

    assert refused == [429, 429]
    assert send(client, "try").status_code == 303


def test_no_address_or_token_can_be_read_in_redis(client, sectorflow, store):
    sign_in(client, **{"X-Forwarded-For": "203.0.113.7"})

    names = " ".join(store.keys())
    assert "install_signin" in names
    assert not [each for each in ("203.0.113.7", API_TOKEN) if each in names]


# The form


def test_models_are_added_moved_and_removed_without_a_script(client, sectorflow):
    sign_in(client)
    first = send(client, "add", add=[MODEL_IDS[2], ""])
    path = first.headers["Location"].partition("#")[0]

    moved = send(client, f"up:{MODEL_IDS[2]}", path)
    removed = send(client, f"remove:{MODEL_IDS[0]}", path)

    assert moved.headers["Location"] == f"{path}#up-{MODEL_IDS[2]}"
    assert removed.headers["Location"] == f"{path}#models"
    chosen = re.findall(r'name="model" value="([^"]+)"', client.get(path).text)
    assert chosen == [MODEL_IDS[2], MODEL_IDS[1]]


def test_another_workspace_brings_its_own_models(client, sectorflow):
    other = {**WORKSPACES[0], "id": PLUS_ID, "name": "Other", "models": [{"modelId": MODEL_IDS[2]}]}
    sectorflow.upsert(responses.GET, f"{SECTORFLOW}/workspaces", json=[*WORKSPACES, other])
    sign_in(client)

    sent = send(client, "update", workspaceId=PLUS_ID)

    page = client.get(sent.headers["Location"]).text
    assert re.findall(r'name="model" value="([^"]+)"', page) == [MODEL_IDS[2]]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"appName": ""}, "Enter a name of 1 to 35 characters."),
        ({"appName": "x" * 36}, "Enter a name of 1 to 35 characters."),
        ({"model": []}, "Choose 1 to 20 models."),
        ({"model": ["gpt-4o"]}, "Choose 1 to 20 models."),
        ({"workspaceId": "jokes"}, "Choose a workspace, or type its id."),
        ({"plusId": "handbook"}, "Choose an expert, type its id, or choose none."),
        ({"source": "new"}, "Enter the app configuration token."),
        ({"source": "existing", "appId": "nonsense"}, "Enter the app's id, for example A0123ABCDEF."),
        ({"source": "existing"}, "Enter the app's client secret."),
    ],
)
def test_a_wrong_value_is_named_and_nothing_is_registered(client, sectorflow, values, text):
    sign_in(client)

    page = shown(client, send(client, "complete", **values))

    assert page.count(text) == 2  # above the form, and beside the field
    assert client.list_ids() == []


def test_a_refusal_of_sectorflow_is_shown_beside_its_field(client, sectorflow):
    sign_in(client)
    sectorflow.upsert(responses.GET, WORKSPACE_URL, status=404)

    page = shown(client, send(client, "complete"))

    assert page.count("SectorFlow knows no such workspace.") == 2


def test_a_model_that_sectorflow_does_not_offer_is_named_beside_the_models(client, sectorflow):
    sign_in(client)
    stranger = str(uuid.uuid4())

    page = shown(client, send(client, "complete", model=[MODEL_IDS[0], stranger]))

    assert page.count(f"SectorFlow does not offer you {stranger}. Remove what it does not offer.") == 2


@pytest.mark.parametrize(
    ("path", "fault"), [(None, "refuses your token by now. Sign out"), ("/install/apps/{}", None)]
)
def test_a_token_that_sectorflow_refuses_by_now_is_explained(client, sectorflow, path, fault):
    own = client.register()
    sign_in(client)
    sectorflow.upsert(responses.GET, WORKSPACE_URL, status=401)
    values = {} if fault else {"newApiToken": "the-next-token"}

    sent = send(client, "save" if values else "complete", path and path.format(own["id"]), **values)

    html = client.get(sent.headers["Location"].partition("#")[0]).text
    assert (fault or "SectorFlow refuses this token. Copy it again") in html
    links = re.findall(r'<a href="#([^"]+)"', html)
    assert not [each for each in links if f'id="{each}"' not in html]


def test_the_app_of_the_service_is_not_taken_as_an_existing_one(client, sectorflow):
    sign_in(client)
    own = {"appId": OWN_APP.app_id, "clientId": "1.2", "source": "existing"}

    sent = send(client, "complete", **own, clientSecret="s" * 32, signingSecret="s" * 32)

    page = shown(client, sent)
    assert page.count("This is the app of this service. Choose it above instead.") == 2


def test_a_completed_form_leads_to_the_install_link_and_again_to_the_same(client, sectorflow):
    sign_in(client)
    sent = [send(client, "complete")]
    sent += [send(client, "complete", "/install/forms/1") for _ in range(2)]

    (installation,) = client.get_api().json["items"]
    path = installation["installUrl"].removeprefix("https://slack.example.com")
    assert [each.headers["Location"] for each in sent] == [path] * 3
    assert (installation["appName"], installation["modelIds"]) == ("Acme Assistant", list(MODEL_IDS[:2]))


def test_a_new_app_is_created_with_the_configuration_token(client, sectorflow):
    sectorflow.post(CREATE_APP_URL, json=CREATED_APP)
    sign_in(client)

    sent = send(client, "complete", source="new", configToken="xoxe.xoxp-1")

    assert sent.headers["Location"].startswith("/slack/install/")
    assert client.get_api().json["items"][0]["appId"] == CUSTOMERS_APP.app_id


def test_slacks_refusal_of_the_manifest_is_shown(client, sectorflow):
    faults = [{"message": "URL did not respond.", "pointer": "/settings/event_subscriptions"}]
    sectorflow.post(CREATE_APP_URL, json={"ok": False, "error": "invalid_manifest", "errors": faults})
    sign_in(client)

    page = shown(client, send(client, "complete", source="new", configToken="xoxe.xoxp-1"))

    assert "Slack refused the app's manifest; no app was created. URL did not respond. You can also" in page


# Trying


def test_a_test_question_is_answered_on_the_page(client, sectorflow):
    sign_in(client)

    page = shown(client, send(client, "try"))

    assert page.count("Ha <script>") == 2
    assert f"{MAX_TRIALS - 1} of {MAX_TRIALS} left" in page
    assert client.list_ids() == []


def trial_of(client, sectorflow, markdown, models=1):
    """Ask a test question; return the HTML of the answers, one line for each element."""
    choices = [
        {"modelId": each, "modelName": "GPT", "choices": [{"message": {"content": markdown}}]}
        for each in MODEL_IDS[:models]
    ]
    sectorflow.upsert(responses.POST, ASK_URL, json={"choices": choices})
    sign_in(client)
    sent = send(client, "try", model=list(MODEL_IDS[:models]))
    page = client.get(sent.headers["Location"].partition("#")[0]).text
    return page.partition('id="trial"')[2].partition("</section>")[0]


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("# Title\n\nText", "<p><strong>Title</strong>\nText</p>"),
        ("**a** *b* ~~c~~ `d`", "<strong>a</strong> <em>b</em> <s>c</s> <code>d</code>"),
        ("- one\n- two", "<ul><li>one</li><li>two</li></ul>"),
        ("3. one\n4. two", '<ol start="3"><li>one</li><li>two</li></ol>'),
        ("- one\n  - two", '<ul class="indent-1"><li>two</li></ul>'),
        ("> said", "<blockquote>said</blockquote>"),
        ("```\na < b\n```", "<code>a &lt; b</code></pre>"),
        ("| a | |\n|--:|---|\n| **1** | |", '<th scope="col" class="right">a</th><td class="left"> </td>'),
        ("| a |\n|--:|\n| **1** |", '<td class="right"><strong>1</strong></td>'),
        (
            "[x](https://e.example/?a&b)",
            'href="https://e.example/?a&amp;b" rel="noreferrer" target="_blank">x<',
        ),
    ],
)
def test_a_test_answer_looks_as_it_does_in_slack(client, sectorflow, markdown, html):
    assert html in trial_of(client, sectorflow, markdown)


HOSTILE = '<img src=x onerror=alert(1)> & "quoted" </code></pre></table>'


@pytest.mark.parametrize(
    "markdown",
    [
        HOSTILE,
        f"**{HOSTILE}**",
        f"- {HOSTILE}",
        f"> {HOSTILE}",
        f"```\n{HOSTILE}\n```",
        f"| {HOSTILE} |\n|---|\n| **{HOSTILE}** |",
        f"[{HOSTILE}](https://e.example/)",
        "[x](javascript:alert(1)) [y](data:text/html,x)",
        '[x](https://e.example/"onmouseover="alert(1))',
    ],
)
def test_a_test_answer_adds_no_html_of_its_own(client, sectorflow, markdown):
    html = trial_of(client, sectorflow, markdown)

    assert not re.search(r"<img|<script|\son[a-z]+=[^<>]*>|href=\"(javascript|data)", html)
    assert 'class="answer"' in html


def test_long_test_answers_leave_the_page_small(client, sectorflow):
    html = trial_of(client, sectorflow, "| a | b |\n|---|---|\n" + "| **c** | d |\n" * 2_000, models=3)

    assert len(html.encode()) < 80_000
    assert html.count("…") == 3


def test_a_session_has_so_many_test_questions(client, sectorflow):
    sign_in(client)

    pages = [shown(client, send(client, "try")) for _ in range(MAX_TRIALS + 1)]

    assert "Install the app to ask more." in pages[-1]
    asked = [call for call in sectorflow.calls if call.request.url == ASK_URL]
    assert len(asked) == MAX_TRIALS


def test_a_test_question_that_sectorflow_does_not_answer_is_a_sentence(client, sectorflow):
    sectorflow.upsert(responses.POST, ASK_URL, status=500, json={"error": "planted"})
    sign_in(client)

    page = shown(client, send(client, "try"))

    assert "SectorFlow did not answer this question." in page
    assert "planted" not in page


# The installations of a token


@pytest.fixture
def theirs(client, services, sectorflow):
    """An installation of another token."""
    client.register(apiToken="another-users-token")
    (found,) = client.get_api().json["items"]
    return found


def test_a_user_finds_the_installations_of_the_same_token_only(client, sectorflow, theirs):
    own = client.register(appName="Mine")
    sign_in(client)

    page = client.get("/install").text

    assert f"/install/apps/{own['id']}" in page
    assert theirs["id"] not in page


@pytest.mark.parametrize("path", ["", "/remove"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_installation_of_another_token_is_not_there(client, sectorflow, theirs, method, path):
    sign_in(client)

    response = client.open(
        f"/install/apps/{theirs['id']}{path}", method=method, data={"csrf": csrf_of(client), "action": "save"}
    )

    assert response.status_code == 404
    assert "<title>This app is not in your list " in response.text
    assert client.get(f"/install/new?replaces={theirs['id']}").status_code == 404
    assert client.show(theirs["id"]) == theirs


def test_a_token_that_changes_takes_the_installation_along(client, sectorflow):
    own = client.register()
    sign_in(client)

    send(client, "save", f"/install/apps/{own['id']}", newApiToken="the-next-token")

    assert own["id"] not in client.get("/install").text
    sign_in(client, "the-next-token")
    assert own["id"] in client.get("/install").text


def test_a_change_of_an_app_that_was_changed_elsewhere_is_refused(client, sectorflow):
    own = client.register()
    sign_in(client)
    client.patch_installation(own["id"], appName="Changed by the platform")

    form = {
        "csrf": csrf_of(client),
        "action": "save",
        "revision": "1",
        "appName": "x",
        "model": [MODEL_IDS[0]],
    }
    sent = client.post(f"/install/apps/{own['id']}", data={**form, "workspaceId": WORKSPACE_ID})

    assert "This app was changed elsewhere meanwhile." in shown(client, sent)
    assert client.show(own["id"])["appName"] == "Changed by the platform"


def test_the_votes_and_figures_are_on_the_page_of_an_installed_app(client, services, store, sectorflow):
    settings = make_settings(token_digest=services.install_page.digests.of(API_TOKEN))
    installation = make_installation(settings)
    services.answers.installations.save(installation, None, None)
    answer = ModelAnswer(settings.sectorflow.model_ids[1], "Two", seconds=1.0, credits=1200.5)
    for (key, field), value in figures_of(installation.key, answer).items():
        store.hincrbyfloat(key, field, value)
    sign_in(client)

    page = client.get(f"/install/apps/{settings.id}").text

    assert '<h2 id="votes"' in page
    assert "Model 1</th><td>0</td><td>0</td><td>0</td><td>0</td><td>–</td><td>0</td>" in page  # noqa: RUF001 - the page's sign
    assert "Model 2</th><td>0</td><td>0</td><td>1</td><td>0</td><td>0.8</td><td>1,200.5</td>" in page


# Anything

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@settings(max_examples=25)
@given(
    action=st.sampled_from(["complete", "save", "try", "add", "update"]) | texts.map("up:{}".format) | texts,
    values=st.dictionaries(
        st.sampled_from(
            ["appName", "workspaceId", "model", "add", "plusId", "display", "source", "appId", "question"]
        ),
        texts,
    ),
)
def test_any_form_is_answered(client, sectorflow, action, values):
    client = client.application.test_client()
    sign_in(client, **{"X-Forwarded-For": str(uuid.uuid4())})

    form = {"csrf": csrf_of(client), "action": action, **values}
    path = client.get("/install/new").headers["Location"]
    response = client.post(path, data=form, headers={"X-Forwarded-For": str(uuid.uuid4())})

    assert response.status_code in {303, 404, 429}


# Time


def test_the_form_ends_and_says_so(client, sectorflow, store):
    sign_in(client)
    for key in store.scan_iter("install-form:*"):
        store.delete(key)

    response = client.post("/install/forms/1", data={"csrf": csrf_of(client), "action": "complete"})

    assert "Your half hour is over" in shown(client, response)


@pytest.mark.parametrize(
    ("method", "path", "leads_to"), [("GET", "", ""), ("GET", "/new", ""), ("POST", "/sign-in", "/install")]
)
def test_an_outage_of_redis_is_a_page_that_leads_to_a_page(
    client, sectorflow, redis_server, method, path, leads_to
):
    form = {"csrf": csrf_of(client), "apiToken": API_TOKEN}
    sign_in(client)
    redis_server.connected = False

    page = client.open(f"/install{path}", method=method, data=form)

    assert (page.status_code, page.mimetype) == (503, "text/html")
    assert f'<a class="button" href="{leads_to}">' in page.text
