"""Every text that people read in Slack, in one place: plain, friendly, short."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of one language."""

    #: Answers an empty question.
    help: str
    #: Answers somebody of another organisation, in a shared channel.
    external_person: str
    #: SectorFlow refused the API key (401, 403).
    key_refused: str
    #: SectorFlow could not be reached, or answered that it is busy or down.
    unreachable: str
    #: SectorFlow took too long.
    too_slow: str
    #: SectorFlow's reply could not be read.
    unreadable: str
    #: The SectorFlow workspace that this app asks in does not exist any more.
    workspace_gone: str
    #: SectorFlow did not take the question.
    question_refused: str
    #: No model had an answer.
    no_answer: str
    #: Something went wrong that nobody thought of.
    unexpected: str
    #: Told once to somebody whose question waits for long.
    still_waiting: str
    #: Some models failed while others answered; stands above ``ask_again``.
    some_failed: str
    #: The button that asks again.
    ask_again: str
    #: Takes the place of the message whose button was pressed.
    asked_again: str
    #: Stands in place of one model's answer while the others are shown.
    model_failed: str
    #: The heading of a model without a name.
    nameless_model: str
    #: The heading of a model whose answer goes on in a further message; takes ``name``.
    continued: str

    def continued_heading(self, name: str) -> str:
        """Give the heading over the rest of an answer that began in an earlier message."""
        return self.continued.format(name=name)


ENGLISH = Words(
    help=(
        "Ask me something, for example “What is the tallest mountain in Europe?” "
        "In a channel, mention me and write your question behind my name."
    ),
    external_person="Sorry, people of other organisations can't use this app here.",
    key_refused=(
        "SectorFlow did not accept this app's API key. "
        "The person who installed this app can mend it with a new SectorFlow API key."
    ),
    unreachable="SectorFlow can't be reached at the moment. Please ask again in a few minutes.",
    too_slow="SectorFlow took too long to answer. Please ask again, perhaps with a shorter question.",
    unreadable="SectorFlow's answer could not be read. Please ask again in a few minutes.",
    workspace_gone=(
        "The SectorFlow workspace of this app does not exist any more. "
        "The person who installed this app can choose another one."
    ),
    question_refused="SectorFlow did not take this question. Please try it in other words, or a shorter one.",
    no_answer="None of the models had an answer this time. Please ask again in a few minutes.",
    unexpected="Something went wrong on our side. Please ask again in a few minutes.",
    still_waiting="Many questions are being asked here right now. Yours is in line and will be answered.",
    some_failed="Not every model answered this time.",
    ask_again="Ask again",
    asked_again="Asked again.",
    model_failed="This model did not answer this time.",
    nameless_model="Model",
    continued="{name} (continued)",
)
