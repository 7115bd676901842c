"""What a resource says of itself: whose records it shows, how they are found, who may write them.

A declaration is data. The engine reads it for lists, for writes, for the API's description and for
the hint of a refusal, so that the four never tell different stories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from inventory.auth import Permission
from inventory.deps import ApiDeps
from inventory.model import Record


class Form(StrEnum):
    """What kind of value a filter compares."""

    TEXT = "text"
    NUMBER = "number"
    MOMENT = "moment"
    FLAG = "flag"
    CHOICE = "choice"


LOOKUPS: Mapping[Form, tuple[str, ...]] = {
    Form.TEXT: ("n", "in", "ic", "nic", "isw", "nisw", "iew", "niew", "ie", "nie", "empty"),
    Form.NUMBER: ("n", "in", "gt", "gte", "lt", "lte"),
    Form.MOMENT: ("gt", "gte", "lt", "lte"),
    Form.FLAG: (),
    Form.CHOICE: ("n", "in"),
}
"""What may follow a filter's name after two underscores, spelled as NetBox spells it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One thing to find records by."""

    column: str
    """Of the store's table."""
    form: Form = Form.TEXT
    choices: tuple[str, ...] = ()
    says: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it lies in the store: its document is read as JSON, and never validated again."""

    key: str
    version: int
    document: dict[str, Any]
    created: datetime | None = None
    last_updated: datetime | None = None


Shown = dict[str, Any]
Show = Callable[[Stored], Shown]


@dataclass(frozen=True, slots=True)
class Include:
    """Something that can come along with each record, read for a whole page at once."""

    read: Callable[[ApiDeps, Sequence[Stored]], Mapping[str, Any]]
    """Key of the record to what comes along with it."""
    absent: Any
    """What stands there for a record that has none: None, or an empty list."""
    says: str
    needs: Permission
    """What a key that was narrowed must have kept, to be shown it."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that names another record, which must be there."""

    kind: type[Record]
    noun: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """One record that another one names, where its field alone does not say which."""

    path: str
    """Of the field, for a refusal."""
    value: str
    reference: Reference
    where: Mapping[str, str]
    """Columns of its table, which find it; only `key`: by its key."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A kind of record that keeps what it names from being removed."""

    kind: type[Record]
    where: Mapping[str, str]
    """Its column to the field of the record whose value stands there."""
    noun: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Writes:
    """How records of a resource come, change and go."""

    permission: Permission
    create: type[BaseModel] | None = None
    """What a new one is described by; None: they come into being another way."""
    change: type[BaseModel]
    """What may be changed, each field optional."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Fields that every record of this resource has, such as the kind of an equipment."""
    references: Mapping[str, Reference] = field(default_factory=dict)
    names: Callable[[Any], Iterable[Named]] | None = None
    """What a record names beside its `references`; looked at where a write changes it."""
    removable: bool = True
    holders: tuple[Holder, ...] = ()
    stamp: Callable[[datetime, str], Mapping[str, Any]] | None = None
    """Fields of a new record that come from the moment and the actor."""
    natural: tuple[str, ...] = ("name",)
    """The fields that tell one from another in the words of people."""
    wakes: Callable[[Any], str] | None = None
    """The pod whose hosts have to be looked at once such a record was written; empty: none."""
    generated_key: bool = True
    """True: a new record gets an id; False: its name is its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One list of the API and what may be done with it."""

    noun: str
    plural: str
    kind: type[Record]
    view: type[BaseModel]
    """For the API's description; what is answered is `show`'s."""
    show: Show
    read: Permission
    command: str
    """Which command lists them: for the hint of a 404."""
    filters: Mapping[str, Filter]
    brief: tuple[str, ...] = ("id", "url", "display", "name")
    searched: tuple[str, ...] = ("name",)
    """Columns that `q` looks in."""
    ordering: tuple[str, ...] = ("name",)
    """Filters by which a list can be ordered."""
    unrecorded: tuple[str, ...] = ()
    """Fields that no change log repeats: what was observed, and what is secret."""
    detail: type[BaseModel] | None = None
    """The description of one alone, where it says more than a line of the list."""
    show_detail: Show | None = None
    detail_extra: Callable[[ApiDeps, Stored], Shown] | None = None
    """What one alone says of other records: read each time, and not covered by its tag."""
    alone: bool = True
    """Whether the engine answers for one of them; else a route of its own does."""
    addressed_by_name: bool = True
    """Whether a record's own address holds its name; else its id."""
    named: bool = True
    """Whether a path may hold the name instead of the id."""
    within: Mapping[str, str] = field(default_factory=dict)
    """Column to the value that every record of this resource has there."""
    having: tuple[str, ...] = ()
    """Columns that are empty for no record of this resource."""
    site: str = ""
    """The column that names the record's site."""
    tenant: str = ""
    """The column that names whose record it is; empty: not a tenant's."""
    tagged: bool = False
    """Whether it carries tags and custom fields."""
    includes: Mapping[str, Include] = field(default_factory=dict)
    writes: Writes | None = None

    def __post_init__(self) -> None:
        unknown = set(self.ordering) - set(self.filters)
        if unknown:
            raise ValueError(f"{self.plural} cannot be ordered by {', '.join(sorted(unknown))}")
