"""Whatever a life of the controller knows, the next step keeps the BMC within reach."""

from __future__ import annotations

import pytest

from provisioning.onboarding.renewal import (
    Changed,
    GiveUp,
    Install,
    Known,
    NotYet,
    Promote,
    Rest,
    Shake,
    Shows,
    StorePending,
    decide_renewal,
)


@pytest.mark.parametrize(
    ("phase", "known", "held", "step"),
    [
        ("", Known(), False, Rest()),
        ("asked", Known(), False, StorePending()),
        ("asked", Known(), True, Rest()),
        ("pending", Known(), False, Shake()),
        ("pending", Known(), True, Shake()),
        ("pending", Known(Shows.CURRENT), False, Install()),
        ("pending", Known(Shows.CURRENT), True, Rest()),
        ("pending", Known(took=True), False, Shake()),
        ("pending", Known(refused="no"), False, Shake()),
        ("pending", Known(Shows.CURRENT, took=True), False, NotYet()),
        ("pending", Known(Shows.CURRENT, refused="no"), False, GiveUp("no")),
        ("pending", Known(Shows.PENDING), False, Promote()),
        ("pending", Known(Shows.PENDING, refused="no"), True, Promote()),
        ("pending", Known(Shows.NEITHER), False, Changed()),
    ],
)
def test_the_next_step(*, phase: str, known: Known, held: bool, step: object) -> None:
    assert decide_renewal(phase, known, held=held) == step  # type: ignore[arg-type]


@pytest.mark.parametrize("shows", [Shows.UNASKED, Shows.CURRENT, Shows.NEITHER])
def test_the_pin_never_moves_before_the_bmc_has_shown_the_new_one(shows: Shows) -> None:
    for known in (Known(shows), Known(shows, took=True), Known(shows, refused="no")):
        assert decide_renewal("pending", known) != Promote()


def test_no_second_certificate_is_made_while_one_is_pending() -> None:
    for shows in Shows:
        assert decide_renewal("pending", Known(shows)) != StorePending()
