"""What lists look like and how they are paged: as NetBox's users know them, and never unbounded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from inventory.deps import ApiDeps
from inventory.errors import NotFound
from inventory.model import Record

R = TypeVar("R", bound=Record)
T = TypeVar("T")

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000

NAME_FORM = r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$"


class Body(BaseModel):
    """The base of what is sent to us: an unknown field is refused with the valid ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class View(BaseModel):
    """The base of what we answer with."""

    model_config = ConfigDict(frozen=True)


class Page(View, Generic[T]):
    """Part of a list. `next` is where the rest begins, or null."""

    count: int | None = Field(description="How many there are in all; null where not counted.")
    next: str | None
    previous: str | None = Field(description="Null but for lists that are paged by offset.")
    results: tuple[T, ...]


Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Results at most.")]
After = Annotated[
    str,
    Query(max_length=255, pattern=r"^[^\x00]*$", description="Take it from `next`."),
]
Text = Annotated[str, Query(max_length=255, pattern=r"^[^\x00]*$")]
NamePath = Annotated[str, Path(max_length=255, pattern=r"^[^\x00]*$")]


def read_page(
    deps: ApiDeps,
    kind: type[R],
    request: Request,
    *,
    show: Callable[[R], T],
    key: Callable[[R], str],
    after: str,
    limit: int,
    filters: dict[str, str],
) -> Page[T]:
    """One page of records as they are shown."""
    equals: dict[str, Any] = {name: value for name, value in filters.items() if value}
    found = deps.store.find(kind, after=after, limit=limit, **equals)
    return Page(
        count=deps.store.count(kind, **equals),
        next=next_after(request, key(found[-1])) if len(found) == limit else None,
        previous=None,
        results=tuple(show(record) for record in found),
    )


def as_it_is(record: R) -> R:
    """Records that hold nothing to hide are shown as they are."""
    return record


def only(found: Sequence[R], *, what: str, name: str, command: str) -> R:
    """The one that was asked for, or NotFound."""
    if not found:
        raise NotFound(f"no {what} {name!r}", hint=f"see `podyard {command}`")
    return found[0]


def next_after(request: Request, key: str) -> str:
    """The address of what follows a record in the list that was asked for."""
    kept = [(n, v) for n, v in request.query_params.multi_items() if n != "after"]
    return f"{request.url.path}?{urlencode([*kept, ('after', key)])}"
