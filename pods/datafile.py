"""The tables that podyard ships: figures of other people, each with its source and its date.

Prices, failure rates and benchmark rows change faster than code and are argued about line by line.
So they are data, read once and checked against a model; a row whose source is not listed in its
file is refused, because a figure that nobody vouches for must not reach an answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, model_validator

from pods.document import parse_document

DATA: Traversable = files("pods") / "data"
"""The shipped tables, wherever the package was installed."""


class Row(BaseModel):
    """The base of everything in a table: frozen, finite, and no unknown field passes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Sourced(Row):
    """A row that says who vouches for it; `uncertain` says what they do not agree on."""

    source: str
    uncertain: str = ""


class Figure(Sourced):
    """One number, what it is, in which unit, and from when."""

    value: float
    unit: str = ""
    what: str = ""
    date: str = ""


class Table(Row):
    """One file. Every source that its rows name must stand in `sources`."""

    version: str
    sources: dict[str, str]

    @model_validator(mode="after")
    def _sources_are_listed(self) -> Table:
        named = {row.source for row in sourced(self)}
        missing, idle = named - set(self.sources), set(self.sources) - named
        if missing:
            raise ValueError(f"sources not listed: {', '.join(sorted(missing))}")
        if idle:
            raise ValueError(f"sources that no row names: {', '.join(sorted(idle))}")
        return self


T = TypeVar("T", bound=Table)


def load_table(name: str, model: type[T]) -> T:
    """The shipped table of this name."""
    table = _validated(name, model)
    if not isinstance(table, model):
        raise TypeError(f"{name} is a {type(table).__name__}")
    return table


@cache
def _validated(name: str, model: type[Table]) -> Table:
    source = f"{name}.yaml (shipped)"
    raw = (DATA / f"{name}.yaml").read_bytes()
    return model.model_validate(parse_document(raw, source=source))


def sourced(value: Any) -> Iterator[Sourced]:
    """Every row with a source, wherever it stands."""
    if isinstance(value, Sourced):
        yield value
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from sourced(getattr(value, name))
    elif isinstance(value, dict):
        for inner in value.values():
            yield from sourced(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from sourced(inner)
