"""One part of an ask against the stock: what is free for it, and what would be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from runtime.allocation.ask import Ask, Part
from runtime.allocation.choosing import choose
from runtime.allocation.stock import Stock
from runtime.allocation.unit import Level, Unit
from runtime.allocation.view import View


@dataclass(frozen=True, slots=True)
class Search:
    """A part, how close its units must be, and where its cluster is."""

    stock: Stock
    part: Part
    view: View
    level: Level
    near_racks: AbstractSet[str] = frozenset()

    @classmethod
    def of(
        cls, stock: Stock, ask: Ask, part: Part, near_racks: AbstractSet[str] = frozenset()
    ) -> Search:
        """A part as its ask bounds it."""
        view = stock.view(part.choice, part.profile)
        return cls(stock, part, view, ask.level_of(part), near_racks)

    def free(self, level: Level, group: str) -> list[Unit]:
        """What the part could have of a group now."""
        view, part = self.view, self.part
        found = self.stock.free_in(level, group)
        return [unit for unit in found if view.counts(unit.id) and part.may_be_at(unit)]

    def total(self, group: str) -> int:
        """How much that is."""
        return self.view.ranking(self.level).totals.get(group, 0)

    def choose(self, pool: Iterable[Unit]) -> list[Unit]:
        """Units of a pool that give what the part needs; empty when it cannot."""
        return choose(self.part, pool, self.view.weight, self.near_racks)

    def back(self, unit_ids: Iterable[str]) -> Iterator[Unit]:
        """Units that the part could have, were they free."""
        for unit_id in unit_ids:
            if unit_id in self.stock and self.would_do(self.stock.unit(unit_id)):
                yield self.stock.unit(unit_id)

    def would_do(self, unit: Unit) -> bool:
        """True for what nothing but a claim can stand in the way of."""
        return (
            unit.kind in self.view.kinds
            and self.part.may_be_at(unit)
            and self.view.weight(unit) > 0
            and not self.stock.reserved_for(unit.id)
            and self.stock.is_fit(unit.id)
        )

    def weigh(self, units: Iterable[Unit]) -> int:
        """How much units are for the part."""
        return sum(map(self.view.weight, units))
