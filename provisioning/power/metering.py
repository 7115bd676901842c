"""What feeds carry by their hosts' meters, for whoever grants watts.

A plan knows what was promised; a meter knows what is drawn. Where a meter says more, that counts:
measured watts take room away. They make room only where the pod's policy says so, and then only of
a host that has been ready for an hour, was read all that time and just now, and counts with its
highest draw of that hour and a tenth more. A host that was not read counts with what it holds, so
a reading that is old, or missing, never makes room.

Pure, but for the one question to the kept readings. Blocks: ask it in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory.model import Host
from inventory.readings.freshness import FRESH_S
from inventory.readings.keeping import Readings
from inventory.readings.series import SORTS
from inventory.states import HostState
from pods.power import HEADROOM

STEADY = timedelta(hours=1)
"""How long a host must have been ready: its tenant's load was seen, not only its rest."""
READINGS_MIN = 45
"""Of the sixty of an hour: a few may be missed, a gap of a quarter of an hour may not."""


@dataclass(frozen=True, slots=True)
class Metered:
    """One host's draw."""

    watts: float
    """Now."""
    steady_watts: float | None = None
    """The most that it needs, as the last hour showed; None: that is not known."""


def metered(
    readings: Readings, hosts: Sequence[Host], *, now: datetime, may_loosen: bool
) -> dict[str, Metered]:
    """By id, those that were read lately. Blocks."""
    at = now.timestamp()
    newest = readings.newest([host.id for host in hosts], since=at - FRESH_S)
    fresh = {
        key: one.watts
        for key, one in newest.items()
        if one.watts is not None and 0 <= at - one.seen_at <= FRESH_S
    }
    steady = [host.id for host in hosts if host.id in fresh and _is_steady(host, now)]
    peaks = _peaks(readings, steady, now) if may_loosen and steady else {}
    return {
        key: Metered(watts, max(peaks[key] * HEADROOM, watts) if key in peaks else None)
        for key, watts in fresh.items()
    }


def _is_steady(host: Host, now: datetime) -> bool:
    return host.state is HostState.READY and now - host.state_since >= STEADY


def _peaks(readings: Readings, ids: Sequence[str], now: datetime) -> Mapping[str, float]:
    """The highest draw of the last hour, of those that were read all through it."""
    until = int(now.timestamp()) + 1
    since = until - int(STEADY.total_seconds())
    found = readings.draws(ids, since=since, until=until, whole=True)
    return {
        key: max(quanta for _, quanta in told) * SORTS["power"].quantum
        for key, told in found.items()
        if len(told) >= READINGS_MIN
    }
