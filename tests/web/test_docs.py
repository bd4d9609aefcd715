"""The OpenAPI document, and the page that shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from flask.testing import FlaskClient

#: The answers that every operation may give beside its own.
ALWAYS = {"default", "401", "429", "503"}
BODY = {"400", "413", "415", "422"}
ANSWERS = {
    "registerInstallation": {"201", "502"} | BODY,
    "listInstallations": {"200", "422"},
    "getInstallation": {"200", "304", "404"},
    "changeInstallation": {"200", "404", "412"} | BODY,
    "deleteInstallation": {"204", "404", "412"},
    "getManifest": {"200", "422"},
    "getFeedback": {"200", "404"},
}
#: The headers of those answers that have any of their own.
HEADERS = {
    ("registerInstallation", "201"): {"Location", "ETag"},
    ("getInstallation", "200"): {"ETag"},
    ("getInstallation", "304"): {"ETag"},
    ("changeInstallation", "200"): {"ETag"},
    ("getManifest", "200"): {"Link"},
}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    return dict(client.get("/openapi.json").json or {})


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each operation by its id."""
    return {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    }


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Each object in the document, however deep."""
    if isinstance(node, dict):
        yield node
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from objects(value)


def test_the_document_is_openapi_31_of_this_service(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["info"].keys() >= {"title", "version"}
    assert document["servers"] == [{"url": "https://slack.example.com"}]
    assert document["security"] == [{"installApiKey": []}]
    assert document["components"]["securitySchemes"]["installApiKey"] == {"type": "http", "scheme": "bearer"}


def test_every_route_of_the_install_api_is_documented(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    documented = {
        (path, method) for path, item in document["paths"].items() for method in item.keys() - {"parameters"}
    }

    assert documented == routes != set()


def test_every_operation_documents_its_answers_with_their_headers(document: dict[str, Any]) -> None:
    found = operations(document)

    answers = {name: operation["responses"].keys() for name, operation in found.items()}
    headers = {
        (name, status): set(answer.get("headers", {}))
        for name, operation in found.items()
        for status, answer in operation["responses"].items()
    }
    assert all(operation["summary"] for operation in found.values())
    assert answers == {name: statuses | ALWAYS for name, statuses in ANSWERS.items()}
    assert {answer: names for answer, names in headers.items() if names - {"Retry-After"}} == HEADERS
    assert {status for (_, status), names in headers.items() if "Retry-After" in names} == {
        "429",
        "502",
        "503",
    }


def test_every_error_has_the_one_shape(document: dict[str, Any]) -> None:
    shared = document["components"]["responses"]

    for operation in operations(document).values():
        for status, answer in operation["responses"].items():
            described = shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
            if status == "default" or status >= "400":
                schema = described["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Error"}


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    contents = [node for node in objects(document) if {"example", "examples"} & node.keys()]
    examples = [
        (example.get("value", example), {**content["schema"], "components": document["components"]})
        for content in contents
        for example in content.get("examples", {"": content.get("example")}).values()
    ]

    for example, schema in examples:
        jsonschema_rs.validate(schema, example)

    assert len(examples) >= 7


def test_every_pattern_can_be_read_in_other_languages_too(document: dict[str, Any]) -> None:
    patterns = [node["pattern"] for node in objects(document) if isinstance(node.get("pattern"), str)]

    assert patterns
    assert not [pattern for pattern in patterns if re.search(r"\\[AZz]|\(\?", pattern)]
    assert all(pattern.startswith("^") and pattern.endswith("$") for pattern in patterns)


def test_secrets_are_taken_and_never_given_back(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    shown = schemas["Installation"]["properties"].keys()
    secrets = {
        (name, field)
        for name, schema in schemas.items()
        for field, described in schema.get("properties", {}).items()
        if described.get("writeOnly")
    }

    assert not shown & {"apiToken", "slackApp", "clientSecret", "signingSecret", "botToken", "token"}
    assert secrets == {
        ("InstallationRequest", "apiToken"),
        ("ExistingSlackApp", "clientSecret"),
        ("ExistingSlackApp", "signingSecret"),
        ("NewSlackApp", "configToken"),
        ("SettingsChange", "apiToken"),
    }


def test_the_page_shows_the_document_with_its_own_assets_alone(client: FlaskClient) -> None:
    page = client.get("/docs").text
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)

    texts = {}
    for path in assets:
        with client.get(path) as asset:
            assert asset.status_code == 200
            texts[path] = asset.text

    assert len(assets) >= 3
    assert not re.search(r"https?:|//", "".join(assets))
    assert 'url: "/openapi.json"' in texts["/static/docs.js"]
    assert "validatorUrl: null" in texts["/static/docs.js"]
