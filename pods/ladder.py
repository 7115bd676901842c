"""The acceptance ladder as data, and the rule by which an absolute figure passes.

Published pass marks are old, lax or for another driver: one cloud's floor for a part is 59 % of
what others observe on it. So a figure has to reach two bars: the published floor, which nobody may
go below, and 95 % of the golden value that this host type reaches with this driver and collective
library when it is well. A golden value is what a site measured itself; until there is one, the
verdict says that only the floor was held against it.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pods.acceptance import Rung
from pods.datafile import Figure, Row, Sourced, Table, load_table


class PublishedFloor(Sourced):
    """A pass mark that somebody published, for one part or for all."""

    part: str = ""
    floor: Annotated[float, Field(ge=0)]


class LadderTest(Row):
    """One test: where it stands, what it runs or reads, and what it must reach."""

    test: str
    rung: Rung
    scope: Literal["host", "rack", "pod"]
    command: str = ""
    measure: str = ""
    better: Literal["higher", "lower"] = "higher"
    unit: str = ""
    """Nothing: passed or not, as 1 or 0."""
    peers: Literal["", "accelerators", "hosts", "ports"] = ""
    """Between whom the peer rule applies as well."""
    floors: tuple[PublishedFloor, ...]

    @model_validator(mode="after")
    def _says_how(self) -> LadderTest:
        if bool(self.command) == bool(self.measure):
            raise ValueError(f"{self.test}: either a command or a measure")
        return self

    def floor_for(self, part: str) -> PublishedFloor | None:
        """The part's own floor, else the one for all; None when nobody published any."""
        own = [floor for floor in self.floors if floor.part == part]
        return next(iter([*own, *(floor for floor in self.floors if not floor.part)]), None)


class Ladder(Table):
    """Every test of every rung."""

    golden_share: Figure
    tests: tuple[LadderTest, ...]

    def rung(self, rung: Rung) -> tuple[LadderTest, ...]:
        """The tests of one rung."""
        return tuple(test for test in self.tests if test.rung is rung)


class Golden(Row):
    """What a well host of this kind reaches. Another driver is another value."""

    host_type: str
    driver: str
    collective_library: str
    test: str
    value: Annotated[float, Field(gt=0)]
    measured_on: str
    """Which hosts, and when: a golden value nobody can trace is a guess."""


class GoldenVerdict(Row):
    """One figure against its bars. `bar` is the harder of the two."""

    passed: bool
    bar: float
    reason: str


def ladder() -> Ladder:
    """The shipped ladder."""
    return load_table("acceptance", Ladder)


def judge_figure(
    test: LadderTest, value: float, *, part: str, golden: Golden | None = None
) -> GoldenVerdict:
    """Whether a figure reaches the floor and its share of the golden value; no bar, no pass."""
    floor = test.floor_for(part)
    share = ladder().golden_share.value
    bars = []
    if floor is not None:
        bars.append((floor.floor, "published floor"))
    if golden is not None:
        if golden.test != test.test:
            raise ValueError(f"the golden value is of {golden.test}, not {test.test}")
        higher = test.better == "higher"
        near = golden.value * share if higher else golden.value / share
        bars.append((near, f"{share:.0%} of golden" if higher else f"golden over {share:.0%}"))
    if not bars:
        reason = f"nobody published a floor for {part}, and there is no golden value: measure one"
        return GoldenVerdict(passed=False, bar=0.0, reason=reason)
    bar, name = (max if test.better == "higher" else min)(bars)
    if not math.isfinite(value) or value < 0:
        return GoldenVerdict(passed=False, bar=bar, reason=f"{value} is not a measurement")
    passed = value >= bar if test.better == "higher" else value <= bar
    verb = "reaches" if passed else "misses"
    only = "" if golden else "; no golden value yet, so only the floor counts"
    reason = f"{value:g} {test.unit} {verb} {bar:g} ({name}){only}".replace("  ", " ")
    return GoldenVerdict(passed=passed, bar=bar, reason=reason)
