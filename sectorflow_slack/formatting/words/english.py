"""The English texts."""

from __future__ import annotations

from typing import Final

from .texts import Words

ENGLISH: Final = Words(
    help=(
        "Ask me something, for example “What is the tallest mountain in Europe?” "
        "In a channel, mention me and write your question after my name."
    ),
    help_with_models=(
        "Ask me something, for example “What is the tallest mountain in Europe?” I'll bring you answers from "
        "{names}. In a channel, mention me and write your question after my name."
    ),
    file_only="I can't read files, only what you write. Please ask me in words.",
    external_person="Sorry, people of other organisations can't use this app here.",
    not_in_channel=(
        "You mentioned me in a channel where I can't write. Invite me there with /invite, then ask again. "
        "Or ask me right here."
    ),
    question_too_long="This question is too long for me. Please ask again with a shorter one.",
    key_refused=(
        "SectorFlow did not accept this app's API key. "
        "The person who installed this app can fix it with a new SectorFlow API key."
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
    ask_again="Ask again",
    still_waiting="Many questions are being asked here right now. Yours is in line and will be answered.",
    asking="Asking {names}…",
    still_going="Still working on it ({seconds} s so far)…",
    status="is asking {count} models…",
    status_one="is asking a model…",
    model_failed="⚠ This model did not answer this time.",
    nameless_model="Model",
    continued="{name} (continued)",
    on_question="{name}, on “{question}”",
    asking_again="Asking again…",
    asked="Follow-up question:",
    seconds="{seconds} s",
    minutes="{minutes} min {seconds} s",
    credits="{credits} credits",
    one_credit="1 credit",
    file_not_read="I can't read files, so I answered your words only.",
    may_be_wrong="AI can be wrong: check what matters.",
    cut_off="This answer was too long to be shown whole. This is its beginning, 200,000 characters of it.",
    reasoning="Reasoning",
    try_again="Try again",
    follow_up="Follow up",
    regenerate="↻ Regenerate",
    plain_text="Plain text",
    good_answer="👍 Good answer",
    bad_answer="👎 Bad answer",
    show_as_tabs="Show as tabs",
    show_all="Show all",
    open_tab="● {name}",
    failed_tab="⚠ {name}",
    busy_tab="↻ {name}",
    previous_page="◀ Page {page}",
    next_page="Page {page} ▶",
    page_of="Page {page} of {pages}",
    expired="These buttons are too old to work. Ask your question again to get new ones.",
    follow_up_failed=(
        "Your question was not sent: the answer that it follows is not kept any more. "
        "Please ask it in the thread."
    ),
    regenerate_failed="No new answer came, so nothing has changed. Please try again later.",
    copy_this="{name}, as plain text to copy:",
    follow_up_title="Follow up",
    follow_up_label="Your question to {name}",
    follow_up_hint="It knows what was said before.",
    send="Ask",
    cancel="Cancel",
    greeting=(
        "Hello! Ask me something, and several AI models answer you side by side. "
        "AI can be wrong: check what matters."
    ),
    greeting_one="Hello! Ask me something, and an AI model answers you. AI can be wrong: check what matters.",
    prompts=(
        ("Explain something", "Explain compound interest to me in five sentences."),
        ("Compare options", "Compare leasing a car with buying one, in a table."),
        ("Write a draft", "Draft a friendly message that moves a meeting to next week."),
        ("Find ideas", "Give me ten ideas for a team event under 500 euros."),
    ),
    nameless_app="SectorFlow",
    home_intro="Ask once, and several AI models answer you side by side.",
    home_intro_one="Ask me something, and an AI model answers you.",
    home_models="Who answers",
    home_models_unknown="The AI models chosen for this app.",
    home_model_unknown="The AI model chosen for this app.",
    home_model="• {name}",
    home_workspace="The SectorFlow workspace is “{name}”.",
    home_expert="Answers are given as the expert “{name}”.",
    home_separated="You see their answers one below the other.",
    home_tabs="You see one answer at a time, with a button for each model.",
    home_how="How to ask",
    home_asking=(
        "In a channel, mention me and write your question after my name. "
        "To ask more, mention me again in the same thread: I remember what was said there. "
        "In the Messages tab, write without a mention."
    ),
    home_change="Who can change this",
    home_changing="The person who installed this app can change it in SectorFlow's Slack settings.",
    comma=", ",
    conjunction=" and ",
    others="{count} others",
    one_other="1 other",
    the_models="the models",
    the_model="the model",
)
