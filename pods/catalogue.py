"""The specs that podyard ships, and the one way to name a spec: shipped or a file of your own."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import cast

from pods import shelf
from pods.checking import Document, check, check_document
from pods.document import read_document
from pods.errors import SpecNotFound, shown
from pods.hosttype import HostDocument
from pods.racktype import RackDocument
from pods.shelf import CATALOG, Kind
from pods.spec import PodSpec

__all__ = ["CATALOG", "identities", "load", "load_document", "load_host", "load_rack", "names"]

_WORDS: dict[Kind, str] = {"pod": "spec", "rack": "rack type", "host": "host type"}


def names() -> tuple[str, ...]:
    """The names of the shipped specs, sorted."""
    return shelf.names("pod")


def identities(kind: Kind) -> tuple[str, ...]:
    """`name@version` of every shipped document of one kind."""
    return tuple(
        f"{name}@{shelf.document(kind, name).get('version')}" for name in shelf.names(kind)
    )


def load(name: str) -> PodSpec:
    """The spec called `lab-4` or `lab-4@1`, or in the file at this path."""
    if _is_shipped(name, "pod"):
        return cast("PodSpec", _shipped(name, "pod"))
    return check(_read(name, "pod"), source=name, file=Path(name))


def load_host(name: str) -> HostDocument:
    """The host type of this name, or in the file at this path."""
    return cast("HostDocument", load_document(name, kind="host"))


def load_rack(name: str) -> RackDocument:
    """The rack type of this name, or in the file at this path."""
    return cast("RackDocument", load_document(name, kind="rack"))


def load_document(name: str, *, kind: Kind | None = None) -> Document:
    """A shipped document, or the one in a file. Without `kind`, a file says what it holds."""
    if _is_shipped(name, kind or "pod"):
        return _shipped(name, kind or "pod")
    value = _read(name, kind or "pod")
    return check_document(value, source=name, kind=kind, file=Path(name))


def _is_shipped(name: str, kind: Kind) -> bool:
    return name.partition("@")[0] in shelf.names(kind)


def _shipped(name: str, kind: Kind) -> Document:
    stem, _, version = name.partition("@")
    found = check_document(shelf.document(kind, stem), source=f"{stem} (shipped)", kind=kind)
    if version and version != found.version:
        raise SpecNotFound(
            f"{_WORDS[kind]} {stem} is shipped in version {found.version}, not {shown(version)}",
            hint=f"ask for {stem}@{found.version}, or give the path of a file that holds the other",
        )
    return found


def _read(name: str, kind: Kind) -> object:
    if _looks_like_path(name):
        return read_document(Path(name))
    close = difflib.get_close_matches(name, shelf.names(kind), n=1, cutoff=0.6)
    meant = f"did you mean {close[0]}? " if close else ""
    raise SpecNotFound(
        f"no {_WORDS[kind]} {shown(name)}: shipped are {', '.join(shelf.names(kind))}",
        hint=f"{meant}see `podyard spec list`, or give the path of a YAML or JSON file",
    )


def _looks_like_path(name: str) -> bool:
    return "/" in name or name.endswith((".yaml", ".yml", ".json")) or Path(name).is_file()
