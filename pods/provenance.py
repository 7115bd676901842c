"""What the figures of a spec rest on, and whether that is enough.

A spec that travels is only as good as its worst figure, and nobody can tell that one from the
others when it stands there bare. So the shipped documents give a source for every figure, and say
`uncertain` where sources disagree or none was found. This module finds those that do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter

from pods.checking import Document
from pods.document import parse_document
from pods.hosttype import HostType
from pods.part import Part, Source, Sources, leaves, source_of
from pods.racktype import RackType
from pods.shelf import CATALOG, Kind
from pods.spec import PodSpec

Standing = Literal[
    "vendor",
    "standard",
    "repository",
    "derived",
    "secondary",
    "memory",
    "stand-in",
    "choice",
    "lab",
]

WEAK: frozenset[Standing] = frozenset({"secondary", "memory", "stand-in"})
"""What rests on one of these is uncertain, whoever says it."""

_SOLE: dict[Kind, frozenset[str]] = {
    "pod": frozenset({"host_types", "rack_types", "schema_version"}),
    "host": frozenset(),
    "rack": frozenset(),
}
"""Parts of a pod that carry sources of their own."""


class Evidence(Part):
    """One entry of the catalogue's list of sources."""

    title: str
    standing: Standing
    url: str | None = None


class Doubt(Part):
    """Figures that may be used only when marked uncertain. Names and paths are patterns."""

    path: str
    why: str
    host: str | None = None
    rack: str | None = None
    pod: str | None = None


@dataclass(frozen=True, slots=True)
class Unvouched:
    """A figure that nobody vouches for well enough."""

    path: str
    value: Any
    reason: str

    def __str__(self) -> str:
        return f"{self.path} = {self.value}: {self.reason}"


@cache
def evidence() -> Mapping[str, Evidence]:
    """The catalogue's list of sources, by key."""
    raw = (CATALOG / "evidence" / "sources.yaml").read_bytes()
    return TypeAdapter(dict[str, Evidence]).validate_python(parse_document(raw))


@cache
def doubts() -> tuple[Doubt, ...]:
    """Figures known to be doubtful."""
    raw = (CATALOG / "evidence" / "doubtful.yaml").read_bytes()
    found = TypeAdapter(list[Doubt]).validate_python(parse_document(raw))
    return tuple(found)


def unvouched(document: Document) -> tuple[Unvouched, ...]:
    """Every figure without a source, or without the mark that its source calls for."""
    if not isinstance(document, PodSpec):
        kind: Kind = "rack" if isinstance(document, RackType) else "host"
        return tuple(_in_part(document, kind, document.name, ""))
    found = list(_in_part(document, "pod", document.name, ""))
    parts: tuple[tuple[Kind, str, Mapping[str, HostType] | Mapping[str, RackType]], ...] = (
        ("host", "host_types", document.host_types),
        ("rack", "rack_types", document.rack_types),
    )
    for kind, field, entries in parts:
        for key, one in entries.items():
            if one.sources:  # else the pod's own sources vouch for it
                name = (one.type or one.variant_of or key).partition("@")[0]
                found.extend(_in_part(one, kind, name, f"{field}.{key}."))
    return tuple(found)


def _in_part(part: Part, kind: Kind, name: str, prefix: str) -> Iterator[Unvouched]:
    value = part.model_dump(mode="json", exclude_unset=True)
    sources: Sources = getattr(part, "sources", {})
    for path, leaf in leaves(_own(part, value, kind)):
        doubt = _doubt(kind, name, path)
        if doubt is None and not is_figure(leaf):
            continue
        reason = _reason(source_of(path, sources), doubt)
        if reason:
            yield Unvouched(path=prefix + path, value=leaf, reason=reason)


def _own(part: Part, value: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """What a part's own sources must vouch for: not its types that have sources themselves."""
    own = {key: entry for key, entry in value.items() if key not in _SOLE[kind] | {"sources"}}
    if isinstance(part, PodSpec):
        own["racks"] = [
            {} if rack.type else entry
            for rack, entry in zip(part.racks, value.get("racks", ()), strict=True)
        ]
        own["host_types"] = {
            key: value["host_types"][key] for key, one in part.host_types.items() if not one.sources
        }
    return own


def _reason(source: Source | None, doubt: Doubt | None) -> str:
    if source is None:
        return "no source"
    found = evidence().get(source.source)
    if found is None:
        return f"its source {source.source} is not in the list of sources"
    if source.uncertain:
        return ""
    if found.standing in WEAK:
        return f"its source is {found.standing}, and it is not marked uncertain"
    return f"doubtful ({doubt.why}), and it is not marked uncertain" if doubt else ""


def _doubt(kind: Kind, name: str, path: str) -> Doubt | None:
    for one in doubts():
        pattern = getattr(one, kind)
        if pattern and fnmatchcase(name, pattern) and fnmatchcase(path, one.path):
            return one
    return None


def is_figure(leaf: Any) -> bool:
    """A number, or a class such as `4+2`: what somebody could order by."""
    if isinstance(leaf, str):
        return re.fullmatch(r"\d+\+\d+|N\+N", leaf) is not None
    return isinstance(leaf, int | float) and not isinstance(leaf, bool)
