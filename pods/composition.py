"""From a spec that names others (`extends`, rack types) to one that stands alone.

What is stored, signed and compared is always the whole design: a variant that changed when its base
changed would make a certificate worthless. So names are resolved once, on reading, and what they
brought in is written out, with the identity it came from.

`extends` takes mappings together entry by entry, replaces lists and values, and removes what the
variant sets to null. Only shipped documents can be named: a spec may arrive over the network, and
must not make this machine open its files.
"""

from __future__ import annotations

import copy
import difflib
from typing import Any

from pods.errors import SpecError, shown
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


def compose(value: dict[str, Any], *, kind: Kind = "pod") -> dict[str, Any]:
    """The same design with every reference written out; raises `Uncomposable`."""
    whole = _extended(value, kind=kind, path="", left=CHAIN_MAX)
    if kind != "pod":
        return whole
    for part, of in (("host_types", "host"), ("rack_types", "rack")):
        entries = whole.get(part)
        if isinstance(entries, dict):
            whole[part] = {
                name: _type(entry, kind=of, path=f"{part}.{name}")  # type: ignore[arg-type]
                for name, entry in entries.items()
            }
    racks = whole.get("racks")
    if isinstance(racks, list):
        whole["racks"] = [_filled(rack, whole.get("rack_types")) for rack in racks]
    return whole


def _extended(value: dict[str, Any], *, kind: Kind, path: str, left: int) -> dict[str, Any]:
    if "extends" not in value:
        return copy.deepcopy(value)
    own = {key: entry for key, entry in value.items() if key != "extends"}
    identity = value["extends"]
    base = _base(identity, kind=kind, path=path, left=left)
    inherited = {key: entry for key, entry in base.items() if key not in _OF_ITS_OWN}
    found: dict[str, Any] = merged(inherited, own)
    if own or "variant_of" in inherited:
        found["variant_of"] = identity
    _prune_sources(found, own)
    return found


def _base(identity: Any, *, kind: Kind, path: str, left: int) -> dict[str, Any]:
    where = f"{path}.extends" if path else "extends"
    name, _, version = str(identity).partition("@")
    if not isinstance(identity, str) or name not in names(kind):
        close = difflib.get_close_matches(name, names(kind), n=1, cutoff=0.5)
        meant = f"did you mean `{_identity(kind, close[0])}`? " if close else ""
        raise Uncomposable(
            SpecError(
                path=where,
                value=shown(identity),
                message=f"there is no shipped {_WORDS[kind]} of this name",
                hint=f"{meant}shipped are {', '.join(names(kind))}",
            )
        )
    if _identity(kind, name) != f"{name}@{version}":
        raise Uncomposable(
            SpecError(
                path=where,
                value=shown(identity),
                message="a variant names the version that it varies, and this one is not shipped"
                if version
                else "a variant names the version that it varies",
                hint=f"write `extends: {_identity(kind, name)}`",
            )
        )
    if left <= 0:
        raise Uncomposable(
            SpecError(
                path=where,
                value=shown(identity),
                message=f"variants of variants, more than {CHAIN_MAX} deep",
                hint="extend the first base, and say the difference once",
            )
        )
    return _extended(document(kind, name), kind=kind, path=path, left=left - 1)


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
            value = value[int(index)] if index.isdigit() and int(index) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _type(entry: Any, *, kind: Kind, path: str) -> Any:
    """A host or rack type inside a pod, which has no name of its own but that of its entry."""
    if not isinstance(entry, dict) or "extends" not in entry:
        return entry
    own = {key: one for key, one in entry.items() if key != "extends"}
    base = _base(entry["extends"], kind=kind, path=path, left=CHAIN_MAX)
    bare = {key: one for key, one in base.items() if key not in {"name", "version", "kind"}}
    if not own:
        return {"type": entry["extends"], **bare}
    bare.pop("variant_of", None)
    found = {"variant_of": entry["extends"], **merged(bare, own)}
    _prune_sources(found, own)
    return found


def _filled(rack: Any, types: Any) -> Any:
    """A rack that only names its type gets that type's units, and a slot for each position."""
    if not isinstance(rack, dict) or not isinstance(types, dict):
        return rack
    kind = types.get(rack.get("type"))
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
