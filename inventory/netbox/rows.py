"""An object of NetBox in the form that is compared: plain values, foreign keys as ids.

NetBox reads a choice as `{value, label}` and wants it written as its value; it reads a foreign key
as an object and wants its id. Here both become what would be written, so that equal means equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inventory.netbox.kinds import KINDS, Kind


@dataclass(frozen=True, slots=True)
class Row:
    """One object as it was read."""

    kind: str
    id: int
    fields: Mapping[str, Any]
    """Custom fields stand here as `cf.<name>`."""
    raw: Mapping[str, Any]
    etag: str

    def label(self, field: str) -> str:
        """What people call the object that a foreign key points at."""
        nested = self.raw.get(field)
        if isinstance(nested, dict):
            return str(nested.get("slug") or nested.get("name") or nested.get("display") or "")
        return ""


def row_of(kind: Kind, raw: Mapping[str, Any]) -> Row:
    """Normalise one object."""
    fields: dict[str, Any] = {"id": raw["id"]}
    for name in kind.reads:
        if name == "custom_fields":
            given = raw.get(name) or {}
            fields |= {f"cf.{key}": plain(value) for key, value in given.items()}
        else:
            fields[name] = plain(raw.get(name))
    return Row(kind=kind.name, id=int(raw["id"]), fields=fields, raw=raw, etag=etag_of(raw))


def plain(value: Any) -> Any:
    """One value as it would be written."""
    match value:
        case {"value": found, "label": _}:
            return found
        case {"id": int(found)}:
            return found
        case {"object_id": int(found), "object_type": str(kind), **_rest}:
            return {"object_type": kind, "object_id": found}
        case list():
            return [plain(one) for one in value]
        case _:
            return value


def etag_of(raw: Mapping[str, Any]) -> str:
    """The ETag that NetBox 4.6 and later give this object, which a list does not carry.

    It is made of the time of the last change. Should a later NetBox make it of something else, a
    write is answered by 412 with the right one, and the row is looked at again.
    """
    moment = raw.get("last_updated") or raw.get("created")
    return f'W/"{str(moment).replace("Z", "+00:00")}"' if moment else ""


def body_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as NetBox takes them."""
    body = {name: value for name, value in fields.items() if not name.startswith("cf.")}
    custom = {n.removeprefix("cf."): v for n, v in fields.items() if n.startswith("cf.")}
    return {**body, "custom_fields": custom} if custom else body


def same(now: Any, wanted: Any) -> bool:
    """True when writing `wanted` would change nothing."""
    if isinstance(now, str) and isinstance(wanted, str):
        return now == wanted
    if isinstance(wanted, list | tuple) and isinstance(now, list | tuple):
        return list(now) == list(wanted)
    if isinstance(now, int | float) and isinstance(wanted, int | float):
        return float(now) == float(wanted)
    return (
        bool((now or None) == (wanted or None)) if not isinstance(wanted, bool) else now is wanted
    )


def content_type(kind: str) -> str:
    """`dcim.device` of `device`."""
    return KINDS[kind].content_type
