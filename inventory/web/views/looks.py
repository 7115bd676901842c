"""How states, watts and moments look: one word, one shape and one tone for each, everywhere.

A tone is never the only sign: each state has a symbol of its own shape and its word beside it, so
that nobody needs to tell red from green. The figures are for people: kW where it is kilowatts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from inventory.model import Problem
from inventory.states import ClaimState, HostState, UnitState

Tone = Literal["good", "work", "rest", "warn", "stop", "hand", "gone"]

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
KILO = 1000
MEGA = 1_000_000


@dataclass(frozen=True, slots=True)
class Look:
    """One state as it is shown."""

    tone: Tone
    label: str
    symbol: str
    """A character of its own shape for this tone."""


SYMBOLS: dict[Tone, str] = {
    "good": "●",
    "work": "▶",
    "rest": "○",
    "warn": "▲",
    "stop": "■",
    "hand": "◆",
    "gone": "▽",
}
WORST_FIRST: tuple[Tone, ...] = ("stop", "warn", "hand", "work", "rest", "good", "gone")
"""What a person must see first."""

MEANINGS: dict[Tone, str] = {
    "good": "ready",
    "work": "at work",
    "rest": "at rest",
    "warn": "a problem that podyard works on",
    "stop": "parked: a person must act",
    "hand": "with a person for repair",
    "gone": "leaving or retired",
}

_HOST_TONES: dict[HostState, Tone] = {
    HostState.ENROLLED: "rest",
    HostState.READY: "good",
    HostState.DRAINING: "gone",
    HostState.CLEANING: "gone",
    HostState.RETIRED: "gone",
    HostState.REPAIRING: "hand",
}
_UNIT_TONES: dict[UnitState, Tone] = {
    UnitState.AVAILABLE: "good",
    UnitState.CLAIMED: "work",
    UnitState.DRAINING: "gone",
    UnitState.WITHDRAWN: "stop",
}
_CLAIM_TONES: dict[ClaimState, Tone] = {
    ClaimState.PENDING: "warn",
    ClaimState.BOUND: "good",
    ClaimState.RELEASING: "gone",
    ClaimState.RELEASED: "gone",
}


def look(tone: Tone, label: str) -> Look:
    """A look by its tone."""
    return Look(tone=tone, label=label, symbol=SYMBOLS[tone])


def host_look(state: HostState, problem: Problem | None) -> Look:
    """A host's state with the problem that stands beside it."""
    if problem is not None and problem.parked:
        return look("stop", f"{state.value}, parked")
    if problem is not None:
        return look("warn", f"{state.value}, problem")
    return look(_HOST_TONES.get(state, "work"), state.value)


def unit_look(state: UnitState) -> Look:
    """A unit's state."""
    return look(_UNIT_TONES[state], state.value)


def claim_look(state: ClaimState) -> Look:
    """A claim's state."""
    return look(_CLAIM_TONES[state], state.value)


def worst(looks: Iterable[Look]) -> Tone:
    """The tone that a person must see first; at rest where there is nothing."""
    tones = {one.tone for one in looks}
    return next((tone for tone in WORST_FIRST if tone in tones), "rest")


def watts(value: float | None) -> str:
    """`940 W`, `3.7 kW`, `214 kW`, `1.42 MW`: three figures say enough."""
    if value is None:
        return "not known"
    for size, unit in ((MEGA, "MW"), (KILO, "kW")):
        if abs(value) >= size:
            scaled = value / size
            decimals = 0 if abs(scaled) >= 100 else 1 if unit == "kW" else 2  # noqa: PLR2004 - figures
            text = f"{scaled:.{decimals}f}"
            return f"{text.rstrip('0').rstrip('.') if decimals else text} {unit}"
    return f"{value:.0f} W"


def ago(then: datetime, now: datetime) -> str:
    """How long ago, or in how long, to the unit that matters."""
    seconds = (now - then).total_seconds()
    text = span(abs(seconds))
    if text == "now":
        return text
    return f"{text} ago" if seconds > 0 else f"in {text}"


def span(seconds: float) -> str:
    """A length of time in one or two units."""
    if seconds < 1:
        return "now"
    if seconds < MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < HOUR_S:
        return f"{seconds / MINUTE_S:.0f} min"
    if seconds < DAY_S:
        hours, minutes = divmod(int(seconds / MINUTE_S), 60)
        return f"{hours} h {minutes:02d} min"
    days = int(seconds // DAY_S)
    return f"{days} day{'' if days == 1 else 's'}"


def moment(at: datetime) -> str:
    """A moment to the second, in UTC as everywhere."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(at: datetime) -> str:
    """The time of day of a moment whose day is told elsewhere."""
    return f"{at.astimezone(UTC):%H:%M:%S}"


def counted(number: int, what: str) -> str:
    """`1 host`, `2,048 hosts`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
