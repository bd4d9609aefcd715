"""The errors of the service, one tree.

::

    SectorFlowSlackError
    ├── StorageUnavailable         Redis is away, slow or refuses to write
    ├── LeaseLost                  somebody else works on the question now: leave it alone
    ├── CannotDecrypt              a stored secret was not written by any of our keys for this place
    ├── InstallRefused             the install API refuses: which field, and why
    ├── AppNotCreated                 Slack made no app of a manifest, or did not say whether it did
    ├── RequestInProgress              the same request is being worked on; ask again in a moment
    ├── RevisionConflict                    somebody else changed the installation meanwhile
    ├── ConsentRefused             a person's way through OAuth ends here, and why
    ├── SectorFlowError
    │   ├── TokenRefused           401, 403
    │   ├── WorkspaceMissing       404
    │   ├── QuestionRefused        any other 4xx
    │   │   └── QuestionTooLong    413, 414
    │   ├── SectorFlowBusy         refused connection, 429, 502, 503, 504: nothing was answered, ask again
    │   ├── SectorFlowBroken       500: ask once more
    │   ├── AnswerLost             timed out or cut off: it may have been charged, do not ask again
    │   └── ReplyUnreadable        200 with something that is no reply
    └── SlackError
        ├── SlackBusy              429, 5xx, no connection: ask again
        ├── ManifestRefused        Slack refused a manifest: each fault with its place
        ├── SlackRefusedMessage    the message's form was refused: post it plainer
        └── SlackRefused           anything else that Slack says no to
            └── InstallIncomplete  a code led to a token, and not to all that an installation takes

No text here carries a token, a question, an answer or a body: texts are constant, details are ids and codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sectorflow_slack.domain.installations import InstallationKey


class SectorFlowSlackError(Exception):
    """Be the root of the service's errors."""


class StorageUnavailable(SectorFlowSlackError):
    """Redis could not be asked, or did not take a write."""


class LeaseLost(SectorFlowSlackError):
    """The question is not held any more by who wanted to go on with it."""


class CannotDecrypt(SectorFlowSlackError):
    """A stored value does not decrypt with any key for the place it stands in."""

    def __init__(self, place: str) -> None:
        super().__init__(f"no key decrypts {place}")
        self.place = place


class InstallRefused(SectorFlowSlackError):
    """A field of an install request is wrong for a reason that only asking around shows."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class AppNotCreated(SectorFlowSlackError):
    """There is no app: ``faults`` are Slack's own messages by JSON pointer, where it gave any.

    ``in_doubt`` says that Slack may have made one all the same, and somebody has to look; ``retry_after``,
    that it makes none for so many seconds.
    """

    def __init__(
        self,
        message: str,
        *,
        faults: Mapping[str, Sequence[str]] | None = None,
        in_doubt: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.faults = faults or {}
        self.in_doubt = in_doubt
        self.retry_after = retry_after


class RequestInProgress(SectorFlowSlackError):
    """Another request with the same ``Idempotency-Key`` is being worked on."""


class RevisionConflict(SectorFlowSlackError):
    """An installation is not any more what whoever changes it believes it to be."""


class ConsentRefused(SectorFlowSlackError):
    """A person's consent does not lead to an installation.

    ``reason`` is a short machine word; the page that a person reads is chosen by it.
    ``installation_id`` and ``return_url`` are set once the trip is known to be the browser's own.
    """

    def __init__(
        self, reason: str, *, installation_id: str | None = None, return_url: str | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.installation_id = installation_id
        self.return_url = return_url


class SectorFlowError(SectorFlowSlackError):
    """SectorFlow did not answer the question."""


class TokenRefused(SectorFlowError):
    """SectorFlow refused the bearer token (401, 403)."""


class WorkspaceMissing(SectorFlowError):
    """SectorFlow knows no such workspace (404)."""


class QuestionRefused(SectorFlowError):
    """SectorFlow refused the request itself (any other 4xx)."""


class QuestionTooLong(QuestionRefused):
    """SectorFlow takes no question as long as this (413, 414)."""


class SectorFlowBusy(SectorFlowError):
    """Nothing was answered and nothing charged; the same request may be sent again."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SectorFlowBroken(SectorFlowError):
    """SectorFlow failed inside (500)."""


class AnswerLost(SectorFlowError):
    """The answer did not come in time, or not whole; it may have been charged."""


class ReplyUnreadable(SectorFlowError):
    """SectorFlow said 200, with something that is no reply."""


class SlackError(SectorFlowSlackError):
    """Slack did not do what was asked. ``code`` is Slack's own word for it."""

    def __init__(self, code: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class SlackBusy(SlackError):
    """Slack was away, slow or limits the rate; the same call may be made again.

    ``never_sent`` says that no connection came about, so that Slack has done nothing.
    """

    def __init__(self, code: str, retry_after: float | None = None, *, never_sent: bool = False) -> None:
        super().__init__(code, retry_after)
        self.never_sent = never_sent


class SlackRefusedMessage(SlackError):
    """Slack refused the form of a message; a plainer one may be taken."""


class SlackRefused(SlackError):
    """Slack said no."""


class ManifestRefused(SlackRefused):
    """Slack refused an app manifest; ``faults`` are its messages by JSON pointer, at least one."""

    def __init__(self, code: str, faults: Mapping[str, Sequence[str]]) -> None:
        super().__init__(code)
        self.faults = faults


class InstallIncomplete(SlackRefused):
    """Slack gave a bot token for a code, but not all that an installation takes: it counts as a refusal.

    ``bot_token`` is good all the same, and nobody keeps it. Slack gives the same token again when an app is
    installed again: it may be the one that the installation at ``key`` lives by; None where Slack named no
    team. No text of this has the token.
    """

    def __init__(self, bot_token: str, key: InstallationKey | None) -> None:
        super().__init__("unexpected_reply")
        self.bot_token = bot_token
        self.key = key
