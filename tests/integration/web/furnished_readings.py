"""Readings of the furnished site: two days of some hosts with a hole, one warm host, one leak."""

from __future__ import annotations

import math
from datetime import datetime

from inventory.model import Host
from inventory.readings.energy import Meter
from inventory.readings.keeping import Batch, Newest
from inventory.readings.packing import WINDOW_S, Window
from inventory.readings.series import quanta
from inventory.states import HostState, PowerState
from inventory.store.reading import every
from inventory.store.sql import SqlStore

HOURS = 7
HOLE_S = (3 * 3600, 3 * 3600 + 2400)
"""Seconds ago, between which nothing was read."""
WARM, LEAKING = 17, 19


def read_for_a_while(store: SqlStore, now: datetime) -> None:
    """As if every powered host had been read for some hours."""
    end = int(now.timestamp())
    powered = [host for host in every(store, Host) if host.power is PowerState.ON]
    for number, host in enumerate(sorted(powered, key=lambda one: one.name)):
        hours = HOURS if host.state is HostState.READY else 1
        store.readings.write(_batch(host, number, end - hours * 3600, end))


def _batch(host: Host, number: int, begin: int, end: int) -> Batch:
    windows = []
    for start in range(begin - begin % WINDOW_S, end + 1, WINDOW_S):
        window, last = Window(start=start), None
        for offset in range(7, WINDOW_S, 60):
            at = start + offset
            if at > end or HOLE_S[0] <= end - at < HOLE_S[1]:
                continue
            values = _values(host, number, at)
            window.add(offset, {name: quanta(name, value) for name, value in values.items()})
            warm = [v for n, v in values.items() if n.startswith("temperature")]
            leak = int(values["leak.detector-1"])
            last = Newest(float(at), values["power"], max(warm), leak)
        if last is not None:
            windows.append((host.id, window, last))
    meter = Meter(since=float(begin), at=float(end), joules=int(8.4e9), gaps=1, gap_s=2400.0)
    return Batch(windows=windows, meters={host.id: meter})


def _values(host: Host, number: int, at: int) -> dict[str, float]:
    wave = math.sin(at / 1700 + number)
    heat = 84.0 if number == WARM else 58.0
    return {
        "power": host.reserved_watts * (0.72 + 0.08 * wave),
        "energy": at / 3600,
        **{f"temperature.gpu-{n}": heat + n + 6 * wave for n in range(4)},
        "temperature.intake": 24.0 + wave,
        "flow.coolant0": 78.0 + wave,
        "leak.detector-1": 1.0 if number == LEAKING else 0.0,
        "leak.detector-2": 0.0,
    }
