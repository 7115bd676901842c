"""The port to kept readings. Every implementation passes `tests/contract/store/test_readings.py`.

Workers write in batches, each under its lease and for the hosts that it has in hand; pages and the
API read. All methods are synchronous and short; asynchronous callers run them in a thread.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from inventory.readings.energy import Meter
from inventory.readings.packing import Day, Window
from inventory.store.protocol import Fence

ROLE = "telemetry"
"""Of the workers that read: their leases are called `telemetry/7`."""


@dataclass(frozen=True, slots=True)
class Newest:
    """What a host said last, in short."""

    seen_at: float
    watts: float | None = None
    celsius: float | None = None
    """Of its warmest sensor."""
    leak: int | None = None
    """Of its worst detector: 0 dry, 1 warning, 2 critical; None: no detector told anything."""


@dataclass(frozen=True, slots=True)
class BmcLine:
    """One line of a BMC's log."""

    line: str
    """What makes it this one: its log, its number and a digest, for numbers begin anew."""
    seen_at: float
    at: float | None
    """By the BMC's own clock, which may stand in 1970."""
    source: str
    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written at once."""

    windows: Sequence[tuple[str, Window, Newest]] = ()
    """(host id, window, what was said last in it): written anew as the window fills."""
    meters: Mapping[str, Meter] = field(default_factory=dict)
    lines: Sequence[tuple[str, BmcLine]] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """What one of several workers reads."""

    hosts: frozenset[str] = frozenset()
    """In its hands, and its to read."""
    moving: frozenset[str] = frozenset()
    """Still in its hands and another one's to read, or nobody's: to be let go of."""
    is_first: bool = True
    """Of all workers: the one who also does what is to be done once."""


class Readings(Protocol):
    """Where readings are kept."""

    def share(self, fence: Fence, hosts: Collection[str], *, now: datetime) -> Share:
        """Of these hosts, take in hand those that are this worker's and nobody else has.

        Every worker comes to the same answer whose each is, from the leases that are good. A
        single worker on the embedded database has them all. FenceLost without the lease.
        """

    def let_go(self, fence: Fence, hosts: Collection[str]) -> None:
        """Others may take them: everything that was read of them is written."""

    def write(
        self, batch: Batch, *, fence: Fence | None = None, now: datetime | None = None
    ) -> int:
        """Write it whole or not at all; how many lines of logs were new.

        With a fence only under its lease (FenceLost), and of the hosts that this worker has in
        hand: what a worker read before it lost a host is the other one's to write. Without one
        there is nobody else.
        """

    def note_counts(self, fence: Fence, said: str, *, now: datetime) -> None:
        """Leave what this worker counted for the metrics; what dead ones left goes."""

    def counts(self) -> list[str]:
        """What the workers left."""

    def windows(self, host_id: str, *, since: int, until: int) -> list[Window]:
        """Five-minute windows that begin at or after `since` and before `until`, in order."""

    def open_windows(
        self, host_ids: Collection[str] | None = None, *, start: int
    ) -> dict[str, Window]:
        """The windows of these hosts (None: of all) that begin then.

        Whoever goes on writing goes on with these.
        """

    def days(self, host_id: str, *, since: int, until: int) -> dict[int, Day]:
        """Rolled-up days from `since` to before `until`, by day."""

    def newest(self, host_ids: Collection[str] | None = None, *, since: float) -> dict[str, Newest]:
        """What hosts said last, of those that said anything since then; None: all hosts."""

    def draws(
        self, host_ids: Collection[str], *, since: int, until: int, whole: bool
    ) -> dict[str, list[tuple[int, int]]]:
        """By host, each moment with its quanta of `power`.

        `whole`: every reading; else the last one of each window, without unpacking anything.
        """

    def meters(self, host_ids: Collection[str] | None = None) -> dict[str, Meter]:
        """The energy of these hosts; None: of all."""

    def lines(self, host_id: str, *, limit: int) -> list[BmcLine]:
        """The newest lines of a host's BMC, newest first."""

    def days_to_roll_up(self, *, before: int) -> list[int]:
        """Days before this one of which there may be windows, in order."""

    def unrolled(self, *, day: int) -> list[str]:
        """Hosts with windows of this day and without its rollup: one pass over the day."""

    def roll_up(self, *, day: int, hosts: Sequence[str]) -> None:
        """Make the day's rollups of these hosts."""

    def forget(
        self, *, windows_before: int, days_before: int, lines_before: float, limit: int
    ) -> int:
        """Remove at most so many rows of each that are older; how many went."""

    def forget_hosts(self, known: Iterable[str]) -> int:
        """Remove the meters of hosts that there are no more; how many went."""
