"""The port to kept readings. Every implementation passes `tests/contract/store/test_readings.py`.

One worker writes, in batches; pages and the API read. All methods are synchronous and short;
asynchronous callers run them in a thread.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from inventory.readings.energy import Meter
from inventory.readings.packing import Day, Window

NOTE = "telemetry"
"""Under this name the worker that reads notes what it counted."""


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


class Readings(Protocol):
    """Where readings are kept."""

    def write(self, batch: Batch) -> int:
        """Write it whole or not at all; how many lines of logs were new."""

    def windows(self, host_id: str, *, since: int, until: int) -> list[Window]:
        """Five-minute windows that begin at or after `since` and before `until`, in order."""

    def open_windows(self, *, start: int) -> dict[str, Window]:
        """The windows of all hosts that begin then: whoever goes on writing goes on with these."""

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
