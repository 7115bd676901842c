"""Every password fits the BMC's own policy and is worth something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.drivers.capabilities import PasswordPolicy
from provisioning.errors import Unsupported
from provisioning.onboarding.passwords import CLASSES, LEAST_LENGTH, WANTED_LENGTH, generate


@given(st.integers(0, 200), st.one_of(st.none(), st.integers(LEAST_LENGTH, 200)))
def test_any_policy_that_allows_a_good_password_gets_one_of_every_class(
    shortest: int, longest: int | None
) -> None:
    policy = PasswordPolicy(length_min=shortest, length_max=longest)
    if longest is not None and shortest > longest:
        with pytest.raises(Unsupported):
            generate(policy)
        return
    password = generate(policy).get_secret_value()
    assert max(shortest, LEAST_LENGTH) <= len(password) <= (longest or 200)
    assert all(set(password) & set(one) for one in CLASSES)
    assert set(password) <= set("".join(CLASSES))


def test_a_policy_that_allows_weak_passwords_alone_is_refused_with_a_hint() -> None:
    with pytest.raises(Unsupported, match="length 4 to 8") as caught:
        generate(PasswordPolicy(length_min=4, length_max=8))
    assert "MaxPasswordLength" in caught.value.hint


def test_passwords_differ_and_are_not_told_by_their_class() -> None:
    made = [generate(PasswordPolicy()) for _ in range(200)]
    assert len({one.get_secret_value() for one in made}) == 200
    assert {len(one.get_secret_value()) for one in made} == {WANTED_LENGTH}
    assert len({one.get_secret_value()[0].isupper() for one in made}) == 2
    assert made[0].get_secret_value() not in repr(made[0])
