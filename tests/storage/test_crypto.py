from __future__ import annotations

import base64

import pytest
from cryptography.fernet import Fernet
from hypothesis import assume, given
from hypothesis import strategies as st

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.storage.crypto import Cipher, looks_sealed

OLD_KEY = Fernet.generate_key().decode()
NEW_KEY = Fernet.generate_key().decode()
CIPHER = Cipher([OLD_KEY])

#: Any text that JSON can bring in, halves of surrogate pairs included.
any_text = st.text(st.characters())


@given(key=any_text, field=any_text, value=any_text)
def test_what_was_sealed_opens_as_it_was(key: str, field: str, value: str) -> None:
    sealed = CIPHER.seal(key, field, value)

    assert CIPHER.open(key, field, sealed) == value


@given(value=st.text(min_size=4))
def test_what_is_sealed_shows_nothing(value: str) -> None:
    sealed = CIPHER.seal("app:A1", "client_secret", value)

    assert sealed.isascii()
    assert value.encode() not in base64.urlsafe_b64decode(sealed)


def test_the_same_value_never_looks_the_same() -> None:
    assert CIPHER.seal("key", "field", "value") != CIPHER.seal("key", "field", "value")


@given(here=st.tuples(any_text, any_text), there=st.tuples(any_text, any_text))
def test_what_was_moved_to_another_place_does_not_open(here: tuple[str, str], there: tuple[str, str]) -> None:
    assume(here != there)
    sealed = CIPHER.seal(*here, "value")

    with pytest.raises(CannotDecrypt):
        CIPHER.open(*there, sealed)


@pytest.mark.parametrize("place", [("ab", "c"), ("a", "bcd"), ("", "abc"), ("a:1:b", "c")])
def test_places_that_read_the_same_are_apart(place: tuple[str, str]) -> None:
    sealed = CIPHER.seal("a", "bc", "value")

    with pytest.raises(CannotDecrypt):
        CIPHER.open(*place, sealed)


def test_a_new_key_in_front_seals_and_the_old_one_still_opens() -> None:
    old_sealed = CIPHER.seal("key", "field", "value")
    rotated = Cipher([NEW_KEY, OLD_KEY])

    new_sealed = rotated.seal("key", "field", "value")

    assert rotated.open("key", "field", old_sealed) == "value"
    assert Cipher([NEW_KEY]).open("key", "field", new_sealed) == "value"


def test_a_lost_key_is_told_by_place_and_nothing_else() -> None:
    sealed = CIPHER.seal("app:A1", "client_secret", "a-secret-value")

    with pytest.raises(CannotDecrypt) as caught:
        Cipher([NEW_KEY]).open("app:A1", "client_secret", sealed)

    assert str(caught.value) == "no key decrypts app:A1 client_secret"
    assert caught.value.__suppress_context__


@given(position=st.integers(min_value=0), byte=st.integers(min_value=1, max_value=255))
def test_a_single_changed_byte_is_noticed(position: int, byte: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(CIPHER.seal("key", "field", "value")))
    raw[position % len(raw)] ^= byte

    with pytest.raises(CannotDecrypt):
        CIPHER.open("key", "field", base64.urlsafe_b64encode(raw).decode())


@given(sealed=any_text)
def test_what_nobody_sealed_does_not_open(sealed: str) -> None:
    with pytest.raises(CannotDecrypt):
        CIPHER.open("key", "field", sealed)


def test_a_cipher_without_a_key_is_not_made() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Cipher([])


# Renewal


def test_what_is_under_the_first_key_is_current_and_what_is_under_another_is_not() -> None:
    rotated = Cipher([NEW_KEY, OLD_KEY])

    assert rotated.is_current(rotated.seal("key", "field", "value"))
    assert not rotated.is_current(CIPHER.seal("key", "field", "value"))


@given(value=any_text)
def test_what_is_renewed_opens_with_the_new_key_alone(value: str) -> None:
    renewed = Cipher([NEW_KEY, OLD_KEY]).renew("key", "field", CIPHER.seal("key", "field", value))

    assert Cipher([NEW_KEY]).open("key", "field", renewed) == value


def test_what_was_moved_is_not_renewed() -> None:
    sealed = CIPHER.seal("key", "field", "value")

    with pytest.raises(CannotDecrypt):
        Cipher([NEW_KEY, OLD_KEY]).renew("key", "other", sealed)


@given(sealed=any_text)
def test_what_nobody_sealed_is_not_current(sealed: str) -> None:
    assert not CIPHER.is_current(sealed)


@given(value=any_text, length=st.integers(min_value=5))
def test_what_was_sealed_looks_it_even_when_cut_off(value: str, length: int) -> None:
    assert looks_sealed(CIPHER.seal("key", "field", value)[:length])


@pytest.mark.parametrize("value", ["", "111.222", '"gAAAAAB"', "1800000000.0", "[]", "null", "gAAA"])
def test_what_is_kept_readable_does_not_look_sealed(value: str) -> None:
    assert not looks_sealed(value)
