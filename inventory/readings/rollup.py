"""Five minutes of a series as one bucket: how many readings, the least, the most, their sum.

All four are whole numbers of quanta, so rolling up twice is rolling up once: a bucket of buckets is
the bucket of their readings, to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is left of some readings. Without any it is empty, which is not zero."""

    count: int = 0
    least: int = 0
    most: int = 0
    total: int = 0

    @property
    def mean(self) -> float:
        """Quanta on average; of an empty bucket there is none, so ask `count` first."""
        return self.total / self.count

    def __add__(self, other: Bucket) -> Bucket:
        """Both as one."""
        if not self.count or not other.count:
            return self if self.count else other
        return Bucket(
            self.count + other.count,
            min(self.least, other.least),
            max(self.most, other.most),
            self.total + other.total,
        )


EMPTY = Bucket()


def rolled_up(column: Iterable[int | None]) -> Bucket:
    """One bucket of these readings; what was not read is not in it."""
    told = [value for value in column if value is not None]
    return Bucket(len(told), min(told), max(told), sum(told)) if told else EMPTY
