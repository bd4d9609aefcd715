"""Values as fields of a hash and back, also those that another release wrote."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sectorflow_slack.domain.installations import BotInstall, InstallationSettings, SectorFlowSettings
from sectorflow_slack.domain.questions import Message, Plan
from sectorflow_slack.storage.records import (
    bot_fields,
    read_installation,
    read_plan,
    read_question,
    settings_fields,
)
from tests.storage.conftest import Stores
from tests.values import OWN_APP, make_installation, make_question

any_text = st.text(st.characters())
any_block = st.dictionaries(any_text, any_text | st.integers() | st.booleans() | st.none(), max_size=2)
messages = st.builds(Message, any_text, st.lists(any_block, max_size=2).map(tuple))


@given(text=any_text, customer_id=st.none() | any_text, created_at=st.floats(allow_nan=False))
# Half of a surrogate pair, as JSON can bring it in.
@example(text="\ud83d", customer_id="\ud83d", created_at=0.1)
@hypothesis_settings(deadline=None)
def test_an_installation_comes_back_from_fields_that_redis_takes(
    text: str, customer_id: str | None, created_at: float
) -> None:
    terms = InstallationSettings(
        id="whole",
        app_id=OWN_APP.app_id,
        app_name=text,
        sectorflow=SectorFlowSettings(text, "a-workspace", ("m1", "m2"), "a-plus-id", {"m1": text}),
        created_at=created_at,
        display="tabs",
        customer_id=customer_id,
        allow_external_users=True,
        revision=7,
    )
    bot = BotInstall(OWN_APP.app_id, text, "U0BOT", None, text, "E0ORG", is_enterprise_install=True)
    rotating = replace(bot, refresh_token=text, token_expires_at=created_at)
    installation = replace(make_installation(terms, rotating), installed_at=created_at)

    fields = {**settings_fields(terms), **bot_fields(rotating), "installed_at": repr(created_at)}

    assert read_installation(fields, text, text, text) == installation
    assert [value.encode() for value in fields.values()]


@given(text=any_text)
@hypothesis_settings(deadline=None)
def test_a_question_comes_back_whole(text: str) -> None:
    question = make_question(text=text, thread_ts="0.5", is_direct=True, is_external=True, model_ids=("m1",))

    assert read_question(json.dumps(asdict(question))) == question


@given(plan=st.builds(Plan, st.lists(messages, max_size=3).map(tuple), any_text, any_text | st.none()))
@hypothesis_settings(deadline=None)
def test_a_plan_comes_back_whole(plan: Plan) -> None:
    assert read_plan(json.dumps(asdict(plan))) == plan


def test_a_question_with_more_or_fewer_fields_than_are_known_is_read() -> None:
    written = asdict(make_question())
    fewer = {name: written[name] for name in written if name not in ("model_ids", "button_ts", "holder")}
    more = {**written, "of_a_later_release": [1, 2]}

    assert read_question(json.dumps(fewer)) == read_question(json.dumps(more)) == make_question()


def test_an_installation_without_revision_and_rotation_is_read_changed_and_deleted(db: Stores) -> None:
    installation = make_installation()
    db.installations.save(installation, None, None)
    db.redis.hdel(f"installation:{installation.key}", "revision", "refresh_token", "token_expires_at")

    assert db.installations.find(installation.key) == installation
    assert db.installations.change(installation, 1)
    assert db.installations.remove(installation)
