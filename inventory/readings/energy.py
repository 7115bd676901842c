"""How much a host drew since podyard reads it, as a counter that never falls and never guesses.

A BMC that counts energy itself is believed: its counter ran on while nobody asked. Where there is
only a power reading, the time between two readings counts with the mean of both, as long as they
are near enough to be two readings of one draw. What lies between readings that are further apart is
a gap: it is added to the time that is not accounted for, and to the energy nothing is added. So the
counter is a lower bound, and beside it stands how much time it leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

JOULES_A_KWH = 3_600_000
WATTS_MOST = 300_000.0
"""More than any host draws: a counter that grew faster than this was set, not counted."""


@dataclass(frozen=True, slots=True)
class Meter:
    """One host's energy."""

    since: float
    """When it was read first, in seconds since 1970."""
    at: float
    watts: float | None = None
    """Drawn when it was read last."""
    counter_kwh: float | None = None
    """What the BMC's own counter said then."""
    joules: int = 0
    gaps: int = 0
    gap_s: float = 0.0
    """Time for which nobody knows what was drawn."""

    @property
    def kwh(self) -> float:
        """What was counted."""
        return self.joules / JOULES_A_KWH


def started(at: float, *, watts: float | None, counter_kwh: float | None) -> Meter:
    """The first reading: it counts from here."""
    return Meter(since=at, at=at, watts=watts, counter_kwh=counter_kwh)


def counted(
    meter: Meter, at: float, *, watts: float | None, counter_kwh: float | None, longest_s: float
) -> Meter:
    """The next reading. `longest_s`: further apart than this, two power readings are a gap."""
    passed_s = at - meter.at
    if passed_s <= 0:  # a clock that was set back, or the same reading once more
        return meter
    read = replace(meter, at=at, watts=watts, counter_kwh=counter_kwh)
    own = _by_counter(meter, passed_s, counter_kwh)
    if own is not None:
        return replace(read, joules=meter.joules + own)
    if meter.watts is None or watts is None or passed_s > longest_s:
        return replace(read, gaps=meter.gaps + 1, gap_s=meter.gap_s + passed_s)
    return replace(read, joules=meter.joules + round((meter.watts + watts) / 2 * passed_s))


def _by_counter(meter: Meter, passed_s: float, counter_kwh: float | None) -> int | None:
    """What the BMC counted meanwhile; None when it does not count or began anew."""
    if meter.counter_kwh is None or counter_kwh is None:
        return None
    joules = round((counter_kwh - meter.counter_kwh) * JOULES_A_KWH)
    # It steps: the last step may have been due long before, so one whole kWh is always believed.
    plausible = WATTS_MOST * passed_s + JOULES_A_KWH
    return joules if 0 <= joules <= plausible else None
