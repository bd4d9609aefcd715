"""What has to be said in each language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: More names than these are counted, not named.
_MOST_NAMES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The texts of one language; what stands in braces is filled in."""

    # Answers to a question that no model is asked

    #: Answers an empty question.
    help: str
    #: The same where it is known who answers: ``names``.
    help_with_models: str
    #: Answers files that came without a word.
    file_only: str
    #: Answers somebody of another organisation, in a shared channel.
    external_person: str
    #: Told in a DM to somebody who mentioned the app where it may not write.
    not_in_channel: str
    #: The question is longer than SectorFlow takes.
    question_too_long: str

    # There is no answer

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
    #: The button that asks again.
    ask_again: str

    # While it is worked on

    #: Told once to somebody whose question waits for long.
    still_waiting: str
    #: The models ``names`` are being asked.
    asking: str
    #: They have been asked ``seconds`` ago, and have not answered yet.
    still_going: str
    #: Short status behind the app's name: ``count`` models.
    status: str
    status_one: str

    # An answer

    #: Stands in place of one model's answer while the others are shown.
    model_failed: str
    #: The heading of a model without a name.
    nameless_model: str
    #: The heading of a model whose answer goes on in a further message; takes ``name``.
    continued: str
    #: The same of a message that other people's may stand above; takes ``name`` and how the ``question``
    #: began.
    on_question: str
    #: Stands in place of the buttons of a model that is asked again.
    asking_again: str
    #: Stands above a question that others did not see.
    asked: str
    #: The footer: ``seconds`` from question to answer, ``minutes`` and ``seconds``, ``credits``.
    seconds: str
    minutes: str
    credits: str
    one_credit: str
    #: Files came with the question, which was answered.
    file_not_read: str
    #: AI can be wrong (Slack's Marketplace asks for it); in the footer.
    may_be_wrong: str
    #: Stands below an answer of which only the beginning is shown.
    cut_off: str
    #: Stands above what a model thought before it answered.
    reasoning: str

    # Buttons

    try_again: str
    follow_up: str
    regenerate: str
    plain_text: str
    good_answer: str
    bad_answer: str
    show_as_tabs: str
    show_all: str
    #: The tab that is open, one whose model failed, one whose model is asked again: ``name``.
    open_tab: str
    failed_tab: str
    busy_tab: str
    #: The page before and the next one, by ``page``; the open one and how many ``pages`` there are.
    previous_page: str
    next_page: str
    page_of: str

    # What a press of a button is answered with

    #: The answer is no longer kept.
    expired: str
    follow_up_failed: str
    regenerate_failed: str
    #: Stands above an answer as plain text; takes ``name``.
    copy_this: str

    # The dialog of a follow-up question

    follow_up_title: str
    #: The label of its field; takes ``name``.
    follow_up_label: str
    follow_up_hint: str
    send: str
    cancel: str

    # Where people meet the app

    #: Where several models answer, and where there is one; so are the Home tab's.
    greeting: str
    greeting_one: str
    #: Questions to begin with: title and text.
    prompts: tuple[tuple[str, str], ...]
    nameless_app: str
    #: What the Home tab says: about itself, who answers (``name`` each), and how.
    home_intro: str
    home_intro_one: str
    home_models: str
    home_models_unknown: str
    home_model_unknown: str
    home_model: str
    home_workspace: str
    home_expert: str
    home_separated: str
    home_tabs: str
    home_how: str
    home_asking: str
    home_change: str
    home_changing: str

    # Parts of sentences

    #: Parts names, and parts the last two.
    comma: str
    conjunction: str
    #: Stands for ``count`` names, and for all of them where none is known; for one likewise.
    others: str
    one_other: str
    the_models: str
    the_model: str

    def heading(self, name: str, *, again: bool = False, question: str = "") -> str:
        """Give a model's heading: over the rest of an answer it says so, and ``question`` how that began."""
        heading = self.continued.format(name=name) if again else name
        return self.on_question.format(name=heading, question=question) if question else heading

    def name_others(self, count: int) -> str:
        """Give what stands for so many names that are not said, one at least."""
        return self.one_other if count == 1 else self.others.format(count=count)

    def list_names(self, names: Sequence[str]) -> str:
        """Give names as a sentence has them; those not known (""), and the last of very many, are counted."""
        named = list(filter(None, names))
        if not named:
            return self.the_model if len(names) == 1 else self.the_models
        if len(names) > len(named) or len(named) > _MOST_NAMES:
            named = named[: _MOST_NAMES - 1]
            named.append(self.name_others(len(names) - len(named)))
        *first, last = named
        return self.conjunction.join([self.comma.join(first), last]) if first else last
