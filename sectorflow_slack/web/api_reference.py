"""The reference of the install API at ``/docs``, rendered from the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Blueprint, current_app, render_template

from sectorflow_slack.web import current_settings

blueprint = Blueprint("api_reference", __name__)

Json = dict[str, Any]

METHODS = ("get", "post", "patch", "delete")
#: The constraints of a schema that are shown, and how.
CONSTRAINTS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minItems": "at least {}",
    "maxItems": "at most {}",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a body, or a parameter."""

    name: str
    type: str
    description: str
    is_required: bool
    rules: str


@dataclass(frozen=True, slots=True)
class Example:
    """A body as JSON text."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of an operation."""

    status: str
    title: str
    description: str
    headers: tuple[str, ...]
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Field, ...]
    #: The name of the schema of the body, "" without a body.
    body: str
    examples: tuple[Example, ...]
    answers: tuple[Answer, ...]


@blueprint.get("/docs")
def docs() -> str:
    """Show the operations, their examples and the schemas of ``/openapi.json``."""
    document: Json = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    schemas = document["components"]["schemas"]
    return render_template(
        "docs.html",
        operations=[_operation(*each) for each in _operations(document)],
        schemas={name: fields_of(schema) for name, schema in schemas.items()},
        service=current_settings.public_url,
        version=document["info"]["version"],
    )


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        shared = item.get("parameters", [])
        for method in METHODS:
            if method in item:
                operation = item[method]
                yield path, method, {**operation, "parameters": shared + operation.get("parameters", [])}


def _operation(path: str, method: str, operation: Json) -> Operation:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return Operation(
        operation["operationId"],
        method.upper(),
        path,
        operation["summary"],
        operation.get("description", ""),
        tuple(_parameter(each) for each in operation["parameters"]),
        type_of(content["schema"]) if content else "",
        examples_of(content),
        tuple(
            _answer(status, each)
            for status, each in sorted(operation["responses"].items())
            if status != "default"
        ),
    )


def _parameter(parameter: Json) -> Field:
    schema = parameter["schema"]
    return Field(
        parameter["name"],
        f"{type_of(schema)} ({parameter['in']})",
        parameter.get("description", ""),
        parameter.get("required", False),
        rules_of(schema),
    )


def _answer(status: str, answer: Json) -> Answer:
    content = answer.get("content", {}).get("application/json", {})
    headers = answer.get("headers", {}).items()
    return Answer(
        status,
        HTTPStatus(int(status)).phrase,
        answer.get("description", ""),
        tuple(f"{name}: {each.get('description', '')}" for name, each in headers),
        examples_of(content),
    )


def examples_of(content: Json) -> tuple[Example, ...]:
    """Return the examples of a body."""
    if "example" in content:
        return (Example("Example", _text(content["example"])),)
    examples = content.get("examples", {}).values()
    return tuple(Example(each["summary"], _text(each["value"])) for each in examples)


def fields_of(schema: Json) -> tuple[Field, ...]:
    """Return the fields of an object."""
    required = schema.get("required", ())
    return tuple(
        Field(name, type_of(each), each.get("description", ""), name in required, rules_of(each))
        for name, each in schema.get("properties", {}).items()
    )


def type_of(schema: Json) -> str:
    """Return the type of a value in words; of an object, the name of its schema."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "oneOf" in schema:
        return " or ".join(type_of(each) for each in schema["oneOf"])
    if schema.get("type") == "array":
        return f"list of {type_of(schema['items'])}"
    types = schema.get("type", "any")
    names = " or ".join(types) if isinstance(types, list) else types
    return f"{names}, {schema['format']}" if "format" in schema else str(names)


def rules_of(schema: Json) -> str:
    """Return the constraints of a value, and its default, in words."""
    rules = [text.format(schema[name]) for name, text in CONSTRAINTS.items() if name in schema]
    if "enum" in schema:
        rules.append("one of " + ", ".join(str(each) for each in schema["enum"]))
    if schema.get("default") not in (None, ""):
        rules.append(f"default {json.dumps(schema['default'])}")
    return "; ".join(rules)


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
