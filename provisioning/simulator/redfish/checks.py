"""What a request body may hold: named properties of stated types, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from provisioning.simulator.errors import ActionRefused

Body = dict[str, Any]
Kind = type | tuple[type, ...]


def parameters(body: Body, *, action: str, known: Mapping[str, Kind]) -> Body:
    """An action's parameters; an unknown one or a wrong type is refused by name."""
    for name, value in body.items():
        if name not in known:
            raise ActionRefused(400, "ActionParameterUnknown", action, name)
        if not _fits(value, known[name]):
            raise ActionRefused(400, "ActionParameterNotSupported", name, action)
    return body


def required(body: Body, name: str, *, action: str) -> Any:
    """A parameter that the action cannot do without."""
    if name not in body:
        raise ActionRefused(400, "ActionParameterMissing", action, name)
    return body[name]


def properties(
    body: Body, *, writable: Mapping[str, Kind], readable: Collection[str], under: str = ""
) -> Body:
    """The properties of a PATCH: writable ones of the right type, all the others refused."""
    if not body:
        raise ActionRefused(400, "EmptyJSON")
    found = {}
    for name, value in body.items():
        if name.startswith("@odata."):
            continue
        target = f"{under}{name}"
        if name not in writable:
            known = "PropertyNotWritable" if name in readable else "PropertyUnknown"
            raise ActionRefused(400, known, name, target=target)
        if not _fits(value, writable[name]):
            raise ActionRefused(400, "PropertyValueTypeError", str(value), name, target=target)
        found[name] = value
    return found


def one_of(value: str, name: str, *, allowed: Collection[str], under: str = "") -> str:
    """A value out of a list."""
    if value not in allowed:
        raise ActionRefused(400, "PropertyValueNotInList", value, name, target=f"{under}{name}")
    return value


def _fits(value: Any, kind: Kind) -> bool:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    # A JSON true is no number, though Python's bool is an int.
    return type(value) in kinds
