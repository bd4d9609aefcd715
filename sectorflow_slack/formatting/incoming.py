"""A Slack message as the question it asks: readable text, without Slack's own marks.

The marks are Slack's (docs.slack.dev, formatting message text): ``<@U…>``, ``<#C…|name>``, ``<!here>``,
``<!subteam^S…|@name>``, ``<!date^…|fallback>``, ``<url|label>``, and ``&amp; &lt; &gt;`` for the three
characters that Slack escapes.
"""

from __future__ import annotations

import re

_MARK = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")


def read_question(text: str, bot_user_id: str) -> str:
    """Return what is asked: the app's own mention removed, every other mark as a person would read it."""
    own = re.compile(rf"<@{re.escape(bot_user_id)}(?:\|[^<>]*)?>[ \t]*")
    marked = _MARK.sub(_readable, own.sub("", text))
    # &amp; last: "&amp;lt;" is what a person sees who typed "&lt;".
    return marked.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def _readable(mark: re.Match[str]) -> str:
    target, label = mark[1], mark[2]
    if target.startswith(("@", "#")):
        return target[0] + (label or target[1:]).lstrip("@#")
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    return _readable_link(target, label)


def _readable_link(url: str, label: str | None) -> str:
    address = url.removeprefix("mailto:")
    bare = re.sub(r"^https?://", "", url).rstrip("/")
    if not label or label in {url, address} or bare == label.rstrip("/"):
        return address
    return f"{label} ({address})"
