"""Requests made up from the OpenAPI document find nothing that the document does not promise.

All of Schemathesis's checks are on but the one of keys, which takes ours for one that it made up; test_guards
has what that would find.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
import redis
import responses
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import Phase, assume, given
from hypothesis import strategies as st

from tests.values import AUTHORIZED
from tests.web.flows import CREATE_APP_URL, MADE_APP, WORKSPACE_URL, register, serving

#: The same requests each time, so that a run on a busy machine tries what any other run tries.
generated = hypothesis.settings(
    max_examples=100,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
#: The parts of a request beside its body, by operation.
BESIDE = {
    "listInstallations": ("query", "cursor"),
    "registerInstallation": ("headers", "Idempotency-Key"),
    "changeInstallation": ("headers", "If-Match"),
    "deleteInstallation": ("headers", "If-Match"),
}


@pytest.fixture
def app(client_with: Callable[..., FlaskClient], outside: responses.RequestsMock) -> Flask:
    """A service with a rate limit that no test reaches, and SectorFlow and Slack that know everything."""
    outside.add_passthru("http://127.0.0.1")
    outside.get(re.compile(WORKSPACE_URL.rpartition("/")[0]), json={"name": "Any", "models": []})
    outside.post(CREATE_APP_URL, json=MADE_APP)
    return client_with(install_rate_limit="100000 per minute").application


@pytest.fixture
def schemathesis() -> Any:
    """Imported here: it takes a second, and no other test needs it."""
    return pytest.importorskip("schemathesis")


def config(schemathesis: Any, **checks: Any) -> Any:
    """Send the key, and leave out the check of keys."""
    checks["ignored_auth"] = {"enabled": False}
    return schemathesis.Config.from_dict({"headers": AUTHORIZED, "checks": checks})


def operation_id(case: Any) -> str:
    return str(case.operation.definition.raw["operationId"])


def leave_out_what_no_document_can_say(case: Any) -> None:
    """Take out trusted hosts, ids of installations, versions, and keys that were used."""
    if isinstance(case.body, dict) and operation_id(case) == "registerInstallation":
        case.body |= dict.fromkeys(["returnUrl", "replaces"])
    for name in ("Idempotency-Key", "If-Match"):
        case.headers.pop(name, None)


@pytest.mark.parametrize("kind", ["POSITIVE", "NEGATIVE"])
def test_a_single_request_gets_an_answer_of_the_document(app: Flask, schemathesis: Any, kind: str) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config(schemathesis))
    mode = schemathesis.GenerationMode[kind]
    operations = [found.ok() for found in schema.get_all_operations()]

    @generated
    @given(case=st.one_of([operation.as_strategy(generation_mode=mode) for operation in operations]))
    def check(case: Any) -> None:
        if kind == "POSITIVE":
            leave_out_what_no_document_can_say(case)
        case.call_and_validate()

    assert len(operations) >= 6
    check()


def test_a_sequence_of_requests_gets_answers_of_the_document(
    app: Flask, schemathesis: Any, store: redis.Redis
) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config(schemathesis))
    succeeded = set()

    class Sequence(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            # Each sequence begins with nothing; what another one left would make its steps unrepeatable.
            store.flushdb()

        def before_call(self, case: Any) -> None:
            leave_out_what_no_document_can_say(case)

        def after_call(self, response: Any, case: Any) -> None:
            if response.status_code < 300:
                succeeded.add(operation_id(case))

    Sequence.run(settings=hypothesis.settings(generated, max_examples=25, stateful_step_count=6))

    # Something was done with an installation that was registered, not only to it alone.
    assert "registerInstallation" in succeeded
    assert succeeded & {"getInstallation", "changeInstallation", "deleteInstallation"}


@pytest.mark.parametrize(("kind", "expected"), [("POSITIVE", {200, 201, 204, 412}), ("NEGATIVE", {404, 422})])
def test_over_http_the_parts_beside_the_body_get_answers_of_the_document(
    app: Flask, schemathesis: Any, store: redis.Redis, kind: str, expected: set[int]
) -> None:
    # A version that fits the document may be another one than is there.
    strict = config(schemathesis, positive_data_acceptance={"expected-statuses": ["2xx", "412"]})
    statuses = set()

    with serving(app) as url:
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=strict)
        found = [each.ok() for each in schema.get_all_operations()]
        operations = {each.definition.raw["operationId"]: each for each in found}
        mode = schemathesis.GenerationMode[kind]

        @hypothesis.settings(generated, max_examples=60)
        @given(case=st.one_of([operations[name].as_strategy(generation_mode=mode) for name in BESIDE]))
        def check(case: Any) -> None:
            place, name = BESIDE[operation_id(case)]
            assume(name in (getattr(case, place) or {}))
            if kind == "POSITIVE":
                store.flushdb()
                if "installation_id" in case.path_parameters:
                    case.path_parameters["installation_id"] = register(app.test_client())["id"]
                elif isinstance(case.body, dict):
                    case.body |= dict.fromkeys(["returnUrl", "replaces"])
            statuses.add(case.call_and_validate(base_url=url).status_code)

        check()

    assert expected <= statuses
