"""What another release wrote is read as far as this one knows it."""

from __future__ import annotations

import json
from dataclasses import asdict

import redis

from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.installations import RedisInstallationStore
from sectorflow_slack.storage.records import read_question
from tests.values import make_installation, make_question


def test_a_question_with_more_fields_than_are_known_is_read() -> None:
    written = {**asdict(make_question()), "of_a_later_release": [1, 2]}

    assert read_question(json.dumps(written)) == make_question()


def test_a_question_with_fewer_fields_than_are_known_is_read() -> None:
    written = asdict(make_question())
    for name in ("model_ids", "button_ts", "holder"):
        del written[name]

    assert read_question(json.dumps(written)) == make_question()


def test_an_installation_without_revision_and_rotation_is_read_changed_and_deleted(
    store: redis.Redis, cipher: Cipher
) -> None:
    installations, installation = RedisInstallationStore(store, cipher), make_installation()
    installations.save(installation, None, None)
    store.hdel(f"installation:{installation.key}", "revision", "refresh_token", "token_expires_at")

    found = installations.find(installation.key)

    assert found == installation
    assert found.terms.revision == 1
    assert installations.change(installation, 1)
    assert installations.remove(installation)
