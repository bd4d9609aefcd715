"""Errands: what a worker does beside answering, soon and shortly, for somebody who looks at Slack now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sectorflow_slack.domain.installations import InstallationKey

#: ``greet``: show that a question was taken. ``draw``: bring an answer's messages up to date.
#: ``dialog``: open the dialog of a follow-up. ``copy``: give a model's answer as plain text, to one person.
#: ``tell``: say a sentence to one person, or in the place of what stood in for an answer. ``home``: show the
#: Home tab. ``suggest``: offer prompts in a DM.
Kind = Literal["greet", "draw", "dialog", "copy", "tell", "home", "suggest"]


@dataclass(frozen=True, slots=True)
class SlackJob:
    """One errand. It goes through the job engine in the clear, so it carries ids only."""

    kind: Kind
    installation: InstallationKey
    #: The question to greet, or the answer to draw.
    question_id: str = ""
    #: The message that is to show it, where there is one already.
    placeholder: str = ""
    #: Which of the answer's models, from 0.
    model: int = 0
    user_id: str = ""
    channel_id: str = ""
    thread_ts: str = ""
    #: Slack's permission to open one dialog within 3 s.
    trigger_id: str = ""
    #: How often this was tried in vain.
    tries: int = 0
    #: Which sentence to tell: the name of a field of ``Words``.
    sentence: str = ""
