"""Who waits, whose turn it is, and who may try again.

Trying every waiting ask after every event costs their number each time. So an ask that was refused
sleeps under what it lacks: a group of a view with enough free, or room below a quota. When that
view gains or that quota shrinks, only the first of each tenant's asks that lack the same is woken;
the next one is woken when that one got its units. Among those awake, priority goes first, then fair
share from the top of the quota tree down, then who asked first; of asks of the same moment the
larger ones, because they fit in fewer places, unless they are put off (`batching`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heappush

from runtime.allocation.ask import Ask
from runtime.allocation.quota import Quotas
from runtime.allocation.unit import MILLI, Level
from runtime.allocation.view import View

Turn = tuple[datetime, int, str]
Share = tuple[tuple[float, str], ...]

AFTERWARDS = 2**62
"""Added to an ask's place among those of its moment: more than any size."""


@dataclass(frozen=True, slots=True)
class Bed:
    """What a sleeping ask lacks. Asks of one tenant with equal beds lack the same."""

    quota: str = ""
    view: View | None = None
    level: Level = Level.SITE
    need: int = 0
    """In one group of the level, or thousandths below the quota; 0: nobody can say how much."""


Row = dict[tuple[int, str], list[Turn]]
"""Those who lack the same, by priority and tenant."""


class Waiting:
    """Asks without units."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._asks: dict[str, Ask] = {}
        self._order: list[tuple[int, datetime, int, str]] = []
        self._awake: dict[int, dict[str, list[Turn]]] = defaultdict(dict)
        self._turns: dict[int, list[tuple[Share, str]]] = {}
        self._is_awake: set[str] = set()
        self._bed_of: dict[str, Bed] = {}
        self._rose_from: dict[str, Bed] = {}
        self._rows: dict[Bed, Row] = {}
        self._under: dict[int | str, set[Bed]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._asks)

    def __contains__(self, ask_id: str) -> bool:
        return ask_id in self._asks

    def get(self, ask_id: str) -> Ask | None:
        """One ask that waits."""
        return self._asks.get(ask_id)

    def add(self, ask: Ask) -> None:
        """An ask that waits from now on, awake."""
        self.drop(ask.id)
        self._asks[ask.id] = ask
        insort(self._order, _place(ask))
        self._wake(ask)

    def drop(self, ask_id: str) -> None:
        """An ask that does not wait any more; who lacked the same may try. Safe to call twice."""
        ask = self._asks.pop(ask_id, None)
        if ask is None:
            return
        del self._order[bisect_left(self._order, _place(ask))]
        self._out_of_bed(ask)
        self._is_awake.discard(ask_id)
        bed = self._rose_from.pop(ask_id, None)
        if bed is not None and self._may_do(bed):
            self._wake_first(bed, (ask.priority, ask.tenant))

    def sleep(self, ask_id: str, bed: Bed) -> None:
        """It cannot be served until something changes."""
        ask = self._asks[ask_id]
        self._out_of_bed(ask)
        self._rose_from.pop(ask_id, None)
        self._is_awake.discard(ask_id)
        self._bed_of[ask_id] = bed
        row = self._rows.setdefault(bed, {})
        insort(row.setdefault((ask.priority, ask.tenant), []), _place(ask)[1:])
        self._under[_under(bed)].add(bed)

    def wake(self, ask_ids: Iterable[str]) -> None:
        """Let these try again, whatever they lack."""
        for ask_id in tuple(ask_ids):
            if ask_id in self._bed_of:
                self._wake(self._asks[ask_id])
                self._rose_from.pop(ask_id, None)  # tried without looking at what it lacked

    def wake_all(self) -> None:
        """Something changed that may matter to anybody."""
        self.wake(self._bed_of)

    def wake_by_quota(self, names: Iterable[str]) -> None:
        """These quotas have shrunk."""
        for name in names:
            for bed in tuple(self._under.get(name, ())):
                if self._may_do(bed):
                    self._wake_row(bed)

    def wake_by_views(self) -> None:
        """Wake who lacks no more than what some group of its view has now."""
        for key in tuple(self._under):
            beds = self._under.get(key, ())
            view = next(iter(beds)).view if beds else None
            if view is None or not view.gained:
                continue
            view.gained = False
            for bed in tuple(beds):
                if self._may_do(bed):
                    self._wake_row(bed)

    def awake(self) -> Iterator[Ask]:
        """Those who may try."""
        return (self._asks[ask_id] for ask_id in self._is_awake)

    def begin(self, put_off: AbstractSet[str] = frozenset()) -> None:
        """Find out whose turn it is, before `next`: meanwhile shares only grow.

        Who is put off comes after the others of its priority, tenant and moment.
        """
        for ask_id in put_off:
            ask = self._asks[ask_id]
            mine = self._awake[ask.priority][ask.tenant]
            at, size, _ = turn = _place(ask)[1:]
            mine[mine.index(turn)] = (at, size + AFTERWARDS, ask_id)
            heapify(mine)
        self._turns = {
            priority: [(self._quotas.turn(tenant), tenant) for tenant in tenants]
            for priority, tenants in self._awake.items()
        }
        for turns in self._turns.values():
            heapify(turns)

    def next(self) -> Ask | None:
        """Whoever's turn it is; it is put to bed or dropped before the next is asked for."""
        while (found := self._front()) is not None:
            ask, bed = found, self._rose_from.get(found.id)
            if bed is None or self._may_do(bed):
                return ask
            self.sleep(ask.id, bed)  # those before it took what it lacked
        return None

    def _front(self) -> Ask | None:
        while self._awake:
            priority = max(self._awake)
            tenants, turns = self._awake[priority], self._turns.get(priority, [])
            while turns:
                share, tenant = heappop(turns)
                if tenant not in tenants:
                    continue
                if share != (now := self._quotas.turn(tenant)):
                    heappush(turns, (now, tenant))
                    continue
                waiting = tenants[tenant]
                ask = self._asks.get(heappop(waiting)[2])
                if waiting:
                    heappush(turns, (share, tenant))
                else:
                    del tenants[tenant]
                if ask is not None and ask.id in self._is_awake:
                    self._is_awake.discard(ask.id)
                    return ask
            del self._awake[priority]
        return None

    def _may_do(self, bed: Bed) -> bool:
        """False when it would be refused again."""
        if bed.view is None:
            return bed.need <= self._quotas.room(bed.quota)
        return bed.view.ranking(bed.level).best >= bed.need

    def in_order(self) -> Iterator[Ask]:
        """All that wait: the highest priority first, then the longest waiting."""
        return (self._asks[ask_id] for *_, ask_id in self._order)

    def views(self) -> list[View]:
        """Views that somebody sleeps under."""
        return [bed.view for beds in self._under.values() for bed in beds if bed.view is not None]

    def _wake_row(self, bed: Bed) -> None:
        for whose in tuple(self._rows.get(bed, ())):
            self._wake_first(bed, whose)

    def _wake_first(self, bed: Bed, whose: tuple[int, str]) -> None:
        """The first who lacks this; all, where nobody can say how much it is."""
        turns = self._rows.get(bed, {}).get(whose, [])
        for turn in tuple(turns if not bed.need else turns[:1]):
            self._wake(self._asks[turn[2]])

    def _wake(self, ask: Ask) -> None:
        bed = self._out_of_bed(ask)
        if bed is not None:
            self._rose_from[ask.id] = bed
        if ask.id not in self._is_awake:
            self._is_awake.add(ask.id)
            tenants = self._awake[ask.priority]
            if ask.tenant not in tenants:
                turns = self._turns.setdefault(ask.priority, [])
                heappush(turns, (self._quotas.turn(ask.tenant), ask.tenant))
            heappush(tenants.setdefault(ask.tenant, []), _place(ask)[1:])

    def _out_of_bed(self, ask: Ask) -> Bed | None:
        bed = self._bed_of.pop(ask.id, None)
        if bed is None:
            return None
        row, whose = self._rows[bed], (ask.priority, ask.tenant)
        turns = row[whose]
        del turns[bisect_left(turns, _place(ask)[1:])]
        if not turns:
            del row[whose]
        if not row:
            del self._rows[bed]
            beds = self._under[_under(bed)]
            beds.discard(bed)
            if not beds:
                del self._under[_under(bed)]
        return bed


def _under(bed: Bed) -> int | str:
    return bed.quota if bed.view is None else id(bed.view)


def _place(ask: Ask) -> tuple[int, datetime, int, str]:
    size = sum(part.b200e_milli or part.count * MILLI for part in ask.parts)
    return -ask.priority, ask.asked_at, -size, ask.id
