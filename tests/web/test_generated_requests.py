"""Requests made up from the OpenAPI document find nothing that the document does not promise.

All of Schemathesis's checks are on but the one of keys, which takes ours for one that it made up;
test_api_keys has what that would find.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
import redis
import responses
from flask import Flask

from sectorflow_slack.app import create_app
from sectorflow_slack.bootstrap import Connections, build_services
from sectorflow_slack.config import Settings
from tests.values import AUTHORIZED, CUSTOMERS_APP, FixedClock
from tests.web.flows import CREATE_APP_URL, WORKSPACE_URL


@pytest.fixture
def unhurried(settings: Settings, connections: Connections, clock: FixedClock) -> Flask:
    """The service with a rate limit that no test reaches."""
    settings = dataclasses.replace(settings, install_rate_limit="100000 per minute")
    return create_app(settings, build_services(settings, connections, clock))


@pytest.fixture
def anyone(outside: responses.RequestsMock) -> None:
    """A SectorFlow that knows every workspace, and a Slack that makes every app."""
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
    """Take out which hosts are trusted, which installations there are, what cursors pages gave, ..."""
    if isinstance(case.body, dict) and case.operation.definition.raw["operationId"] == "registerInstallation":
        case.body |= dict.fromkeys(["returnUrl", "replaces"])
    if case.query:
        case.query.pop("cursor", None)
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
