"""Passwords: what is stored, what is refused, and what nobody can sign in with."""

from __future__ import annotations

import pytest

from inventory.passwords import LENGTH_MAX, NOBODYS, Passwords, require_good
from inventory.refusals import Refused


def test_a_name_without_a_password_has_none_that_is_right() -> None:
    """The hash that stands in for it is public, and so is what it was made of."""
    passwords = Passwords()
    made_of = "nobody knows this one"
    assert passwords.right(NOBODYS, made_of)
    assert not passwords.right("", made_of)
    assert not passwords.right("", "")


def test_what_stands_in_costs_as_much_as_a_real_one() -> None:
    passwords = Passwords()
    assert not passwords.outdated(NOBODYS)
    assert (
        passwords.hash("x" * 20).rpartition("$")[0].rpartition("$")[0]
        == (NOBODYS.rpartition("$")[0].rpartition("$")[0])
    )


def test_two_hashes_of_one_password_differ_and_a_broken_one_opens_nothing() -> None:
    passwords = Passwords()
    first, second = passwords.hash("a password"), passwords.hash("a password")
    assert first != second
    assert passwords.right(first, "a password")
    assert not passwords.right(first, "another")
    assert not passwords.right("no hash at all", "a password")


@pytest.mark.parametrize(
    "weak",
    ["", "x" * 14, "ab" * 10, "jane-doe-jane-doe", "x" * (LENGTH_MAX + 1)],
)
def test_what_is_easily_guessed_is_refused_and_not_shown(weak: str) -> None:
    with pytest.raises(Refused) as refused:
        require_good(weak, user="jane-doe")
    assert not weak or weak not in refused.value.body.model_dump_json()


@pytest.mark.parametrize(
    "good", ["correct horse battery", "pässwörter ünd mehr", "0123456789abcde"]
)
def test_length_is_enough(good: str) -> None:
    require_good(good, user="jane")
