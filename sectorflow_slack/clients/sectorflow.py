"""SectorFlow's REST API (https://docs.sectorflowai.com/reference/getting-started-with-your-api-1).

It documents two statuses only, 200 and 500; the API guide adds 400 and 403. So this client maps every status
to an error, and reads replies with tolerance: optional fields may be absent, renamed or new.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from sectorflow_slack.clients.http import BodyTooLarge, never_sent, retry_after_seconds, send
from sectorflow_slack.clients.sectorflow_replies import (
    MAX_PROMPTS,
    read_reply,
    read_sample_prompts,
    read_title,
)
from sectorflow_slack.domain.errors import (
    AnswerLost,
    QuestionRefused,
    QuestionTooLong,
    ReplyUnreadable,
    SectorFlowBroken,
    SectorFlowBusy,
    TokenRefused,
    WorkspaceMissing,
)
from sectorflow_slack.domain.installations import SectorFlowSettings, Workspace
from sectorflow_slack.domain.questions import Reply

#: For the calls that SectorFlow answers from its own database.
QUICK_TIMEOUT_SECONDS = 10.0

BUSY_STATUSES = frozenset({429, 502, 503, 504})

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
        return Workspace(workspace_id, str(found.get("name") or ""), _model_names(found.get("models")))

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
        _raise_for_status(response)
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise ReplyUnreadable("the reply is not JSON") from None

    def _send(self, request: requests.Request, timeout: float) -> tuple[requests.Response, bytes]:
        try:
            return send(self._session, request, timeout)
        except BodyTooLarge:
            raise ReplyUnreadable("the reply is too large") from None
        except requests.RequestException as error:
            # The error's text quotes the URL, so it is dropped.
            if never_sent(error):
                raise SectorFlowBusy("no connection") from None
            raise AnswerLost(type(error).__name__) from None


def _raise_for_status(response: requests.Response) -> None:
    status = response.status_code
    if status in {401, 403}:
        raise TokenRefused(f"status {status}")
    if status == 404:
        raise WorkspaceMissing(f"status {status}")
    if status in BUSY_STATUSES:
        raise SectorFlowBusy(f"status {status}", retry_after_seconds(response.headers.get("Retry-After")))
    if status >= 500:
        raise SectorFlowBroken(f"status {status}")
    if status in {413, 414}:
        raise QuestionTooLong(f"status {status}")
    if status >= 400:
        raise QuestionRefused(f"status {status}")
    if status != 200:
        raise ReplyUnreadable(f"status {status}")


def _model_names(models: Json) -> dict[str, str]:
    names: dict[str, str] = {}
    for model in models if isinstance(models, list) else ():
        fields = model if isinstance(model, dict) else {}
        model_id, name = fields.get("modelId"), fields.get("name")
        if isinstance(model_id, str) and isinstance(name, str) and name:
            names[model_id.lower()] = name
    return names


def _object(found: Json) -> Mapping[str, Json]:
    if not isinstance(found, dict):
        raise ReplyUnreadable("the reply is not an object")
    return found


def _list_of_objects(found: Json) -> Sequence[Mapping[str, Json]]:
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ReplyUnreadable("the reply is not a list of objects")
    return found
