"""Whose turn comes after the others of its moment: where a tenant asks for more than its quota.

Who asked first goes first. Among asks of one moment and one tenant there is a choice, as long as
its quota cannot take them all, and two mistakes to make. Taking the largest first leaves a quota of
96 with 64 and nothing that fits the rest, where 48 and 48 would have filled it. And a quota that is
spent on units which others want as well leaves those idle that nobody else asked for. So the asks
that are served first are those that together fill the quota best, and units that are not contested
count in full.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from runtime.allocation.ask import Ask, Part
from runtime.allocation.quota import Quotas
from runtime.allocation.stock import Stock

SUMS_MAX = 4096
"""Different sums that are kept: some dozen asks have fewer, since units come in whole numbers."""

CONTESTED = 0.75
"""What a contested unit counts: others would use it as well. Over 42 instances an exact solver's
demand is met to 0.990 with 0.01, 0.991 with 0.75, 0.991 with 0.9 and 0.980 with 1."""

Moment = tuple[int, str, datetime]


def put_off(awake: Iterable[Ask], stock: Stock, quotas: Quotas) -> frozenset[str]:
    """The ids of asks that are served after the others of their priority, tenant and moment."""
    asks = list(awake)
    moments: dict[Moment, list[Ask]] = defaultdict(list)
    for ask in asks:
        moments[-ask.priority, ask.tenant, ask.asked_at].append(ask)
    if len(moments) == len(asks):
        return frozenset()
    prices = _Prices(asks, stock, quotas)
    later: set[str] = set()
    left: dict[str, float] = {}
    for (_, tenant, _), alike in sorted(moments.items(), key=lambda item: item[0]):
        line = quotas.line(tenant)
        room = left.setdefault(tenant, min(map(quotas.room, line)))
        amounts = [prices.amount(ask) for ask in alike]
        if sum(amounts) > room:
            worths = [prices.worth(ask) for ask in alike]
            first = filling(amounts, worths, room)
            later.update(ask.id for place, ask in enumerate(alike) if place not in first)
            amounts = [amounts[place] for place in first]
        left[tenant] = max(0, room - sum(amounts))
    return frozenset(later)


def filling(amounts: Sequence[int], worths: Sequence[float], room: float) -> frozenset[int]:
    """Places of the amounts that are worth most together and are no more than the room."""
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for place, amount in enumerate(amounts):
        for total, (worth, places) in tuple(best.items()):
            fuller, more = total + amount, worth + worths[place]
            known = best.get(fuller)
            if fuller > room or (known is None and len(best) >= SUMS_MAX):
                continue
            if known is None or known[0] < more:
                best[fuller] = (more, (*places, place))
    return frozenset(max(best.values())[1])


class _Prices:
    """What asks count against quotas, and how much of that nobody else would use."""

    def __init__(self, asks: Sequence[Ask], stock: Stock, quotas: Quotas) -> None:
        self._stock = stock
        self._wanted: dict[frozenset[str], float] = defaultdict(float)
        self._free: dict[frozenset[str], int] = {}
        of_tenant: Counter[str] = Counter()
        for ask in asks:
            of_tenant[ask.tenant] += self.amount(ask)
        for ask in asks:
            room = min(map(quotas.room, quotas.line(ask.tenant)))
            share = min(1.0, room / max(1, of_tenant[ask.tenant]))
            for part in ask.parts:
                self._wanted[part.choice.classes] += self._part(part) * share

    def amount(self, ask: Ask) -> int:
        """In thousandths, as if each unit counted as the least of its kind."""
        return sum(map(self._part, ask.parts))

    def worth(self, ask: Ask) -> float:
        """The same, less where more is asked for than there is."""
        return sum(
            self._part(part) * (CONTESTED if self._is_contested(part) else 1.0)
            for part in ask.parts
        )

    def _part(self, part: Part) -> int:
        least = self._least(part)
        return (part.count or -(-part.b200e_milli // max(1, least))) * least

    def _least(self, part: Part) -> int:
        return self._stock.charge_min(self._stock.view(part.choice, part.profile).kinds)

    def _is_contested(self, part: Part) -> bool:
        classes = part.choice.classes
        if classes not in self._free:
            view = self._stock.view(part.choice, part.profile)
            self._free[classes] = view.free() * self._least(part)
        return self._wanted[classes] > self._free[classes]
