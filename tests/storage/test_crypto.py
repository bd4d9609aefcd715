"""Values are sealed for a key and a field with the first encryption key, and opened with any."""

import base64

import pytest
from cryptography.fernet import Fernet
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.storage import crypto
from sectorflow_slack.storage.crypto import Cipher, looks_sealed

OLD_KEY, NEW_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()
OLD, NEW, ROTATED = Cipher([OLD_KEY]), Cipher([NEW_KEY]), Cipher([NEW_KEY, OLD_KEY])

#: Any text that JSON can bring in, lone surrogates included.
any_text = st.text(st.characters())
keys_and_fields = st.tuples(any_text, any_text)


@given(target=keys_and_fields, value=any_text, length=st.integers(min_value=5))
def test_a_value_opens_unchanged_and_looks_sealed_even_when_cut_off(target, value, length):
    sealed = OLD.seal(*target, value)

    assert OLD.open(*target, sealed) == value
    assert looks_sealed(sealed[:length])


@given(value=any_text, times=st.integers(1, 300))
def test_a_text_of_any_length_opens_unchanged(value, times):
    assert OLD.open("key", "field", OLD.seal("key", "field", value * times)) == value * times


def test_a_long_text_is_compressed_and_bound_to_its_place_and_renewed_as_a_short_one_is():
    text = "A sentence that a model wrote. " * 100
    sealed = OLD.seal("key", "field", text)

    assert len(sealed) < len(text) / 10
    assert NEW.open("key", "field", ROTATED.renew("key", "field", sealed)) == text
    with pytest.raises(CannotDecrypt):
        OLD.open("key", "other", sealed)


def test_a_long_text_of_a_release_that_did_not_compress_opens(monkeypatch):
    monkeypatch.setattr(crypto, "COMPRESSED_BYTES", 10**9)
    sealed = OLD.seal("key", "field", "z" * 1000)
    monkeypatch.undo()

    assert OLD.open("key", "field", sealed) == "z" * 1000


def test_a_value_does_not_grow_without_bounds_when_it_is_opened(monkeypatch):
    sealed = OLD.seal("key", "field", "z" * 1000)
    monkeypatch.setattr(crypto, "LONGEST_BYTES", 999)

    with pytest.raises(CannotDecrypt):
        OLD.open("key", "field", sealed)


def test_a_sealed_value_shows_nothing_and_is_never_the_same_twice():
    sealed = [OLD.seal("app:A1", "client_secret", "a-secret-value") for _ in range(2)]

    assert sealed[0] != sealed[1]
    assert sealed[0].isascii()
    assert b"a-secret-value" not in base64.urlsafe_b64decode(sealed[0])


@given(source=keys_and_fields, target=keys_and_fields)
@example(source=("a", "bc"), target=("ab", "c"))
@example(source=("a", "bc"), target=("", "abc"))
@example(source=("a:b", "c"), target=("a", "b:c"))
@example(source=("a:b", "c"), target=("a:1:b", "c"))
def test_a_value_that_was_moved_does_not_open(source, target):
    assume(source != target)

    with pytest.raises(CannotDecrypt):
        OLD.open(*target, OLD.seal(*source, "value"))


@given(position=st.integers(min_value=0), byte=st.integers(min_value=1, max_value=255))
def test_a_single_changed_byte_is_noticed(position, byte):
    raw = bytearray(base64.urlsafe_b64decode(OLD.seal("key", "field", "value")))
    raw[position % len(raw)] ^= byte

    with pytest.raises(CannotDecrypt):
        OLD.open("key", "field", base64.urlsafe_b64encode(raw).decode())


@given(text=any_text)
def test_text_that_was_never_sealed_does_not_open_and_is_not_current(text):
    with pytest.raises(CannotDecrypt):
        OLD.open("key", "field", text)
    assert not OLD.is_current(text)


def test_the_error_names_the_key_and_field_and_nothing_else():
    with pytest.raises(CannotDecrypt) as caught:
        NEW.open("app:A1", "client_secret", OLD.seal("app:A1", "client_secret", "a-secret-value"))

    assert str(caught.value) == "no key decrypts app:A1 client_secret"
    assert caught.value.__suppress_context__


@given(value=any_text)
def test_a_renewed_value_opens_with_the_new_encryption_key_alone_and_only_in_its_field(value):
    sealed = OLD.seal("key", "field", value)

    assert NEW.open("key", "field", ROTATED.renew("key", "field", sealed)) == value
    with pytest.raises(CannotDecrypt):
        ROTATED.renew("key", "other", sealed)


@pytest.mark.parametrize("value", ["", "111.222", '"gAAAAAB"', "1800000000.0", "[]", "null", "gAAA"])
def test_a_readable_value_does_not_look_sealed(value):
    assert not looks_sealed(value)
