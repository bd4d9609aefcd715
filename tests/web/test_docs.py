from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient

from tests.values import AUTHORIZED
from tests.web.flows import WORKSPACE_URL

#: What an operation under a key may answer beside what it is for.
ALWAYS = {"401", "503"}
ERRORS = {"post": {"400", "413", "415", "422"}, "get": {"404"}}
SUCCESS = {"post": "201", "get": "200"}


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
    for method, operation in operations(document):
        assert operation["summary"]
        expected = {SUCCESS[method], "default"} | ALWAYS | ERRORS[method]
        assert operation["responses"].keys() == expected


def test_every_error_has_the_one_shape(document: dict[str, Any]) -> None:
    shared = document["components"]["responses"]

    for _, operation in operations(document):
        for status, answer in operation["responses"].items():
            described = shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
            if status == "default" or int(status) >= 400:
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


@pytest.mark.parametrize("kind", ["POSITIVE", "NEGATIVE"])
def test_generated_requests_find_nothing_that_the_document_does_not_promise(
    app: Flask, outside: responses.RequestsMock, kind: str
) -> None:
    # Imported here: it takes a second, and no other test needs it.
    import schemathesis  # noqa: PLC0415
    from hypothesis import HealthCheck, Phase, given, settings  # noqa: PLC0415
    from hypothesis import strategies as st  # noqa: PLC0415

    outside.get(re.compile(WORKSPACE_URL.rpartition("/")[0]), json={"name": "Any", "models": []})
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    mode = schemathesis.GenerationMode[kind]
    operations = [found.ok() for found in schema.get_all_operations()]

    @settings(
        max_examples=100, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=st.one_of([operation.as_strategy(generation_mode=mode) for operation in operations]))
    def check(case: Any) -> None:
        if kind == "POSITIVE" and isinstance(case.body, dict):
            # Which hosts are trusted, and which installations there are, no document can say.
            case.body |= dict.fromkeys(["returnUrl", "replaces"])
        case.call_and_validate(headers=AUTHORIZED)

    check()
