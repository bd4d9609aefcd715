"""Events as Slack sends them: recipients, signature, retries; in shared channels and organisations too."""

import pytest
from slack_sdk.signature import SignatureVerifier

from sandbox.slack import seed
from sandbox.slack.seed import GENERAL_ID, MAYA_ID
from sandbox.slack.signing import sign
from tests.sandbox.helpers import Json, actions, button

ORG = "E0ACMEORG01"
BLOCKS = [actions(button(action_id="a"))]


def test_the_signature_is_the_one_of_slacks_published_example():
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )

    signature = sign("8f742231b10e8888abcd99yyyzzz85a5", 1531420618, body)

    assert signature == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


def test_a_mention_in_a_channel_reaches_the_app_in_slacks_envelope(box):
    message = box.mention()

    (body,) = box.service.events(1)
    headers, raw = box.service.got[0]
    event = body["event"]
    assert (body["type"], body["api_app_id"]) == ("event_callback", box.app.app_id)
    assert (event["type"], event["channel"], event["ts"]) == ("app_mention", GENERAL_ID, message["ts"])
    assert [each["team_id"] for each in body["authorizations"]] == [seed.TEAM_ID]
    assert SignatureVerifier(box.app.signing_secret).is_valid_request(raw, headers)


def test_a_direct_message_and_its_edit_come_as_messages_and_never_as_mentions(box):
    direct = box.world.open_dm(MAYA_ID, box.install.bot_user_id).id
    message = box.mention(direct)
    box.service.wait_for(1)

    box.world.update_message(direct, message["ts"], text="goodbye")

    posted, edit = (body["event"] for body in box.service.events(2))
    assert (posted["type"], posted["channel_type"]) == ("message", "im")
    assert edit["subtype"] == "message_changed"
    assert (edit["message"]["text"], edit["previous_message"]["text"]) == ("goodbye", message["text"])


def test_a_reply_that_is_also_sent_to_the_channel_keeps_its_subtype(box):
    root = box.world.ask(MAYA_ID, GENERAL_ID, "Plans?")["ts"]
    reply = {"user": MAYA_ID, "text": "{bot} which?", "thread_ts": root, "broadcast": True}

    box.control("ask", channel=GENERAL_ID, **reply)

    event = box.service.events(1)[0]["event"]
    assert (event["type"], event["subtype"], event["thread_ts"]) == ("app_mention", "thread_broadcast", root)
    assert [each["text"] for each in box.world.channel_messages(GENERAL_ID)] == ["Plans?", event["text"]]
    assert event["root"]["text"] == "Plans?"


def test_an_edit_that_brings_the_mention_sends_it_and_a_second_edit_does_not(box):
    place = {"user": MAYA_ID, "channel": GENERAL_ID, "ts": box.world.ask(MAYA_ID, GENERAL_ID, "hi")["ts"]}
    for text in ("{bot} hi", "{bot} hi there"):
        box.control("edit", text=text, **place)

    box.mention()

    edit, other = (body["event"] for body in box.service.events(2))
    assert (edit["type"], edit["ts"]) == ("app_mention", place["ts"])
    assert edit["event_ts"] == edit["edited"]["ts"] > edit["ts"]
    assert "edited" not in other
    assert box.refuses("edit", **{**place, "user": seed.TOM_ID}, text="not mine")


def test_a_forwarded_message_and_a_table_come_as_attachments(box):
    said = box.world.ask(seed.TOM_ID, seed.RANDOM_ID, "The *budget* is gone")["ts"]
    shared = {"forward": {"channel": seed.RANDOM_ID, "ts": said}, "table": [["Item", "€"], ["Cake", ""]]}

    box.control("ask", user=MAYA_ID, channel=GENERAL_ID, text="{bot} why?", **shared)

    forward, table = box.service.events(1)[0]["event"]["attachments"]
    assert (forward["is_share"], forward["author_name"], forward["text"]) == (
        True,
        "Tom Okafor",
        "The *budget* is gone",
    )
    assert forward["from_url"].endswith(f"/archives/{seed.RANDOM_ID}/p{said.replace('.', '')}")
    assert [[cell["text"] for cell in row] for row in table["blocks"][0]["rows"]] == [
        ["Item", "€"],
        ["Cake", " "],
    ]


def test_a_mention_in_a_group_dm_is_an_event_like_any_other(box):
    box.control("invite", channel=seed.GROUP_DM_ID)

    box.mention(seed.GROUP_DM_ID)

    (body,) = box.service.events(1)
    assert (body["event"]["type"], body["event"]["channel"]) == ("app_mention", seed.GROUP_DM_ID)


def test_a_failed_event_is_retried_three_times_with_slacks_headers(box):
    box.service.statuses = [500, 500, 500, 500]

    box.mention()

    got = box.service.wait_for(4)
    assert [headers.get("X-Slack-Retry-Num") for headers, _ in got] == [None, "1", "2", "3"]
    assert {headers.get("X-Slack-Retry-Reason") for headers, _ in got[1:]} == {"http_error"}
    assert len({body for _, body in got}) == 1


@pytest.mark.parametrize(
    ("headers", "retries"), [({}, ["1"]), ({"X-Slack-No-Retry": "1"}, [])], ids=["a good answer", "a refusal"]
)
def test_retries_stop(box, headers, retries):
    box.service.statuses, box.service.headers = [500], headers
    box.mention()
    box.service.wait_for(1 + len(retries))

    # A retry comes at once here: it would overtake one of these.
    for more in range(1, 6):
        box.mention()
        box.service.wait_for(1 + len(retries) + more)

    numbers = [each.get("X-Slack-Retry-Num") for each, _ in box.service.got]
    assert [number for number in numbers if number] == retries


def test_a_replay_has_the_same_id_and_body(box):
    sent = box.control("event", event={"type": "app_mention"})
    box.service.wait_for(1)

    box.control("replay", **sent)

    first, second = box.service.wait_for(2)
    assert first[1] == second[1]


def test_uninstalling_sends_both_events_and_ends_the_token(box):
    box.control("uninstall")

    kinds = {body["event"]["type"] for body in box.service.events(2)}
    assert kinds == {"app_uninstalled", "tokens_revoked"}
    assert box.world.installs.authenticate(box.install.bot_token) == "account_inactive"


@pytest.fixture
def west(box) -> Json:
    """A workspace of an organisation that installed the app in another workspace."""
    east = box.control("team", name="east", enterprise_id=ORG)
    box.control("install-app", team_id=east["team"], org_wide=True)
    west = box.control("team", name="west", enterprise_id=ORG)
    box.control("invite", channel=west["channel"])
    return west


def test_an_org_wide_event_names_the_organisation_and_the_team_it_happened_in(box, west):
    box.control("ask", text="{bot} hi", user=west["user"], channel=west["channel"], team_id=west["team"])

    (body,) = box.service.events(1)
    (authorization,) = body["authorizations"]
    assert (authorization["is_enterprise_install"], authorization["enterprise_id"]) == (True, ORG)
    assert authorization["team_id"] is None
    assert (body["team_id"], body["enterprise_id"]) == (west["team"], ORG)


def test_an_org_wide_block_action_has_no_team(box, west):
    installed = box.world.installs.find(box.app.app_id, west["team"])
    assert installed is not None
    posted = {"channel": west["channel"], "text": "x", "blocks": BLOCKS}
    ts = box.client(installed.bot_token).chat_postMessage(**posted)["ts"]

    box.press(ts, "a", user=west["user"], channel_id=west["channel"])

    payload = box.service.payload()
    assert (payload["team"], payload["is_enterprise_install"]) == (None, True)
    assert payload["enterprise"]["id"] == ORG
    assert payload["user"]["team_id"] == west["team"]


def test_a_user_of_another_organisation_asks_and_presses_in_a_shared_channel(box):
    guest = box.control("share", channel=GENERAL_ID, name="globex", enterprise_id="E0GLOBEX001")
    for user in (guest["user"], MAYA_ID):
        box.control("ask", user=user, channel=GENERAL_ID, text="{bot} hello")
    theirs, ours = sorted(box.service.events(2), key=lambda each: each["event"]["ts"])

    box.press(box.post(blocks=BLOCKS), "a", user=guest["user"])

    payload = box.service.payload()
    assert (theirs["is_ext_shared_channel"], ours["is_ext_shared_channel"]) == (True, True)
    assert (theirs["event"]["user_team"], theirs["event"]["source_team"]) == ("E0GLOBEX001", guest["team"])
    assert ours["event"]["user_team"] == seed.TEAM_ID
    assert (theirs["team_id"], theirs["authorizations"][0]["team_id"]) == (guest["team"], seed.TEAM_ID)
    assert (payload["team"]["id"], payload["user"]["team_id"]) == (seed.TEAM_ID, guest["team"])
