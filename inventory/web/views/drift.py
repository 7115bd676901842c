"""Where NetBox and the records differ, as lines of one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inventory.netbox.door import NetBoxDrift
from inventory.web.views.looks import Look, look

LINES_MAX = 300
"""What one reads on a page; `podyard netbox drift` tells all."""


@dataclass(frozen=True, slots=True)
class DriftLine:
    """One difference."""

    look: Look
    what: str
    name: str
    field: str
    netbox: str
    ours: str


@dataclass(frozen=True, slots=True)
class DriftTable:
    """The differences that a page shows, and how many it leaves out."""

    lines: tuple[DriftLine, ...]
    left_out: int


def drift_table(drift: NetBoxDrift) -> DriftTable:
    """What a person must see first: refusals, then orphans, intent, and what a push would do."""
    lines = [*_refused(drift), *_orphans(drift), *_intents(drift), *_steps(drift)]
    return DriftTable(lines=tuple(lines[:LINES_MAX]), left_out=max(0, len(lines) - LINES_MAX))


def _refused(drift: NetBoxDrift) -> Iterator[DriftLine]:
    for one in drift.refused:
        hint = f" {one['hint']}" if one.get("hint") else ""
        yield DriftLine(
            look("stop", "left alone"),
            _kind_of(str(one["ident"])),
            str(one["name"]),
            "",
            "",
            one["why"] + hint,
        )


def _orphans(drift: NetBoxDrift) -> Iterator[DriftLine]:
    for one in drift.orphans:
        told = f"no record {one['podyard_id']} any more"
        yield DriftLine(
            look("warn", "orphan"), str(one["kind"]), str(one["name"]), "", "carries our mark", told
        )


def _intents(drift: NetBoxDrift) -> Iterator[DriftLine]:
    for one in drift.intents:
        yield DriftLine(
            look("warn", "NetBox owns it"),
            _kind_of(str(one["ident"])),
            str(one["name"]),
            str(one["field"]),
            _text(one["netbox"]),
            _text(one["podyard"]),
        )


def _steps(drift: NetBoxDrift) -> Iterator[DriftLine]:
    for one in drift.steps:
        fields: Mapping[str, Mapping[str, Any]] = one.get("fields") or {}
        changed = fields if one["act"] == "change" else {"": {"old": "", "new": ""}}
        for field, values in changed.items():
            yield DriftLine(
                look("work", f"a push would {one['act']} it"),
                str(one["kind"]),
                str(one["name"]),
                field,
                _text(values.get("old")),
                _text(values.get("new")),
            )


def _kind_of(ident: str) -> str:
    """What people call `host/<id>`. Of a copied object the kind stands second."""
    kind, _, rest = ident.partition("/")
    if kind in {"copy", "orphan"}:
        return rest.partition("/")[0]
    return kind


def _text(value: object) -> str:
    return "" if value is None else str(value)
