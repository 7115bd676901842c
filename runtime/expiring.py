"""Says two weeks ahead that a unit's certificate ends, once, to the site and to whoever holds it.

After its end the unit takes no new claim; nobody is evicted for it. What has to be done (accept the
host again) takes a quiet hour of the host, so whoever holds it must know in time to plan one.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from inventory.errors import StaleWrite
from inventory.model import ComputeUnit, Event
from inventory.store.protocol import Change, Fence, Store
from runtime.allocation.stock import Stock
from runtime.claiming import ACTOR

log = logging.getLogger("podyard.runtime")

WARN_AHEAD = timedelta(days=14)
LOOK_EVERY = timedelta(minutes=10)
TOLD_AT_ONCE = 200
"""A pod is certified in one evening, so that its certificates end in one evening."""


class Expiring:
    """Looks every ten minutes, in memory; reads and writes only what is to be told."""

    def __init__(self, store: Store, stock: Stock, fence: Fence) -> None:
        self._store = store
        self._stock = stock
        self._fence = fence
        self._look_at: datetime | None = None
        self._told: dict[str, datetime] = {}

    def step(self, now: datetime) -> int:
        """How many units were told of."""
        if self._look_at is not None and now < self._look_at:
            return 0
        due = [
            unit.id
            for unit in self._stock.all()
            if unit.certified_until is not None
            and now < unit.certified_until <= now + WARN_AHEAD
            and self._told.get(unit.id) != unit.certified_until
        ]
        self._look_at = now + LOOK_EVERY if len(due) <= TOLD_AT_ONCE else now
        return sum(self._tell(unit_id, now) for unit_id in sorted(due)[:TOLD_AT_ONCE])

    def _tell(self, unit_id: str, now: datetime) -> bool:
        unit = self._store.get(ComputeUnit, unit_id)
        until = self._stock.unit(unit_id).certified_until
        if unit is None or until is None:
            return False
        said = ",".join(unit.certificate_ids)[:255]
        if unit.expiry_told != said:
            fresh = unit.model_copy(update={"expiry_told": said})
            change = Change(replace=(fresh,), events=_events(unit, until, now))
            try:
                self._store.apply(change, now=now, fence=self._fence)
            except StaleWrite as error:
                log.info("unit told of again", extra={"unit": unit.name, "cause": str(error)})
                return False
        self._told[unit_id] = until
        return True


def _events(unit: ComputeUnit, until: datetime, now: datetime) -> tuple[Event, ...]:
    why = (
        f"the certificate of unit {unit.name} ends at {until:%Y-%m-%d %H:%M} UTC: it then takes no "
        "new claim; accept its host again before"
    )
    subjects = [f"unit:{unit.name}", *([f"claim:{unit.claim}"] if unit.claim else [])]
    return tuple(
        Event(
            at=now,
            actor=ACTOR,
            kind="certificate.expiring",
            subject=subject,
            new=until.isoformat(),
            why=why,
        )
        for subject in subjects
    )
