"""The rows of the field: what happened to somebody, and what proves that podyard bears it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROWS = Path(__file__).with_name("rows.toml")


@dataclass(frozen=True)
class Show:
    """One host that shows a row, and how it must end."""

    faults: tuple[str, ...]
    ends: str
    says: str = ""
    flashes: int | None = None
    never: tuple[str, ...] = ()
    once: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As it is asked for."""
        return " + ".join(self.faults)


@dataclass(frozen=True)
class Row:
    """One thing that happened."""

    group: str
    seen: str
    source: str
    wanted: str
    shows: tuple[Show, ...] = ()
    returns: tuple[Show, ...] = ()
    """Hosts that were ready and are given back, in the hall of test_field_drives.py."""
    asks: tuple[Show, ...] = ()
    """Hosts that are started over the network, in the hall of test_field_nics.py."""
    faults: tuple[str, ...] = ()
    proven_by: tuple[str, ...] = ()
    not_yet: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The faults that a host of its own shows."""
        shows = (*self.shows, *self.returns, *self.asks)
        return tuple(fault.partition(":")[0] for show in shows for fault in show.faults)

    @property
    def names(self) -> tuple[str, ...]:
        """Every fault that shows it, once."""
        return tuple(dict.fromkeys((*self.faults, *(n for n in self.shown if n != "old-firmware"))))


def read_rows(path: Path = ROWS) -> tuple[Row, ...]:
    """Every row, in the order of the file."""
    return tuple(_row(entry) for entry in tomllib.loads(path.read_text())["row"])


def read_elsewhere(path: Path = ROWS) -> dict[str, str]:
    """Faults that are no row of the field, each with the test that shows it."""
    return dict(tomllib.loads(path.read_text()).get("elsewhere", {}))


def _row(entry: dict[str, Any]) -> Row:
    shows, returns, asks = (
        tuple(
            Show(**{k: tuple(v) if isinstance(v, list) else v for k, v in show.items()})
            for show in entry.pop(where, ())
        )
        for where in ("shows", "returns", "asks")
    )
    listed = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    return Row(shows=shows, returns=returns, asks=asks, **listed)
