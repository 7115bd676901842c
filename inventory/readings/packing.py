"""Many readings in few bytes: one row for five minutes of a host, one for a day of its rollups.

Ten thousand hosts with twenty series each are three thousand readings a second. A row for each
would be three hundred million rows a day. So a row holds everything that a host told in five
minutes, column by column: each number as its difference to the one before, in as few bytes as it
needs. What the columns are called is kept once for all hosts that tell the same.

A number that is not there is written as such. Nothing is filled in, here or later.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat

from inventory.readings.rollup import Bucket

WINDOW_S = 300
DAY_S = 86_400
WINDOWS_A_DAY = DAY_S // WINDOW_S
_FORMAT = 1
_MORE, _LOW = 0x80, 0x7F
_UNPACKED_MAX = 16 * 1024 * 1024


class Unreadable(ValueError):
    """These bytes are not what was packed."""


@dataclass(slots=True)
class Window:
    """What one host told in five minutes."""

    start: int
    """Seconds since 1970, a multiple of `WINDOW_S`."""
    offsets: list[int] = field(default_factory=list)
    """Seconds since the start, growing: one for each time that it was read."""
    columns: dict[str, list[int | None]] = field(default_factory=dict)
    """Series to its quanta, as many as there are offsets."""

    def add(self, offset: int, values: dict[str, int | None]) -> None:
        """One more reading of all that it tells."""
        known = len(self.offsets)
        self.offsets.append(offset)
        for name, column in self.columns.items():
            column.append(values.get(name))
        for name, value in values.items():
            if name not in self.columns:
                self.columns[name] = [*repeat(None, known), value]

    def amend(self, values: dict[str, int | None]) -> None:
        """More of the newest reading."""
        for name, value in values.items():
            column = self.columns.setdefault(name, [*repeat(None, len(self.offsets))])
            column[-1] = value

    @property
    def layout(self) -> tuple[str, ...]:
        """The names of its columns, in order."""
        return tuple(sorted(self.columns))

    def last(self, name: str) -> int | None:
        """The newest number of a series that is one."""
        column = self.columns.get(name, [])
        return next((value for value in reversed(column) if value is not None), None)


def pack_window(window: Window) -> bytes:
    """Its numbers, in the order of its layout."""
    out = bytearray((_FORMAT,))
    _put(out, len(window.offsets))
    before = 0
    for offset in window.offsets:
        _put(out, offset - before)
        before = offset
    for name in window.layout:
        _put_column(out, window.columns[name])
    return bytes(out)


def unpack_window(start: int, layout: Sequence[str], packed: bytes) -> Window:
    """The window again."""
    numbers = _numbers(packed)
    many = next(numbers)
    if many > WINDOW_S:
        raise Unreadable(f"{many} readings in {WINDOW_S} s")
    offsets: list[int] = []
    at = 0
    for _ in range(many):
        at += next(numbers)
        offsets.append(at)
    columns = {name: _column(numbers, many) for name in layout}
    return Window(start=start, offsets=offsets, columns=columns)


Day = dict[str, list[Bucket]]
"""Series to its `WINDOWS_A_DAY` buckets, empty ones included."""


def pack_day(day: Day) -> bytes:
    """A day of five-minute buckets, all counts first, then all least ones, and so on.

    What is alike stands together, which is what makes it small. The sum is written as what it is
    above count times least, so that a steady sensor writes zeros.
    """
    out = bytearray()
    for name in sorted(day):
        filled = [bucket for bucket in day[name] if bucket.count]
        for bucket in day[name]:
            _put(out, bucket.count)
        before = 0
        for bucket in filled:
            _put(out, _zigzag(bucket.least - before))
            before = bucket.least
        for bucket in filled:
            _put(out, bucket.most - bucket.least)
        for bucket in filled:
            _put(out, bucket.total - bucket.count * bucket.least)
    return bytes((_FORMAT,)) + zlib.compress(bytes(out), 6)


def unpack_day(layout: Sequence[str], packed: bytes) -> Day:
    """The day again."""
    if packed[:1] != bytes((_FORMAT,)):
        raise Unreadable(f"a day of format {packed[:1].hex() or 'nothing'}")
    opened = zlib.decompressobj().decompress(packed[1:], _UNPACKED_MAX)
    numbers = _numbers(bytes((_FORMAT,)) + opened)
    return {name: _buckets(numbers) for name in sorted(layout)}


def _buckets(numbers: Iterator[int]) -> list[Bucket]:
    counts = [next(numbers) for _ in range(WINDOWS_A_DAY)]
    filled = [count for count in counts if count]
    leasts: list[int] = []
    before = 0
    for _ in filled:
        before += _unzigzag(next(numbers))
        leasts.append(before)
    mosts = [least + next(numbers) for least in leasts]
    totals = [c * least + next(numbers) for c, least in zip(filled, leasts, strict=True)]
    found = iter(zip(filled, leasts, mosts, totals, strict=True))
    return [Bucket(*next(found)) if count else Bucket() for count in counts]


def _put_column(out: bytearray, column: Sequence[int | None]) -> None:
    """0 is nothing; anything else is one more than the difference to the one before."""
    before = 0
    for value in column:
        if value is None:
            out.append(0)
            continue
        _put(out, _zigzag(value - before) + 1)
        before = value


def _column(numbers: Iterator[int], many: int) -> list[int | None]:
    found: list[int | None] = []
    before = 0
    for _ in range(many):
        said = next(numbers)
        if said:
            before += _unzigzag(said - 1)
        found.append(before if said else None)
    return found


def _zigzag(value: int) -> int:
    return value * 2 if value >= 0 else -value * 2 - 1


def _unzigzag(value: int) -> int:
    return value >> 1 if not value & 1 else -(value + 1 >> 1)


def _put(out: bytearray, value: int) -> None:
    while value > _LOW:
        out.append(value & _LOW | _MORE)
        value >>= 7
    out.append(value)


def _numbers(packed: bytes) -> Iterator[int]:
    """Every number after the format's own; too few of them is an Unreadable, never a StopIteration.

    (Whoever calls `next` inside a list would otherwise end quietly with less than was packed.)
    """
    if packed[:1] != bytes((_FORMAT,)):
        raise Unreadable(f"a window of format {packed[:1].hex() or 'nothing'}")
    value = shift = 0
    for byte in memoryview(packed)[1:]:
        value |= (byte & _LOW) << shift
        if byte & _MORE:
            shift += 7
            continue
        yield value
        value = shift = 0
    raise Unreadable("it ends too early")
