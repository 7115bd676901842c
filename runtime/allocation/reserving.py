"""Units kept for asks that are too large to wait for luck.

Small asks fit into whatever comes free, so that without this a large one would wait for ever. The
longest waiting of the highest priority is promised certain units from a certain moment on: those
that are free are kept, those that are held are kept as they come back. Meanwhile whoever says an
end before that moment may have them: that costs the promise nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from runtime.allocation.stock import Stock
from runtime.allocation.unit import Constraint, Unit


@dataclass(frozen=True, slots=True)
class Reservation:
    """These units for this ask."""

    ask_id: str
    unit_ids: tuple[str, ...]
    start_at: datetime | None
    """When all of them should be there; None: nobody knows."""


class Reservations:
    """What is promised."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._made: dict[str, Reservation] = {}

    def __len__(self) -> int:
        return len(self._made)

    def __contains__(self, ask_id: str) -> bool:
        return ask_id in self._made

    def get(self, ask_id: str) -> Reservation | None:
        """What is promised to an ask."""
        return self._made.get(ask_id)

    def make(self, reservation: Reservation) -> None:
        """Promise units. None of them may be promised already."""
        self.cancel(reservation.ask_id)
        self._made[reservation.ask_id] = reservation
        for unit_id in reservation.unit_ids:
            self._stock.reserve(unit_id, reservation.ask_id)

    def cancel(self, ask_id: str) -> None:
        """Promise no more. Safe to call twice."""
        made = self._made.pop(ask_id, None)
        for unit_id in made.unit_ids if made else ():
            self._stock.unreserve(unit_id)

    def ready(self, ask_id: str) -> tuple[Unit, ...]:
        """All promised units, once nobody has any of them; else none."""
        made = self._made.get(ask_id)
        if made is None or not all(map(self._idle, made.unit_ids)):
            return ()
        return tuple(self._stock.unit(unit_id) for unit_id in made.unit_ids)

    def idle_until(self, moment: datetime) -> Iterator[Unit]:
        """Units that are kept, not yet used, and not promised before a moment."""
        for made in self._made.values():
            if made.start_at is not None and made.start_at >= moment:
                yield from (self._stock.unit(i) for i in made.unit_ids if self._idle(i))

    def _idle(self, unit_id: str) -> bool:
        if unit_id not in self._stock:
            return False
        why = self._stock.why(unit_id)
        return why is not None and why.constraint is Constraint.RESERVED
