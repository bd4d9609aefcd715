"""Every text that people read in Slack: in English, and in each further language there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sectorflow_slack.domain.questions import Question

#: More names than these are counted, not named.
_MOST_NAMES = 5


class Words:
    """The English texts; names in braces are filled in. Another language is a subclass with all of them."""

    def __init_subclass__(cls) -> None:
        if missing := Words.__annotations__.keys() - cls.__dict__.keys():
            raise TypeError(f"{cls.__name__} lacks {', '.join(sorted(missing))}")

    # Answers to a question that no model is asked

    help: str = (
        "Ask me something, for example “What is the tallest mountain in Europe?” In a channel, mention me "
        "and write your question after my name."
    )
    #: The same if the models' names are known.
    help_with_models: str = (
        "Ask me something, for example “What is the tallest mountain in Europe?” I'll bring you answers "
        "from {names}. In a channel, mention me and write your question after my name."
    )
    file_only: str = "I can't read files, only what you write. Please ask me in words."
    #: To a person of another organisation, in a shared channel.
    external_person: str = "Sorry, people of other organisations can't use this app here."
    #: In a DM to the person who mentioned the app in a channel that it can't post to.
    not_in_channel: str = (
        "You mentioned me in a channel where I can't write. Invite me there with /invite, then ask again. "
        "Or ask me right here."
    )
    question_too_long: str = "This question is too long for me. Please ask again with a shorter one."
    #: To a person who asks more often than one may.
    too_many_questions: str = "You ask faster than I may answer. Please wait a minute, then ask again."
    #: As many questions wait as may.
    line_is_full: str = "Too many questions are waiting here right now. Please ask again in a few minutes."
    #: After a press of Slack's Stop button.
    stopped: str = "Stopped."

    # There is no answer

    #: SectorFlow refused the API key (401, 403).
    key_refused: str = (
        "SectorFlow did not accept this app's API key. The person who installed this app can fix it with a "
        "new SectorFlow API key."
    )
    #: SectorFlow could not be reached, or answered that it is busy or down.
    unreachable: str = "SectorFlow can't be reached at the moment. Please ask again in a few minutes."
    #: The connection broke before the answer was there.
    connection_lost: str = (
        "The connection to SectorFlow broke before the answer was here. Please ask again in a few minutes."
    )
    #: SectorFlow wants to be paid (402).
    no_credits: str = (
        "SectorFlow has no credits left for this app. The person who installed this app can add some."
    )
    #: In a DM to the person who installed the app, once a day.
    token_refused_for_installer: str = (
        "SectorFlow refuses the API key that you installed this app with, so questions here get no answer. "  # noqa: S105
        "Please give the app a new SectorFlow API key."
    )
    too_slow: str = "SectorFlow took too long to answer. Please ask again, perhaps with a shorter question."
    unreadable: str = "SectorFlow's answer could not be read. Please ask again in a few minutes."
    workspace_gone: str = (
        "The SectorFlow workspace of this app does not exist any more. The person who installed this app "
        "can choose another one."
    )
    question_refused: str = (
        "SectorFlow did not take this question. Please try it in other words, or a shorter one."
    )
    no_answer: str = "None of the models had an answer this time. Please ask again in a few minutes."
    unexpected: str = "Something went wrong on our side. Please ask again in a few minutes."
    ask_again: str = "Ask again"

    # While it is worked on

    asking: str = "Asking {names}…"
    #: Short status behind the app's name: the models' ``names``, or how many they are.
    status: str = "is asking {names}…"
    status_count: str = "is asking {count} models…"

    # An answer

    #: Stands in place of one model's answer while the others are shown.
    model_failed: str = "⚠ This model did not answer this time."
    nameless_model: str = "Model"
    continued: str = "{name} (continued)"
    #: In a message that other people's may stand above: ``question`` is how the question began.
    on_question: str = "{name}, on “{question}”"
    #: Stands in place of the buttons of a model that is asked again.
    asking_again: str = "Asking again…"
    asked: str = "Question:"
    #: The footer: ``seconds`` from question to answer, ``minutes`` and ``seconds``, ``credits``.
    seconds: str = "{seconds} s"
    minutes: str = "{minutes} min {seconds} s"
    credits: str = "{credits} credits"
    one_credit: str = "1 credit"
    file_not_read: str = "I can't read files, so I answered your words only."
    #: What of the question was not sent: its end, or ``parts`` of what went along with it.
    question_cut: str = "Your question was too long: I asked its beginning."
    left_out: str = "Too long or not readable, so not asked: {parts}."
    messages: str = "forwarded messages"
    tables: str = "tables"
    #: AI can be wrong (Slack's Marketplace asks for it); in the footer.
    may_be_wrong: str = "AI can be wrong: check what matters."
    cut_off: str = (
        "This answer was too long to be shown whole. This is its beginning, 200,000 characters of it."
    )
    #: Stands above what a model thought before it answered.
    reasoning: str = "Reasoning"

    # Buttons

    try_again: str = "Try again"
    follow_up: str = "Follow up"
    regenerate: str = "↻ Regenerate"
    plain_text: str = "Plain text"
    good_answer: str = "👍 Good answer"
    bad_answer: str = "👎 Bad answer"
    show_as_tabs: str = "Show as tabs"
    show_all: str = "Show all"
    show_folded: str = "Show folded"
    #: The tab that is open, one whose model failed, one whose model is asked again: ``name``; and how long it
    #: took.
    timed_tab: str = "{name} · {seconds}"
    open_tab: str = "● {name}"
    failed_tab: str = "⚠ {name}"
    busy_tab: str = "↻ {name}"
    #: The page before and the next one, by ``page``; the open one and how many ``pages`` there are.
    previous_page: str = "◀ Page {page}"
    next_page: str = "Page {page} ▶"
    page_of: str = "Page {page} of {pages}"

    #: In the footer, with the models that took least: ``name``.
    fastest: str = "fastest: {name}"
    cheapest: str = "cheapest: {name}"
    #: In the footer: that this thread's questions go to these models only.
    thread_models: str = "In this thread: {names}"
    compare: str = "Compare"
    models: str = "Models…"
    ask_models: str = "Ask a question"

    # A comparison of answers

    #: Above it: ``name`` of the model whose view it is.
    compared_by: str = "Compared by {name}"
    answers_cut: str = "The answers were too long to be compared whole: their beginnings were"
    #: Below it, where the model calls answers by their letters: which ``letter`` stands for which ``name``.
    letter: str = "{letter}: {name}"
    compare_failed: str = "The answers could not be compared this time. Please try again later."
    #: To a person who has a model compare the answers once more.
    compared_already: str = "This model compares these answers already: its view is in this thread."
    compare_title: str = "Compare"
    compare_label: str = "Which model is to compare the answers?"
    compare_hint: str = "It is not told which model wrote which answer."

    # The dialogs of models

    models_title: str = "Models"
    models_label: str = "Who answers in this thread from now on"
    save: str = "Save"
    close: str = "Close"
    #: Said in the thread: these ``names`` answer there; or all models, as at first.
    models_answer: str = "From now on, {names} will answer here."
    all_models_answer: str = "From now on, all models will answer here."
    go_on: str = "Go on with this one"
    ask_title: str = "Ask a question"
    ask_label: str = "Your question"
    ask_hint: str = "The answers come as a direct message."
    ask_models_label: str = "Who is to answer"

    # What a press of a button is answered with

    expired: str = "These buttons are too old to work. Ask your question again to get new ones."
    follow_up_failed: str = (
        "Your question was not sent: the answer that it follows is not kept any more. Please ask it in the "
        "thread."
    )
    regenerate_failed: str = "No new answer came, so nothing has changed. Please try again later."
    copy_this: str = "{name}, as plain text to copy:"

    # The dialog of a follow-up question

    follow_up_title: str = "Follow up"
    follow_up_label: str = "Your question to {name}"
    follow_up_hint: str = "It knows what was said before."
    send: str = "Ask"
    cancel: str = "Cancel"

    # Where people meet the app

    #: Where several models answer, and where there is one; so are the Home tab's.
    greeting: str = (
        "Hello! Ask me something, and several AI models answer you side by side. AI can be wrong: check "
        "what matters."
    )
    greeting_one: str = (
        "Hello! Ask me something, and an AI model answers you. AI can be wrong: check what matters."
    )
    prompts: tuple[tuple[str, str], ...] = (
        ("Explain something", "Explain compound interest to me in five sentences."),
        ("Compare options", "Compare leasing a car with buying one, in a table."),
        ("Write a draft", "Draft a friendly message that moves a meeting to next week."),
        ("Find ideas", "Give me ten ideas for a team event under 500 euros."),
    )
    nameless_app: str = "SectorFlow"
    #: What the Home tab says: about itself, who answers (``name`` each), and how.
    home_intro: str = "Ask once, and several AI models answer you side by side."
    home_intro_one: str = "Ask me something, and an AI model answers you."
    home_models: str = "Who answers"
    home_models_unknown: str = "The AI models chosen for this app."
    home_model_unknown: str = "The AI model chosen for this app."
    home_model: str = "• {name}"
    home_support: str = "Support"
    home_privacy: str = "Privacy"
    home_workspace: str = "The SectorFlow workspace is “{name}”."
    home_expert: str = "Answers are given as the expert “{name}”."
    home_separated: str = "You see their answers one below the other."
    home_folded: str = "You see each model's first words, and open the answers that you want to read."
    home_tabs: str = "You see one answer at a time, with a button for each model."
    home_how: str = "How to ask"
    home_asking: str = (
        "In a channel, mention me and write your question after my name. To ask more, mention me again in "
        "the same thread: I remember what was said there. In the Messages tab, write without a mention."
    )
    home_change: str = "Who can change this"
    home_changing: str = "The person who installed this app can change it."

    # Parts of sentences

    comma: str = ", "
    conjunction: str = " and "
    #: Stands for ``count`` names, and for all of them where none is known; for one likewise.
    others: str = "{count} others"
    one_other: str = "1 other"
    the_models: str = "the models"
    the_model: str = "the model"

    def heading(self, name: str, *, again: bool = False, question: str = "") -> str:
        """Return a model's heading, over the rest of an answer too, perhaps with how the question began."""
        heading = self.continued.format(name=name) if again else name
        return self.on_question.format(name=heading, question=question) if question else heading

    def not_sent(self, question: Question) -> list[str]:
        """Return a sentence for each kind of what of a question was not sent to SectorFlow."""
        parts = [str(getattr(self, kind)) for kind in ("messages", "tables") if kind in question.left_out]
        return [
            *([self.question_cut] if "text" in question.left_out else []),
            *([self.left_out.format(parts=self.list_names(parts))] if parts else []),
            *([self.file_not_read] if question.has_files else []),
        ]

    def name_others(self, count: int) -> str:
        """Return the words for so many unnamed models, at least one."""
        return self.one_other if count == 1 else self.others.format(count=count)

    def list_names(self, names: Sequence[str]) -> str:
        """Return names as a list within a sentence; unknown ones ("") and the last of many are counted."""
        named = list(filter(None, names))
        if not named:
            return self.the_model if len(names) == 1 else self.the_models
        if len(names) > len(named) or len(named) > _MOST_NAMES:
            named = named[: _MOST_NAMES - 1]
            named.append(self.name_others(len(names) - len(named)))
        *first, last = named
        return self.conjunction.join([self.comma.join(first), last]) if first else last


ENGLISH: Final = Words()

#: By Slack's locales or by language alone, in lower case (docs.slack.dev, users.info, ``locale``).
_BY_LOCALE: Final[dict[str, Words]] = {"en": ENGLISH}


def words_for(locale: str) -> Words:
    """Return the words of a locale such as ``en-US``, else of its language, else the English ones."""
    exact = locale.replace("_", "-").lower()
    language = exact.partition("-")[0]
    return _BY_LOCALE.get(exact) or _BY_LOCALE.get(language) or ENGLISH
