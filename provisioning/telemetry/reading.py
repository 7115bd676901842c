"""One host's turn at its BMC: a round by the best that its driver offers, and its log as lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from inventory.readings.keeping import BmcLine
from provisioning.drivers.capabilities import LogEntry, SensorReader
from provisioning.drivers.protocol import Bmc, PowerMeter
from provisioning.drivers.rounds import Round, RoundReader, named, trimmed


async def read_round(bmc: Bmc) -> Round:
    """A round by the best that this driver offers."""
    if isinstance(bmc, RoundReader):
        return await bmc.round()
    values: dict[str, float] = {}
    requests = 0
    if isinstance(bmc, SensorReader):
        values = named(await bmc.sensors())
        requests += 1
    if isinstance(bmc, PowerMeter) and (watts := await bmc.power_draw_watts()) is not None:
        values["power"] = watts
        requests += 1
    return Round(values=trimmed(values), requests=requests)


def lines_of(entries: Iterable[LogEntry], seen_at: float) -> list[BmcLine]:
    """Entries as they are kept. A log that was cleared counts from one again: so the digest."""
    found: list[BmcLine] = []
    for entry in entries:
        at = entry.at.timestamp() if entry.at else None
        said = f"{at}\n{entry.severity}\n{entry.message}"
        digest = hashlib.sha256(said.encode()).hexdigest()[:16]
        found.append(
            BmcLine(
                line=f"{entry.source[:32]}/{entry.id[:40]}/{digest}",
                seen_at=seen_at,
                at=at,
                source=entry.source[:64],
                severity=entry.severity[:32],
                message=entry.message[:1000],
            )
        )
    return found
