"""Requests made up from the OpenAPI document find nothing that the document does not promise.

All of Schemathesis's checks are on but the one of keys, which takes ours for one that it made up;
test_api_keys has what that would find.
"""

from __future__ import annotations

import dataclasses
import re
from types import ModuleType
from typing import Any

import pytest
import redis
import responses
from flask import Flask

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import Connections, build_services
from sectorflow_slack.config import Settings
from tests.values import AUTHORIZED, CUSTOMERS_APP, FixedClock
from tests.web.flows import CREATE_APP_URL, WORKSPACE_URL, register
from tests.web.serving import serving


@pytest.fixture
def unhurried(settings: Settings, connections: Connections, clock: FixedClock) -> Flask:
    """The service with a rate limit that no test reaches."""
    settings = dataclasses.replace(settings, install_rate_limit="100000 per minute")
    return create_app(settings, build_services(settings, connections, clock))


@pytest.fixture
def anyone(outside: responses.RequestsMock) -> None:
    """A SectorFlow that knows every workspace, and a Slack that makes every app."""
    outside.add_passthru("http://127.0.0.1")
    outside.get(re.compile(WORKSPACE_URL.rpartition("/")[0]), json={"name": "Any", "models": []})
    credentials = {
        "client_id": CUSTOMERS_APP.client_id,
        "client_secret": CUSTOMERS_APP.client_secret,
        "signing_secret": CUSTOMERS_APP.signing_secret,
    }
    outside.post(
        CREATE_APP_URL, json={"ok": True, "app_id": CUSTOMERS_APP.app_id, "credentials": credentials}
    )


def without_what_no_document_can_say(case: Any) -> None:
    """Take out which hosts are trusted, which installations and versions there are, which keys were used."""
    if isinstance(case.body, dict) and case.operation.definition.raw["operationId"] == "registerInstallation":
        case.body |= dict.fromkeys(["returnUrl", "replaces"])
    for name in ("Idempotency-Key", "If-Match"):
        case.headers.pop(name, None)


@pytest.mark.parametrize("kind", ["POSITIVE", "NEGATIVE"])
def test_no_single_request_does(unhurried: Flask, anyone: None, kind: str) -> None:
    # Imported here: it takes a second, and no other test needs it.
    import schemathesis  # noqa: PLC0415
    from hypothesis import HealthCheck, Phase, given, settings  # noqa: PLC0415
    from hypothesis import strategies as st  # noqa: PLC0415
    from schemathesis.specs.openapi.checks import ignored_auth  # noqa: PLC0415

    config = schemathesis.Config.from_dict({"headers": AUTHORIZED})
    schema = schemathesis.openapi.from_wsgi("/openapi.json", unhurried, config=config)
    mode = schemathesis.GenerationMode[kind]
    operations = [found.ok() for found in schema.get_all_operations()]

    @settings(
        max_examples=150, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=st.one_of([operation.as_strategy(generation_mode=mode) for operation in operations]))
    def check(case: Any) -> None:
        if kind == "POSITIVE":
            without_what_no_document_can_say(case)
        case.call_and_validate(excluded_checks=[ignored_auth])

    assert len(operations) >= 6
    check()


def test_no_sequence_of_requests_does(unhurried: Flask, anyone: None, store: redis.Redis) -> None:
    import schemathesis  # noqa: PLC0415
    from hypothesis import HealthCheck, Phase, settings  # noqa: PLC0415
    from schemathesis.specs.openapi.checks import ignored_auth  # noqa: PLC0415

    config = schemathesis.Config.from_dict({"headers": AUTHORIZED})
    schema = schemathesis.openapi.from_wsgi("/openapi.json", unhurried, config=config)
    succeeded = set()

    class Sequence(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            # Each sequence begins with nothing; what another one left would make its steps unrepeatable.
            store.flushdb()

        def before_call(self, case: Any) -> None:
            without_what_no_document_can_say(case)

        def validate_response(self, response: Any, case: Any, **options: Any) -> None:
            case.validate_response(response, excluded_checks=[ignored_auth])

        def after_call(self, response: Any, case: Any) -> None:
            if response.status_code < 300:
                succeeded.add(case.operation.definition.raw["operationId"])

    Sequence.run(
        settings=settings(
            max_examples=25,
            stateful_step_count=6,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
    )

    # Something was done with what was registered, not only to it alone.
    assert "registerInstallation" in succeeded
    assert succeeded & {"getInstallation", "changeInstallation", "deleteInstallation"}


#: What is said beside the body, and where.
BESIDE = {
    "listInstallations": ("query", "cursor"),
    "registerInstallation": ("headers", "Idempotency-Key"),
    "changeInstallation": ("headers", "If-Match"),
    "deleteInstallation": ("headers", "If-Match"),
}


@pytest.mark.parametrize("store", ["fake"], indirect=True)
@pytest.mark.parametrize(("kind", "answered"), [("POSITIVE", {200, 201, 204, 412}), ("NEGATIVE", {404, 422})])
def test_over_http_nothing_that_is_said_beside_the_body_does(
    unhurried: Flask, anyone: None, store: redis.Redis, kind: str, answered: set[int]
) -> None:
    import schemathesis  # noqa: PLC0415
    from hypothesis import HealthCheck, Phase, assume, given, settings  # noqa: PLC0415
    from hypothesis import strategies as st  # noqa: PLC0415
    from schemathesis.specs.openapi.checks import ignored_auth  # noqa: PLC0415

    statuses = set()

    def prepare(case: Any) -> None:
        """Leave out what no document can say: which keys were used, which installations there are, ..."""
        store.flushdb()
        if "installation_id" in case.path_parameters:
            case.path_parameters["installation_id"] = register(unhurried.test_client())["id"]
        elif isinstance(case.body, dict):
            case.body |= dict.fromkeys(["returnUrl", "replaces"])

    with serving(unhurried) as url:
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config_of(schemathesis))
        found = {each.ok().definition.raw["operationId"]: each.ok() for each in schema.get_all_operations()}
        mode = schemathesis.GenerationMode[kind]

        @settings(
            max_examples=60,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=st.one_of([found[name].as_strategy(generation_mode=mode) for name in BESIDE]))
        def check(case: Any) -> None:
            place, name = BESIDE[case.operation.definition.raw["operationId"]]
            assume(name in (getattr(case, place) or {}))
            if kind == "POSITIVE":
                prepare(case)
            response = case.call_and_validate(base_url=url, excluded_checks=[ignored_auth])
            statuses.add(response.status_code)

        check()

    assert answered <= statuses


def config_of(schemathesis: ModuleType) -> Any:
    """A configuration that knows that a version which fits may be another one than is there."""
    taken = {"positive_data_acceptance": {"expected-statuses": ["2xx", "412"]}}
    return schemathesis.Config.from_dict({"headers": AUTHORIZED, "checks": taken})
