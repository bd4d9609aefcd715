"""The OpenAPI document, and the page that shows it."""

import json
import re
from html import unescape

import jsonschema_rs
import pytest

#: The responses of every operation.
COMMON = {"default", "401", "429", "503"}
BODY = {"400", "413", "415", "422"}
RESPONSES = {
    "registerInstallation": {"201", "502"} | BODY,
    "listInstallations": {"200", "422"},
    "getInstallation": {"200", "304", "404"},
    "changeInstallation": {"200", "404", "412"} | BODY,
    "deleteInstallation": {"204", "404", "412"},
    "getManifest": {"200", "422"},
    "getFeedback": {"200", "404"},
}
HEADERS = {
    ("registerInstallation", "201"): {"Location", "ETag"},
    ("getInstallation", "200"): {"ETag"},
    ("getInstallation", "304"): {"ETag"},
    ("changeInstallation", "200"): {"ETag"},
    ("getManifest", "200"): {"Link"},
}


@pytest.fixture
def document(client):
    return client.get("/openapi.json").json


@pytest.fixture
def operations(document):
    """Each operation by its id."""
    items = [
        item for path in document["paths"].values() for name, item in path.items() if name != "parameters"
    ]
    return {operation["operationId"]: operation for operation in items}


def objects(node):
    """Yield each object in the document, however deep."""
    if isinstance(node, dict):
        yield node
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from objects(value)


def test_the_document_is_openapi_31_of_this_service(document):
    assert document["openapi"] == "3.1.0"
    assert document["info"].keys() >= {"title", "version"}
    assert document["servers"] == [{"url": "https://slack.example.com"}]
    assert document["security"] == [{"installApiKey": []}]
    assert document["components"]["securitySchemes"]["installApiKey"] == {"type": "http", "scheme": "bearer"}


def test_every_route_of_the_install_api_is_documented(app, document):
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    documented = {
        (path, method) for path, item in document["paths"].items() for method in item.keys() - {"parameters"}
    }

    assert documented == routes != set()


def test_every_operation_documents_its_responses_with_their_headers(operations):
    headers = {
        (name, status): set(response.get("headers", {}))
        for name, operation in operations.items()
        for status, response in operation["responses"].items()
    }

    found = {name: set(operation["responses"]) for name, operation in operations.items()}
    assert found == {name: statuses | COMMON for name, statuses in RESPONSES.items()}
    assert all(operation["summary"] for operation in operations.values())
    assert {key: names for key, names in headers.items() if names - {"Retry-After"}} == HEADERS
    with_wait = {status for (_, status), names in headers.items() if "Retry-After" in names}
    assert with_wait == {"429", "502", "503"}


def test_every_error_has_the_same_schema(document, operations):
    shared = document["components"]["responses"]

    for operation in operations.values():
        for status, response in operation["responses"].items():
            if "$ref" in response:
                response = shared[response["$ref"].rpartition("/")[2]]
            if status == "default" or status >= "400":
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Error"}


def test_every_example_fits_its_schema(document):
    contents = [node for node in objects(document) if {"example", "examples"} & node.keys()]
    examples = [
        (example.get("value", example), {**content["schema"], "components": document["components"]})
        for content in contents
        for example in content.get("examples", {"": content.get("example")}).values()
    ]

    for example, schema in examples:
        jsonschema_rs.validate(schema, example)

    assert len(examples) >= 7


def test_every_pattern_is_valid_in_other_languages_too(document):
    patterns = [node["pattern"] for node in objects(document) if isinstance(node.get("pattern"), str)]

    assert patterns
    assert not [pattern for pattern in patterns if re.search(r"\\[AZz]|\(\?", pattern)]
    assert all(pattern.startswith("^") and pattern.endswith("$") for pattern in patterns)


def test_secrets_are_write_only(document):
    schemas = document["components"]["schemas"]
    returned = schemas["Installation"]["properties"].keys()
    secrets = {
        (name, field)
        for name, schema in schemas.items()
        for field, described in schema.get("properties", {}).items()
        if described.get("writeOnly")
    }

    assert not returned & {"apiToken", "slackApp", "clientSecret", "signingSecret", "botToken", "token"}
    assert secrets == {
        ("InstallationRequest", "apiToken"),
        ("ExistingSlackApp", "clientSecret"),
        ("ExistingSlackApp", "signingSecret"),
        ("NewSlackApp", "configToken"),
        ("SettingsChange", "apiToken"),
    }


def test_every_error_has_an_example_of_its_own(operations):
    examples = {
        (status, response["content"]["application/json"]["example"]["code"])
        for operation in operations.values()
        for status, response in operation["responses"].items()
        if status.isdecimal() and status >= "400"
    }

    assert examples == {(str(code), code) for _, code in examples}
    assert len(examples) == 10


def test_the_page_shows_every_operation_schema_and_example(client, document, operations):
    page = client.get("/docs").text
    text = unescape(page)

    assert all(f'<h2 id="{name}">' in page for name in operations)
    for name, schema in document["components"]["schemas"].items():
        assert f'id="schema-{name}"' in page
        assert all(f"<code>{field}</code>" in page for field in schema["properties"])
    for node in objects(document):
        examples = [each["value"] for each in node.get("examples", {}).values()]
        for example in [*examples, *([node["example"]] if "example" in node else [])]:
            assert json.dumps(example, indent=2, ensure_ascii=False) in text
    assert "additionalProp" not in page


def test_the_page_loads_only_its_own_assets(client):
    page = client.get("/docs").text
    targets = set(re.findall(r'(?:src|href)="([^"]+)"', page))

    for path in {target for target in targets if not target.startswith("#")}:
        with client.get(path) as asset:
            assert asset.status_code == 200

    ids = set(re.findall(r'id="([^"]+)"', page))
    assert {target[1:] for target in targets if target.startswith("#")} <= ids
    assert not [target for target in targets if ":" in target or target.startswith("//")]
