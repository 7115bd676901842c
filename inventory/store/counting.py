"""How many records a list has in all: counted, and for a moment kept where counting is dear.

A page of fifty reads fifty rows, but its `count` walks over all that match: with 100,000 hosts 1 ms
on SQLite and 8 ms on PostgreSQL, three times the rest of the page. So a large count is kept for two
seconds, or until this store writes a record of that kind. Small ones are counted every time, and
so is every count after a write of our own: a client never misses what it wrote through us.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock

from inventory.store.query import Condition

KEPT_FROM = 10_000
"""Below, a count costs less than the request that it is for."""
KEPT_S = 2.0
"""Of another process's writes a large count may miss those of so long."""
KEPT_MAX = 256
"""Different lists at once: pages of a few programs and people."""

Asked = tuple[str, tuple[Condition, ...], str]
"""Table, conditions and words."""


@dataclass(frozen=True, slots=True)
class _Kept:
    total: int
    generation: int
    until_s: float


class Counts:
    """Totals of large lists. Safe to use from several threads."""

    def __init__(
        self, *, kept_from: int = KEPT_FROM, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._kept_from = kept_from
        self._now_s = now_s
        self._kept: OrderedDict[Asked, _Kept] = OrderedDict()
        self._generations: dict[str, int] = {}
        self._lock = Lock()

    def total(self, asked: Asked, count: Callable[[], int]) -> int:
        """The total, counted unless it was just now."""
        with self._lock:
            generation = self._generations.get(asked[0], 0)
            kept = self._kept.get(asked)
        if kept and kept.generation == generation and self._now_s() < kept.until_s:
            return kept.total
        found = count()
        if found >= self._kept_from:
            # A write that landed while we counted has moved the generation on: not kept then.
            self._keep(asked, _Kept(found, generation, self._now_s() + KEPT_S))
        return found

    def written(self, tables: Iterable[str]) -> None:
        """Records of these tables were written: what was counted of them no longer holds."""
        with self._lock:
            for table in tables:
                self._generations[table] = self._generations.get(table, 0) + 1

    def _keep(self, asked: Asked, kept: _Kept) -> None:
        with self._lock:
            self._kept[asked] = kept
            self._kept.move_to_end(asked)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
