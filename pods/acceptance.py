"""The ladder of evidence from paper to hand-over, and the judge of its measured rungs.

A host that answers, boots and passes a vendor's diagnostic may still run at a third of its peers'
speed. So floors are part of the spec, and a host is offered only when every floor has a
measurement that reaches it. Whatever is missing, doubled or not a number counts against the host.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pods.spec import Floor


class Rung(StrEnum):
    """The acceptance ladder. Each rung stops what the rungs below it cannot see."""

    A0_PAPER = "A0"
    """Device types, cabling and power plan on paper: stops a breaker above 80 %, a port clash."""
    A1_OUT_OF_BAND = "A1"
    """Facts over the BMC match, firmware set, clean counters: stops wrong or used parts."""
    A2_IN_BAND = "A2"
    """Single-host measurements against floors: stops a weak host."""
    A3_SCALE_UP = "A3"
    """Every link inside the scale-up domain: stops a bad link or switch."""
    A4_FABRIC = "A4"
    """The neighbour of every port, error rates: stops miscabling and dirty optics."""
    A5_POD = "A5"
    """Whole-pod collectives and a model benchmark: stops stragglers."""
    A6_BURN_IN = "A6"
    """72 hours (168 strict) under load: stops early failures."""
    A7_HAND_OVER = "A7"
    """The signed certificate: stops disputes."""


PEER_SHARE = 0.8
"""Parts of one host under one load differ by a few percent; clocks that were capped, by a third."""


class Measurement(BaseModel):
    """One test's result. `reference` is the same test beside it in the same minute, for ratios."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    test: str
    value: float
    reference: float | None = None
    unit: str = ""
    part: str = Field(default="", max_length=64)
    """The accelerator that it was measured on; empty: the whole host."""


class Line(BaseModel):
    """One floor, judged. `reached` is a ratio or an absolute value, None when nothing counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    test: str
    kind: Literal["ratio", "absolute"]
    floor: float
    reached: float | None
    unit: str
    passed: bool
    reason: str

    def __str__(self) -> str:
        return f"{self.test}: {self.reason}"


class Verdict(BaseModel):
    """Whether every floor was reached, floor by floor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    passed: bool
    lines: tuple[Line, ...]

    def failures(self) -> tuple[Line, ...]:
        """The floors that were not reached."""
        return tuple(line for line in self.lines if not line.passed)


def judge(
    floors: Sequence[Floor], results: Sequence[Measurement], *, peer_share: float = PEER_SHARE
) -> Verdict:
    """Hold the measurements against the floors, and like parts against each other.

    No floors at all is not a pass.
    """
    whole = [one for one in results if not one.part]
    lines = tuple(_line(floor, whole) for floor in floors)
    passed = bool(lines) and all(line.passed for line in lines)
    peers = _peers([one for one in results if one.part], peer_share)
    return Verdict(passed=passed and all(p.passed for p in peers), lines=(*lines, *peers))


def _peers(results: Sequence[Measurement], share: float) -> tuple[Line, ...]:
    """One line for each test that was made part by part: how its slowest part compares."""
    tests = dict.fromkeys(one.test for one in results)
    return tuple(
        _among_peers([one for one in results if one.test == test], share) for test in tests
    )


def _among_peers(parts: Sequence[Measurement], share: float) -> Line:
    """The median is the peers' speed: half of them would have to be slow to hide a slow one."""

    def line(reached: float | None, reason: str, *, passed: bool) -> Line:
        return Line(
            test=parts[0].test,
            kind="ratio",
            floor=share,
            reached=reached,
            unit="of its peers",
            passed=passed,
            reason=reason,
        )

    strange = [one.part for one in parts if not math.isfinite(one.value) or one.value < 0]
    middle = 0.0 if strange else statistics.median(one.value for one in parts)
    if strange or middle <= 0:
        reason = f"{', '.join(strange) or 'no part'}: not a measurement"
        return line(None, reason, passed=False)
    slow = [one for one in parts if one.value < share * middle]
    worst = min(parts, key=lambda one: one.value).value / middle
    if not slow:
        reason = f"every part reaches {share:g} of its peers"
        return line(worst, reason, passed=True)
    named = ", ".join(f"{one.part} runs at {one.value / middle:.2g}" for one in slow)
    reason = f"{named} of its peers, below {share:g}"
    return line(worst, reason, passed=False)


def _line(floor: Floor, results: Sequence[Measurement]) -> Line:
    reached, problem = _reached(floor, [one for one in results if one.test == floor.test])
    unit = "of reference" if floor.kind == "ratio" else floor.unit
    if problem or reached is None:
        return _judged(floor, None, unit, passed=False, reason=problem)
    passed = reached >= floor.floor
    verb = "reaches" if passed else "is below"
    reason = f"{reached:.3g} {unit} {verb} the floor of {floor.floor:g}"
    return _judged(floor, reached, unit, passed=passed, reason=reason)


def _judged(floor: Floor, reached: float | None, unit: str, *, passed: bool, reason: str) -> Line:
    return Line(
        test=floor.test,
        kind=floor.kind,
        floor=floor.floor,
        reached=reached,
        unit=unit,
        passed=passed,
        reason=reason,
    )


def _reached(floor: Floor, results: Sequence[Measurement]) -> tuple[float | None, str]:
    """What was reached, or why nothing counts."""
    if not results:
        return None, "was not measured"
    if len(results) > 1:
        return None, f"was reported {len(results)} times: which one counts is not ours to choose"
    result = results[0]
    if not math.isfinite(result.value) or result.value < 0:
        return None, f"{result.value} is not a measurement"
    return _ratio(result) if floor.kind == "ratio" else _absolute(floor, result)


def _absolute(floor: Floor, result: Measurement) -> tuple[float | None, str]:
    if result.unit != floor.unit:
        return None, f"was measured in {result.unit or 'no unit'}, the floor is in {floor.unit}"
    return result.value, ""


def _ratio(result: Measurement) -> tuple[float | None, str]:
    if result.reference is None:
        return None, "has no reference from the same minute"
    if not math.isfinite(result.reference) or result.reference <= 0:
        return None, f"its reference {result.reference} is not a measurement"
    return result.value / result.reference, ""
