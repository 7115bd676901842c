"""When a ready host's BMC gets another password or certificate, and when it is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory.model import Adoption, Problem
from provisioning.lifecycle.actions import AskRenewal, AskRotation
from provisioning.lifecycle.upkeep import upkeep
from provisioning.onboarding.policy import AdoptionPolicy
from tests.make import NOW, make_host, make_wanted

DAY = timedelta(days=1)
WANTED = make_wanted(adoption=AdoptionPolicy(rotate_every_days=90, certificates=True))
CLAIMED = make_wanted(adoption=WANTED.adoption, unit_free=False)


def aged(days: float, **changes: object):  # noqa: ANN201 - a host
    """A host whose password podyard made so long ago."""
    done = {"password_set_at": NOW - days * DAY, **changes}
    return make_host(adoption=Adoption(**done))  # type: ignore[arg-type]


def asks(host: object, wanted: object = WANTED) -> object:
    """What is asked for; None: nothing."""
    found = upkeep(host, wanted, NOW)  # type: ignore[arg-type]
    return found.action if found is not None else None


def test_an_old_password_is_replaced_before_its_period_is_over() -> None:
    assert asks(aged(80)) is None
    assert asks(aged(90)) == AskRotation()


def test_each_host_has_its_own_day() -> None:
    due = {
        next(d for d in range(80, 92) if asks(aged(d).model_copy(update={"id": f"host-{n}"})))
        for n in range(50)
    }
    assert len(due) > 5
    assert min(due) >= 81
    assert max(due) <= 90


def test_nothing_is_rotated_by_default() -> None:
    assert asks(aged(9999), make_wanted()) is None


def test_a_password_that_a_person_gave_is_left_alone() -> None:
    assert asks(make_host(adoption=Adoption())) is None


def test_a_password_that_others_know_by_now_is_replaced() -> None:
    host = make_host()
    told = host.model_copy(update={"bmc": host.bmc.model_copy(update={"credentials": "factory"})})
    assert asks(told, make_wanted()) == AskRotation()
    refused = told.model_copy(update={"adoption": Adoption(password_tried_at=NOW - DAY)})
    assert asks(refused, make_wanted()) is None


def test_a_claimed_host_waits_for_its_claim_but_not_for_ever() -> None:
    assert asks(aged(95), CLAIMED) is None
    assert asks(aged(113), CLAIMED) == AskRotation()


@pytest.mark.parametrize(
    "busy",
    [
        {"problem": Problem(kind="bmc-busy", message="busy", since=NOW)},
        {"rotation": "pending"},
        {"renewal": "asked"},
    ],
)
def test_nothing_is_begun_in_the_middle_of_anything(busy: dict[str, object]) -> None:
    assert asks(aged(99).model_copy(update=busy)) is None
    assert asks(aged(99), make_wanted(adoption=WANTED.adoption, open_steps={"x"})) is None


def test_a_refusal_is_not_repeated_for_a_week() -> None:
    assert asks(aged(99, password_tried_at=NOW - 6 * DAY)) is None
    assert asks(aged(99, password_tried_at=NOW - 8 * DAY)) == AskRotation()


def test_a_certificate_is_renewed_a_month_before_its_end() -> None:
    assert asks(aged(0, certificate_until=NOW + 31 * DAY)) is None
    assert asks(aged(0, certificate_until=NOW + 26 * DAY)) == AskRenewal()
    assert asks(aged(0, certificate_until=NOW + 26 * DAY), CLAIMED) is None
    assert asks(aged(0, certificate_until=NOW + 9 * DAY), CLAIMED) == AskRenewal()
    assert asks(aged(0, certificate_until=NOW + 9 * DAY), make_wanted()) is None
