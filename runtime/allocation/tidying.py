"""Which claims stand in the way of room that is there, only not in one place.

Nothing is moved: a claim's units are its own. What is said is which claims, started anew elsewhere,
would leave one group with enough; whoever holds them, or the site, may then do so.
"""

from __future__ import annotations

from collections.abc import Callable

from runtime.allocation.answer import Move
from runtime.allocation.ask import Holding
from runtime.allocation.search import Search
from runtime.allocation.unit import Level

GROUPS_LOOKED_AT = 8
"""Those with most free: where little is free it takes too many moves to be a hint."""

ClaimOf = Callable[[str], Holding | None]


def moves_for(search: Search, claim_of: ClaimOf) -> tuple[Move, ...]:
    """The fewest units to move so that one group has enough; none when nothing helps."""
    if search.level is Level.SITE:
        return ()
    order = search.view.ranking(search.level).order[-GROUPS_LOOKED_AT:]
    found = (_moves_in(search, group, claim_of) for _, group in reversed(order))
    return min((one for one in found if one), key=lambda one: sum(m.units for m in one), default=())


def _moves_in(search: Search, group: str, claim_of: ClaimOf) -> tuple[Move, ...]:
    """Small claims first, as long as what is free elsewhere takes them in."""
    missing = search.part.need - search.total(group)
    elsewhere = search.view.total - search.total(group)
    moves: list[Move] = []
    for holding, gain in _holders(search, group, claim_of):
        if missing <= 0:
            break
        if gain and gain <= elsewhere:
            elsewhere -= gain
            missing -= gain
            moves.append(Move(holding.id, len(holding.unit_ids), group))
    return tuple(moves) if missing <= 0 else ()


def _holders(search: Search, group: str, claim_of: ClaimOf) -> list[tuple[Holding, int]]:
    """Claims that lie whole in the group, the smallest first, with what their end would give."""
    found: dict[str, Holding] = {}
    for unit in search.stock.members(search.level, group):
        holding = claim_of(search.stock.holder(unit.id))
        if holding is not None and search.would_do(unit):
            found[holding.id] = holding
    sized = []
    for holding in found.values():
        units = list(search.back(holding.unit_ids))
        if len(units) == len(holding.unit_ids) and {u.at(search.level) for u in units} == {group}:
            sized.append((holding, search.weigh(units)))
    return sorted(sized, key=lambda one: (one[1], one[0].id))
