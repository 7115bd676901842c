"""What comes next in a rotation, whatever a life of the process knows."""

from __future__ import annotations

import pytest

from provisioning.onboarding.rotation import (
    GiveUp,
    Known,
    Opens,
    Probe,
    Promote,
    Rest,
    RotationStep,
    SetPending,
    StorePending,
    Stuck,
    decide_rotation,
)


def test_nothing_is_done_without_a_wish() -> None:
    assert all(decide_rotation("", Known(opens)) == Rest() for opens in Opens)


def test_the_new_password_is_stored_before_the_bmc_hears_of_it() -> None:
    assert all(decide_rotation("asked", Known(opens)) == StorePending() for opens in Opens)


@pytest.mark.parametrize(
    ("known", "step"),
    [
        (Known(), Probe(Opens.CURRENT)),
        (Known(answer="refused"), Probe(Opens.PENDING)),
        (Known(Opens.CURRENT), SetPending()),
        (Known(Opens.CURRENT, "refused"), GiveUp("refused")),
        (Known(Opens.PENDING), Promote()),
        (Known(Opens.PENDING, "refused, and it did it all the same"), Promote()),
        (Known(Opens.NEITHER), Stuck()),
        (Known(Opens.NEITHER, "refused"), Stuck()),
    ],
)
def test_what_opens_the_bmc_decides(known: Known, step: RotationStep) -> None:
    assert decide_rotation("pending", known) == step


def test_a_held_host_gets_no_password_but_one_that_it_has_is_recorded() -> None:
    assert decide_rotation("asked", Known(), held=True) == Rest()
    assert decide_rotation("pending", Known(), held=True) == Probe(Opens.CURRENT)
    assert decide_rotation("pending", Known(Opens.CURRENT), held=True) == Rest()
    assert decide_rotation("pending", Known(Opens.PENDING), held=True) == Promote()
