"""A resource in the API's description: its parameters, its bodies and its headers.

Lookups are not parameters of their own there: each would be a dozen lines, four thousand in all.
A filter's schema lists them in `x-lookups`, and clients append them with two underscores.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from inventory.resources.asking import LIMIT_DEFAULT, LIMIT_MAX
from inventory.resources.declaring import LOOKUPS, Filter, Form, Resource

Described = dict[str, Any]

REF = "#/components/schemas/{model}"
_TEXT: Described = {"type": "string", "maxLength": 255}
_SCHEMAS: dict[Form, Described] = {
    Form.TEXT: _TEXT,
    Form.CHOICE: {"type": "string"},
    Form.NUMBER: {"type": "number"},
    Form.MOMENT: {"type": "string", "format": "date-time"},
    Form.FLAG: {"type": "boolean"},
}


def list_parameters(resource: Resource) -> list[Described]:
    """Every query parameter of the list."""
    found = [_filter(name, one) for name, one in sorted(resource.filters.items())]
    if resource.tagged:
        found.append(_many("tag", _TEXT, "Records with this tag; given again, with that too."))
        found.append(_many("tag__n", _TEXT, "Records without this tag."))
    found.append(_query("q", _TEXT, "Words that must each stand somewhere in it."))
    ordering = ", ".join(resource.ordering)
    paging: dict[str, tuple[Described, str]] = {
        "limit": (
            {"type": "integer", "minimum": 0, "default": LIMIT_DEFAULT},
            f"Results at most; 0, or more than {LIMIT_MAX}, asks for {LIMIT_MAX}.",
        ),
        "offset": ({"type": "integer", "minimum": 0}, "Results to skip; not with a cursor."),
        "after": (_TEXT, "A cursor: take it from `next`."),
        "start": (_TEXT, "NetBox's cursor: `0` begins pages that are not counted."),
        "ordering": (_TEXT, f"By which fields, a minus before one descends: {ordering}."),
    }
    found += [_query(name, schema, says) for name, (schema, says) in paging.items()]
    return [*found, *shape_parameters(resource)]


def shape_parameters(resource: Resource) -> list[Described]:
    """What of each record is answered."""
    brief = ", ".join(resource.brief)
    found = [
        _query("brief", {"type": "boolean"}, f"Only {brief}."),
        _query("fields", _TEXT, "Only these fields, with commas between them."),
        _query("omit", _TEXT, "All but these fields."),
    ]
    if resource.includes:
        listed = "; ".join(f"`{name}`: {one.says}" for name, one in resource.includes.items())
        found.append(_query("include", _TEXT, f"What comes along, with commas. {listed}"))
    return found


def custom_parameters(resource: Resource) -> Described:
    """What no list of parameters can name: custom fields are the site's own."""
    return {"x-custom-field-filters": "cf_<name>"} if resource.tagged else {}


def body(kind: type[BaseModel], *, many: bool = False) -> Described:
    """The body of a request: one of these, or also a list of them."""
    one: Described = {"$ref": REF.format(model=kind.__name__)}
    schema = {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]} if many else one
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def selectors_body(resource: Resource, *, change: type[BaseModel] | None) -> Described:
    """The body of a bulk change or removal: each item says which record it is about."""
    selector: Described = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "name": {"type": "string"}},
    }
    if change is None:
        selector["properties"]["changelog_message"] = {"type": "string", "maxLength": 200}
    item = selector
    if change is not None:
        item = {"allOf": [selector, {"type": "object"}]}
        item["description"] = f"`id` or `name`, and fields as in {change.__name__}"
    schema = {"type": "array", "items": item, "minItems": 1, "title": f"{resource.plural} to write"}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def header(name: str, says: str) -> Described:
    """A header of the request."""
    return {
        "name": name,
        "in": "header",
        "required": False,
        "schema": {"type": "string", "maxLength": 255},
        "description": says,
    }


IF_MATCH = header("If-Match", "The ETag that the record was read with; 412 when it moved on.")
IF_NONE_MATCH = header("If-None-Match", "The ETag of an earlier answer; 304 when it is the same.")
IDEMPOTENCY = header(
    "Idempotency-Key", "The same request again under the same key gets the same answer, for a day."
)
ATOMIC = {
    "name": "atomic",
    "in": "query",
    "required": False,
    "schema": {"type": "boolean", "default": True},
    "description": "false: each item counts by itself, and 207 tells how each fared.",
}


def schemas(kinds: Iterable[type[BaseModel]]) -> dict[str, Described]:
    """Component schemas of bodies, which no route hands to FastAPI."""
    _, made = models_json_schema([(kind, "validation") for kind in kinds], ref_template=REF)
    found: dict[str, Described] = made.get("$defs", {})
    for name, schema in found.items():
        if name.startswith("Change"):
            for field in schema.get("properties", {}).values():
                if field.get("default", 0) is None:
                    del field["default"]  # left out means unchanged, never null
    return found


def _filter(name: str, one: Filter) -> Described:
    schema = dict(_SCHEMAS[one.form])
    if one.choices:
        schema["enum"] = list(one.choices)
    lookups = list(LOOKUPS[one.form])
    described = _many(name, schema, one.says) if lookups else _query(name, schema, one.says)
    if lookups:
        described["x-lookups"] = lookups
    return described


def _query(name: str, schema: Described, says: str) -> Described:
    found: Described = {"name": name, "in": "query", "required": False, "schema": schema}
    return {**found, "description": says} if says else found


def _many(name: str, schema: Described, says: str) -> Described:
    found = _query(name, {"type": "array", "items": schema}, says)
    return {**found, "explode": True}
