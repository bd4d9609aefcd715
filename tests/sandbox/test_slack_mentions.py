from __future__ import annotations

import pytest

from sandbox.slack.mentions import live_mentions

TOKENS = [
    "<!here>",
    "<!channel>",
    "<!everyone>",
    "<@U0MAYA00001>",
    "<@W0MAYA00001|maya>",
    "<!subteam^S0TEAM|x>",
]


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_is_live_wherever_slack_reads_it(token: str) -> None:
    in_code = [{"type": "markdown", "text": f"`{token}`"}]
    in_object = [{"type": "section", "text": {"type": "mrkdwn", "text": token, "verbatim": True}}]

    found = [live_mentions(token, None), live_mentions("", in_code), live_mentions("", in_object)]

    assert found == [[token]] * 3


def test_escaped_and_plain_text_call_nobody() -> None:
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "<!here> @here"}},
        {"type": "markdown", "text": "&lt;!here&gt; <https://example.com>"},
        {"type": "rich_text", "elements": [{"type": "text", "text": "<!here>"}]},
    ]

    found = live_mentions("&lt;!channel&gt; @channel me@here.com", blocks)

    assert found == []


def test_a_bare_name_is_live_in_mrkdwn_that_is_not_verbatim() -> None:
    text = {"type": "mrkdwn", "text": "hello @here, mail me@channel.com"}

    found = live_mentions("", [{"type": "section", "text": text}])

    assert found == ["@here"]
    assert live_mentions("", [{"type": "section", "text": {**text, "verbatim": True}}]) == []


def test_rich_text_calls_by_its_elements() -> None:
    elements = [{"type": "broadcast", "range": "here"}, {"type": "user", "user_id": "U1"}]

    found = live_mentions("", [{"type": "rich_text", "elements": elements}])

    assert found == ["<!here>", "<@U1>"]
