"""The errors of the service, one tree.

::

    SectorFlowSlackError
    ├── StorageUnavailable         Redis is down, slow or refuses to write
    ├── LeaseLost                  another worker has the question now
    ├── CannotDecrypt              no key decrypts a stored secret
    ├── InstallRefused             the install API refuses a field, with the reason
    ├── AppNotCreated              Slack created no app from a manifest, or did not report whether it did
    ├── RequestInProgress          the same request is being processed; try again in a moment
    ├── RevisionConflict           the installation was changed in the meantime
    ├── ConsentRefused             a user's OAuth ends without an installation, with the reason
    ├── SectorFlowError
    │   ├── TokenRefused           401, 403
    │   ├── WorkspaceMissing       404
    │   ├── QuestionRefused        any other 4xx
    │   │   └── QuestionTooLong    413, 414
    │   ├── CreditsSpent           402, or SectorFlow names its credits as the reason
    │   ├── BlockedByFirewall      403 with a page of HTML: not SectorFlow, but a firewall before it
    │   ├── SectorFlowBusy         refused connection, 429, 502, 503: nothing was answered, try again
    │   ├── SectorFlowBroken       500: try once more
    │   ├── AnswerLost             timed out, 504, 522 to 524: it may have been charged, do not try again
    │   │   └── AnswerCutOff       the connection broke before the answer was complete
    │   └── ReplyUnreadable        200 with a body that is no reply
    └── SlackError
        ├── SlackBusy              429, 5xx, no connection: try again
        ├── SlackRefusedMessage    the form of a message was refused: post it plainer
        └── SlackRefused           any other error code
            ├── ManifestRefused    a manifest was refused: each fault with its JSON pointer
            └── InstallIncomplete  a code led to a token, but not to all that an installation needs

Texts are constant, details are ids and codes: no text contains a token, question, answer or body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sectorflow_slack.domain.installations import InstallationKey


class SectorFlowSlackError(Exception):
    """The root of the service's errors."""


class StorageUnavailable(SectorFlowSlackError):
    """Redis could not be reached, or refused a write."""


class LeaseLost(SectorFlowSlackError):
    """The lease of a question has expired, and another worker may have it."""


class CannotDecrypt(SectorFlowSlackError):
    """No key decrypts a stored value for its Redis key and field."""

    def __init__(self, location: str) -> None:
        super().__init__(f"no key decrypts {location}")
        #: The Redis key and the field, without the value.
        self.location = location


class InstallRefused(SectorFlowSlackError):
    """A field of an install request is refused by the stores, SectorFlow or Slack; or several are.

    Dots in the name of a field are for objects in objects, and for places in a list.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
        #: The messages by field, if several are refused this one's too.
        self.faults: Mapping[str, str] = {field: message}

    @classmethod
    def for_fields(cls, faults: Mapping[str, str]) -> InstallRefused:
        """Make the refusal of one or more fields."""
        refusal = cls(*next(iter(faults.items())))
        refusal.faults = faults
        return refusal


class AppNotCreated(SectorFlowSlackError):
    """There is no app: ``faults`` are Slack's own messages by JSON pointer, if any.

    With ``in_doubt``, Slack may have created an app: an operator must check. ``retry_after`` is the number
    of seconds for which Slack creates none.
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
    """Another request with the same ``Idempotency-Key`` is being processed."""


class RevisionConflict(SectorFlowSlackError):
    """An installation is of another revision than its change is for."""


class ConsentRefused(SectorFlowSlackError):
    """A user's consent does not lead to an installation.

    ``reason`` is a short code that selects the page for the user. ``installation_id``, ``return_url`` and
    ``link``, by which the user may try again, are set once the state has proved that the browser started
    this OAuth.
    """

    def __init__(
        self,
        reason: str,
        *,
        installation_id: str | None = None,
        return_url: str | None = None,
        link: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.installation_id = installation_id
        self.return_url = return_url
        self.link = link


class SectorFlowError(SectorFlowSlackError):
    """SectorFlow did not answer the question."""


class TokenRefused(SectorFlowError):
    """SectorFlow refused the bearer token (401, 403)."""


class WorkspaceMissing(SectorFlowError):
    """SectorFlow knows no such workspace (404)."""


class QuestionRefused(SectorFlowError):
    """SectorFlow refused the request itself (any other 4xx)."""


class QuestionTooLong(QuestionRefused):
    """SectorFlow refused the length of the question (413, 414)."""


class CreditsSpent(SectorFlowError):
    """SectorFlow wants more credits before it answers."""


class BlockedByFirewall(SectorFlowError):
    """A firewall before SectorFlow refused the request, perhaps for words in it."""


class SectorFlowBusy(SectorFlowError):
    """Nothing was answered or charged; the same request may be sent again."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SectorFlowBroken(SectorFlowError):
    """SectorFlow had an internal error (500)."""


class AnswerLost(SectorFlowError):
    """The answer was late or incomplete; it may have been charged."""


class AnswerCutOff(AnswerLost):
    """The connection broke before the answer was complete."""


class ReplyUnreadable(SectorFlowError):
    """SectorFlow responded with 200 and a body that is no reply."""


class SlackError(SectorFlowSlackError):
    """A call to Slack failed; ``code`` is Slack's error code."""

    def __init__(self, code: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class SlackBusy(SlackError):
    """Slack was unreachable, slow or limits the rate; the same call may be made again.

    With ``never_sent``, there was no connection, so Slack has done nothing.
    """

    def __init__(self, code: str, retry_after: float | None = None, *, never_sent: bool = False) -> None:
        super().__init__(code, retry_after)
        self.never_sent = never_sent


class SlackRefusedMessage(SlackError):
    """Slack refused the form of a message; it may accept a plainer one."""


class SlackRefused(SlackError):
    """Slack refused a call."""


class ManifestRefused(SlackRefused):
    """Slack refused an app manifest; ``faults`` are its messages by JSON pointer, at least one."""

    def __init__(self, code: str, faults: Mapping[str, Sequence[str]]) -> None:
        super().__init__(code)
        self.faults = faults


class InstallIncomplete(SlackRefused):
    """Slack issued a bot token for a code, but not all that an installation needs.

    ``bot_token`` works, but is not stored. Slack issues the same token if an app is installed again: the
    installation with ``key`` may use it. ``key`` is None if Slack named no team.
    """

    def __init__(self, bot_token: str, key: InstallationKey | None) -> None:
        super().__init__("unexpected_reply")
        self.bot_token = bot_token
        self.key = key
