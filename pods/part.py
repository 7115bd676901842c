"""What every piece of a spec has in common, below all of them so that none imports another.

A piece is frozen and strict, and what it leaves unsaid it also leaves out when written: a field
that a later podyard adds therefore changes no digest of an earlier spec.
"""

from __future__ import annotations

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
