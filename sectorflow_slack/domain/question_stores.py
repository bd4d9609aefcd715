"""What the services keep in Redis of questions and answers, as protocols.

Every method may raise ``StorageUnavailable``; a miss is ``None``, never an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sectorflow_slack.domain.installations import Display, InstallationKey
from sectorflow_slack.domain.progress import KeptAnswer, Letter, ModelVotes, Plan, Progress
from sectorflow_slack.domain.questions import Answer, ModelAnswer, Question

#: Stands for a message that is none: Slack shows a status in the thread.
STATUS: Final = "status"


class QuestionStore(Protocol):
    """Keeps every accepted question until it is answered, and who works on it.

    The store, not the job engine, is the truth: a job only says "take the next of this installation".
    """

    def accept(self, question: Question) -> bool:
        """Store a question and put it in its installation's waiting line, in one step.

        Returns False where its event, or its message, was accepted before.
        """

    def has_room(self, key: InstallationKey) -> bool:
        """Say whether what waits now may be under way at once, so that a worker is worth waking."""

    def take(self, key: InstallationKey) -> Question | None:
        """Take the next waiting question of an installation; nobody else gets it while it is held.

        Returns None when none waits or as many as allowed are under way.
        """

    def hold(self, questions: Sequence[Question]) -> None:
        """Say that these are still being worked on; not said for a while, they go to others."""

    def confirm(self, question: Question) -> None:
        """Say that this is still being worked on, before a step that cannot be taken back.

        Raises ``LeaseLost``, as each method below does, where it went to somebody else meanwhile.
        """

    def progress(self, question: Question) -> Progress:
        """Load how far earlier tries came."""

    def save_plan(self, question: Question, plan: Plan, posted: Sequence[str] = ()) -> None:
        """Keep what is to be said, so that a reply is not paid for again and nothing is said twice.

        ``posted`` are the messages of this plan that Slack has taken.
        """

    def mark_posted(self, question: Question, posted: Sequence[str]) -> None:
        """Record the ``ts`` of each message of the plan that Slack has taken; may be said again."""

    def put_back(self, question: Question, delay: float, *, counts: bool) -> None:
        """Let a question wait for ``delay`` seconds, then go first; ``counts`` as a failed try or not."""

    def finish(self, question: Question, failure: str = "", again: Question | None = None) -> bool:
        """Forget the question and its reply; returns whether more of its installation wait.

        ``failure`` is the reason where there is no answer. ``again`` is kept for a week as a letter, so that
        it can be asked again; it is among the dead letters where all has failed.
        """

    def due(self) -> tuple[InstallationKey, ...]:
        """List installations with a question to take up: waiting, due again, or let go by a dead worker."""


class InterimStore(Protocol):
    """Keeps which message stands in for an answer while it is worked on.

    Whoever posts it claims it first, so that there is one; whoever answers takes it over, and from then on
    nobody posts one. It is a message's ``ts``, or ``STATUS`` where Slack shows a status in its place.
    """

    def claim(self, question_id: str, stand_in: str = "") -> Question | None:
        """Be the one who posts it, or changes the message that stands there already.

        Gives the question, or None where that is done or too late.
        """

    def keep(self, question_id: str, interim: str) -> bool:
        """Record what was posted; False where the answer came first, and it is to be taken away again."""

    def drop(self, question_id: str, stand_in: str = "") -> None:
        """Say that nothing was posted or changed after all; somebody may try again."""

    def take_over(self, question: Question) -> str | None:
        """Give what stands in for the answer, "" for nothing; None while somebody is about to post it.

        Raises ``LeaseLost`` as the methods of ``QuestionStore`` do.
        """

    def slow(self) -> tuple[InstallationKey, ...]:
        """List installations with a question that has been open for long; each at most every few seconds."""

    def untold(self, key: InstallationKey) -> tuple[Waiting, ...]:
        """Take questions that have been open for long and whose people nobody has told; each comes once."""

    def leave_untold(self, questions: Sequence[Question]) -> None:
        """Say that these could not be told after all."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question that has been open for long."""

    question: Question
    #: Whether it still stands in line; else it is being worked on.
    in_line: bool
    #: What stands in for its answer; "" for nothing.
    interim: str


class AnswerStore(Protocol):
    """Keeps answers for as long as their buttons work, and what people do with these buttons."""

    def keep(self, answer: Answer, digests: Sequence[str] = ()) -> None:
        """Store an answer that is about to be posted; storing it again changes nothing.

        ``digests`` are those of the messages that will show it, as far as they are known.
        """

    def posted(self, answer_id: str, posted: Sequence[str]) -> bool:
        """Record the messages that show it; says whether it has changed since it was laid out."""

    def find(self, answer_id: str) -> KeptAnswer | None:
        """Load an answer; None where it is kept no longer."""

    def show(
        self,
        answer_id: str,
        *,
        tab: int | None = None,
        page: int | None = None,
        display: Display | None = None,
    ) -> None:
        """Change what of an answer is shown."""

    def ask_again(self, answer_id: str, model: int) -> int:
        """Mark a model as being asked again: the how-manieth time that is, 0 where it is not kept.

        Where it is being asked already, it is the same time still.
        """

    def replace(
        self, answer_id: str, model: int, new: ModelAnswer | None, credits: float | None = None
    ) -> None:
        """Put a model's new answer in the old one's place, None to leave that; it is asked no more.

        ``credits`` are added to what the answer cost; where one of the two is not known, the sum is not.
        How long the answer took is not known any more.
        """

    def drawn(self, kept: KeptAnswer) -> None:
        """Record the messages of an answer, what they show, and which of them stand together."""


class FeedbackStore(Protocol):
    """Counts what people think of the models' answers."""

    def vote(self, answer: Answer, model: int, user_id: str, *, up: bool) -> None:
        """Count a person's vote on one model's answer; a later one takes an earlier one's place."""

    def of(self, key: InstallationKey) -> tuple[ModelVotes, ...]:
        """Give an installation's votes by model."""


class LetterStore(Protocol):
    """Keeps what can be asked again: questions that failed, or some of whose models did."""

    def find(self, letter_id: str) -> Letter | None:
        """Load a letter; its id is its question's."""

    def dead(self) -> tuple[Letter, ...]:
        """List the questions that failed for good, oldest first."""

    def revive(self, question: Question) -> bool:
        """Put a letter's question, as it is given, in line again; False where somebody else already did."""


class PauseStore(Protocol):
    """Keeps how long Slack wants to be left alone: by app, team and method."""

    def pause(self, key: InstallationKey, method: str, seconds: float) -> None:
        """Make no such call for this installation for a while."""

    def remaining(self, key: InstallationKey, method: str) -> float:
        """Say for how many seconds no such call is to be made; 0 for none."""


class ConversationStore(Protocol):
    """Keeps which SectorFlow thread a Slack thread continues."""

    def find(self, question: Question, workspace_id: str) -> str | None:
        """Load the SectorFlow ``threadId`` that this question goes on with."""

    def save(self, question: Question, workspace_id: str, thread_id: str) -> None:
        """Remember the ``threadId`` of the last reply: 30 days in a thread, an hour in a DM outside one."""
