"""The small print of interoperability profiles: types, conditions and values.

Apart from the walk over resources, so that each rule can be read next to DSP0272, which it
follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

_STRENGTH = (
    "None",
    "Conditional",
    "IfPopulated",
    "IfImplemented",
    "Supported",
    "Recommended",
    "Mandatory",
)
"""Weakest first. `Supported` asks for some instance, which one tree cannot refute."""

_TYPE = re.compile(r"#([A-Za-z0-9]+)(?:\.v(\d+(?:_\d+)*))?\.[A-Za-z0-9]+")


def type_of(resource: Mapping[str, Any]) -> str:
    """The schema of a resource: `Chassis` of `#Chassis.v1_25_2.Chassis`."""
    found = _TYPE.fullmatch(str(resource.get("@odata.type", "")))
    return found.group(1) if found else ""


def version_of(resource: Mapping[str, Any]) -> str:
    """The version of its schema, `1.25.2`; nothing for unversioned ones."""
    found = _TYPE.fullmatch(str(resource.get("@odata.type", "")))
    return (found.group(2) or "").replace("_", ".") if found else ""


def strongest(needs: Iterable[str]) -> str:
    """The requirement that asks most; an unknown word counts as Mandatory, its default."""
    return max((one if one in _STRENGTH else "Mandatory" for one in needs), key=_STRENGTH.index)


def subject_to(
    condition: Json,
    path: str,
    holder: Json,
    parents: Sequence[Json],
    tree: Mapping[str, Json],
) -> bool:
    """Whether a conditional requirement holds for a property in `holder` of the resource at `path`.

    The compared property is looked for in the object itself and then in those around it.
    """
    above = condition.get("SubordinateToResource")
    if isinstance(above, list) and not _is_below(path, [str(one) for one in above], tree):
        return False
    name = condition.get("CompareProperty")
    if not isinstance(name, str):
        return isinstance(above, list)
    found = next((body[name] for body in (holder, *parents) if name in body), None)
    there = any(name in body for body in (holder, *parents))
    kind = str(condition.get("CompareType") or condition.get("Comparison") or "AnyOf")
    wanted = condition.get("CompareValues", condition.get("Values", []))
    return compares(kind, found, wanted if isinstance(wanted, list) else [wanted], there=there)


def _is_below(path: str, schemas: Sequence[str], tree: Mapping[str, Json]) -> bool:
    """Whether the resources above `path` are of these kinds, in this order."""
    parts = path.rstrip("/").split("/")
    above = ["/".join(parts[:end]) for end in range(1, len(parts))]
    kinds = [type_of(tree[place]) for place in above if place in tree]
    return kinds[-len(schemas) :] == list(schemas) if schemas else True


def value_fault(rule: Json, value: object) -> str:
    """What is wrong with a value where the profile limits it; nothing where it does not."""
    wanted = rule.get("Values")
    if not isinstance(wanted, list) or not wanted:
        return ""
    kind = str(rule.get("Comparison") or "AnyOf")
    # AllOf speaks of all instances together, which a single value cannot show.
    if kind == "AllOf" and not isinstance(value, list):
        return "" if value in wanted else f"one of {_words(wanted)}"
    return "" if compares(kind, value, wanted, there=True) else f"{kind} {_words(wanted)}"


def compares(kind: str, found: object, wanted: Sequence[object], *, there: bool) -> bool:
    """DSP0272's comparisons. A list has a value when one of its entries is it."""
    values = found if isinstance(found, list) else [found]
    if kind == "Absent":
        return not there
    if kind == "Present":
        return there
    if kind == "NotEqual":
        return there and not any(one in wanted for one in values)
    if kind == "AllOf":
        return all(one in values for one in wanted)
    if kind in {"AnyOf", "Equal"}:
        return any(one in wanted for one in values)
    return _ordered(kind, found, wanted)


def _ordered(kind: str, found: object, wanted: Sequence[object]) -> bool:
    if not wanted or not isinstance(found, int | float):
        return False
    limit = wanted[0]
    if not isinstance(limit, int | float):
        return False
    return {
        "LessThan": found < limit,
        "LessThanOrEqual": found <= limit,
        "GreaterThan": found > limit,
        "GreaterThanOrEqual": found >= limit,
    }.get(kind, False)


def _words(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
