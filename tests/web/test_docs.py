from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from flask.testing import FlaskClient

#: What every operation may answer beside what it is for.
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


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    response = client.get("/openapi.json")
    assert response.json is not None
    return dict(response.json)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in document["paths"].values():
        for method, operation in path.items():
            if method != "parameters":
                yield method, operation


def everything(node: Any) -> Iterator[dict[str, Any]]:
    """Each object in the document, however deep."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from everything(value)
    elif isinstance(node, list):
        for value in node:
            yield from everything(value)


def test_the_document_is_openapi_31(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["info"].keys() >= {"title", "version"}
    assert document["servers"] == [{"url": "https://slack.example.com"}]
    assert document["security"] == [{"installApiKey": []}]
    assert document["components"]["securitySchemes"]["installApiKey"] == {"type": "http", "scheme": "bearer"}


def test_every_reference_leads_to_something(document: dict[str, Any]) -> None:
    references = [node["$ref"] for node in everything(document) if "$ref" in node]

    assert references
    for reference in references:
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_every_call_of_the_install_api_is_in_it(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    documented = {
        (path, method) for path, item in document["paths"].items() for method in item.keys() - {"parameters"}
    }

    assert routes
    assert documented == routes


def test_every_call_says_what_it_does_and_how_it_can_end(document: dict[str, Any]) -> None:
    found = {operation["operationId"]: operation for _, operation in operations(document)}

    assert all(operation["summary"] for operation in found.values())
    assert {name: operation["responses"].keys() - ALWAYS for name, operation in found.items()} == ANSWERS
    assert not [name for name, operation in found.items() if ALWAYS - operation["responses"].keys()]


def test_every_header_that_an_answer_carries_is_in_it(document: dict[str, Any]) -> None:
    headers = {
        (operation["operationId"], status): set(answer.get("headers", {}))
        for _, operation in operations(document)
        for status, answer in operation["responses"].items()
    }

    assert headers["registerInstallation", "201"] == {"Location", "ETag"}
    assert headers["getInstallation", "200"] == headers["changeInstallation", "200"] == {"ETag"}
    assert headers["getManifest", "200"] == {"Link"}
    waiting = {status for (_, status), names in headers.items() if "Retry-After" in names}
    assert waiting == {"429", "502", "503"}


def test_every_example_is_one_of_its_schema(document: dict[str, Any]) -> None:
    contents = [node for node in everything(document) if {"example", "examples"} & node.keys()]
    validated = 0

    for content in contents:
        examples = [content["example"]] if "example" in content else list(content["examples"].values())
        schema = {**content["schema"], "components": document["components"]}
        for example in examples:
            jsonschema_rs.validate(schema, example.get("value", example))
            validated += 1

    assert validated >= 7


def test_the_slack_app_is_one_of_two_objects_or_nothing(document: dict[str, Any]) -> None:
    described = document["components"]["schemas"]["InstallationRequest"]["properties"]["slackApp"]

    assert described["oneOf"] == [
        {"$ref": "#/components/schemas/ExistingSlackApp"},
        {"$ref": "#/components/schemas/NewSlackApp"},
        {"type": "null"},
    ]


def test_every_error_has_the_one_shape(document: dict[str, Any]) -> None:
    shared = document["components"]["responses"]

    for _, operation in operations(document):
        for status, answer in operation["responses"].items():
            described = shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
            if status == "default" or status >= "400":
                schema = described["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Error"}


def test_every_pattern_is_one_that_other_languages_read_too(document: dict[str, Any]) -> None:
    patterns = [node["pattern"] for node in everything(document) if isinstance(node.get("pattern"), str)]

    assert patterns
    assert not [pattern for pattern in patterns if re.search(r"\\[AZz]|\(\?", pattern)]
    assert all(pattern.startswith("^") and pattern.endswith("$") for pattern in patterns)


def test_no_answer_of_the_document_has_a_field_for_a_secret(document: dict[str, Any]) -> None:
    shown = document["components"]["schemas"]["Installation"]["properties"].keys()

    assert not shown & {"apiToken", "slackApp", "clientSecret", "signingSecret", "botToken", "token"}


def test_secrets_of_a_request_are_marked_as_never_given_back(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert schemas["InstallationRequest"]["properties"]["apiToken"]["writeOnly"]
    assert schemas["ExistingSlackApp"]["properties"]["clientSecret"]["writeOnly"]
    assert schemas["ExistingSlackApp"]["properties"]["signingSecret"]["writeOnly"]
    assert schemas["NewSlackApp"]["properties"]["configToken"]["writeOnly"]
    assert schemas["SettingsChange"]["properties"]["apiToken"]["writeOnly"]


def test_the_page_and_the_document_need_no_key(client: FlaskClient) -> None:
    assert [client.get(path).status_code for path in ("/docs", "/openapi.json")] == [200, 200]


def test_the_page_names_no_outside_host(client: FlaskClient) -> None:
    page = client.get("/docs").text

    assets = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert len(assets) >= 3
    assert not re.search(r"https?:|//", "".join(assets))
    for path in assets:
        with client.get(path) as asset:
            assert asset.status_code == 200


def test_the_page_shows_the_document_and_asks_no_validator(client: FlaskClient) -> None:
    with client.get("/static/docs.js") as script:
        text = script.text

    assert 'url: "/openapi.json"' in text
    assert "validatorUrl: null" in text
