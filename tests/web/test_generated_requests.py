"""Requests that Schemathesis generates from the OpenAPI document get only documented responses.

All of its checks are on except that of authentication, which mistakes our key for one of its own; test_guards
covers that.
"""

import re

import hypothesis
import pytest
from hypothesis import Phase, assume, given
from hypothesis import strategies as st

from tests.values import AUTHORIZED
from tests.web.flows import CREATE_APP_URL, CREATED_APP, WORKSPACE_URL, serving

#: Every run sends the same requests, however busy the machine.
generated = hypothesis.settings(
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
#: The query parameter or header of each operation.
PARAMETERS = {
    "listInstallations": ("query", "cursor"),
    "registerInstallation": ("headers", "Idempotency-Key"),
    "changeInstallation": ("headers", "If-Match"),
    "deleteInstallation": ("headers", "If-Match"),
}


@pytest.fixture
def app(client_with, outside):
    """A service without an effective rate limit, a SectorFlow that knows every workspace, and Slack."""
    outside.add_passthru("http://127.0.0.1")
    outside.get(re.compile(WORKSPACE_URL.rpartition("/")[0]), json={"name": "Any", "models": []})
    outside.post(CREATE_APP_URL, json=CREATED_APP)
    return client_with(install_rate_limit="100000 per minute").application


@pytest.fixture
def schemathesis():
    """Imported here, because it takes a second and no other test needs it."""
    return pytest.importorskip("schemathesis")


def config(schemathesis, **checks):
    checks["ignored_auth"] = {"enabled": False}
    return schemathesis.Config.from_dict({"headers": AUTHORIZED, "checks": checks})


def operation_id(case):
    return case.operation.definition.raw["operationId"]


def remove_values_that_no_document_describes(case):
    """Remove trusted hosts, ids of installations, versions, and used keys."""
    if isinstance(case.body, dict) and operation_id(case) == "registerInstallation":
        case.body |= dict.fromkeys(["returnUrl", "replaces"])
    for name in ("Idempotency-Key", "If-Match"):
        case.headers.pop(name, None)


def cases(schema, mode, names=None):
    """A strategy of requests for the operations of ``names``."""
    operations = [operation.ok() for operation in schema.get_all_operations()]
    found = [each for each in operations if names is None or each.definition.raw["operationId"] in names]
    assert len(found) >= 4
    return st.one_of([operation.as_strategy(generation_mode=mode) for operation in found])


# Sequences have many positive ones too.
@pytest.mark.parametrize(("kind", "examples"), [("POSITIVE", 40), ("NEGATIVE", 100)])
def test_a_single_request_gets_a_documented_response(app, schemathesis, kind, examples):
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config(schemathesis))

    @hypothesis.settings(generated, max_examples=examples)
    @given(case=cases(schema, schemathesis.GenerationMode[kind]))
    def check(case):
        if kind == "POSITIVE":
            remove_values_that_no_document_describes(case)
        case.call_and_validate()

    check()


def test_a_sequence_of_requests_gets_documented_responses(app, schemathesis, store):
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config(schemathesis))
    succeeded = set()

    class Sequence(schema.as_state_machine()):
        def setup(self):
            # The data of another sequence would make its steps unrepeatable.
            store.flushdb()

        def before_call(self, case):
            remove_values_that_no_document_describes(case)

        def after_call(self, response, case):
            if response.status_code < 300:
                succeeded.add(operation_id(case))

    Sequence.run(settings=hypothesis.settings(generated, max_examples=25, stateful_step_count=6))

    # A registered installation was used in a later step.
    assert "registerInstallation" in succeeded
    assert succeeded & {"getInstallation", "changeInstallation", "deleteInstallation"}


@pytest.mark.parametrize(("kind", "expected"), [("POSITIVE", {200, 201, 204, 412}), ("NEGATIVE", {404, 422})])
def test_over_http_query_parameters_and_headers_get_documented_responses(
    app, schemathesis, store, kind, expected
):
    # A version that fits the document need not be the current one.
    strict = config(schemathesis, positive_data_acceptance={"expected-statuses": ["2xx", "412"]})
    statuses = set()

    with serving(app) as url:
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=strict)

        @hypothesis.settings(generated, max_examples=60)
        @given(case=cases(schema, schemathesis.GenerationMode[kind], PARAMETERS), any_version=st.booleans())
        def check(case, any_version):
            part, name = PARAMETERS[operation_id(case)]
            # Text that was generated hardly ever names a version.
            if kind == "POSITIVE" and name == "If-Match" and (any_version or name not in case.headers):
                case.headers[name] = "*"
            assume(name in (getattr(case, part) or {}))
            if kind == "POSITIVE":
                store.flushdb()
                if "installation_id" in case.path_parameters:
                    case.path_parameters["installation_id"] = app.test_client().register()["id"]
                elif isinstance(case.body, dict):
                    case.body |= dict.fromkeys(["returnUrl", "replaces"])
            statuses.add(case.call_and_validate(base_url=url).status_code)

        check()

    assert expected <= statuses
