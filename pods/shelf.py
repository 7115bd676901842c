"""The shipped documents as they lie in the package: plain values, by kind and name.

Below the checker, because a spec may name a shipped host type, rack type or spec, and whoever
reads it must find that one without asking the catalogue, which itself asks the checker.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal

from pods.document import parse_document

CATALOG: Traversable = files("pods") / "catalog"
"""The shipped specs, wherever the package was installed."""

Kind = Literal["pod", "rack", "host"]

_FOLDERS: dict[Kind, str] = {"pod": "", "rack": "racks", "host": "hosts"}


def folder(kind: Kind) -> Traversable:
    """Where the documents of one kind lie."""
    return CATALOG / _FOLDERS[kind] if _FOLDERS[kind] else CATALOG


@cache
def names(kind: Kind = "pod") -> tuple[str, ...]:
    """The names of the shipped documents of one kind, sorted."""
    return tuple(
        sorted(
            entry.name.removesuffix(".yaml")
            for entry in folder(kind).iterdir()
            if entry.is_file() and entry.name.endswith(".yaml")
        )
    )


@cache
def document(kind: Kind, name: str) -> Any:
    """One shipped document, not composed and not checked. The caller must not change it."""
    raw = (folder(kind) / f"{name}.yaml").read_bytes()
    return parse_document(raw, source=f"{name} (shipped)")
