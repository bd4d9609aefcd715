"""Slack's tokens in angle brackets, bare addresses and emoji names, which all its formats share."""

from __future__ import annotations

import html
import re

from sandbox.channel.nodes import PLAIN, Inline, Inlines, Mention, Run, Styles

#: A whole token, brackets included (docs.slack.dev, "Formatting message text").
TOKEN = re.compile(
    r"<(?:@[UW][A-Z0-9]+|#[CGD][A-Z0-9]+|!here|!channel|!everyone|!(?:subteam|date)\^[^<>|\n]+"
    r"|(?i:https?|mailto|tel):[^<>|\n]+)(?:\|[^<>\n]*)?>"
)
#: A bare address, without the punctuation that ends its sentence.
ADDRESS = re.compile(r"(?i:https?)://[^\s<>\"]*[^\s<>\".,:;!?'*_~)\]}]")
_EMOJI = re.compile(r":([a-z0-9_+-]+):")
_EMOJIS = {
    "+1": "👍",
    "-1": "👎",
    "arrows_counterclockwise": "🔄",
    "bulb": "💡",
    "eyes": "👀",
    "gear": "⚙️",
    "hourglass": "⌛",
    "hourglass_flowing_sand": "⏳",
    "no_entry": "⛔",
    "robot_face": "🤖",
    "rocket": "🚀",
    "smile": "😄",
    "sparkles": "✨",
    "speech_balloon": "💬",
    "tada": "🎉",
    "thinking_face": "🤔",
    "thumbsdown": "👎",
    "thumbsup": "👍",
    "warning": "⚠️",
    "wave": "👋",
    "white_check_mark": "✅",
    "x": "❌",
}


def read_token(token: str, styles: Styles = PLAIN) -> Inline:
    """Read one whole token: a mention, a date or a link."""
    name, _, label = token[1:-1].partition("|")
    label = html.unescape(label)
    if name.startswith("@"):
        return Mention("user", name[1:], label)
    if name.startswith("#"):
        return Mention("channel", name[1:], label)
    if name.startswith("!subteam^"):
        return Mention("group", name.removeprefix("!subteam^"), label)
    if name.startswith("!date^"):
        # Slack formats the date for the reader; the fallback is the same date.
        return Run(label, styles)
    if name.startswith("!"):
        return Mention("broadcast", name[1:], label)
    address = html.unescape(name)
    return Run(label or address.removeprefix("mailto:"), styles, address)


def link_addresses(text: str, styles: Styles = PLAIN) -> Inlines:
    """Convert bare addresses in a text to links and emoji names to emoji, as Slack does."""
    found: list[Inline] = []
    end = 0
    for address in ADDRESS.finditer(text):
        found.append(Run(show_emoji(text[end : address.start()]), styles))
        found.append(Run(address[0], styles, address[0]))
        end = address.end()
    found.append(Run(show_emoji(text[end:]), styles))
    return tuple(part for part in found if not isinstance(part, Run) or part.text)


def show_emoji(text: str) -> str:
    """Replace the names of common emoji by the emoji."""
    return _EMOJI.sub(lambda name: _EMOJIS.get(name[1], name[0]), text)
