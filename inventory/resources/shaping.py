"""Views and bodies made from a record's own fields, so that each field is described once.

A record says what a field is and what it may hold; what is shown, what is asked for on creation
and what may be changed are cuts of it. Free text gets the bounds that a record, which only we
write, does not need: a column's length, and no control characters.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, create_model
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from inventory.model import CustomName, Record, Tag
from inventory.resources.declaring import Show, Shown, Stored
from inventory.routes.shapes import Body, View

TEXT_MAX = 255
"""What a column holds, and what fits a line."""
LABELS_MAX = 64
"""Tags or custom fields of one record: a page shows them all."""
NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"

Line = Annotated[str, StringConstraints(max_length=TEXT_MAX, pattern=NO_CONTROL)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=LABELS_MAX)]
CustomBody = Annotated[
    dict[
        CustomName,
        Annotated[str, StringConstraints(max_length=200, pattern=NO_CONTROL)]
        | bool
        | Annotated[int, Field(ge=-(2**53), le=2**53)]
        | float
        | None,
    ],
    Field(max_length=LABELS_MAX, description="A field that is null is removed."),
]
"""Values short enough for the index that finds them; numbers that JSON's readers agree on."""

MESSAGE: tuple[Any, Any] = (
    Annotated[str, StringConstraints(max_length=200, pattern=NO_CONTROL)],
    Field(default="", description="Why, for the change log."),
)
WHEN = Field(default=None, description="Null for a record from before this was kept.")


def view_of(
    kind: type[Record],
    name: str,
    *,
    hidden: Collection[str] = (),
    extra: Mapping[str, tuple[Any, FieldInfo]] | None = None,
) -> type[BaseModel]:
    """The description of what is shown of a record: each field is always there."""
    fields: dict[str, Any] = {
        "url": (str, Field(description="Where the API has it.")),
        "id": (str, Field(description="Its key; a record's name where names are the keys.")),
        "display": (str, Field(description="What people call it.")),
    }
    for field, info in kind.model_fields.items():
        if field not in hidden and field not in fields:
            fields[field] = (info.annotation, FieldInfo(description=info.description))
    fields |= extra or {}
    fields["created"] = (datetime | None, WHEN)
    fields["last_updated"] = (datetime | None, WHEN)
    made: type[BaseModel] = create_model(
        name, __base__=View, __doc__=(kind.__doc__ or "").strip(), **fields
    )
    return made


def body_of(
    kind: type[Record],
    name: str,
    *,
    fields: Collection[str],
    bounds: Mapping[str, Any] | None = None,
) -> type[BaseModel]:
    """What describes a new record: these of its fields, required where the record requires them.

    `bounds` says of a field what it may hold where a line of text is not it.
    """
    given: dict[str, Any] = {f: _bounded(f, kind.model_fields[f], bounds) for f in fields}
    given["changelog_message"] = MESSAGE
    made: type[BaseModel] = create_model(
        name, __base__=Body, __doc__=f"A new {_noun(kind)}.", **given
    )
    return made


def change_of(
    kind: type[Record],
    name: str,
    *,
    fields: Collection[str],
    bounds: Mapping[str, Any] | None = None,
) -> type[BaseModel]:
    """What may be changed: these of its fields, each of them optional."""
    given: dict[str, Any] = {}
    for field in fields:
        annotation, info = _bounded(field, kind.model_fields[field], bounds)
        info.default, info.default_factory = None, None
        given[field] = (annotation, info)
    if "tags" in fields:
        given["add_tags"] = (Tags, Field(default=None, description="Beside those it has."))
        given["remove_tags"] = (Tags, Field(default=None, description="Of those it has."))
    given["changelog_message"] = MESSAGE
    made: type[BaseModel] = create_model(
        name,
        __base__=Body,
        __doc__=f"What changes of a {_noun(kind)}; what is left out stays as it is.",
        **given,
    )
    return made


def show_record(
    kind: type[Record],
    *,
    display: Callable[[Shown], str] = lambda shown: str(shown.get("name", "")),
    hidden: Collection[str] = (),
    extra: Callable[[Stored], Shown] | None = None,
) -> Show:
    """Shows a record as it is, less what is hidden.

    Fields that came after a record was written have their default, as when it is validated.
    """
    defaults = {
        field: _default(info)
        for field, info in kind.model_fields.items()
        if field not in hidden and field not in {"id", "version"}
    }

    def show(stored: Stored) -> Shown:
        document = stored.document
        shown: Shown = {"id": stored.key, "display": ""}
        for field, default in defaults.items():
            shown[field] = document.get(field, default)
        shown["display"] = display(shown) or stored.key
        if "version" in kind.model_fields:
            shown["version"] = stored.version
        if extra is not None:
            shown |= extra(stored)
        return shown | when(stored)

    return show


def when(stored: Stored) -> Shown:
    """When a record came and when it changed last."""
    return {
        "created": stored.created.isoformat() if stored.created else None,
        "last_updated": stored.last_updated.isoformat() if stored.last_updated else None,
    }


def _bounded(
    field: str, info: FieldInfo, bounds: Mapping[str, Any] | None
) -> tuple[Any, FieldInfo]:
    if bounds and field in bounds:
        return bounds[field], copy.copy(info)
    if field == "tags":
        return Tags, FieldInfo(default=())
    if field == "custom":
        return CustomBody, FieldInfo(default_factory=dict)
    if info.annotation is str and not info.metadata:
        return Line, copy.copy(info)
    return info.annotation, copy.copy(info)


def _default(info: FieldInfo) -> Any:
    value = info.get_default(call_default_factory=True)
    return None if value is PydanticUndefined else to_jsonable_python(value)


def _noun(kind: type[Record]) -> str:
    return kind.__name__.lower()
