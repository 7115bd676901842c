"""The records that NetBox should know of, read whole: a page of them would look like removals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from inventory.model import Claim, ComputeUnit, Host, Pod
from inventory.netbox_links import NetBoxLink
from inventory.places import Cable, Equipment, Location, PowerFeed, Rack, Site
from inventory.store.protocol import Store
from inventory.store.reading import every

R = TypeVar("R", Rack, PowerFeed, Equipment, Cable)


@dataclass(frozen=True, slots=True)
class Records:
    """Everything of ours that is shown in NetBox, at one moment."""

    hosts: tuple[Host, ...] = ()
    pods: tuple[Pod, ...] = ()
    sites: tuple[Site, ...] = ()
    locations: tuple[Location, ...] = ()
    racks: tuple[Rack, ...] = ()
    feeds: tuple[PowerFeed, ...] = ()
    equipment: tuple[Equipment, ...] = ()
    cables: tuple[Cable, ...] = ()
    links: tuple[NetBoxLink, ...] = ()
    holders: Mapping[str, str] = field(default_factory=dict)
    """Host's id to the tenant whose claim holds it; free hosts are not in it."""


def load_records(store: Store, *, simulated: bool) -> Records:
    """Read them; simulated hosts only where they are wanted."""
    hosts = tuple(h for h in every(store, Host) if simulated or not h.simulated)
    pods = tuple(p for p in every(store, Pod) if simulated or not p.simulated)
    hidden = {p.name for p in every(store, Pod)} - {p.name for p in pods}

    return Records(
        hosts=hosts,
        pods=pods,
        sites=tuple(every(store, Site)),
        locations=tuple(every(store, Location)),
        racks=_shown(every(store, Rack), hidden),
        feeds=_shown(every(store, PowerFeed), hidden),
        equipment=_shown(every(store, Equipment), hidden),
        cables=_shown(every(store, Cable), hidden),
        links=tuple(every(store, NetBoxLink)),
        holders=_holders(every(store, ComputeUnit), every(store, Claim)),
    )


def _holders(units: Iterable[ComputeUnit], claims: Iterable[Claim]) -> dict[str, str]:
    tenants = {claim.id: claim.tenant for claim in claims if claim.released_at is None}
    return {
        host: tenants[unit.claim]
        for unit in units
        if unit.claim in tenants
        for host in unit.host_ids
    }


def _shown(found: Iterable[R], hidden: set[str]) -> tuple[R, ...]:
    return tuple(one for one in found if one.pod not in hidden)
