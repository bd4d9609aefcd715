"""Values as fields of a hash and back, also those that another release wrote."""

import json
from dataclasses import asdict, replace

from hypothesis import example, given
from hypothesis import strategies as st

from sectorflow_slack.domain.installations import SectorFlowSettings
from sectorflow_slack.domain.questions import Message, Plan
from sectorflow_slack.storage.records import (
    bot_fields,
    read_installation,
    read_plan,
    read_question,
    settings_fields,
)
from tests.values import make_bot, make_installation, make_question, make_settings

any_text = st.text(st.characters())
any_block = st.dictionaries(any_text, any_text | st.integers() | st.booleans() | st.none(), max_size=2)
messages = st.builds(Message, any_text, st.lists(any_block, max_size=2).map(tuple))


@given(text=any_text, customer_id=st.none() | any_text, seconds=st.floats(allow_nan=False))
# A lone surrogate, as JSON can bring it in.
@example(text="\ud83d", customer_id="\ud83d", seconds=0.1)
def test_an_installation_is_read_from_fields_that_redis_can_store(text, customer_id, seconds):
    settings = make_settings(
        app_name=text,
        sectorflow=SectorFlowSettings(text, "a-workspace", ("m1", "m2"), "a-plus-id", {"m1": text}),
        created_at=seconds,
        display="tabs",
        customer_id=customer_id,
        allow_external_users=True,
        revision=7,
    )
    bot = make_bot(bot_token=text, team_id=None, team_name=text, enterprise_id="E0ORG")
    bot = replace(bot, is_enterprise_install=True, refresh_token=text, token_expires_at=seconds)
    installation = replace(make_installation(settings, bot), installed_at=seconds)

    fields = {**settings_fields(settings), **bot_fields(bot), "installed_at": repr(seconds)}

    assert read_installation(fields, text, text, text) == installation
    assert [value.encode() for value in fields.values()]


@given(text=any_text)
def test_a_question_is_read_whole(text):
    question = make_question(text=text, thread_ts="0.5", is_direct=True, is_external=True, model_ids=("m1",))

    assert read_question(json.dumps(asdict(question))) == question


@given(plan=st.builds(Plan, st.lists(messages, max_size=3).map(tuple), any_text, any_text | st.none()))
def test_a_plan_is_read_whole(plan):
    assert read_plan(json.dumps(asdict(plan))) == plan


def test_a_question_with_more_or_fewer_fields_is_read():
    written = asdict(make_question())
    fewer = {name: written[name] for name in written if name not in ("model_ids", "button_ts", "holder")}
    more = {**written, "of_a_later_release": [1, 2]}

    assert read_question(json.dumps(fewer)) == read_question(json.dumps(more)) == make_question()


def test_an_installation_without_revision_and_token_rotation_is_read_changed_and_removed(db):
    installation = make_installation()
    db.installations.save(installation, None, None)
    db.redis.hdel(f"installation:{installation.key}", "revision", "refresh_token", "token_expires_at")

    assert db.installations.find(installation.key) == installation
    assert db.installations.change(installation, 1)
    assert db.installations.remove(installation)
