"""The sessions and forms of the page at /install."""

from dataclasses import replace

from sectorflow_slack.domain.install_form import Choice, Draft, FormSession, Offer, TrialAnswer
from sectorflow_slack.storage.crypto import Cipher
from sectorflow_slack.storage.install_forms import LIFETIME_SECONDS, MAX_DRAFTS, InstallFormStore
from tests.storage.conftest import dump

SESSION = FormSession(
    "the-planted-token",
    Offer((Choice("w1", "Jokes", ("m1",)),), (Choice("m1", "GPT"),), None),
)
DRAFT = Draft(
    app_name="Acme",
    model_ids=("m2", "m1"),
    config_token="xoxe-planted",
    faults={"appName": "Too long."},
    trial=(TrialAnswer("GPT", "a planted answer"),),
)


def test_a_session_and_its_forms_are_found_by_their_secret_only(db):
    secret, other = db.forms.start(SESSION), db.forms.start(SESSION)
    number = db.forms.save_draft(secret, DRAFT)

    assert db.forms.find(secret) == SESSION
    assert db.forms.find_draft(secret, number) == DRAFT
    assert db.forms.find("a guess") is None
    assert db.forms.find_draft(other, number) is None
    assert not [
        each for each in (secret, "planted") if each in str(dump(db.redis)) + repr(SESSION) + repr(DRAFT)
    ]


def test_a_form_is_stored_in_place_of_its_earlier_version_and_others_beside_it(db):
    secret = db.forms.start(SESSION)
    first = db.forms.save_draft(secret, DRAFT)
    second = db.forms.save_draft(secret, replace(DRAFT, app_name="Other"))
    db.forms.save_draft(secret, replace(DRAFT, app_name="Changed"), first)

    found = [db.forms.find_draft(secret, number) for number in (first, second)]

    assert [each.app_name for each in found] == ["Changed", "Other"]


def test_a_session_has_a_limited_number_of_forms(db):
    secret = db.forms.start(SESSION)
    numbers = [db.forms.save_draft(secret, DRAFT) for _ in range(MAX_DRAFTS + 2)]

    found = [db.forms.find_draft(secret, number) is not None for number in numbers]

    assert found == [False] * 2 + [True] * MAX_DRAFTS


def test_test_questions_are_counted(db):
    secret = db.forms.start(SESSION)

    assert [db.forms.count_trial(secret) for _ in range(2)] == [1, 2]
    assert db.forms.find(secret) == replace(SESSION, trials=2)


def test_each_use_extends_the_life_of_a_session_and_the_end_deletes_it(db):
    secret = db.forms.start(SESSION)
    (key,) = dump(db.redis)
    db.redis.expire(key, 5)

    db.forms.find(secret)
    extended = db.redis.ttl(key)
    db.forms.end(secret)

    assert LIFETIME_SECONDS - 5 < extended <= LIFETIME_SECONDS
    assert db.forms.find(secret) is None
    assert dump(db.redis) == {}


def test_a_session_that_no_key_decrypts_is_over(db):
    secret = db.forms.start(SESSION)
    number = db.forms.save_draft(secret, DRAFT)
    other = InstallFormStore(db.redis, Cipher(["B" * 43 + "="]))

    assert other.find(secret) is None
    assert other.find_draft(secret, number) is None
