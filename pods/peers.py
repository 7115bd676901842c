"""One slow part among equals: the rule that needs no floor, because the neighbours are the floor.

A GPU at a third of its neighbours' speed passes a vendor's diagnostic, and a pod is as fast as its
slowest member. Mean and standard deviation do not see it: the outlier moves both. The median and
the median absolute deviation stay where the healthy majority is, so the distance from the median,
counted in robust deviations, names the culprit. Two limits stand beside that: what is within 5 %
of the median is never accused, however alike the others are; what is below two thirds of it always
is, however much the others scatter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

PEERS_MIN = 4
"""With three, one bad figure is a third of the evidence; with two, nobody knows which is wrong."""

DEVIATIONS_MAX = 3.5
"""Iglewicz and Hoaglin's cut for the modified z-score: about 1 in 2,000 of a normal crowd."""

MAD_TO_SIGMA = 1.4826
"""The median absolute deviation of a normal crowd, times this, is its standard deviation."""

NEAR = 0.05
"""SuperBench takes 5 % below the baseline for defective; nearer than that is noise."""

FAR = 2 / 3
"""Below this share of the median no scatter is an excuse."""


@dataclass(frozen=True, slots=True)
class Outlier:
    """One member that is worse than its peers."""

    name: str
    value: float
    share: float
    """Of the peers' median: 0.33 is a third of their speed; for times, the inverse."""
    deviations: float

    def __str__(self) -> str:
        return f"{self.name} reaches {self.share:.0%} of its peers' median"


@dataclass(frozen=True, slots=True)
class PeerVerdict:
    """Who falls behind. `problem` says why nothing could be judged; then nobody passed."""

    passed: bool
    median: float | None
    outliers: tuple[Outlier, ...] = ()
    problem: str = ""


def judge_peers(
    values: Mapping[str, float], *, better: Literal["higher", "lower"] = "higher"
) -> PeerVerdict:
    """Compare members of one group: the accelerators of a host, the hosts of a pod."""
    if len(values) < PEERS_MIN:
        problem = f"{len(values)} peers are too few to tell who is wrong: {PEERS_MIN} are needed"
        return PeerVerdict(passed=False, median=None, problem=problem)
    strange = [name for name, value in values.items() if not math.isfinite(value) or value <= 0]
    if strange:
        problem = f"no measurement from {', '.join(sorted(strange))}"
        return PeerVerdict(passed=False, median=None, problem=problem)
    speeds = {name: value if better == "higher" else 1 / value for name, value in values.items()}
    middle = median(speeds.values())
    spread = MAD_TO_SIGMA * median(abs(speed - middle) for speed in speeds.values())
    outliers = tuple(
        Outlier(
            name=name,
            value=values[name],
            share=speed / middle,
            deviations=(middle - speed) / spread if spread else math.inf,
        )
        for name, speed in speeds.items()
        if _behind(speed, middle=middle, spread=spread)
    )
    return PeerVerdict(
        passed=not outliers,
        median=middle if better == "higher" else 1 / middle,
        outliers=tuple(sorted(outliers, key=lambda one: (one.share, one.name))),
    )


def _behind(speed: float, *, middle: float, spread: float) -> bool:
    if speed >= middle * (1 - NEAR):
        return False
    return speed < middle * FAR or middle - speed > DEVIATIONS_MAX * spread
