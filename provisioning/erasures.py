"""What the intents of a host say about its drives: what was tried, what was told, what is proven.

An intent is the record of an erase. It is durable before the drive is touched, it keeps who held
the lease, and what was read of the drive afterwards is written into it: the evidence stands where
the act stands, and nothing removes it while the host is on record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from inventory.model import Host, Intent
from inventory.states import HostState
from provisioning.lifecycle.decision import Erasure

STEP = "erase:"
CERTIFIED = "erasure-certificate"
LOOKED = "drives-looked-for"
NOT_ENDED = datetime.max.replace(tzinfo=UTC)


def round_of(host: Host) -> str:
    """Which stay in *cleaning* an erase belongs to: an earlier one's proves nothing any more."""
    return host.state_since.isoformat()


def erasures_of(host: Host, intents: Sequence[Intent]) -> tuple[Erasure, ...]:
    """Everything that was tried since the host began to be cleaned, oldest first."""
    if host.state is not HostState.CLEANING:
        return ()
    now = round_of(host)
    return tuple(_erasure(one) for one in _erases(intents) if one.arguments.get("round") == now)


def is_certified(host: Host, intents: Sequence[Intent]) -> bool:
    """Whether a certificate says already what became of the drives in this stay."""
    if host.state is not HostState.CLEANING:
        return False
    now = round_of(host)
    return any(one.step == CERTIFIED and one.arguments.get("round") == now for one in intents)


def is_looked_at(host: Host, intents: Sequence[Intent]) -> bool:
    """Whether a system of ours looked for drives in this stay, and said what it found."""
    now = round_of(host)
    return host.state is HostState.CLEANING and any(
        one.step == LOOKED and one.arguments.get("round") == now for one in intents
    )


def unerased_of(host: Host, intents: Sequence[Intent]) -> tuple[Erasure, ...]:
    """Drives that were left with what they held, as far as anybody tried: for who meets them."""
    if host.state is not HostState.MATCHING:
        return ()
    last = {one.serial: one for one in map(_erasure, _erases(intents))}
    return tuple(one for one in last.values() if one.state == "failed")


def _erases(intents: Iterable[Intent]) -> list[Intent]:
    return in_order(one for one in intents if one.step.startswith(STEP))


def in_order(intents: Iterable[Intent]) -> list[Intent]:
    """Oldest first; of two of one moment, the one that ended first was tried first."""
    return sorted(intents, key=lambda one: (one.created_at, one.settled_at or NOT_ENDED))


def _erasure(intent: Intent) -> Erasure:
    said: dict[str, Any] = intent.arguments
    return Erasure(
        serial=str(said.get("serial", "")),
        slot=str(said.get("slot", "")),
        method=str(said.get("method", "")),
        state=_state(intent),
        task=str(said.get("task", "")),
        note=intent.note,
        gone=bool(said.get("gone")),
        hidden=bool(said.get("hidden")),
        lied=bool(said.get("lied")),
        unbegun=bool(said.get("unbegun")),
    )


def _state(intent: Intent) -> Literal["open", "told", "failed", "proven"]:
    match intent.state:
        case "open":
            return "open"
        case "failed":
            return "failed"
        case _:  # done, or parked: a person says that it is, and it is read all the same
            return "proven" if intent.arguments.get("read") else "told"
