"""A question to a store that has more than equality in it: lookups, order, pages, words.

Everything is pushed into SQL on columns. A column that a kind does not have is an error that lists
those it has, never an unfiltered answer: a typing error must not show, change or remove everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

from inventory.model import Record

Lookup = Literal[
    "exact",
    "n",
    "ic",
    "nic",
    "isw",
    "nisw",
    "iew",
    "niew",
    "ie",
    "nie",
    "empty",
    "gt",
    "gte",
    "lt",
    "lte",
    "in",
]
"""As NetBox spells them: `n` is not, `ic` contains, `isw` starts with, `iew` ends with, `ie` is
equal, each whatever the case of its letters; a leading `n` says the opposite."""

Value = str | int | float | bool | datetime

R_co = TypeVar("R_co", bound=Record, covariant=True)

TAG = "tag"
CUSTOM = "cf_"
"""What stands before the name of a custom field where it is asked for as a column."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One column compared with values: any of them will do, and with `n…` none may."""

    column: str
    lookup: Lookup = "exact"
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """What to find, in which order, and which page of it.

    Columns are those of the kind's table, `key`, and for kinds with labels `tag` and `cf_<field>`.
    """

    conditions: tuple[Condition, ...] = ()
    """All must hold. `tag` may stand in several: each is a tag that the record has."""
    ordering: tuple[tuple[str, bool], ...] = ()
    """Columns, each with True for descending; the key decides between equals."""
    after: str = ""
    """The cursor of an earlier answer with the same ordering: records inserted or removed since
    then move no other record to another page."""
    offset: int = 0
    limit: int = 100
    search: str = ""
    """Words that must each stand somewhere in the columns that the kind is searched by."""
    counted: bool = True
    """Whether the total is wanted: it looks at everything that matches."""


@dataclass(frozen=True)
class Found(Generic[R_co]):
    """One page of an answer."""

    records: list[R_co]
    total: int | None
    """All that match, on whatever page; None when it was not asked for."""
    next_cursor: str
    """What to hand over as `after` for the page that follows; empty on the last."""
