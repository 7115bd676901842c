"""What a pod or a site can do, summed without lying: by profile and by scale-up domain.

Delivered, healthy, reserved and in use are four questions, and each has its own sum. A domain of
72 is not a heap of domains of 8: with a latency floor it does several times their work, on the
spec sheet it does the same. So sums stay apart by domain, and only a profile for which every unit
was measured lets them be joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pods.errors import RatingRefused
from pods.rating import Rating


@dataclass(frozen=True, slots=True)
class RatedUnit:
    """One certified unit as the sum sees it."""

    name: str
    pod: str
    rating: Rating
    scale_up_domain: int
    healthy: bool = True
    reserved: bool = False
    in_use: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    """B200-equivalents of one profile, in one kind of domain or, if asked for, in several."""

    profile: str
    scale_up_domains: tuple[int, ...]
    basis: tuple[str, ...]
    units: int
    delivered: float
    healthy: float
    reserved: float
    in_use: float

    @property
    def free(self) -> float:
        """Healthy and not reserved cannot be less than nothing: broken units may be reserved."""
        return max(0.0, self.healthy - self.reserved)


def totals(units: Iterable[RatedUnit]) -> tuple[Total, ...]:
    """One sum per profile and scale-up domain, in that order."""
    groups: dict[tuple[str, int], list[RatedUnit]] = {}
    for unit in units:
        groups.setdefault((unit.rating.profile, unit.scale_up_domain), []).append(unit)
    return tuple(_sum(group) for _, group in sorted(groups.items()))


def totals_by_pod(units: Iterable[RatedUnit]) -> dict[str, tuple[Total, ...]]:
    """The same for each pod."""
    pods: dict[str, list[RatedUnit]] = {}
    for unit in units:
        pods.setdefault(unit.pod, []).append(unit)
    return {pod: totals(members) for pod, members in sorted(pods.items())}


def total_across_domains(units: Sequence[RatedUnit], *, profile: str) -> Total:
    """One sum over domains of several sizes: only for a profile that every unit was measured for.

    `RatingRefused` otherwise: a spec sheet knows nothing of domains.
    """
    others = sorted({unit.rating.profile for unit in units} - {profile})
    if others or not units:
        raise RatingRefused(
            f"units rated for {', '.join(others) or 'nothing'} have no part in a sum for {profile}",
            hint="rate them for this profile first, or sum each profile by itself",
        )
    domains = {unit.scale_up_domain for unit in units}
    unmeasured = [unit.name for unit in units if unit.rating.basis != "measured"]
    if len(domains) > 1 and unmeasured:
        raise RatingRefused(
            f"domains of {_listed(domains)} accelerators are not summed: {unmeasured[0]} "
            f"({len(unmeasured)} in all) is rated from the spec sheet",
            hint="measure every unit for this profile, or read the sums per domain",
        )
    return _sum(units)


def _listed(domains: Iterable[int]) -> str:
    return " and ".join(str(size) for size in sorted(domains))


def _sum(units: Sequence[RatedUnit]) -> Total:
    def over(chosen: Iterable[RatedUnit]) -> float:
        return sum(unit.rating.b200_equivalents for unit in chosen)

    return Total(
        profile=units[0].rating.profile,
        scale_up_domains=tuple(sorted({unit.scale_up_domain for unit in units})),
        basis=tuple(sorted({unit.rating.basis for unit in units})),
        units=len(units),
        delivered=over(units),
        healthy=over(unit for unit in units if unit.healthy),
        reserved=over(unit for unit in units if unit.reserved),
        in_use=over(unit for unit in units if unit.in_use),
    )
