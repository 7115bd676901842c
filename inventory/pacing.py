"""How many hosts are worked on at once, as the controllers say: for people and for metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from inventory.store.protocol import Store

NOTE = "pacing"
SILENT_AFTER = timedelta(minutes=10)
"""A controller says what changed: one that says nothing for so long is gone, or idle."""


def said(store: Store, controller: str, told: Mapping[str, Any], *, now: datetime) -> None:
    """One controller's word, beside that of the others."""
    others = {name: one for name, one in _read(store).items() if now - _at(one) < SILENT_AFTER}
    fresh = {**others, controller: {**told, "at": now.isoformat()}}
    store.write_note(NOTE, json.dumps(fresh, sort_keys=True))


def heard(store: Store, *, now: datetime) -> list[dict[str, Any]]:
    """What every controller that speaks has said last."""
    return [one for one in _read(store).values() if now - _at(one) < SILENT_AFTER]


def why_full(store: Store, site: str, *, now: datetime) -> str:
    """What a due host of this site waits for, where every place is taken; empty: not for room."""
    limits = [one["sites"][site] for one in heard(store, now=now) if site in one["sites"]]
    if not limits or any(one["at_work"] < one["at_once"] for one in limits):
        return ""
    places = sum(one["at_once"] for one in limits)
    return f"waits for room: site {site} takes {places} hosts at once, and all are at work"


def room(store: Store, *, now: datetime) -> list[dict[str, Any]]:
    """By site, over all controllers: hosts at work, how many may be, the most, and why it is less.

    A controller of an older version tells neither the most nor a reason.
    """
    told = [one["sites"] for one in heard(store, now=now)]
    found = []
    for site in sorted({site for sites in told for site in sites}):
        limits = [sites[site] for sites in told if site in sites]
        whys = dict.fromkeys(one.get("narrowed", "") for one in limits)
        found.append(
            {
                "site": site,
                "at_work": sum(one["at_work"] for one in limits),
                "at_once": sum(one["at_once"] for one in limits),
                "most": sum(one.get("most", one["at_once"]) for one in limits),
                "narrowed": "; ".join(why for why in whys if why),
            }
        )
    return found


def _read(store: Store) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(store.note(NOTE) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _at(one: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(one["at"]))
