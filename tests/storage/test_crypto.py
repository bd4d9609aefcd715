"""Values are sealed for the place they stand in, by the first key, and opened by any."""

from __future__ import annotations

import base64

import pytest
from cryptography.fernet import Fernet
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sectorflow_slack.domain.errors import CannotDecrypt
from sectorflow_slack.storage.crypto import Cipher, looks_sealed

OLD_KEY, NEW_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()
OLD, NEW, ROTATED = Cipher([OLD_KEY]), Cipher([NEW_KEY]), Cipher([NEW_KEY, OLD_KEY])

#: Any text that JSON can bring in, halves of surrogate pairs included.
any_text = st.text(st.characters())
places = st.tuples(any_text, any_text)
untimed = hypothesis_settings(deadline=None)


@given(place=places, value=any_text, length=st.integers(min_value=5))
@untimed
def test_a_value_opens_as_it_was_and_looks_sealed_even_when_cut_off(
    place: tuple[str, str], value: str, length: int
) -> None:
    sealed = OLD.seal(*place, value)

    assert OLD.open(*place, sealed) == value
    assert looks_sealed(sealed[:length])


def test_a_sealed_value_shows_nothing_and_never_looks_the_same() -> None:
    sealed = [OLD.seal("app:A1", "client_secret", "a-secret-value") for _ in range(2)]

    assert sealed[0] != sealed[1]
    assert sealed[0].isascii()
    assert b"a-secret-value" not in base64.urlsafe_b64decode(sealed[0])


@given(here=places, there=places)
@untimed
def test_a_value_that_was_moved_to_another_place_does_not_open(
    here: tuple[str, str], there: tuple[str, str]
) -> None:
    assume(here != there)

    with pytest.raises(CannotDecrypt):
        OLD.open(*there, OLD.seal(*here, "value"))


@pytest.mark.parametrize("place", [("ab", "c"), ("a", "bcd"), ("", "abc"), ("a:1:b", "c"), ("a", "b:c")])
def test_places_that_read_the_same_are_apart(place: tuple[str, str]) -> None:
    for sealed in (OLD.seal("a", "bc", "value"), OLD.seal("a:b", "c", "value")):
        with pytest.raises(CannotDecrypt):
            OLD.open(*place, sealed)


@given(position=st.integers(min_value=0), byte=st.integers(min_value=1, max_value=255))
@untimed
def test_a_single_changed_byte_is_noticed(position: int, byte: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(OLD.seal("key", "field", "value")))
    raw[position % len(raw)] ^= byte

    with pytest.raises(CannotDecrypt):
        OLD.open("key", "field", base64.urlsafe_b64encode(raw).decode())


@given(text=any_text)
@untimed
def test_text_that_was_never_sealed_does_not_open_and_is_not_current(text: str) -> None:
    with pytest.raises(CannotDecrypt):
        OLD.open("key", "field", text)
    assert not OLD.is_current(text)


def test_a_lost_key_is_named_by_place_and_nothing_else() -> None:
    with pytest.raises(CannotDecrypt) as caught:
        NEW.open("app:A1", "client_secret", OLD.seal("app:A1", "client_secret", "a-secret-value"))

    assert str(caught.value) == "no key decrypts app:A1 client_secret"
    assert caught.value.__suppress_context__


def test_a_cipher_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Cipher([])


def test_a_new_first_key_seals_and_the_old_one_still_opens() -> None:
    under_old, under_new = OLD.seal("key", "field", "old"), ROTATED.seal("key", "field", "new")

    assert ROTATED.open("key", "field", under_old) == "old"
    assert NEW.open("key", "field", under_new) == "new"
    assert (ROTATED.is_current(under_old), ROTATED.is_current(under_new)) == (False, True)


@given(value=any_text)
@untimed
def test_a_renewed_value_opens_with_the_new_key_alone_and_only_in_its_place(value: str) -> None:
    sealed = OLD.seal("key", "field", value)

    assert NEW.open("key", "field", ROTATED.renew("key", "field", sealed)) == value
    with pytest.raises(CannotDecrypt):
        ROTATED.renew("key", "other", sealed)


@pytest.mark.parametrize("value", ["", "111.222", '"gAAAAAB"', "1800000000.0", "[]", "null", "gAAA"])
def test_a_readable_value_does_not_look_sealed(value: str) -> None:
    assert not looks_sealed(value)
