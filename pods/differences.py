"""What changed between two plain values, path by path: how plans and specs are compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

from pods.errors import shown


class Change(BaseModel):
    """One difference; a side that has nothing there says `nothing`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    before: str
    after: str


_ABSENT = object()


def changes(before: Any, after: Any) -> tuple[Change, ...]:
    """Every difference between two JSON values, in the order of their paths."""
    return tuple(_changes("", before, after))


def _changes(path: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            here = f"{path}.{key}" if path else str(key)
            yield from _changes(here, before.get(key, _ABSENT), after.get(key, _ABSENT))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            yield from _changes(f"{path}[{index}]", _at(before, index), _at(after, index))
    elif type(before) is not type(after) or before != after:
        yield Change(path=path, before=_brief(before), after=_brief(after))


def _at(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else _ABSENT


def _brief(value: Any) -> str:
    return "nothing" if value is _ABSENT else shown(value)
