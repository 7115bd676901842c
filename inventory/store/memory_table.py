"""One kind of records in memory: by key, by values that no two share, and by what is asked for.

An index on a column comes into being when somebody first asks by it, and is kept from then on. A
change is looked at whole before any of it is written.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inventory.model import Record
from inventory.store.rows import Overtaken
from inventory.store.tables import Kind


class Taken(Exception):
    """A key or a value that no two records share is another record's."""


class MemoryTable:
    """Every record of one kind."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.generation = 0
        """Grows with every write, so that a copy can tell whether it is one still."""
        self.records: dict[str, Record] = {}
        self.moments: dict[str, tuple[float, float]] = {}
        """Key to when it came and when it was written last, in seconds since 1970."""
        self._unique = [column.name for column in kind.table.c if column.unique]
        self._holders: dict[str, dict[Any, str]] = {name: {} for name in self._unique}
        self._indexes: dict[str, dict[Any, dict[str, None]]] = {}
        self._keys: list[str] | None = None

    def keys(self) -> list[str]:
        """Every key, in order."""
        if self._keys is None:
            self._keys = sorted(self.records)
        return self._keys

    def matching(self, equals: Mapping[str, str | int], *, after: str = "") -> Iterator[Record]:
        """Records whose columns have these values, in the order of their keys."""
        self._refuse_strangers(equals)
        if len(equals) == 1:
            ((name, value),) = equals.items()
            bucket = self._bucket(name, value)
            if not bucket:  # most hosts have nothing of most kinds
                return iter(())
            found = sorted(key for key in bucket if key > after)
        elif equals:
            buckets = [self._bucket(name, value) for name, value in equals.items()]
            smallest = min(buckets, key=len)
            found = sorted(
                key for key in smallest if key > after and all(key in one for one in buckets)
            )
        else:
            keys = self.keys()
            found = keys[bisect_right(keys, after) :] if after else keys
        return (self.records[key] for key in found)

    def count(self, equals: Mapping[str, str | int]) -> int:
        """How many match."""
        self._refuse_strangers(equals)
        buckets = [self._bucket(name, value) for name, value in equals.items()]
        if not buckets:
            return len(self.records)
        smallest = min(buckets, key=len)
        return sum(1 for key in smallest if all(key in one for one in buckets))

    def check(self, inserted: Sequence[Record], replaced: Sequence[Record]) -> None:
        """Raise `Taken` or `Overtaken` when these cannot all be written; nothing is written."""
        fresh: dict[tuple[str, Any], str | None] = {}
        new_keys: set[str] = set()
        for record in inserted:
            key = self.kind.key(record)
            if key in self.records or key in new_keys:
                raise Taken(key)
            new_keys.add(key)
            self._claim(record, key, None, fresh)
        self._check_replaced(replaced, fresh)

    def _check_replaced(
        self, replaced: Sequence[Record], fresh: dict[tuple[str, Any], str | None]
    ) -> None:
        versions: dict[str, int] = {}
        stale = False
        for record in replaced:
            key = self.kind.key(record)
            old = self.records.get(key)
            version = getattr(record, "version", 0)
            twice = key in versions and hasattr(record, "version")
            versions[key] = version
            if old is None or twice or getattr(old, "version", 0) != version:
                stale = True
            else:
                self._claim(record, key, old, fresh)
        if stale:
            raise Overtaken(self.kind, versions)

    def _claim(
        self,
        record: Record,
        key: str,
        old: Record | None,
        fresh: dict[tuple[str, Any], str | None],
    ) -> None:
        """Take the values that no two records share, in what this change makes of them."""
        for name in self._unique:
            read = self.kind.columns[name]
            value = read(record)
            before = None if old is None else read(old)
            if value == before:
                continue
            if before is not None:
                fresh[name, before] = None
            if value is None:
                continue
            holder = fresh.get((name, value), self._holders[name].get(value))
            if holder is not None and holder != key:
                raise Taken(name)
            fresh[name, value] = key

    def insert(self, record: Record, *, at: float) -> None:
        """A new record; `check` was passed."""
        if getattr(record, "version", 1) != 1:
            record = record.model_copy(update={"version": 1})
        key = self.kind.key(record)
        self.records[key] = record
        self.moments[key] = (at, at)
        self._keys = None
        for name in self._unique:
            value = self.kind.columns[name](record)
            if value is not None:
                self._holders[name][value] = key
        for name, index in self._indexes.items():
            index.setdefault(self.kind.columns[name](record), {})[key] = None
        self.generation += 1

    def replace(self, record: Record, *, at: float) -> None:
        """A record over its older self; `check` was passed."""
        key = self.kind.key(record)
        old = self.records[key]
        version = getattr(record, "version", None)
        if version is not None:
            record = record.model_copy(update={"version": version + 1})
        self.records[key] = record
        self.moments[key] = (self.moments[key][0], at)
        columns = self.kind.columns
        for name in self._unique:
            before, value = columns[name](old), columns[name](record)
            if before != value:
                holders = self._holders[name]
                if before is not None and holders.get(before) == key:
                    del holders[before]
                if value is not None:
                    holders[value] = key
        for name, index in self._indexes.items():
            before, value = columns[name](old), columns[name](record)
            if before != value:
                del index[before][key]
                index.setdefault(value, {})[key] = None
        self.generation += 1

    def remove(self, key: str) -> None:
        """A record at whatever version; one that is not there is no error."""
        old = self.records.pop(key, None)
        if old is None:
            return
        del self.moments[key]
        self._keys = None
        columns = self.kind.columns
        for name in self._unique:
            value = columns[name](old)
            if self._holders[name].get(value) == key:
                del self._holders[name][value]
        for name, index in self._indexes.items():
            del index[columns[name](old)][key]
        self.generation += 1

    def _refuse_strangers(self, equals: Mapping[str, str | int]) -> None:
        if not equals.keys() <= self.kind.columns.keys():
            unknown = sorted(equals.keys() - self.kind.columns.keys())
            valid = ", ".join(sorted(self.kind.columns))
            name = self.kind.table.name
            raise ValueError(f"{name} has no column {', '.join(unknown)}; it has {valid}")

    def _bucket(self, name: str, value: str | int) -> dict[str, None]:
        index = self._indexes.get(name)
        if index is None:
            read = self.kind.columns[name]
            index = self._indexes[name] = {}
            for key, record in self.records.items():
                index.setdefault(read(record), {})[key] = None
        return index.get(value, {})
