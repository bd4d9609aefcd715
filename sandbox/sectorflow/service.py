"""The state of the fake SectorFlow: workspaces, threads and completions."""

from __future__ import annotations

import threading
import uuid
from typing import Any

from sandbox.sectorflow.answers import answer
from sandbox.sectorflow.models import (
    ALL_MODELS,
    EXPERTS,
    WORKSPACES,
    Expert,
    Model,
    ModelBehaviour,
)

Json = dict[str, Any]
_BODY_FIELDS = {"messages", "models", "chatTools", "plusId"}


class BadRequestError(Exception):
    """SectorFlow refuses the body; the text is the reason."""


class SectorFlow:
    """Workspaces and threads of one SectorFlow team."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Reset to the first workspaces."""
        with self._lock:
            self._models = {model.id: model for model in ALL_MODELS}
            self._workspaces: dict[str, Json] = {
                id_: workspace(id_, {"name": name, "modelIds": [model.id for model in models]})
                for id_, (name, models) in WORKSPACES.items()
            }
            #: The questions of each thread, by workspace and thread.
            self._threads: dict[tuple[str, str], list[str]] = {}
            self._seen: list[Json] = []
            self._behaviours: dict[str, ModelBehaviour] = {}

    def workspaces(self) -> list[Json]:
        """Return every workspace."""
        with self._lock:
            return list(self._workspaces.values())

    def workspace(self, workspace_id: str) -> Json | None:
        """Return a workspace, or None."""
        with self._lock:
            return self._workspaces.get(workspace_id.lower())

    def save_workspace(self, workspace_id: str, body: Json) -> Json:
        """Create a workspace, or change the one with that id."""
        with self._lock:
            known = self._workspaces.get(workspace_id)
            if known is None and not body.get("name"):
                raise BadRequestError("name is required")
            if unknown := set(body.get("modelIds", ())) - self._models.keys():
                raise BadRequestError(f"unknown models: {len(unknown)}")
            kept = {"name": known["name"], "modelIds": model_ids(known)} if known else {}
            saved = workspace(workspace_id, {**(known or {}), **kept, **body})
            self._workspaces[workspace_id] = saved
            return saved

    def requests_seen(self) -> list[Json]:
        """Return every completions request that arrived, oldest first, with its thread."""
        with self._lock:
            return list(self._seen)

    def see(self, workspace_id: str, body: Any) -> None:
        """Record a completions request."""
        thread_id = body.get("threadId") if isinstance(body, dict) else None
        with self._lock:
            self._seen.append({"workspaceId": workspace_id, "threadId": thread_id, "body": body})

    def models(self, *, include_system: bool) -> list[Json]:
        """Return the team's models, with ``include_system`` SectorFlow's own too."""
        return [_model(each) for each in ALL_MODELS if include_system or not each.is_system]

    def experts(self, *, show_public: bool) -> list[Json]:
        """Return the team's experts, with ``show_public`` the public ones too."""
        return [_expert(each) for each in EXPERTS if show_public or not each.is_public]

    def expert(self, plus_id: str) -> Json | None:
        """Return an expert, or None."""
        found = next((each for each in EXPERTS if each.id == plus_id.lower()), None)
        if found is None:
            return None
        return {
            **_expert(found),
            "context": "",
            "files": [],
            "userId": 1,
            "created": "2026-01-05T09:30:00.000",
        }

    def set_behaviour(self, model_id: str, behaviour: ModelBehaviour) -> None:
        """Set how a model behaves from now on; LookupError if there is no such model."""
        with self._lock:
            if model_id not in self._models:
                raise LookupError("no such model")
            self._behaviours[model_id] = behaviour

    def behaviours(self, body: Any) -> dict[str, ModelBehaviour]:
        """Return how the models that a body names behave."""
        models = body.get("models") if isinstance(body, dict) else None
        asked = [each for each in models if isinstance(each, str)] if isinstance(models, list) else []
        with self._lock:
            return {id_: self._behaviours.get(id_, ModelBehaviour()) for id_ in asked}

    def failing_models(self) -> list[str]:
        """Return the ids of the models that fail until they are changed."""
        with self._lock:
            return [model_id for model_id, behaviour in self._behaviours.items() if behaviour.fault]

    def complete(self, workspace_id: str, body: Any, latency: float = 0.0) -> Json:
        """Answer a question with every model it names, in another order.

        ``latency`` is how many seconds the slowest model takes, without its own delay.
        """
        question = self._check(workspace_id, body)
        with self._lock:
            thread_id = body.get("threadId") or str(uuid.uuid4())
            questions = self._threads.setdefault((workspace_id, thread_id), [])
            earlier = questions[-1] if questions else None
            questions.append(question)
        models = [self._models[model_id] for model_id in shuffled(body["models"])]
        behaviours = self.behaviours(body)
        choices = [
            _choice(
                model,
                question,
                answer(model, question, earlier),
                model.pace * latency + behaviours[model.id].delay,
            )
            for model in models
        ]
        usage = _sum([choice["usage"] for choice in choices])
        return {"threadId": thread_id, "chatId": str(uuid.uuid4()), "choices": choices, "usage": usage}

    def _check(self, workspace_id: str, body: Any) -> str:
        """Return the question of a body; BadRequestError unless it has exactly the shape in the API guide."""
        if not isinstance(body, dict) or not _BODY_FIELDS <= body.keys() <= _BODY_FIELDS | {"threadId"}:
            raise BadRequestError(
                "the fields must be messages, models, chatTools, plusId and perhaps threadId"
            )
        if body["chatTools"] != []:
            raise BadRequestError("chatTools must be empty")
        if body["plusId"] != "" and self.expert(str(body["plusId"])) is None:
            raise BadRequestError("plusId is no expert of this team")
        self._check_models(workspace_id, body["models"])
        if "threadId" in body and (workspace_id, body["threadId"]) not in self._threads:
            raise BadRequestError("threadId is not one of this workspace")
        return _question(body["messages"])

    def _check_models(self, workspace_id: str, models: Any) -> None:
        allowed = model_ids(self._workspaces[workspace_id])
        if not isinstance(models, list) or not models or len(set(map(str, models))) != len(models):
            raise BadRequestError("models must be a list of different ids")
        if not set(map(str, models)) <= set(allowed):
            raise BadRequestError("a model is not in this workspace")


def workspace(workspace_id: str, body: Json) -> Json:
    """Return a workspace as SectorFlow shows it."""
    models = {model.id: model for model in ALL_MODELS}
    return {
        "id": workspace_id,
        "name": body["name"],
        "models": [
            {
                "modelId": id_,
                "name": models[id_].name,
                "baseModel": models[id_].base_model,
                "icon": models[id_].icon,
            }
            for id_ in body.get("modelIds", [])
        ],
        "chatHistoryType": body.get("chatHistoryType", "USER"),
        "contextType": body.get("contextType", "PRIVATE"),
        "sharingType": body.get("sharingType", "TEAM"),
    }


def _model(model: Model) -> Json:
    return {
        "id": model.id,
        "name": model.name,
        "baseModel": model.base_model,
        "icon": model.icon,
        "description": model.description,
        "chatCredits": model.credits,
        "active": True,
        "internalUseOnly": False,
    }


def _expert(expert: Expert) -> Json:
    return {
        "id": expert.id,
        "title": expert.title,
        "description": expert.description,
        "isPublic": expert.is_public,
    }


def model_ids(shown: Json) -> list[str]:
    """Return the ids of a workspace's models."""
    return [model["modelId"] for model in shown["models"]]


def is_uuid(value: Any) -> bool:
    """Return whether a value is a UUID in its usual form."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def shuffled(ids: list[str]) -> list[str]:
    """Return the ids in another order: SectorFlow promises none."""
    return [*ids[1:], ids[0]]


def _question(messages: Any) -> str:
    is_one = isinstance(messages, list) and len(messages) == 1 and isinstance(messages[0], dict)
    if not is_one or messages[0].keys() != {"role", "content"} or messages[0]["role"] != "user":
        raise BadRequestError("messages must be one message of the user")
    content = messages[0]["content"]
    if not isinstance(content, str) or not content.strip():
        raise BadRequestError("content must be text")
    return content


def _choice(model: Model, question: str, text: str, seconds: float) -> Json:
    """Return one model's part of a reply, shaped as the API guide shows it."""
    prompt, completion = 780 + len(question) // 4, max(1, len(text) // 4)
    message = {"role": "assistant", "content": text}
    inner = {"modelId": model.id, "index": 0, "active": True, "message": message, "finishReason": "stop"}
    return {
        "modelId": model.id,
        "modelName": model.name,
        "baseModel": model.base_model,
        "icon": model.icon,
        "choices": [inner],
        "usage": _usage(prompt, completion, model.credits, round(seconds * 1000)),
    }


def _usage(prompt: int, completion: int, credits_: int, milliseconds: int) -> Json:
    return {
        "promptTokens": prompt,
        "completionTokens": completion,
        "totalTokens": prompt + completion,
        "credits": credits_,
        "responseTimeMs": milliseconds,
        "modelUsage": [],
    }


def _sum(usages: list[Json]) -> Json:
    prompt, completion, credits_ = (
        sum(usage[name] for usage in usages) for name in ("promptTokens", "completionTokens", "credits")
    )
    return _usage(prompt, completion, credits_, max(usage["responseTimeMs"] for usage in usages))
