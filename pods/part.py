"""What every piece of a spec has in common, below all of them so that none imports another.

A piece is frozen and strict, and what it leaves unsaid it also leaves out when written: a field
that a later podyard adds therefore changes no digest of an earlier spec.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]

Identity = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}@[0-9]+(\.[0-9]+){0,2}$")]
"""`name@version`."""


class Part(BaseModel):
    """The base of every piece of a spec: frozen, strict, and no unknown field passes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _only_what_is_said(self, inner: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Nothing and no entries are the same as a field that is not there."""
        fields = type(self).model_fields
        return {
            name: value
            for name, value in inner(self).items()
            if fields[name].is_required() or not (value is None or value in ((), [], {}))
        }


class Source(Part):
    """What a figure rests on. A spec keeps these beside its figures, by path."""

    source: Annotated[str, Field(min_length=1)]
    """A key of the catalogue's list of sources, or the source's title."""
    url: str | None = None
    note: str | None = None
    """How the figure follows from the source, where it does not stand there in so many words."""
    uncertain: bool = False
    """True where sources disagree, are secondary, or the figure is ours until one is found."""


Sources = dict[str, Source]
"""Path of a figure, or of the part that holds several, to what it rests on."""


def source_of(path: str, sources: Sources) -> Source | None:
    """The source of a figure: its own, else that of the nearest part that holds it."""
    while path:
        if path in sources:
            return sources[path]
        cut = max(path.rfind("."), path.rfind("["))
        path = path[:cut] if cut > 0 else ""
    return None


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in a plain value that holds nothing further, with its path."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from leaves(entry, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            yield from leaves(entry, f"{path}[{index}]")
    else:
        yield path, value
