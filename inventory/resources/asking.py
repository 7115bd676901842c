"""What a list was asked for, read from its query: NetBox's conventions, without their traps.

The same filter given twice means either value, two filters mean both, `tag=` given twice means
both tags. An unknown filter is refused with those that exist: NetBox answers it with the whole
table, and scripts have deleted by such an answer.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from inventory.refusals import Refused
from inventory.resources.declaring import LOOKUPS, Filter, Form, Resource
from inventory.store.query import Lookup

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000
OFFSET_MAX = 10_000_000
VALUES_MAX = 500
"""Values of one filter: a page of serial numbers from a scanner fits."""
TEXT_MAX = 255
CURSORS = ("after", "start")
PAGING = ("limit", "offset", *CURSORS, "ordering")
SHAPING = ("brief", "fields", "omit", "include")
FOUND_BY_ALL = ("q",)
TAGGED = ("tag", "tag__n")
CUSTOM = "cf_"

E = TypeVar("E", bound=Callable[..., Any])

_MOMENT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Where:
    """One condition: any of these values, compared in this way."""

    column: str
    lookup: Lookup
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """Which fields of each record are answered."""

    fields: frozenset[str] | None = None
    omit: frozenset[str] = frozenset()
    brief: bool = False

    @property
    def whole(self) -> bool:
        """True when nothing is left out."""
        return self.fields is None and not self.omit and not self.brief


@dataclass(frozen=True, slots=True)
class Ask:
    """One list as it was asked for."""

    where: tuple[Where, ...] = ()
    tags: tuple[str, ...] = ()
    tags_not: tuple[str, ...] = ()
    custom: tuple[Where, ...] = ()
    text: str = ""
    ordering: tuple[str, ...] = ()
    """Columns, a minus before those that descend."""
    limit: int = LIMIT_DEFAULT
    offset: int | None = None
    cursor: str = ""
    counted: bool = True
    """False when a client asked for NetBox's cursor pages, which are not counted."""
    shape: Shape = Shape()
    include: tuple[str, ...] = ()


def ask_of(resource: Resource, given: Iterable[tuple[str, str]]) -> Ask:
    """The list that a query asks for, or Refused naming what is wrong."""
    values = _collected(given)
    where: list[Where] = []
    custom: list[Where] = []
    for name, texts in values.items():
        if name in (*PAGING, *SHAPING, *FOUND_BY_ALL):
            continue
        if resource.tagged and name in TAGGED:
            continue
        if resource.tagged and name.startswith(CUSTOM):
            custom.append(_custom(resource, name, texts))
        else:
            where.append(_where(resource, name, texts))
    cursor = _one(values, "after") or _one(values, "start")
    return Ask(
        where=tuple(where),
        tags=tuple(values.get("tag", ())) if resource.tagged else (),
        tags_not=tuple(values.get("tag__n", ())) if resource.tagged else (),
        custom=tuple(custom),
        text=_one(values, "q"),
        ordering=_ordering(resource, values.get("ordering", [])),
        limit=_limit(values),
        offset=_offset(values),
        cursor="" if cursor == "0" else cursor,
        counted="start" not in values,
        shape=shape_of(resource, values),
        include=_include(resource, values),
    )


def ask_of_one(resource: Resource, given: Iterable[tuple[str, str]]) -> Ask:
    """How one record was asked for: what is answered of it, and nothing that would find it."""
    values = _collected(given)
    for name, texts in values.items():
        if name not in SHAPING:
            raise _unknown(resource, name, texts[0], valid=_shaping(resource))
    return Ask(shape=shape_of(resource, values), include=_include(resource, values))


def _collected(given: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in given:
        if len(value) > TEXT_MAX * 8 or "\x00" in value:
            raise _wrong(name, value, "not a value that a record can have")
        values.setdefault(name, []).append(value)
    return values


def own_query(endpoint: E) -> E:
    """Marks an endpoint that reads its query itself: `ask_of` refuses what it does not know."""
    endpoint.reads_query = True  # type: ignore[attr-defined]
    return endpoint


def partial_asked(given: Iterable[tuple[str, str]]) -> bool:
    """Whether each item of a write counts by itself; a write knows no other parameter."""
    atomic = True
    for name, value in given:
        if name != "atomic":
            raise Refused(
                400,
                "unknown-parameter",
                f"there is no query parameter {name[:80]!r} here",
                path=name[:80],
                value=value[:80],
                hint="valid ones: atomic",
            )
        atomic = flag_of(name, value)
    return not atomic


def shape_of(resource: Resource, values: Mapping[str, list[str]]) -> Shape:
    """Which fields were asked for."""
    valid = fields_of(resource)
    fields = _names(values, "fields", valid | frozenset(resource.includes))
    omit = _names(values, "omit", valid)
    brief = flag_of("brief", _one(values, "brief") or "false")
    return Shape(fields=fields or None, omit=omit, brief=brief)


def fields_of(resource: Resource) -> frozenset[str]:
    """Every field that a record of this resource is shown with."""
    detail = resource.detail or resource.view
    return frozenset({*resource.view.model_fields, *detail.model_fields})


def names_of(resource: Resource) -> list[str]:
    """Every filter with its lookups, for people: `serial[__n|__ic…]` would be too long a line."""
    listed = sorted({*resource.filters, *(("tag", "cf_<name>") if resource.tagged else ()), "q"})
    return [*listed, *PAGING, *_shaping(resource)]


def _shaping(resource: Resource) -> list[str]:
    return [name for name in SHAPING if name != "include" or resource.includes]


def _where(resource: Resource, name: str, texts: list[str]) -> Where:
    base, _, lookup = name.rpartition("__") if "__" in name else (name, "", "")
    found = resource.filters.get(base)
    if found is None:
        raise _unknown(resource, name, texts[0])
    if lookup and lookup not in LOOKUPS[found.form]:
        valid = ", ".join(f"{base}__{one}" for one in LOOKUPS[found.form]) or "none"
        raise Refused(
            400,
            "unknown-parameter",
            f"{base} cannot be looked up by __{lookup}",
            path=name,
            value=texts[0][:80],
            hint=f"valid ones: {base}, {valid}" if valid != "none" else f"valid: {base}=",
        )
    split = [one for text in texts for one in text.split(",")] if lookup == "in" else texts
    if len(split) > VALUES_MAX:
        raise _wrong(name, str(len(split)), f"at most {VALUES_MAX} values in one filter")
    if lookup == "empty":
        return Where(found.column, "empty", (flag_of(name, texts[0]),))
    values = tuple(_value(found, name, text) for text in split)
    return Where(found.column, cast("Lookup", lookup or "exact"), values)


def _value(found: Filter, name: str, text: str) -> Any:
    match found.form:
        case Form.TEXT:
            if len(text) > TEXT_MAX:
                raise _wrong(name, text[:80], f"at most {TEXT_MAX} characters")
            return text
        case Form.CHOICE:
            if text not in found.choices:
                raise _wrong(name, text, "not one of its values", ", ".join(found.choices))
            return text
        case Form.FLAG:
            return flag_of(name, text)
        case Form.NUMBER:
            return _number(name, text)
        case Form.MOMENT:
            try:
                return _MOMENT.validate_python(text).timestamp()
            except (ValidationError, OverflowError, ValueError) as error:
                raise _wrong(name, text, "not a moment", "2030-05-01T12:00:00Z") from error


def _number(name: str, text: str) -> int | float:
    try:
        found = int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError as error:
        raise _wrong(name, text, "not a number") from error
    if found != found or abs(found) > 2**53:  # noqa: PLR0124 - a NaN equals nothing
        raise _wrong(name, text, "not a number that a record can have")
    return found


def flag_of(name: str, text: str) -> bool:
    """What a parameter says that is true or false."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise _wrong(name, text, "neither true nor false", "true, false")


def _custom(resource: Resource, name: str, texts: list[str]) -> Where:
    field, _, lookup = name.removeprefix(CUSTOM).partition("__")
    if lookup or not field.replace("_", "").isalnum():
        raise _unknown(resource, name, texts[0])
    return Where(field, "exact", tuple(texts))


def _ordering(resource: Resource, given: list[str]) -> tuple[str, ...]:
    found: list[str] = []
    for name in (one for text in given for one in text.split(",") if one):
        minus, bare = ("-", name[1:]) if name.startswith("-") else ("", name)
        if bare not in resource.ordering:
            raise Refused(
                400,
                "unknown-parameter",
                f"{resource.plural} cannot be ordered by {bare[:80]!r}",
                path="ordering",
                value=name[:80],
                hint=f"valid ones: {', '.join(resource.ordering)}; a minus before one descends",
            )
        found.append(minus + resource.filters[bare].column)
    return tuple(found)


def _limit(values: Mapping[str, list[str]]) -> int:
    """As NetBox reads it: 0 asks for as many as there may be, more than that for that many."""
    text = _one(values, "limit")
    if not text:
        return LIMIT_DEFAULT
    asked = _whole(text, "limit")
    return LIMIT_MAX if asked == 0 else min(asked, LIMIT_MAX)


def _offset(values: Mapping[str, list[str]]) -> int | None:
    text = _one(values, "offset")
    if not text:
        return None
    if any(name in values for name in CURSORS):
        raise _wrong("offset", text, "a list is paged by offset or by cursor, not by both")
    return min(_whole(text, "offset"), OFFSET_MAX)


def _whole(text: str, name: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 15:  # noqa: PLR2004 - below 2**53
        raise _wrong(name, text, "not a whole number of 0 or more")
    return int(text)


def _include(resource: Resource, values: Mapping[str, list[str]]) -> tuple[str, ...]:
    """What comes along: asked for as such, or named among the fields and none of its own."""
    if "include" in values and not resource.includes:
        raise _unknown(resource, "include", values["include"][0])
    valid = frozenset(resource.includes)
    named = frozenset(one for text in values.get("fields", ()) for one in text.split(","))
    beside = named & valid - fields_of(resource)
    return tuple(sorted(_names(values, "include", valid) | beside))


def _names(values: Mapping[str, list[str]], name: str, valid: frozenset[str]) -> frozenset[str]:
    given = [one for text in values.get(name, ()) for one in text.split(",") if one]
    for one in given:
        if one not in valid:
            raise Refused(
                400,
                "unknown-parameter",
                f"{name} does not know {one[:80]!r}",
                path=name,
                value=one[:80],
                hint=f"valid ones: {', '.join(sorted(valid))}",
            )
    return frozenset(given)


def _one(values: Mapping[str, list[str]], name: str) -> str:
    given = values.get(name, [])
    if len(given) > 1:
        raise _wrong(name, given[1], "given more than once")
    return given[0] if given else ""


def _unknown(
    resource: Resource, name: str, value: str, *, valid: list[str] | None = None
) -> Refused:
    listed = names_of(resource) if valid is None else valid
    close = difflib.get_close_matches(name, listed, n=1, cutoff=0.7)
    meant = f"did you mean {close[0]}? " if close else ""
    return Refused(
        400,
        "unknown-parameter",
        f"there is no query parameter {name[:80]!r} here",
        path=name[:80],
        value=value[:80],
        hint=f"{meant}valid ones: {', '.join(sorted(listed))}"
        + ("; lookups follow two underscores" if valid is None else ""),
    )


def _wrong(name: str, value: str, message: str, valid: str = "") -> Refused:
    return Refused(
        422,
        "invalid",
        message,
        path=name,
        value=value[:80],
        hint=f"valid ones: {valid}" if valid else "correct the value; see /api/openapi.json",
    )
