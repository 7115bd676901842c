"""What was read, in memory until it is written: the open five minutes of every host.

Nothing here waits for anything. A round is noted in some ten microseconds, and once in a while all
that changed is taken out as one batch. A batch that could not be written goes back, so that an hour
without a database costs nothing but memory; what is older than that is let go and shows as a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from inventory.readings.energy import Meter, counted, started
from inventory.readings.keeping import Batch, BmcLine, Newest
from inventory.readings.packing import WINDOW_S, Window
from inventory.readings.series import quanta
from provisioning.drivers.rounds import Round

WAITING_MAX = 12
"""Windows of one host that wait for the database: an hour."""
LINES_MAX = 10_000


@dataclass(slots=True)
class _Open:
    window: Window
    newest: Newest


@dataclass(slots=True)
class Recorder:
    """What was read and is not on disk yet."""

    longest_s: float
    """Two readings further apart are a gap in the energy."""
    meters: dict[str, Meter] = field(default_factory=dict)
    _open: dict[str, _Open] = field(default_factory=dict)
    _waiting: dict[tuple[str, int], _Open] = field(default_factory=dict)
    _fresh: set[str] = field(default_factory=set)
    _lines: list[tuple[str, BmcLine]] = field(default_factory=list)
    let_go: int = 0
    """Windows that waited too long for the database."""

    def resume(self, meters: Mapping[str, Meter], windows: Mapping[str, Window]) -> None:
        """Go on where the last worker ended, unless what was read since still waits here."""
        waiting = {host_id for host_id, _ in self._waiting}
        self.meters |= {h: meter for h, meter in meters.items() if h not in waiting}
        for host_id, window in windows.items():
            if window.offsets and (host_id, window.start) not in self._waiting:
                at = float(window.start + window.offsets[-1])
                self._open[host_id] = _Open(window, Newest(at))

    def note(self, host_id: str, at: float, read: Round) -> None:
        """One round of one host."""
        meter = self._metered(host_id, at, read)
        start = int(at) // WINDOW_S * WINDOW_S
        known = self._open.get(host_id)
        if known is None or known.window.start != start:
            if known is not None and host_id in self._fresh:
                self._waiting[host_id, known.window.start] = known
            known = _Open(Window(start=start), Newest(at))
            self._open[host_id] = known
        offset = int(at) - start
        if known.window.offsets and offset <= known.window.offsets[-1]:
            return  # twice in one second, or a clock that was set back
        values: dict[str, int | None] = {}
        for name, value in read.values.items():
            values[name] = quanta(name, value)
        if read.watts is not None or read.counter_kwh is not None:
            values["energy"] = quanta("energy", meter.kwh)
            values["unmetered"] = quanta("unmetered", meter.gap_s)
        known.window.add(offset, values)
        known.newest = newest_of(at, read.values)
        self._fresh.add(host_id)

    def note_beside(self, host_id: str, values: Mapping[str, float]) -> None:
        """What else was read of it just now, beside its round."""
        known = self._open.get(host_id)
        if known is not None and known.window.offsets and values:
            known.window.amend({name: quanta(name, value) for name, value in values.items()})
            self._fresh.add(host_id)

    def note_lines(self, host_id: str, lines: Iterable[BmcLine]) -> None:
        """Lines of its BMC's log; the store knows which are new."""
        room = LINES_MAX - len(self._lines)
        self._lines += [(host_id, line) for line in lines][: max(0, room)]

    def take(self) -> Batch:
        """Everything that changed since it was taken last."""
        fresh, self._fresh = self._fresh, set()
        waiting, self._waiting = self._waiting, {}
        lines, self._lines = self._lines, []
        windows = [(host_id, one.window, one.newest) for (host_id, _), one in waiting.items()]
        for host_id in fresh:
            one = self._open[host_id]
            windows.append((host_id, one.window, one.newest))
        meters = {h: self.meters[h] for h, _, _ in windows if h in self.meters}
        return Batch(windows=windows, meters=meters, lines=lines)

    def put_back(self, batch: Batch) -> None:
        """It could not be written."""
        for host_id, window, newest in batch.windows:
            open_now = self._open.get(host_id)
            if open_now is not None and open_now.window is window:
                self._fresh.add(host_id)
            else:
                self._waiting[host_id, window.start] = _Open(window, newest)
        self._lines = [*batch.lines, *self._lines][:LINES_MAX]
        self._let_go()

    def forget(self, host_id: str) -> None:
        """It is read no more; what was read of it is written all the same."""
        known = self._open.pop(host_id, None)
        if known is not None and host_id in self._fresh:
            self._waiting[host_id, known.window.start] = known
        self._fresh.discard(host_id)

    def _metered(self, host_id: str, at: float, read: Round) -> Meter:
        told = {"watts": read.watts, "counter_kwh": read.counter_kwh}
        known = self.meters.get(host_id)
        if known is None:
            fresh = started(at, **told)
        else:
            fresh = counted(known, at, **told, longest_s=self.longest_s)
        self.meters[host_id] = fresh
        return fresh

    def _let_go(self) -> None:
        by_host: dict[str, list[int]] = {}
        for host_id, start in self._waiting:
            by_host.setdefault(host_id, []).append(start)
        for host_id, starts in by_host.items():
            for start in sorted(starts)[:-WAITING_MAX]:
                del self._waiting[host_id, start]
                self.let_go += 1


def newest_of(at: float, values: Mapping[str, float]) -> Newest:
    """In short: the draw, the warmest sensor, the worst detector."""
    warm = [value for name, value in values.items() if name.startswith("temperature")]
    leaks = [value for name, value in values.items() if name.startswith("leak")]
    return Newest(
        seen_at=at,
        watts=values.get("power"),
        celsius=max(warm, default=None),
        leak=int(max(leaks)) if leaks else None,
    )
