"""SectorFlow's REST API (https://docs.sectorflowai.com/reference/getting-started-with-your-api-1).

It documents two statuses only, 200 and 500; the API guide adds 400 and 403. So this client maps every status
to an error, and reads replies with tolerance: optional fields may be absent, renamed or new.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import requests

from sectorflow_slack.clients.http import BodyTooLarge, load_json, never_sent, retry_after_seconds, send
from sectorflow_slack.clients.sectorflow_replies import (
    MAX_PROMPTS,
    read_reply,
    read_sample_prompts,
    read_title,
)
from sectorflow_slack.domain.errors import (
    AnswerCutOff,
    AnswerLost,
    BlockedByFirewall,
    CreditsSpent,
    QuestionRefused,
    QuestionTooLong,
    ReplyUnreadable,
    SectorFlowBroken,
    SectorFlowBusy,
    SectorFlowError,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.installations import SectorFlowSettings, Workspace
from sectorflow_slack.domain.questions import Reply

#: For the calls that SectorFlow answers from its own database.
QUICK_TIMEOUT_SECONDS = 10.0

BUSY_STATUSES = frozenset({429, 502, 503})
_ERRORS: dict[int, type[SectorFlowError]] = {
    401: TokenRefused,
    402: CreditsSpent,
    403: TokenRefused,
    404: WorkspaceMissing,
    413: QuestionTooLong,
    414: QuestionTooLong,
    # A gateway's time-outs, Cloudflare's among them: SectorFlow may have answered, and charged for it.
    **dict.fromkeys((504, 522, 523, 524), AnswerLost),
}

#: What an error says if SectorFlow wants to be paid; its errors are not documented.
_NO_CREDITS = re.compile(
    rb"(?i)\b(?:no|not enough|insufficient|out of|more|spent|used)\b[^.{}]{0,40}\bcredits?\b"
    rb"|\bcredits?\b[^.{}]{0,40}\b(?:exhausted|exceeded|insufficient|spent|used up|required|reached)\b"
)

Json = Any


class HttpSectorFlowClient:
    """Calls SectorFlow with a bearer token per call, because a process serves many customers."""

    def __init__(self, session: requests.Session, *, base_url: str, chat_timeout: float) -> None:
        """Store the session, the API's base URL, and the time-out of a completions call in seconds."""
        self._session = session
        self._base_url = base_url
        self._chat_timeout = chat_timeout

    def list_models(
        self, api_token: str, timeout: float = QUICK_TIMEOUT_SECONDS
    ) -> Sequence[Mapping[str, Json]]:
        """List the LLMs that the token's user may use, SectorFlow's own among them (``GET /models``)."""
        return _list_of_objects(self._call("GET", "/models?includeSystem=true", api_token, timeout=timeout))

    def list_experts(
        self, api_token: str, timeout: float = QUICK_TIMEOUT_SECONDS
    ) -> Sequence[Mapping[str, Json]]:
        """List the experts that the token's user may use, public ones among them (``GET /plus``)."""
        return _list_of_objects(self._call("GET", "/plus", api_token, timeout=timeout))

    def list_workspaces(
        self, api_token: str, timeout: float = QUICK_TIMEOUT_SECONDS
    ) -> Sequence[Mapping[str, Json]]:
        """List the workspaces of the token's user (``GET /workspaces``)."""
        return _list_of_objects(self._call("GET", "/workspaces", api_token, timeout=timeout))

    def create_workspace(self, api_token: str, workspace: Mapping[str, Json]) -> Mapping[str, Json]:
        """Create a workspace (``POST /workspaces``).

        ``workspace`` has ``name``, ``modelIds``, ``chatHistoryType`` ("TEAM", "USER"), ``contextType``
        ("SHARED", "PRIVATE") and ``sharingType`` ("TEAM", "PRIVATE").
        """
        return _object(self._call("POST", "/workspaces", api_token, body=workspace))

    def get_workspace(
        self, api_token: str, workspace_id: str, timeout: float = QUICK_TIMEOUT_SECONDS
    ) -> Workspace:
        """Load a workspace (``GET /workspaces/{workspaceId}``)."""
        found = _object(self._call("GET", f"/workspaces/{workspace_id}", api_token, timeout=timeout))
        models = found.get("models")
        listed = [each for each in models if isinstance(each, dict)] if isinstance(models, list) else None
        return Workspace(
            str(found.get("name") or ""),
            _model_names(listed or ()),
            None if listed is None else frozenset(filter(None, map(_model_id, listed))),
        )

    def update_workspace(
        self, api_token: str, workspace_id: str, workspace: Mapping[str, Json]
    ) -> Mapping[str, Json]:
        """Change a workspace (``POST /workspaces/{workspaceId}``); fields as in ``create_workspace``."""
        return _object(self._call("POST", f"/workspaces/{workspace_id}", api_token, body=workspace))

    def expert_name(self, api_token: str, plus_id: str) -> str:
        """Return an expert's title (``GET /plus/{plusId}``), or "" if the reply has none."""
        return read_title(_object(self._call("GET", f"/plus/{plus_id}", api_token)))

    def sample_prompts(self, api_token: str, workspace_id: str) -> tuple[str, ...]:
        """Return a workspace's prompts, perhaps none (``GET /chat/{workspaceId}/sample-prompts``)."""
        path = f"/chat/{workspace_id}/sample-prompts?limit={MAX_PROMPTS}"
        return read_sample_prompts(self._call("GET", path, api_token))

    def probe(self) -> int:
        """Request the models without a token and return the status: any shows that SectorFlow is up."""
        request = requests.Request("GET", f"{self._base_url}/models", headers={"Accept": "application/json"})
        response, _ = self._send(request, QUICK_TIMEOUT_SECONDS)
        return response.status_code

    def ask(
        self,
        settings: SectorFlowSettings,
        question: str,
        thread_id: str | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """Ask every model of ``settings`` (``POST /chat/{workspaceId}/completions``).

        SectorFlow stores the history: the body has the new question only and, to continue a conversation,
        the ``threadId`` of the last reply. Returns an answer for each model, in the order of ``model_ids``.
        """
        body: dict[str, Json] = {
            "messages": [{"role": "user", "content": question}],
            "models": list(settings.model_ids),
            "chatTools": [],
            "plusId": settings.plus_id,
        }
        if thread_id is not None:
            body["threadId"] = thread_id
        path = f"/chat/{settings.workspace_id}/completions"
        found = self._call("POST", path, settings.api_token, body=body, timeout=timeout or self._chat_timeout)
        return read_reply(found, settings)

    def _call(
        self,
        method: str,
        path: str,
        api_token: str,
        *,
        body: Json = None,
        timeout: float = QUICK_TIMEOUT_SECONDS,
    ) -> Json:
        headers = {"Authorization": f"Bearer {api_token}", "Accept": "application/json"}
        request = requests.Request(method, self._base_url + path, headers=headers, json=body)
        response, content = self._send(request, timeout)
        if response.status_code != 200:
            raise _error_of(response, content)
        try:
            return load_json(content)
        except ValueError:
            raise ReplyUnreadable("the reply is not JSON, or too large") from None

    def _send(self, request: requests.Request, timeout: float) -> tuple[requests.Response, bytes]:
        try:
            return send(self._session, request, timeout, again_if_idle=True)
        except BodyTooLarge:
            raise ReplyUnreadable("the reply is too large") from None
        except requests.RequestException as error:
            # The error's text quotes the URL, so it is dropped.
            if never_sent(error):
                raise SectorFlowBusy("no connection") from None
            kind = AnswerLost if isinstance(error, requests.Timeout) else AnswerCutOff
            raise kind(type(error).__name__) from None


def _error_of(response: requests.Response, content: bytes) -> SectorFlowError:
    status = response.status_code
    if status >= 400 and _NO_CREDITS.search(content[:10_000]):
        return CreditsSpent(f"status {status}")
    if status == 403 and content.lstrip()[:1] == b"<":
        return BlockedByFirewall(f"status {status}")
    if status in BUSY_STATUSES:
        return SectorFlowBusy(f"status {status}", retry_after_seconds(response.headers.get("Retry-After")))
    of_range = SectorFlowBroken if status >= 500 else QuestionRefused if status >= 400 else ReplyUnreadable
    return _ERRORS.get(status, of_range)(f"status {status}")


def _model_names(models: Iterable[Mapping[str, Json]]) -> dict[str, str]:
    named = ((_model_id(model), model.get("name")) for model in models)
    return {model_id: name for model_id, name in named if model_id and isinstance(name, str) and name}


def _model_id(model: Mapping[str, Json]) -> str:
    model_id = model.get("modelId")
    return model_id.lower() if isinstance(model_id, str) else ""


def _object(found: Json) -> Mapping[str, Json]:
    if not isinstance(found, dict):
        raise ReplyUnreadable("the reply is not an object")
    return found


def _list_of_objects(found: Json) -> Sequence[Mapping[str, Json]]:
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ReplyUnreadable("the reply is not a list of objects")
    return found
