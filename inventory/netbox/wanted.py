"""What NetBox should hold: plain values, with references to other wanted things by name.

An id of NetBox is known only once an object exists there, so a wanted object names its neighbours
by our own names; the difference is taken, and the bodies are filled, when ids are known.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from inventory.netbox.kinds import OWN_ID, OWNER

NAME_MAX = 64
SERIAL_MAX = 50


@dataclass(frozen=True, slots=True)
class Ref:
    """Another wanted object."""

    ident: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """One object that NetBox should hold."""

    kind: str
    ident: str
    """Our name for it, the same in every run: `host/<id>`, `accelerator/<host>/<slot>` …"""
    label: str
    """What people call it."""
    key: Mapping[str, Any]
    """What tells it from others: always written, never compared."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)
    """What we know of fields that people alone write: compared and told, never written."""
    only_with: str = ""
    """Made only together with this object: a part of it when it is ours from the start."""
    told: str = ""
    """What a journal entry says when this object's part or state is another one."""

    @property
    def own_id(self) -> str:
        """Our mark on it; empty for things that are shared."""
        return str(self.fields.get(OWN_ID, ""))


@dataclass(frozen=True, slots=True)
class Ours:
    """What carries our mark with right."""

    owner: str
    """Which podyard we are."""
    standing: frozenset[tuple[str, str]]
    """(kind, own id) of everything of ours, also of what this round does not look at."""

    @classmethod
    def of(cls, owner: str, wanted: Iterable[Wanted]) -> Ours:
        """From all that NetBox should hold."""
        return cls(owner, frozenset((one.kind, one.own_id) for one in wanted if one.own_id))

    def is_anothers(self, kind: str, own_id: str, owner: str) -> bool:
        """True of a mark that another podyard made, or that another record of ours stands by."""
        return bool(own_id) and (owner not in {"", self.owner} or (kind, own_id) in self.standing)


def marks(key: str, owner: str) -> dict[str, str]:
    """The custom fields that say: this is ours."""
    return {OWN_ID: key, OWNER: owner}


def clip(text: str, most: int) -> str:
    """A text that fits; one that is too long keeps its difference to others."""
    if len(text) <= most:
        return text
    return f"{text[: most - 9]}~{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def slug(text: str) -> str:
    """As NetBox wants it in addresses."""
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")[:100] or "unnamed"
