"""The guards of the install API (key, rate limit, type and size of the body) and the security headers."""

import dataclasses
import hashlib
import io
import re

import pytest
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from tests.values import AUTHORIZED, INSTALL_API_KEY, WORKSPACE_ID, signed
from tests.web.flows import INSTALLATIONS, JSON

OTHER_KEY = "another-key-of-the-platform"
MEBIBYTE = 1_048_576
WRITES = [("POST", INSTALLATIONS), ("PATCH", f"{INSTALLATIONS}/{WORKSPACE_ID}")]


def install_api_requests(app):
    """Return each method and path of the install API."""
    return [
        (method, re.sub(r"<[^>]+>", WORKSPACE_ID, rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in sorted(rule.methods - {"OPTIONS"})
    ]


# The install API key


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "Bearer ", "Bearer wrong-key-of-the-platform", "Bearer schlüssel-der-plattform"),
        *(f"Bearer {INSTALL_API_KEY}x", f"Bearer {INSTALL_API_KEY[:-1]}", f"Bearer{INSTALL_API_KEY}"),
        *(f"Bearer {INSTALL_API_KEY} {INSTALL_API_KEY}", f"Basic {INSTALL_API_KEY}", INSTALL_API_KEY),
        *("Bearer \xff\xfe\x80", "Bearer " + "x" * 60_000),
    ],
)
def test_a_request_without_a_key_is_refused(client, value):
    response = client.get(INSTALLATIONS, headers={} if value is None else {"Authorization": value})

    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert (response.status_code, response.json) == (
        401,
        {"code": 401, "status": "Unauthorized", "message": "An install API key is needed."},
    )


def test_every_route_of_the_install_api_needs_a_key_before_the_body_is_read(app):
    client, requests = app.test_client(), install_api_requests(app)

    refused = [
        (method, path)
        for method, path in requests
        if client.open(path, method=method, data=b"{", content_type="text/plain").status_code == 401
    ]

    assert len(requests) >= 7
    assert refused == requests


def test_each_of_several_keys_is_accepted_in_the_header_only(client_with):
    client = client_with(install_api_keys=("the-new-key", "the-old-key"))
    values = ("Bearer the-new-key", "bearer the-old-key", "BEARER the-old-key", f"Bearer {INSTALL_API_KEY}")

    statuses = [client.get(INSTALLATIONS, headers={"Authorization": value}).status_code for value in values]

    assert statuses == [200, 200, 200, 401]
    assert client.get(f"{INSTALLATIONS}?key=the-new-key").status_code == 401


def test_a_key_is_in_no_response_and_no_log(client, caplog):
    caplog.set_level("DEBUG")

    responses = [
        client.get(INSTALLATIONS, headers={"Authorization": "Bearer planted-wrong-key"}),
        client.patch(INSTALLATIONS, headers=AUTHORIZED),
        client.get("/nowhere", headers=AUTHORIZED),
    ]

    seen = caplog.text + "".join(response.text + str(response.headers) for response in responses)
    assert "planted" not in seen
    assert INSTALL_API_KEY not in seen


# The rate limit


@pytest.fixture
def limited(client_with):
    """A client of a service that allows each of two keys three requests an hour."""
    return client_with(install_rate_limit="3 per hour", install_api_keys=(INSTALL_API_KEY, OTHER_KEY))


def test_after_the_limit_every_route_of_the_install_api_is_429_with_retry_after(limited):
    allowed = [limited.get_api().status_code for _ in range(3)]

    response = limited.get_api()

    assert allowed == [200, 200, 200]
    assert 1 <= int(response.headers["Retry-After"]) <= 3600
    assert response.json == {
        "code": 429,
        "status": "Too Many Requests",
        "message": "Too many requests; Retry-After says how long to wait.",
    }
    for method, path in install_api_requests(limited.application):
        assert limited.open(path, method=method, headers=AUTHORIZED).status_code == 429
    other_key = {"Authorization": f"Bearer {OTHER_KEY}"}
    assert limited.get(INSTALLATIONS, headers=other_key).status_code == 200
    assert limited.get("/openapi.json", headers=AUTHORIZED).status_code == 200


def test_failed_requests_count_but_not_those_without_a_key(limited):
    statuses = [
        *[limited.get(INSTALLATIONS).status_code for _ in range(4)],
        limited.post_installation(display="carousel").status_code,
        limited.patch_installation(WORKSPACE_ID, display="tabs").status_code,
        limited.delete_installation(WORKSPACE_ID).status_code,
        limited.get_api().status_code,
    ]

    assert statuses == [401, 401, 401, 401, 422, 404, 404, 429]


def test_neither_the_key_nor_what_could_be_guessed_from_it_is_stored(limited, store):
    limited.get_api()

    (stored,) = store.keys("install_rate:*")
    assert INSTALL_API_KEY not in stored
    assert hashlib.sha256(INSTALL_API_KEY.encode()).hexdigest() not in stored


# The id of a request


def test_a_request_has_the_id_that_it_came_with(client):
    for path in (INSTALLATIONS, "/healthz", "/nothing"):
        response = client.get(path, headers={**AUTHORIZED, "X-Request-Id": "an-id/1.2:3_4"})

        assert response.headers["X-Request-Id"] == "an-id/1.2:3_4"


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 129, "<script>", "ü"])
def test_a_request_without_a_usable_id_gets_one_of_its_own(client, given):
    headers = AUTHORIZED if given is None else {**AUTHORIZED, "X-Request-Id": given}

    ids = [client.get(INSTALLATIONS, headers=headers).headers["X-Request-Id"] for _ in range(2)]

    assert len(set(ids)) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in ids)


def test_each_refused_call_is_a_log_line_with_the_id_of_its_response(client, caplog):
    caplog.set_level("INFO")
    refused = [
        client.get(INSTALLATIONS),
        client.get(f"{INSTALLATIONS}/{WORKSPACE_ID}", headers=AUTHORIZED),
        client.post_installation(display="carousel"),
        client.get("/api/v1/nothing", headers=AUTHORIZED),
    ]
    client.get_api()

    lines = [each for each in caplog.records if each.message == "install API call refused"]
    assert [(each.request_id, each.status) for each in lines] == [
        (response.headers["X-Request-Id"], response.status_code) for response in refused
    ]
    assert all(each.seconds >= 0 for each in lines)
    assert lines[2].endpoint == "installations.InstallationsView"


# Bodies

NO_JSON = [
    *(b"", b" ", b"{", b"nothing", b"{'appName': 'Acme'}", b'{"appName": "\xff"}', b"\x00"),
    *(b"[" * 100_000, b'{"a":' * 100_000, b'{"appName": ' + b"1" * 5_000 + b"}"),
]
NO_OBJECTS = [b"[]", b"null", b'"text"', b"7", b"1e400", b"NaN", b"[[]]"]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(("bodies", "status"), [(NO_JSON, 400), (NO_OBJECTS, 422)], ids=["json", "object"])
def test_a_body_that_is_not_json_is_400_and_one_that_is_not_an_object_422(
    client, method, path, bodies, status
):
    for body in bodies:
        response = client.open(path, method=method, data=body, headers=JSON)

        assert response.status_code == response.json["code"] == status


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data"],
)
def test_a_body_of_another_type_is_415(client, method, path, content_type):
    response = client.open(path, method=method, data=b"{}", headers=AUTHORIZED, content_type=content_type)

    message = "The body must be application/json."
    assert response.json == {"code": 415, "status": "Unsupported Media Type", "message": message}
    with_charset = {**AUTHORIZED, "Content-Type": "application/json; charset=utf-8"}
    assert client.open(path, method=method, data=b"7", headers=with_charset).status_code == 422


def post_chunked(client, path, body, headers=JSON):
    """POST without a Content-Length, as gunicorn passes a chunked body on; Flask's client can't."""
    builder = EnvironBuilder(path=path, method="POST", headers=headers)
    environ = {
        **builder.get_environ(),
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input_terminated": True,
        "wsgi.input": io.BytesIO(body),
    }
    response = run_wsgi_app(client.application, environ, buffered=True)
    return TestResponse(*response, request=builder.get_request())


@pytest.mark.parametrize(
    ("path", "status"), [(INSTALLATIONS, 422), ("/slack/events", 401), ("/slack/interactions", 401)]
)
def test_a_body_of_one_mebibyte_is_read_and_a_larger_one_is_413(client, path, status):
    for size, expected in ((MEBIBYTE, status), (MEBIBYTE + 1, 413)):
        body = b"{}".ljust(size)
        headers = JSON | signed(body)

        responses = [client.post(path, data=body, headers=headers), post_chunked(client, path, body, headers)]

        assert [response.status_code for response in responses] == [expected, expected]
        if expected == 413:
            assert [response.json["code"] for response in responses] == [413, 413]


# Security headers


def policy(response):
    """Return the Content-Security-Policy by directive."""
    directives = response.headers["Content-Security-Policy"].split(";")
    return {name: values for name, *values in map(str.split, directives)}


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/healthz",
            "/docs",
            "/openapi.json",
            "/static/page.css",
            "/static/page.js",
            "/static/nothing",
        ),
        *("/slack/install/nowhere", "/slack/oauth_redirect", "/slack/events", INSTALLATIONS, "/nowhere"),
    ],
)
def test_every_response_has_the_security_headers(client, path):
    with client.get(path) as response:
        found = policy(response)

    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert found["default-src"] == found["frame-ancestors"] == found["base-uri"] == ["'none'"]
    assert found["script-src"] == found["form-action"] == ["'self'"]
    assert found["style-src"] == found["img-src"] == ["'self'"]
    assert (response.headers.get("Cache-Control") == "no-store") != path.startswith("/static/")


@pytest.mark.parametrize(
    ("public_url", "expected"),
    [("https://slack.example.com", "max-age=31536000"), ("http://localhost:8000", None)],
)
def test_browsers_are_told_to_stay_with_https_where_the_service_has_it(client_with, public_url, expected):
    response = client_with(public_url=public_url).get("/healthz")

    assert response.headers.get("Strict-Transport-Security") == expected


def test_an_unexpected_error_has_the_security_headers(app):
    def broken():
        raise RuntimeError

    services = app.extensions["sectorflow_slack"]
    app.extensions["sectorflow_slack"] = dataclasses.replace(services, missing=broken)

    response = app.test_client().get("/readyz")

    assert response.status_code == 500
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert policy(response)["default-src"] == ["'none'"]
