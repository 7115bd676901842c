"""From a spec that names others (`extends`, rack types) to one that stands alone.

What is stored, signed and compared is always the whole design: a variant that changed when its base
changed would make a certificate worthless. So names are resolved once, on reading, and what they
brought in is written out, with the identity it came from.

`extends` takes mappings together entry by entry, replaces lists and values, and removes what the
variant sets to null. It names a shipped document, or a file relative to the one that names it; the
latter only where a file is read. A spec that arrives over the network stands alone or builds on
shipped ones, for it must not make this machine open its files.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pods.errors import SpecError, SpecNotFound, shown
from pods.shelf import Kind, document, names

CHAIN_MAX = 8
"""A variant of a variant, and so on: nobody can follow more."""

_OF_ITS_OWN = ("name", "version", "description", "kind")
"""What a variant never takes over from its base."""


class Uncomposable(Exception):
    """A reference that leads nowhere."""

    def __init__(self, error: SpecError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document came from: files it names are relative to it, and none names itself."""

    files: tuple[Path, ...]
    """The file itself, and before it those that led to it."""
    read: Callable[[Path], Any]

    @property
    def folder(self) -> Path:
        """The folder of the file."""
        return self.files[-1].parent


def compose(
    value: dict[str, Any], *, kind: Kind = "pod", origin: Origin | None = None
) -> dict[str, Any]:
    """The same design with every reference written out; raises `Uncomposable`.

    Without an origin it came over the network, and names no files.
    """
    whole = _extended(value, kind=kind, path="", left=CHAIN_MAX, origin=origin)
    if kind != "pod":
        return whole
    for part, of in (("host_types", "host"), ("rack_types", "rack")):
        entries = whole.get(part)
        if isinstance(entries, dict):
            whole[part] = {
                name: _type(entry, kind=of, path=f"{part}.{name}", origin=origin)  # type: ignore[arg-type]
                for name, entry in entries.items()
            }
    racks = whole.get("racks")
    if isinstance(racks, list):
        whole["racks"] = [_filled(rack, whole.get("rack_types")) for rack in racks]
    return whole


def _extended(
    value: dict[str, Any], *, kind: Kind, path: str, left: int, origin: Origin | None
) -> dict[str, Any]:
    if "extends" not in value:
        return copy.deepcopy(value)
    own = {key: entry for key, entry in value.items() if key != "extends"}
    identity, base = _base(value["extends"], kind=kind, path=path, left=left, origin=origin)
    inherited = {key: entry for key, entry in base.items() if key not in _OF_ITS_OWN}
    found: dict[str, Any] = merged(inherited, own)
    if own or "variant_of" in inherited:
        found["variant_of"] = identity
    _prune_sources(found, own)
    return found


def _base(
    named: Any, *, kind: Kind, path: str, left: int, origin: Origin | None
) -> tuple[str, dict[str, Any]]:
    """The identity and the whole of what `extends` names."""
    where = f"{path}.extends" if path else "extends"
    if left <= 0:
        _refuse(
            where,
            named,
            f"variants of variants, more than {CHAIN_MAX} deep",
            "extend the first base, and say the difference once",
        )
    if isinstance(named, str) and named.endswith(_FILES) and origin is not None:
        return _file(named, kind=kind, where=where, path=path, left=left, origin=origin)
    name, _, version = str(named).partition("@")
    if not isinstance(named, str) or name not in names(kind):
        close = difflib.get_close_matches(name, names(kind), n=1, cutoff=0.5)
        meant = f"did you mean `{_identity(kind, close[0])}`? " if close else ""
        own = ", or give a file's path such as ./base.yaml" if origin else ""
        _refuse(
            where,
            named,
            f"there is no shipped {_WORDS[kind]} of this name",
            f"{meant}shipped are {', '.join(names(kind))}{own}",
        )
    if _identity(kind, name) != f"{name}@{version}":
        _refuse(
            where,
            named,
            "a variant names the version that it varies"
            + (", and this one is not shipped" if version else ""),
            f"write `extends: {_identity(kind, name)}`",
        )
    return named, _extended(document(kind, name), kind=kind, path=path, left=left - 1, origin=None)


_FILES = (".yaml", ".yml", ".json")


def _file(
    named: str, *, kind: Kind, where: str, path: str, left: int, origin: Origin
) -> tuple[str, dict[str, Any]]:
    """A base in a file of one's own, relative to the file that names it."""
    try:
        file = (origin.folder / named).resolve()
    except (OSError, RuntimeError):
        _refuse(where, named, "this path leads in a circle of links", "give the file itself")
    if file in origin.files:
        chain = " → ".join(one.name for one in (*origin.files, file))
        _refuse(
            where,
            named,
            f"a design cannot be a variant of itself: {chain}",
            "let one of these files stand alone, or extend a shipped document",
        )
    try:
        base = origin.read(file)
    except SpecNotFound as error:
        _refuse(where, named, str(error), "give a path relative to the file that names it")
    said = base.get("kind", "pod") if isinstance(base, dict) else None
    if said != kind:
        _refuse(
            where,
            named,
            f"this file holds no {_WORDS[kind]}",
            f"give a file that begins with `kind: {kind}`",
        )
    name, version = base.get("name"), base.get("version")
    if not isinstance(name, str) or not isinstance(version, str):
        _refuse(
            where,
            named,
            "this file has no name and version, so nobody could say what was varied",
            "give it `name:` and `version:`, the version in quotes",
        )
    inner = Origin((*origin.files, file), origin.read)
    return f"{name}@{version}", _extended(base, kind=kind, path=path, left=left - 1, origin=inner)


def _refuse(where: str, value: Any, message: str, hint: str) -> NoReturn:
    raise Uncomposable(SpecError(path=where, value=shown(value), message=message, hint=hint))


_WORDS: dict[Kind, str] = {"pod": "spec", "rack": "rack type", "host": "host type"}


def _identity(kind: Kind, name: str) -> str:
    return f"{name}@{document(kind, name).get('version')}"


def merged(base: Any, over: Any) -> Any:
    """`base` with what `over` says; a null in `over` takes the entry away."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return copy.deepcopy(over)
    found = {key: copy.deepcopy(entry) for key, entry in base.items() if key not in over}
    order = [*base, *(key for key in over if key not in base)]
    for key, entry in over.items():
        if entry is not None:
            found[key] = _joined(key, base[key], entry) if key in base else copy.deepcopy(entry)
    return {key: found[key] for key in order if key in found}


def _joined(key: str, base: Any, over: Any) -> Any:
    """Sources are replaced whole: half a citation would vouch for the wrong thing."""
    if key != "sources" or not isinstance(base, dict) or not isinstance(over, dict):
        return merged(base, over)
    both = {**copy.deepcopy(base), **copy.deepcopy(over)}
    return {path: source for path, source in both.items() if source is not None}


def _prune_sources(found: dict[str, Any], own: dict[str, Any]) -> None:
    """Drop the base's sources of figures that the variant no longer has."""
    sources, given = found.get("sources"), own.get("sources")
    if not isinstance(sources, dict):
        return
    kept = set(given) if isinstance(given, dict) else set()
    found["sources"] = {
        path: entry
        for path, entry in sources.items()
        if path in kept or at(found, path) is not None
    }


def at(value: Any, path: str) -> Any:
    """What stands at a path such as `nics.groups[0].count`, or None."""
    for step in path.replace("[", ".[").split("."):
        if step.startswith("[") and step.endswith("]") and isinstance(value, list | tuple):
            index = step[1:-1]
            inside = re.fullmatch(r"[0-9]{1,6}", index) and int(index) < len(value)
            value = value[int(index)] if inside else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _type(entry: Any, *, kind: Kind, path: str, origin: Origin | None) -> Any:
    """A host or rack type inside a pod, which has no name of its own but that of its entry."""
    if not isinstance(entry, dict) or "extends" not in entry:
        return entry
    own = {key: one for key, one in entry.items() if key != "extends"}
    named = entry["extends"]
    identity, base = _base(named, kind=kind, path=path, left=CHAIN_MAX, origin=origin)
    bare = {key: one for key, one in base.items() if key not in {"name", "version", "kind"}}
    if not own:
        return {"type": identity, **bare}
    bare.pop("variant_of", None)
    found = {"variant_of": identity, **merged(bare, own)}
    _prune_sources(found, own)
    return found


def _filled(rack: Any, types: Any) -> Any:
    """A rack that only names its type gets that type's units, and a slot for each position."""
    if not isinstance(rack, dict) or not isinstance(types, dict):
        return rack
    named = rack.get("type")
    kind = types.get(named) if isinstance(named, str) else None
    if not isinstance(kind, dict) or not isinstance(rack.get("name"), str):
        return rack
    found = dict(rack)
    if "units" in kind:
        found.setdefault("units", kind["units"])
    positions = kind.get("positions")
    if "slots" not in rack and isinstance(positions, list):
        found["slots"] = [_slot(rack, one) for one in positions if isinstance(one, dict)]
    return found


def _slot(rack: dict[str, Any], position: dict[str, Any]) -> dict[str, Any]:
    slot = {
        "slot": f"{rack['name']}-{position.get('position')}",
        "unit": position.get("unit"),
        "host_type": position.get("host_type"),
        "feed": rack.get("feed"),
    }
    return slot | ({"feed_b": rack["feed_b"]} if "feed_b" in rack else {})
