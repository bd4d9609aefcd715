"""The settings of the service, read once from the environment.

One error reports all faults, by variable name and never by value. docs/configuration.md describes each.
"""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from cryptography.fernet import Fernet
from environs import Env, EnvValidationError
from marshmallow import ValidationError
from marshmallow.validate import And, Length, OneOf, Range, Regexp

from sectorflow_slack.domain.installations import SlackApp
from sectorflow_slack.domain.slack import APP_ID, CLIENT_ID, SECRET_MAX_LENGTH, VISIBLE_ASCII

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
INSTALL_API_KEY_MIN_LENGTH = 16
METRICS_TOKEN_MIN_LENGTH = 16
SLACK_APP_VARIABLES = ("SLACK_APP_ID", "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET")


class SettingsError(Exception):
    """One or more variables are missing or wrong; the text names each with its fault."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process."""

    public_url: str
    redis_url: str = field(repr=False)
    redis_tls_verify: bool
    encryption_keys: tuple[str, ...] = field(repr=False)
    install_api_keys: tuple[str, ...] = field(repr=False)
    slack_app: SlackApp | None
    slack_base_url: str
    sectorflow_base_url: str
    sectorflow_timeout_seconds: float
    outgoing_proxy: str | None = field(repr=False)
    outgoing_ca_bundle: str | None
    return_url_hosts: frozenset[str]
    support_url: str
    privacy_url: str
    metrics_token: str | None = field(repr=False)
    install_page: bool
    install_rate_limit: str
    answer_retention_days: int
    questions_per_installation: int
    #: How many questions a person may ask within how many seconds.
    questions_per_person: tuple[int, int]
    waiting_per_installation: int
    worker_threads: int
    worker_heartbeat_file: Path | None
    port: int
    web_concurrency: int | None
    log_level: str

    @property
    def serves_https(self) -> bool:
        """Whether the public URL is https, so that cookies can be ``Secure``."""
        return urlsplit(self.public_url).scheme == "https"


class _Env(Env):
    """Treat empty variables, as ``.env`` files have them, as not set."""

    def _get_value(self, env_key: str, default: Any) -> Any:
        return super()._get_value(env_key, default) or default


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: one or more variables are missing or wrong.

    """
    env = _Env(eager=False)
    values = _read(env)
    slack_app, faults = _read_slack_app(env)
    try:
        env.seal()
    except EnvValidationError as error:
        messages = cast("Mapping[str, list[str]]", error.error_messages)
        faults |= {name: " ".join(texts) for name, texts in messages.items()}
    if faults:
        raise SettingsError("\n".join(f"{name}: {fault}" for name, fault in sorted(faults.items())))
    return Settings(slack_app=slack_app, **values)


def _read(env: Env) -> dict[str, Any]:
    positive = Range(min=1)
    return {
        "public_url": (env.str("PUBLIC_URL", validate=_web_root) or "").rstrip("/"),
        "redis_url": env.str("REDIS_URL", validate=_redis_url),
        "redis_tls_verify": env.bool("REDIS_TLS_VERIFY", True),
        "encryption_keys": tuple(map(_as_fernet_key, _listed(env, "ENCRYPTION_KEYS", _fernet_keys))),
        "install_api_keys": _listed(env, "INSTALL_API_KEYS", _long_keys),
        "slack_base_url": _base_url(env, "SLACK_BASE_URL", "https://slack.com"),
        "sectorflow_base_url": _base_url(env, "SECTORFLOW_BASE_URL", "https://platform.sectorflow.ai/api/v1"),
        "sectorflow_timeout_seconds": env.float("SECTORFLOW_TIMEOUT_SECONDS", 120.0, validate=Range(1, 3600)),
        "outgoing_proxy": _either(env, "OUTGOING_PROXY", "HTTPS_PROXY", _proxy_url),
        "outgoing_ca_bundle": _either(env, "OUTGOING_CA_BUNDLE", "REQUESTS_CA_BUNDLE", _ca_bundle),
        "return_url_hosts": frozenset(_listed(env, "RETURN_URL_HOSTS", _hosts, default="", lower=True)),
        "support_url": env.str("SUPPORT_URL", "", validate=_page_url),
        "privacy_url": env.str("PRIVACY_URL", "", validate=_page_url),
        "metrics_token": env.str("METRICS_TOKEN", None, validate=_metrics_token),
        "install_page": env.bool("INSTALL_PAGE", False),
        "install_rate_limit": env.str("INSTALL_RATE_LIMIT", "120 per minute", validate=_rate),
        "answer_retention_days": env.int("ANSWER_RETENTION_DAYS", 30, validate=positive),
        "questions_per_installation": env.int("QUESTIONS_PER_INSTALLATION", 16, validate=positive),
        "questions_per_person": _amount_and_seconds(
            env.str("QUESTIONS_PER_PERSON", "20 per minute", validate=_rate)
        ),
        "waiting_per_installation": env.int("WAITING_PER_INSTALLATION", 1000, validate=positive),
        "worker_threads": env.int("WORKER_THREADS", 64, validate=Range(1, 1024)),
        "worker_heartbeat_file": env.path("WORKER_HEARTBEAT_FILE", None, validate=_absolute_path),
        "port": env.int("PORT", 8000, validate=Range(1, 65535)),
        "web_concurrency": env.int("WEB_CONCURRENCY", None, validate=positive),
        "log_level": env.str("LOG_LEVEL", "INFO", validate=OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])),
    }


def _listed(
    env: Env, name: str, check: Callable[[list[str]], None], *, default: Any = ..., lower: bool = False
) -> tuple[str, ...]:
    text = env.str(name, default, validate=lambda value: check(_split(value))) or ""
    return tuple(_split(text.lower() if lower else text))


def _either(env: Env, name: str, usual_name: str, check: Callable[[str], None]) -> str | None:
    """Read a variable, or if it is not set the one that other programs use for the same."""
    return env.str(name, None, validate=check) or env.str(usual_name, None, validate=check)


def _amount_and_seconds(rate: str | None) -> tuple[int, int]:
    amount, _, unit = (rate or "1 per second").split()
    return int(amount), {"second": 1, "minute": 60, "hour": 3600, "day": 86400}[unit]


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _base_url(env: Env, name: str, default: str) -> str:
    return (env.str(name, default, validate=_web_url) or "").rstrip("/")


def _read_slack_app(env: Env) -> tuple[SlackApp | None, dict[str, str]]:
    rules: tuple[Callable[[str], object], ...] = (_app_id, _client_id, _secret, _secret)
    # A wrong value is read as None; ``env`` reports it when it is sealed.
    values: dict[str, str | None] = {
        name: env.str(name, "", validate=rule) for name, rule in zip(SLACK_APP_VARIABLES, rules, strict=True)
    }
    missing = [name for name, value in values.items() if value == ""]
    if len(missing) == len(SLACK_APP_VARIABLES):
        return None, {}
    faults = dict.fromkeys(missing, "Must be set too: all four SLACK_… variables or none.")
    return SlackApp(*(value or "" for value in values.values())), faults


def _web_url(value: str) -> None:
    parts = _split_url(value)
    # urlsplit ignores white space, an empty query and an empty user.
    if parts is None or not parts.hostname or re.search(r"[\s?#@]", value):
        valid = False
    else:
        valid = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)
    if not valid:
        raise ValidationError("Must be an https URL (http on loopback only), without query or user.")


def _split_url(value: str) -> SplitResult | None:
    """Split a URL; return None for an invalid one, because urlsplit's error would quote it."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _web_root(value: str) -> None:
    _web_url(value)
    if urlsplit(value).path not in {"", "/"}:
        raise ValidationError("Must have no path: the service is served from the root.")


def _page_url(value: str) -> None:
    # Slack's links end at these characters.
    if value and (not value.startswith("https://") or re.search(r"[\s|<>]", value)):
        raise ValidationError("Must be an https URL.")


def _redis_url(value: str) -> None:
    if not value.startswith(("redis://", "rediss://", "unix://")) or _split_url(value) is None:
        raise ValidationError("Must be a redis:// or rediss:// URL. Without a server, start with `make run`.")


def _proxy_url(value: str) -> None:
    parts = _split_url(value)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValidationError("Must be an http or https URL of a forward proxy.")


def _ca_bundle(value: str) -> None:
    try:
        ssl.create_default_context(cafile=value)
    except OSError:
        raise ValidationError("Must be a file of certificates in PEM that can be read.") from None


def _fernet_keys(values: list[str]) -> None:
    try:
        keys = [Fernet(_as_fernet_key(value)) for value in values]
    except ValueError:
        keys = []
    if not keys:
        raise ValidationError("Must be one or more Fernet keys: 32 bytes each, urlsafe base64.")


def _as_fernet_key(value: str) -> str:
    """Return 64 hex digits, which Heroku generates as a secret, as a Fernet key; any other value as it is."""
    if re.fullmatch(r"[0-9a-fA-F]{64}", value):
        return base64.urlsafe_b64encode(bytes.fromhex(value)).decode()
    return value


def _absolute_path(value: Path) -> None:
    if not value.is_absolute():
        raise ValidationError("Must be an absolute path.")


def _long_keys(values: list[str]) -> None:
    if not values or any(len(key) < INSTALL_API_KEY_MIN_LENGTH for key in values):
        raise ValidationError(
            f"Must be one or more keys of at least {INSTALL_API_KEY_MIN_LENGTH} characters."
        )
    for key in values:
        _visible(key)


def _hosts(values: list[str]) -> None:
    if any(not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", host) for host in values):
        raise ValidationError("Must be host names, comma-separated, without scheme or path.")


_rate = Regexp(r"^[1-9]\d* per (second|minute|hour|day)$", error="Must be like `120 per minute`.")
_app_id = Regexp(rf"{APP_ID}\Z", error="Must be a Slack app's id, as its settings page shows it.")
_client_id = Regexp(
    rf"{CLIENT_ID}\Z", error="Must be a Slack app's client id: two numbers with a dot between them."
)
_visible = Regexp(
    rf"{VISIBLE_ASCII}\Z", error="Must be visible ASCII characters, without spaces or line breaks."
)
_metrics_token = And(Length(METRICS_TOKEN_MIN_LENGTH), _visible)
_secret = And(_visible, Length(max=SECRET_MAX_LENGTH))
