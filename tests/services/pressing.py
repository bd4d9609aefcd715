"""What tests of an answer's buttons do again and again: pressing, sending a dialog, looking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sectorflow_slack.domain.errands import Errand
from sectorflow_slack.domain.messages import Message
from sectorflow_slack.domain.progress import KeptAnswer
from sectorflow_slack.domain.questions import ModelAnswer, Question, Reply
from sectorflow_slack.formatting import actions
from sectorflow_slack.formatting.actions import (
    FOLLOW_UP_BLOCK,
    FOLLOW_UP_DIALOG,
    FOLLOW_UP_INPUT,
    ActionValue,
)
from sectorflow_slack.formatting.answers import draw
from sectorflow_slack.services import Services
from tests.fakes import FakeSlackClient, FakeTaskQueue
from tests.services.steps import FIRST_TS, KEY, ask
from tests.values import MODEL_IDS, OWN_APP, TEAM_ID, make_press, make_question

#: As ``make_question`` makes it.
ANSWER_ID = make_question().id
THREAD_TS = "1.000100"
TRIGGER_ID = "1337.4711.permission"


def press(
    action: str, model: int = 0, page: int = 0, choice: str = "", answer_id: str = ANSWER_ID, **changes: Any
) -> dict[str, Any]:
    """A payload: Ann pressed a button of an answer."""
    value = ActionValue(answer_id, model, page, choice).encode()
    element: dict[str, Any] = {"type": "button", "action_id": f"{action}:{model}", "value": value}
    if action in {actions.REGENERATE, actions.PLAIN_TEXT} and choice:
        element = {"type": "overflow", "action_id": actions.MORE, "selected_option": {"value": value}}
    container = {
        "type": "message",
        "message_ts": FIRST_TS,
        "channel_id": "C0GENERAL",
        "thread_ts": THREAD_TS,
    }
    whole = {"actions": [element], "container": container, "trigger_id": TRIGGER_ID, **changes}
    return make_press("", **whole)


def from_menu(action: str, model: int = 0, **changes: Any) -> dict[str, Any]:
    """A payload: Ann chose something of a model's menu."""
    return press(action, model, choice=action, **changes)


def by(user_id: str, team_id: str = TEAM_ID) -> dict[str, Any]:
    """Somebody else than Ann, as a change of a payload."""
    return {"user": {"id": user_id, "team_id": team_id}}


def submission(text: str | None = "And a longer one?", model: int = 0, **changes: Any) -> dict[str, Any]:
    """A payload: Ann sent the dialog of a follow-up."""
    view = {
        "id": "V0DIALOG",
        "type": "modal",
        "callback_id": FOLLOW_UP_DIALOG,
        "private_metadata": ActionValue(ANSWER_ID, model).encode(),
        "state": {
            "values": {FOLLOW_UP_BLOCK: {FOLLOW_UP_INPUT: {"type": "plain_text_input", "value": text}}}
        },
    }
    payload = {
        "type": "view_submission",
        "api_app_id": OWN_APP.app_id,
        "team": {"id": TEAM_ID, "domain": "acme"},
        "enterprise": None,
        "is_enterprise_install": False,
        "user": {"id": "U0ANN", "team_id": TEAM_ID},
        "view": {**view, **changes.pop("view", {})},
    }
    return {**payload, **changes}


#: One press of everything that there is, and a dialog that is sent.
EVERYTHING: dict[str, Callable[..., dict[str, Any]]] = {
    "tab": lambda **changes: press(actions.SHOW_TAB, 1, **changes),
    "page": lambda **changes: press(actions.TURN_PAGE, 0, 1, **changes),
    "display": lambda **changes: press(actions.SWITCH_DISPLAY, choice="tabs", **changes),
    "vote": lambda **changes: press(actions.VOTE, 0, choice=actions.UP, **changes),
    "regenerate": lambda **changes: from_menu(actions.REGENERATE, 1, **changes),
    "try again": lambda **changes: press(actions.REGENERATE, 1, **changes),
    "plain text": lambda **changes: from_menu(actions.PLAIN_TEXT, 1, **changes),
    "follow up": lambda **changes: press(actions.FOLLOW_UP, 1, **changes),
    "dialog": lambda **changes: submission(model=1, **changes),
}
#: A dialog belongs to no message and to no channel.
PRESSES = [name for name in EVERYTHING if name != "dialog"]


def answered(services: Services, queue: FakeTaskQueue, **changes: Any) -> Question:
    """Ask a question and have it answered; what the queue was asked to do meanwhile is forgotten."""
    question = ask(services.answers, **changes)
    queue.errands.clear()
    queue.jobs.clear()
    return question


def run_errands(services: Services, queue: FakeTaskQueue) -> list[Errand]:
    """Have a worker run what is there to run, and what comes of that; gives what was run."""
    ran: list[Errand] = []
    while queue.errands:
        errand, _ = queue.errands.pop(0)
        services.errands.run(errand)
        ran.append(errand)
        assert len(ran) < 50
    return ran


def answer_what_waits(services: Services, queue: FakeTaskQueue) -> None:
    """Have workers answer what waits, and run the errands."""
    services.answers.answer_next(KEY)
    run_errands(services, queue)


def kept(services: Services, answer_id: str = ANSWER_ID) -> KeptAnswer:
    """The answer as it is stored."""
    found = services.answers.kept.find(answer_id)
    assert found is not None
    return found


def screen(slack: FakeSlackClient) -> dict[str, Message]:
    """What stands in the channel: messages by ``ts``."""
    shown = {f"1700000001.{at:06}": message for at, (_, _, message) in enumerate(slack.posted, start=1)}
    for _, _, ts, message in slack.updated:
        assert ts in shown
        shown[ts] = message
    for _, _, ts in slack.removed:
        shown.pop(ts, None)
    return shown


def drawn(services: Services, answer_id: str = ANSWER_ID) -> list[Message]:
    """What should stand there."""
    return list(draw(kept(services, answer_id).answer))


def is_as_it_should_be(services: Services, slack: FakeSlackClient) -> bool:
    """Say whether the channel shows the answer as it is stored, once, and the store knows the messages."""
    now, shown = kept(services), screen(slack)
    return (
        list(shown.values()) == drawn(services)
        and list(shown) == list(now.posted)
        and now.drawn == now.version
    )


def long_reply(chars: int = 20_000) -> Reply:
    """A reply of which each model's part takes messages of its own."""
    text = "A line of some words that go on and on.\n\n" * (chars // 42)
    return Reply(tuple(ModelAnswer(each, f"Model {each[0]}", text=text) for each in MODEL_IDS), "thread-1")


def reply_of(model_id: str, text: str, *, failed: bool = False) -> Reply:
    """What one model alone answers, when it is asked again or asked more."""
    return Reply((ModelAnswer(model_id, "Model 2", text=text, failed=failed),), "thread-1")


def everything_in(message: Message) -> str:
    """All of a message's blocks, to look for words in."""
    return str(message.blocks)
