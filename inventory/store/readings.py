"""Kept readings in SQLite or PostgreSQL: packed rows, written in batches, removed in sets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from inventory.readings.energy import Meter
from inventory.readings.keeping import Batch, BmcLine, Newest, Share
from inventory.readings.packing import (
    DAY_S,
    WINDOW_S,
    WINDOWS_A_DAY,
    Day,
    Window,
    pack_day,
    pack_window,
    unpack_day,
    unpack_window,
)
from inventory.readings.rollup import EMPTY, rolled_up
from inventory.readings.series import quanta
from inventory.store import reading_shares, rows
from inventory.store.protocol import Fence
from inventory.store.reading_tables import (
    BMC_LINES,
    METERS,
    READING_DAYS,
    READING_LAYOUTS,
    READINGS,
)

Connecting = Callable[[], AbstractContextManager[sa.Connection]]
_METER = ("since", "at", "watts", "counter_kwh", "joules", "gaps", "gap_s")


class SqlReadings:
    """`Readings` on the connections of a store."""

    def __init__(self, *, reading: Connecting, writing: Connecting) -> None:
        self._reading = reading
        self._writing = writing
        self._layouts: dict[int, tuple[str, ...]] = {}
        """Those that are known to be on disk."""

    def share(self, fence: Fence, hosts: Collection[str], *, now: datetime) -> Share:
        """Which of these hosts are this worker's to read."""
        with self._writing() as connection:
            return reading_shares.share(connection, fence, hosts, now=now)

    def let_go(self, fence: Fence, hosts: Collection[str]) -> None:
        """Others may take them."""
        with self._writing() as connection:
            reading_shares.let_go(connection, fence, hosts)

    def note_counts(self, fence: Fence, said: str, *, now: datetime) -> None:
        """Leave what this worker counted."""
        with self._writing() as connection:
            reading_shares.note_counts(connection, fence, said, now=now)

    def counts(self) -> list[str]:
        """What the workers left."""
        with self._reading() as connection:
            return reading_shares.counts(connection)

    def write(
        self, batch: Batch, *, fence: Fence | None = None, now: datetime | None = None
    ) -> int:
        """Write it whole or not at all; how many lines of logs were new."""
        made = [_row(*one) for one in batch.windows]
        layouts = {_layout_id(w.layout): w.layout for _, w, _ in batch.windows}
        with self._writing() as connection:
            mine: Container[str] = reading_shares.EVERY_HOST
            if fence is not None and now is not None:
                mine = reading_shares.mine(connection, fence, now=now)
            self._write_layouts(connection, layouts)
            _upsert(connection, READINGS, [row for row in made if row["host_id"] in mine])
            meters = [_meter_row(*one) for one in batch.meters.items() if one[0] in mine]
            _upsert(connection, METERS, meters)
            added = _add_lines(connection, [one for one in batch.lines if one[0] in mine])
        self._layouts |= layouts
        return added

    def windows(self, host_id: str, *, since: int, until: int) -> list[Window]:
        """Five-minute windows, in order."""
        columns = (READINGS.c.at, READINGS.c.layout, READINGS.c.samples)
        query = (
            sa.select(*columns)
            .where(READINGS.c.host_id == host_id, READINGS.c.at >= since, READINGS.c.at < until)
            .order_by(READINGS.c.at)
        )
        with self._reading() as connection:
            found = connection.execute(query).all()
            known = self._read_layouts(connection, {row.layout for row in found})
        return [unpack_window(row.at, known[row.layout], row.samples) for row in found]

    def open_windows(
        self, host_ids: Collection[str] | None = None, *, start: int
    ) -> dict[str, Window]:
        """The windows of these hosts that begin then."""
        columns = (READINGS.c.host_id, READINGS.c.layout, READINGS.c.samples)
        query = sa.select(*columns).where(READINGS.c.at == start)
        with self._reading() as connection:
            found = [
                row
                for where in _among(READINGS.c.host_id, host_ids)
                for row in connection.execute(query.where(*where))
            ]
            known = self._read_layouts(connection, {row.layout for row in found})
        return {row.host_id: unpack_window(start, known[row.layout], row.samples) for row in found}

    def days(self, host_id: str, *, since: int, until: int) -> dict[int, Day]:
        """Rolled-up days, by day."""
        columns = (READING_DAYS.c.day, READING_DAYS.c.layout, READING_DAYS.c.buckets)
        query = sa.select(*columns).where(
            READING_DAYS.c.host_id == host_id,
            READING_DAYS.c.day >= since,
            READING_DAYS.c.day < until,
        )
        with self._reading() as connection:
            found = connection.execute(query).all()
            known = self._read_layouts(connection, {row.layout for row in found})
        return {row.day: unpack_day(known[row.layout], row.buckets) for row in found}

    def newest(self, host_ids: Collection[str] | None = None, *, since: float) -> dict[str, Newest]:
        """What hosts said last."""
        table = READINGS
        columns = (table.c.host_id, table.c.seen_at, table.c.watts, table.c.celsius, table.c.leak)
        first = int(since) // WINDOW_S * WINDOW_S
        query = sa.select(*columns).where(table.c.at >= first).order_by(table.c.at)
        with self._reading() as connection:
            found = [
                row
                for where in _among(table.c.host_id, host_ids)
                for row in connection.execute(query.where(*where))
            ]
        return {
            row.host_id: Newest(row.seen_at, row.watts, row.celsius, row.leak)
            for row in found
            if row.seen_at >= since
        }

    def draws(
        self, host_ids: Collection[str], *, since: int, until: int, whole: bool
    ) -> dict[str, list[tuple[int, int]]]:
        """(moment, quanta of `power`) of these hosts."""
        table = READINGS
        columns = (table.c.host_id, table.c.at, table.c.seen_at, table.c.watts)
        packed = (table.c.layout, table.c.samples) if whole else ()
        query = (
            sa.select(*columns, *packed)
            .where(table.c.at >= since, table.c.at < until)
            .order_by(table.c.host_id, table.c.at)
        )
        found: dict[str, list[tuple[int, int]]] = {}
        with self._reading() as connection:
            for where in _among(table.c.host_id, host_ids):
                got = connection.execute(query.where(*where)).all()
                layouts = self._read_layouts(
                    connection, {r.layout for r in got} if whole else set()
                )
                for row in got:
                    told = found.setdefault(row.host_id, [])
                    if whole:
                        window = unpack_window(row.at, layouts[row.layout], row.samples)
                        told += _draw_of(window)
                    elif (
                        row.watts is not None and (steps := quanta("power", row.watts)) is not None
                    ):
                        told.append((int(row.seen_at), steps))
        return found

    def meters(self, host_ids: Collection[str] | None = None) -> dict[str, Meter]:
        """The energy of these hosts."""
        query = sa.select(METERS)
        with self._reading() as connection:
            found = [
                row
                for where in _among(METERS.c.host_id, host_ids)
                for row in connection.execute(query.where(*where))
            ]
        return {
            row.host_id: Meter(**{name: getattr(row, name) for name in _METER}) for row in found
        }

    def lines(self, host_id: str, *, limit: int) -> list[BmcLine]:
        """The newest lines, newest first."""
        names = ("line", "seen_at", "at", "source", "severity", "message")
        query = (
            sa.select(*(BMC_LINES.c[name] for name in names))
            .where(BMC_LINES.c.host_id == host_id)
            .order_by(BMC_LINES.c.seen_at.desc(), BMC_LINES.c.at.desc(), BMC_LINES.c.line)
            .limit(limit)
        )
        with self._reading() as connection:
            return [BmcLine(*row) for row in connection.execute(query)]

    def unrolled(self, *, day: int) -> list[str]:
        """Hosts with windows of this day and without its rollup."""
        within = (READINGS.c.at >= day * DAY_S, READINGS.c.at < (day + 1) * DAY_S)
        done = sa.select(READING_DAYS.c.host_id).where(READING_DAYS.c.day == day)
        with self._reading() as connection:
            told = connection.execute(sa.select(READINGS.c.host_id).where(*within).distinct())
            return sorted(set(told.scalars()) - set(connection.execute(done).scalars()))

    def roll_up(self, *, day: int, hosts: Sequence[str]) -> None:
        """Make the day's rollups of these hosts."""
        begin, end = day * DAY_S, (day + 1) * DAY_S
        made = {host_id: _day(self.windows(host_id, since=begin, until=end)) for host_id in hosts}
        layouts = {_layout_id(tuple(sorted(one))): tuple(sorted(one)) for one in made.values()}
        with self._writing() as connection:
            self._write_layouts(connection, layouts)
            _upsert(connection, READING_DAYS, [_day_row(h, day, one) for h, one in made.items()])
        self._layouts |= layouts

    def days_to_roll_up(self, *, before: int) -> list[int]:
        """Days before this one of which there are windows, in order: two at most are kept."""
        with self._reading() as connection:
            first = connection.execute(sa.select(sa.func.min(READINGS.c.at))).scalar()
        return [] if first is None else list(range(int(first) // DAY_S, before))

    def forget(
        self, *, windows_before: int, days_before: int, lines_before: float, limit: int
    ) -> int:
        """Remove at most so many rows of each that are older."""
        gone = 0
        for table, moment, before in (
            (READINGS, READINGS.c.at, windows_before),
            (READING_DAYS, READING_DAYS.c.day, days_before),
            (BMC_LINES, BMC_LINES.c.seen_at, lines_before),
        ):
            key = sa.tuple_(*table.primary_key.columns)
            old = sa.select(*table.primary_key.columns).where(moment < before)
            with self._writing() as connection:
                statement = sa.delete(table).where(key.in_(old.order_by(moment).limit(limit)))
                gone += connection.execute(statement).rowcount
        return gone

    def forget_hosts(self, known: Iterable[str]) -> int:
        """Remove the meters of hosts that there are no more."""
        left = sorted(self.meters().keys() - set(known))
        with self._writing() as connection:
            for some in rows.chunks(left):
                connection.execute(sa.delete(METERS).where(METERS.c.host_id.in_(some)))
        return len(left)

    def _write_layouts(
        self, connection: sa.Connection, layouts: dict[int, tuple[str, ...]]
    ) -> None:
        fresh = sorted(layouts.keys() - self._layouts.keys())
        if fresh:
            made = [{"id": one, "series": "\n".join(layouts[one])} for one in fresh]
            insert = _insert(connection)(READING_LAYOUTS)
            connection.execute(insert.on_conflict_do_nothing(index_elements=["id"]), made)

    def _read_layouts(
        self, connection: sa.Connection, wanted: set[int]
    ) -> dict[int, tuple[str, ...]]:
        if missing := sorted(wanted - self._layouts.keys()):  # a few: hosts of a type share one
            query = sa.select(READING_LAYOUTS).where(READING_LAYOUTS.c.id.in_(missing))
            for row in connection.execute(query):
                self._layouts[row.id] = tuple(filter(None, row.series.split("\n")))
        return self._layouts


def _among(
    column: sa.Column[Any], wanted: Collection[str] | None
) -> Iterator[tuple[sa.ColumnElement[bool], ...]]:
    """Conditions that together ask for these, in statements that no database finds too long."""
    if wanted is None:
        yield ()
        return
    for some in rows.chunks(sorted(wanted)):
        yield (column.in_(some),)


def _draw_of(window: Window) -> Iterator[tuple[int, int]]:
    column = window.columns.get("power", [])
    for offset, steps in zip(window.offsets, column, strict=False):
        if steps is not None:
            yield window.start + offset, steps


def _row(host_id: str, window: Window, newest: Newest) -> dict[str, Any]:
    return {
        "host_id": host_id,
        "at": window.start,
        "seen_at": newest.seen_at,
        "watts": newest.watts,
        "celsius": newest.celsius,
        "leak": newest.leak,
        "layout": _layout_id(window.layout),
        "samples": pack_window(window),
    }


def _meter_row(host_id: str, meter: Meter) -> dict[str, Any]:
    return {"host_id": host_id, **{name: getattr(meter, name) for name in _METER}}


def _day_row(host_id: str, day: int, buckets: Day) -> dict[str, Any]:
    layout = _layout_id(tuple(sorted(buckets)))
    return {"host_id": host_id, "day": day, "layout": layout, "buckets": pack_day(buckets)}


def _day(windows: Sequence[Window]) -> Day:
    made: Day = {}
    for window in windows:
        for name, column in window.columns.items():
            bucket = rolled_up(column)
            if bucket.count:
                known = made.setdefault(name, [EMPTY] * WINDOWS_A_DAY)
                known[window.start % DAY_S // WINDOW_S] = bucket
    return made


def _layout_id(layout: tuple[str, ...]) -> int:
    """The same in every process: nobody has to ask for a number."""
    digest = hashlib.sha256("\n".join(layout).encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def _add_lines(connection: sa.Connection, lines: Sequence[tuple[str, BmcLine]]) -> int:
    """Each line once, whenever it is read again."""
    if not lines:
        return 0
    made = {
        (host_id, one.line): {
            "host_id": host_id,
            "line": one.line,
            "seen_at": one.seen_at,
            "at": one.at,
            "source": one.source,
            "severity": one.severity,
            "message": one.message,
        }
        for host_id, one in lines
    }
    statement = (
        _insert(connection)(BMC_LINES)
        .on_conflict_do_nothing(index_elements=["host_id", "line"])
        .returning(BMC_LINES.c.line)
    )
    return len(connection.execute(statement, list(made.values())).all())


def _upsert(connection: sa.Connection, table: sa.Table, made: list[dict[str, Any]]) -> None:
    if not made:
        return
    keys = [column.name for column in table.primary_key.columns]
    insert = _insert(connection)(table)
    fresh = {c.name: insert.excluded[c.name] for c in table.columns if c.name not in keys}
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=fresh), made)


def _insert(connection: sa.Connection) -> Any:
    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
