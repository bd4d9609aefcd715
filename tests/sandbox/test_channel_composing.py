"""What a person types in the page, as it is sent on."""

from __future__ import annotations

import pytest

from sandbox.channel.composing import typed


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("@Acme Helper @Acme hi", "<@U2> <@U1> hi"),
        ("me@acme.example @acmes", "me@acme.example @acmes"),
        ("@HERE <!channel>", "<!here> &lt;!channel&gt;"),
        ("<https://a.example>", "&lt;<https://a.example>&gt;"),
        ("see https://a.example/?a=1&b=@Acme.", "see <https://a.example/?a=1&amp;b=@Acme>."),
    ],
)
def test_typed_text_is_sent_as_slack_sends_it(text: str, sent: str) -> None:
    assert typed(text, {"Acme": "U1", "Acme Helper": "U2"}) == sent
