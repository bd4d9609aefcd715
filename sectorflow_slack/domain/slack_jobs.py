"""Slack jobs: short calls to Slack for a user who is waiting, run by a worker beside the questions.

They wait in Redis unencrypted, so they carry ids only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sectorflow_slack.domain.installations import InstallationKey

#: The types of Slack jobs by kind.
KINDS: dict[str, type[SlackJob]] = {}


@dataclass(frozen=True, slots=True)
class SlackJob:
    """The part that all Slack jobs share; each kind is a type of its own."""

    #: The name of the type, as in ``render_answer``: queued jobs have it, so types cannot be renamed.
    kind: ClassVar[str]

    installation: InstallationKey

    def __init_subclass__(cls) -> None:
        cls.kind = re.sub(r"\B([A-Z])", r"_\1", cls.__name__).lower()
        KINDS[cls.kind] = cls


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderAnswer(SlackJob):
    """Bring the messages of an answer up to date."""

    answer_id: str
    #: How many tries have failed.
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenView(SlackJob):
    """Open a dialog."""

    #: Slack's permission to open one dialog within 3 s.
    trigger_id: str
    #: Which: "follow_up" and "compare" and "models" of an answer, or "ask".
    view: str = "follow_up"
    answer_id: str = ""
    #: The index in the answer of the model that "follow_up" is for.
    model: int = 0
    #: The DM that "ask" asks in.
    channel_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceModels(SlackJob):
    """Announce which models answer from now on where an answer was given."""

    answer_id: str
    #: Whether to post it; not if nothing has changed.
    is_new: bool
    #: The dialog that is still open, and tells it too; "" for none.
    view_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostPlainText(SlackJob):
    """Post one model's answer as plain text, visible to one user."""

    answer_id: str
    model: int
    user_id: str
    channel_id: str
    thread_ts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostEphemeral(SlackJob):
    """Post a sentence in a channel, visible to one user."""

    #: The name of a field of ``Words``, here and below.
    sentence: str
    user_id: str
    channel_id: str
    thread_ts: str


def refusals(
    installation: InstallationKey, *, user_id: str, channel_id: str, thread_ts: str
) -> tuple[SlackJob, SlackJob]:
    """Return what a person is told if too many questions wait, and if they ask too often."""
    place = {"user_id": user_id, "channel_id": channel_id, "thread_ts": thread_ts}
    return (
        PostEphemeral(installation, sentence="line_is_full", **place),
        PostEphemeral(installation, sentence="too_many_questions", **place),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PostDirectMessage(SlackJob):
    """Post a sentence in the user's direct messages with the app."""

    sentence: str
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveStatus(SlackJob):
    """Remove what showed that a question was worked on."""

    channel_id: str
    thread_ts: str
    #: As in ``services.statuses``: ``session``, ``thread`` or the ``ts`` of a message.
    shown: str
    #: How many tries have failed.
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishHome(SlackJob):
    """Show the Home tab to a user."""

    user_id: str
    #: The DM with the user; "" of an older release.
    channel_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestPrompts(SlackJob):
    """Offer prompts in a direct message."""

    channel_id: str


def from_json(kind: str, installation: Mapping[str, str], **fields: Any) -> SlackJob:
    """Return the job of a JSON object; raise ``KeyError`` or ``TypeError`` for one of another release."""
    return KINDS[kind](InstallationKey(**installation), **fields)
