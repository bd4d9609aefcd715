import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import certifi
import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st

from sectorflow_slack.config import SLACK_APP_VARIABLES, Settings, SettingsError, load_settings
from sectorflow_slack.domain.installations import SlackApp

#: In every wrong value; no error may quote it.
MARKER = "m4rk3r"
FERNET_KEY = Fernet.generate_key().decode()
OTHER_FERNET_KEY = Fernet.generate_key().decode()
INSTALL_KEY = "an-install-key-of-24-char"

REQUIRED = {
    "PUBLIC_URL": "https://slack.example.com",
    "REDIS_URL": "redis://:redis-password@redis.example.com:6379/0",
    "ENCRYPTION_KEYS": FERNET_KEY,
    "INSTALL_API_KEYS": INSTALL_KEY,
}
#: A wrong value for each of the other variables.
WRONG_OPTIONAL = {
    "REDIS_TLS_VERIFY": MARKER,
    "SLACK_BASE_URL": f"http://{MARKER}.example.com",
    "SECTORFLOW_BASE_URL": f"https://{MARKER}:password@example.com",
    "SECTORFLOW_TIMEOUT_SECONDS": MARKER,
    "RETURN_URL_HOSTS": f"https://{MARKER}.example.com/",
    "SUPPORT_URL": f"http://{MARKER}.example.com",
    "PRIVACY_URL": f"https://example.com/{MARKER}|x",
    "METRICS_TOKEN": MARKER,
    "INSTALL_PAGE": MARKER,
    "INSTALL_RATE_LIMIT": MARKER,
    "ANSWER_RETENTION_DAYS": MARKER,
    "QUESTIONS_PER_INSTALLATION": MARKER,
    "QUESTIONS_PER_PERSON": MARKER,
    "WAITING_PER_INSTALLATION": MARKER,
    "WORKER_THREADS": MARKER,
    "WORKER_HEARTBEAT_FILE": MARKER,
    "LOG_LEVEL": MARKER,
    "PORT": MARKER,
    "WEB_CONCURRENCY": MARKER,
    "SLACK_APP_ID": MARKER,
    "SLACK_CLIENT_ID": MARKER,
    "SLACK_CLIENT_SECRET": f"{MARKER}-of\ntwo-lines",
    "SLACK_SIGNING_SECRET": f"{MARKER} of two words",
}
WRONG = {
    "PUBLIC_URL": f"ftp://{MARKER}.example.com",
    "REDIS_URL": f"redis://:{MARKER}/rest@host:6379/0",
    "ENCRYPTION_KEYS": MARKER,
    "INSTALL_API_KEYS": MARKER,
    **WRONG_OPTIONAL,
}
#: All that the settings are read from; a machine may have set the last two for other programs.
VARIABLES = (*WRONG, "HTTPS_PROXY", "REQUESTS_CA_BUNDLE")
SLACK_APP = dict(
    zip(SLACK_APP_VARIABLES, ("A0OWN", "1.2", "a-client-secret", "a-signing-secret"), strict=True)
)

Load = Callable[..., Settings]


@pytest.fixture
def load(monkeypatch):
    """Return a function that loads the required variables with ``changes``, and no others."""

    def load(**changes):
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in {**REQUIRED, **changes}.items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return load_settings()

    return load


def faults_of(load, **changes):
    """Return the reported faults by variable."""
    with pytest.raises(SettingsError) as caught:
        load(**changes)
    lines = [line.partition(": ") for line in str(caught.value).splitlines()]
    return {name: fault for name, _, fault in lines}


def test_four_variables_are_required_and_the_others_have_defaults(load):
    assert load() == Settings(
        public_url="https://slack.example.com",
        redis_url=REQUIRED["REDIS_URL"],
        redis_tls_verify=True,
        encryption_keys=(FERNET_KEY,),
        install_api_keys=(INSTALL_KEY,),
        slack_app=None,
        slack_base_url="https://slack.com",
        sectorflow_base_url="https://platform.sectorflow.ai/api/v1",
        sectorflow_timeout_seconds=120.0,
        outgoing_proxy=None,
        outgoing_ca_bundle=None,
        return_url_hosts=frozenset(),
        support_url="",
        privacy_url="",
        metrics_token=None,
        install_page=False,
        install_rate_limit="120 per minute",
        answer_retention_days=30,
        questions_per_installation=16,
        questions_per_person=(20, 60),
        waiting_per_installation=1000,
        worker_threads=64,
        worker_heartbeat_file=None,
        port=8000,
        web_concurrency=None,
        log_level="INFO",
    )


def test_every_variable_is_read(load):
    settings = load(
        REDIS_URL="rediss://redis.example.com",
        REDIS_TLS_VERIFY="false",
        SLACK_BASE_URL="https://slack-gov.com/",
        SECTORFLOW_BASE_URL="http://127.0.0.1:9000/api/v1/",
        SECTORFLOW_TIMEOUT_SECONDS="2.5",
        OUTGOING_PROXY="http://user:secret@proxy.example.com:3128",
        OUTGOING_CA_BUNDLE=certifi.where(),
        RETURN_URL_HOSTS="app.example.com",
        SUPPORT_URL="https://example.com/help?product=slack",
        PRIVACY_URL="https://example.com/privacy",
        METRICS_TOKEN="a-token-for-metrics",
        INSTALL_PAGE="on",
        INSTALL_RATE_LIMIT="5 per second",
        ANSWER_RETENTION_DAYS="1",
        QUESTIONS_PER_INSTALLATION="2",
        QUESTIONS_PER_PERSON="5 per hour",
        WAITING_PER_INSTALLATION="3",
        WORKER_THREADS="1024",
        WORKER_HEARTBEAT_FILE="/run/alive",
        LOG_LEVEL="DEBUG",
        PORT="65535",
        WEB_CONCURRENCY="1",
        **SLACK_APP,
    )

    assert settings == replace(
        load(),
        redis_url="rediss://redis.example.com",
        redis_tls_verify=False,
        slack_app=SlackApp("A0OWN", "1.2", "a-client-secret", "a-signing-secret"),
        slack_base_url="https://slack-gov.com",
        sectorflow_base_url="http://127.0.0.1:9000/api/v1",
        sectorflow_timeout_seconds=2.5,
        outgoing_proxy="http://user:secret@proxy.example.com:3128",
        outgoing_ca_bundle=certifi.where(),
        return_url_hosts=frozenset({"app.example.com"}),
        support_url="https://example.com/help?product=slack",
        privacy_url="https://example.com/privacy",
        metrics_token="a-token-for-metrics",
        install_page=True,
        install_rate_limit="5 per second",
        answer_retention_days=1,
        questions_per_installation=2,
        questions_per_person=(5, 3600),
        waiting_per_installation=3,
        worker_threads=1024,
        worker_heartbeat_file=Path("/run/alive"),
        port=65535,
        web_concurrency=1,
        log_level="DEBUG",
    )


def test_the_way_out_is_by_default_that_of_other_programs(load):
    usual = {"HTTPS_PROXY": "http://usual.example.com", "REQUESTS_CA_BUNDLE": certifi.where()}

    assert load(**usual).outgoing_proxy == "http://usual.example.com"
    assert load(**usual).outgoing_ca_bundle == certifi.where()
    assert load(**usual, OUTGOING_PROXY="http://own.example.com").outgoing_proxy == "http://own.example.com"


@pytest.mark.parametrize("proxy", ["proxy:3128", "socks5://proxy", "http://", "http://proxy:port"])
def test_a_wrong_way_out_is_named_but_not_shown(load, proxy, tmp_path):
    faults = faults_of(load, OUTGOING_PROXY=proxy, OUTGOING_CA_BUNDLE=str(tmp_path / "missing.pem"))

    assert faults.keys() == {"OUTGOING_PROXY", "OUTGOING_CA_BUNDLE"}
    assert proxy not in str(faults)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, ""])
def test_a_required_variable_that_is_missing_or_empty_is_named(load, name, value):
    assert faults_of(load, **{name: value}) == {name: "Environment variable not set."}


def test_an_empty_optional_variable_counts_as_unset(load):
    assert load(**dict.fromkeys(WRONG_OPTIONAL, "")) == load()


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_variable_is_reported_alone_without_its_value(load, name):
    faults = faults_of(load, **{**SLACK_APP, name: WRONG[name]})

    assert list(faults) == [name]
    assert faults[name]
    assert MARKER not in str(faults)


def test_all_faults_are_reported_at_once_in_order_of_name(load):
    faults = faults_of(load, **WRONG)

    assert list(faults) == sorted(WRONG)
    assert MARKER not in str(faults)


@pytest.mark.parametrize("name", SLACK_APP_VARIABLES)
def test_a_missing_one_of_slacks_four_variables_is_reported(load, name):
    faults = faults_of(load, **{**SLACK_APP, name: None})

    assert faults == {name: "Must be set too: all four SLACK_… variables or none."}


def test_wrong_and_missing_ones_of_slacks_four_variables_are_reported_together(load):
    faults = faults_of(load, SLACK_APP_ID="foo bar", SLACK_CLIENT_SECRET="a-client-secret")

    assert set(faults) == {*SLACK_APP_VARIABLES} - {"SLACK_CLIENT_SECRET"}
    assert "app's id" in faults["SLACK_APP_ID"]


def test_the_repr_of_settings_contains_no_secret(load):
    secrets = {
        "REDIS_URL": f"redis://:{MARKER}@redis.example.com",
        "INSTALL_API_KEYS": f"{MARKER}-install-key-of-a-platform",
        "METRICS_TOKEN": f"{MARKER}-token-of-metrics",
        "SLACK_CLIENT_SECRET": f"{MARKER}-client-secret",
        "SLACK_SIGNING_SECRET": f"{MARKER}-signing-secret",
    }

    settings = load(**{**SLACK_APP, **secrets})

    assert MARKER not in repr(settings)
    assert FERNET_KEY not in repr(settings)
    assert "slack.example.com" in repr(settings)


def test_lists_may_contain_spaces_and_empty_parts(load):
    settings = load(
        ENCRYPTION_KEYS=f" {FERNET_KEY} ,, {OTHER_FERNET_KEY},",
        INSTALL_API_KEYS=f",{INSTALL_KEY}, another-key-of-a-platform ",
        RETURN_URL_HOSTS=" App.Example.com:8443 ,localhost,",
    )

    assert settings.encryption_keys == (FERNET_KEY, OTHER_FERNET_KEY)
    assert settings.install_api_keys == (INSTALL_KEY, "another-key-of-a-platform")
    assert settings.return_url_hosts == {"app.example.com:8443", "localhost"}


def test_a_secret_of_64_hex_digits_is_an_encryption_key(load):
    settings = load(ENCRYPTION_KEYS=f"{'0f' * 32},{FERNET_KEY}")

    assert settings.encryption_keys == (base64.urlsafe_b64encode(b"\x0f" * 32).decode(), FERNET_KEY)


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "ENCRYPTION_KEYS": [
            " , ",
            FERNET_KEY[:-4],
            f"{FERNET_KEY},{FERNET_KEY[:-4]}",
            f"{FERNET_KEY[:-2]}é=",
        ],
        "INSTALL_API_KEYS": [
            *(" , ", "fifteen-letters", f"{INSTALL_KEY},short", "a-schlüssel-of-the-platform"),
            *("a key with blanks in it", f"{INSTALL_KEY},a-key-of\ntwo-lines-or-more"),
        ],
        "METRICS_TOKEN": [
            *("fifteen-letters", "a-tökén-for-metrics", "a token for metrics", "a-token-for-metrics\n")
        ],
        "RETURN_URL_HOSTS": ["app.example.com/path", "user@app.example.com"],
        "INSTALL_RATE_LIMIT": ["0 per minute"],
        "SECTORFLOW_TIMEOUT_SECONDS": ["nan", "0.5", "3601"],
        "ANSWER_RETENTION_DAYS": ["0"],
        "QUESTIONS_PER_INSTALLATION": ["0"],
        "QUESTIONS_PER_PERSON": ["0 per minute", "5", "5 per week"],
        "WAITING_PER_INSTALLATION": ["0"],
        "WORKER_THREADS": ["0", "1025"],
        "PORT": ["0", "65536"],
        "WEB_CONCURRENCY": ["0"],
        "LOG_LEVEL": ["TRACE"],
        "SLACK_APP_ID": ["foo bar", "a0own", "A0OWN\n"],
        "SLACK_CLIENT_ID": ["ü", "111", "111.222\n", "\u0661.\u0662"],
        "SLACK_CLIENT_SECRET": ["s" * 256, "a\nb", "a\r", "a b", " ", "ü"],
        "SLACK_SIGNING_SECRET": ["s" * 256, "a\nb", "a\r", "a b", " ", "ü"],
    }.items(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_that_a_variable_does_not_allow_are_refused(load, name, values):
    for value in values:
        assert list(faults_of(load, **{**SLACK_APP, name: value})) == [name]


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com", "http://127.0.0.1.example.com", "https://", "https:///path", "example.com"),
        *("//example.com", "https://user@example.com", "https://:password@example.com"),
        *("https://example.com?query", "https://example.com?", "https://example.com#fragment"),
        *("https://example.com#", "https://example.com:port", "https://example.com:70000"),
        *("https://[broken", " https://example.com", "https://exa mple.com", "https://example.com\n"),
    ],
)
def test_every_address_must_be_plain_https(load, url):
    names = ["PUBLIC_URL", "SECTORFLOW_BASE_URL", "SLACK_BASE_URL"]

    assert list(faults_of(load, **dict.fromkeys(names, url))) == names


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_http_is_accepted_on_loopback(load, host):
    settings = load(PUBLIC_URL=f"http://{host}:8000/")

    assert settings.public_url == f"http://{host}:8000"
    assert not settings.serves_https


@pytest.mark.parametrize("url", ["https://example.com", "HTTPS://Example.com", "https://example.com:8443/"])
def test_https_is_recognised_in_any_spelling(load, url):
    assert load(PUBLIC_URL=url).serves_https


@pytest.mark.parametrize("path", ["/bot", "//"])
def test_a_public_url_with_a_path_is_refused(load, path):
    assert set(faults_of(load, PUBLIC_URL=f"https://example.com{path}")) == {"PUBLIC_URL"}


@pytest.mark.parametrize(
    "url", ["redis://localhost", "rediss://u:p@host:6380/1", "unix:///run/redis.sock?db=0"]
)
def test_redis_is_reached_by_tcp_tls_or_socket(load, url):
    assert load(REDIS_URL=url).redis_url == url


@settings(max_examples=500, deadline=None)
@given(
    name=st.sampled_from(sorted(WRONG)),
    value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
)
def test_any_value_is_accepted_or_reported(name, value):
    with pytest.MonkeyPatch.context() as patch:
        for other in VARIABLES:
            patch.delenv(other, raising=False)
        for other, good in {**REQUIRED, name: value}.items():
            patch.setenv(other, good)

        try:
            load_settings()
        except SettingsError as error:
            reported = {line.partition(":")[0] for line in str(error).splitlines()}
        else:
            reported = set()

    assert reported <= ({*SLACK_APP_VARIABLES} if name in SLACK_APP_VARIABLES else {name})
