"""Sums of ratings: four questions, kept apart by profile and by scale-up domain."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import pytest

from pods.errors import RatingRefused
from pods.rating import Rating
from pods.rating_totals import RatedUnit, total_across_domains, totals, totals_by_pod


def unit(
    name: str,
    *,
    b200e: float = 8.0,
    domain: int = 8,
    basis: Literal["measured", "spec"] = "measured",
    profile: str = "p",
    **state: Any,
) -> RatedUnit:
    rating = Rating(b200_equivalents=b200e, profile=profile, basis=basis, date=date(2026, 3, 1))
    return RatedUnit(
        name=name, pod=state.pop("pod", "pod-1"), rating=rating, scale_up_domain=domain, **state
    )


def test_delivered_healthy_reserved_and_in_use_are_four_sums() -> None:
    (total,) = totals(
        [unit("a", reserved=True, in_use=True), unit("b", reserved=True), unit("c", healthy=False)]
    )
    assert (total.delivered, total.healthy, total.reserved, total.in_use) == (24, 16, 16, 8)
    assert total.free == 0


def test_domains_and_profiles_stay_apart() -> None:
    found = totals([unit("a"), unit("b", domain=72, b200e=72), unit("c", profile="q")])
    assert [(t.profile, t.scale_up_domains, t.delivered) for t in found] == [
        ("p", (8,), 8),
        ("p", (72,), 72),
        ("q", (8,), 8),
    ]


def test_domains_join_only_where_every_unit_was_measured_for_the_profile() -> None:
    measured = [unit("a"), unit("b", domain=72, b200e=259)]
    assert total_across_domains(measured, profile="p").delivered == 267
    with pytest.raises(RatingRefused, match="domains of 8 and 72"):
        total_across_domains([*measured, unit("c", basis="spec")], profile="p")
    with pytest.raises(RatingRefused, match="no part in a sum for p"):
        total_across_domains([*measured, unit("c", profile="q")], profile="p")


def test_pods_are_summed_one_by_one() -> None:
    found = totals_by_pod([unit("a"), unit("b", pod="pod-2"), unit("c", pod="pod-2")])
    assert {pod: [t.delivered for t in sums] for pod, sums in found.items()} == {
        "pod-1": [8],
        "pod-2": [16],
    }
