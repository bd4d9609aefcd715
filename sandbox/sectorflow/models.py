"""The models, workspaces and experts that the fake SectorFlow knows from the start."""

from __future__ import annotations

from dataclasses import dataclass

#: The only valid bearer token.
TOKEN = "sf-demo-token-0123456789abcdef"  # noqa: S105 - made up, for a sandbox
WORKSPACE_ID = "3234f6d5-ebe5-4e83-ae2b-3daf6ed02c22"
PLUS_ID = "95c3e65b-5bac-43a3-9ef0-48e4e0923a48"
PLUS_TITLE = "Acme Handbook"
#: The workspace's sample prompts.
SAMPLE_PROMPTS = (
    "Tell me a joke",
    "What is our refund policy?",
    "Compare our last three quarters in a table",
    "Write a Python function that greets people",
    "Summarise the handbook in five points",
    "Draft a polite reminder for an unpaid invoice",
)


@dataclass(frozen=True)
class Model:
    """An LLM as SectorFlow lists it."""

    id: str
    name: str
    base_model: str
    icon: str
    #: The price of one answer.
    credits: int
    description: str = ""
    #: Its part of the time that the slowest model takes.
    pace: float = 1.0
    #: Listed only with ``includeSystem=true``.
    is_system: bool = False


@dataclass(frozen=True)
class ModelBehaviour:
    """How a model behaves until it is changed."""

    #: Additional seconds per answer.
    delay: float = 0.0
    #: How it fails: ``error``, ``missing``, ``null``, ``empty`` or ``null_choices``.
    fault: str | None = None
    #: The status of a reply if it was the only model asked.
    status: int | None = None


@dataclass(frozen=True)
class Expert:
    """An expert (SectorPlus) as SectorFlow lists it."""

    id: str
    title: str
    description: str
    is_public: bool = False


COMMAND_R = Model(
    "d4c52732-787e-4dec-b974-b1806035fb44",
    "Cohere Command R+",
    "command-r-plus",
    "COHERE",
    8,
    "Long answers with a warm tone",
)
GEMINI = Model(
    "c4b14a75-6aed-4358-ac87-07fb0e72caa4",
    "Google Gemini Pro 2M",
    "gemini-1.5-pro",
    "GEMINI",
    13,
    "Reads very long documents",
    pace=0.8,
)
GPT = Model(
    "01442edd-1154-4d9c-b4e6-151ba35f8f56",
    "OpenAi GPT-4o",
    "gpt-4o",
    "CHATGPT",
    9,
    "A fast all-rounder",
    pace=0.5,
)
CLAUDE = Model(
    "9e9ccfcf-b238-43c5-afcb-c5b2b4acae2d",
    "Anthropic Claude 3.5 Sonnet",
    "claude-3-5-sonnet",
    "CLAUDE",
    11,
    "Careful with facts and code",
    pace=0.9,
)
LLAMA = Model(
    "3c54812b-e43a-47c9-acd0-32d4caaff6f8",
    "Meta Llama 3.1 405B",
    "llama-3.1-405b",
    "META",
    5,
    "Short answers at a low price",
    pace=0.7,
)
#: A model of SectorFlow's own, which is in no workspace but ``RESEARCH_ID``.
MISTRAL = Model(
    "7f1c2f0e-6f0b-4a52-9d59-2f6f0f3e8a41",
    "Mistral Large 2",
    "mistral-large-2407",
    "MISTRAL",
    6,
    "Provided by SectorFlow",
    pace=0.6,
    is_system=True,
)

#: The team's own models.
MODELS = (COMMAND_R, GEMINI, GPT, CLAUDE, LLAMA)
ALL_MODELS = (*MODELS, MISTRAL)

RESEARCH_ID = "8a0c2d6e-51f4-4a0e-9a5e-6f2b5b1f7c10"
SUPPORT_ID = "b7d1f3a2-0c4e-4d8b-8b1f-3f0a9e6d2c55"
#: The name and the models of each workspace.
WORKSPACES = {
    WORKSPACE_ID: ("Slack answers", MODELS),
    RESEARCH_ID: ("Research desk", (GEMINI, CLAUDE, MISTRAL)),
    SUPPORT_ID: ("Customer support", (GPT, LLAMA)),
}

EXPERTS = (
    Expert(PLUS_ID, PLUS_TITLE, "Knows the handbook"),
    Expert("2d0f9f6b-7b1c-4c55-8a0a-5c6e1d7b9f34", "Contract Reader", "Explains clauses", is_public=True),
)
