"""The faults of one host of a row, as a hall takes them."""

from __future__ import annotations

from provisioning.simulator.faults import Fault
from tests.integration.faults.rows import Show


def planted(show: Show, host: str) -> list[Fault]:
    """The faults of one host."""
    return [
        Fault.parse(f"{name}@{host}{colon}{parameters}")
        for name, colon, parameters in (fault.partition(":") for fault in show.faults)
    ]
