"""How long hosts took here before, out of the events that the controllers recorded.

A plan tells what to expect by the median of this. Only what went straight counts: a stay that ended
in going back, or in which the host was parked for a person, says nothing of the hardware. What is
read is bounded, and only what was over before the newest look at the pod's hosts: so the same look
gives the same plan, and a plan does not change between being read and being approved because
somewhere else a host became ready.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from inventory.model import Event, Host, Pod
from inventory.states import HostState
from inventory.store.protocol import Store
from inventory.store.reading import each_row
from pods.expectation import Past, Step

PODS_MAX, HOSTS_MAX, EVENTS_MAX = 8, 25, 200
"""The newest pods of the site, hosts of each, and the first events of each host."""

_NEXT: Mapping[str, tuple[Step, str]] = {
    HostState.PREPARING.value: ("preparing", HostState.BOOTING.value),
    HostState.BOOTING.value: ("booting", HostState.CONFIGURING.value),
    HostState.CONFIGURING.value: ("configuring", HostState.ACCEPTING.value),
    HostState.ACCEPTING.value: ("accepting", HostState.READY.value),
}
"""State to the step that it is, and to the state in which that step has succeeded."""

Spec = Mapping[str, Any]
Kind = tuple[str, str]
"""Manufacturer and model: the same hardware, whatever a spec calls its host type."""


def durations(events: Iterable[Event], *, before: datetime) -> Iterator[tuple[Step, float]]:
    """The steps in one host's events, in order, that went straight and were over by then."""
    state, since = "", before
    parked = False
    opened: datetime | None = None
    flashed_s = 0.0
    for event in events:
        if event.at > before:
            return
        match event.kind:
            case "host.parked":
                parked = True
            case "intent.open":
                opened = event.at
            case "intent.done" if opened is not None:
                took_s = (event.at - opened).total_seconds()
                flashed_s += took_s
                opened = None
                if not parked:
                    yield "flashing", took_s
            case "host.state":
                step, succeeded = _NEXT.get(state, (None, ""))
                if step and event.old == state and event.new == succeeded and not parked:
                    yield step, (event.at - since).total_seconds() - flashed_s
                state, since, parked, opened, flashed_s = event.new, event.at, False, None, 0.0
            case _:
                pass


def past_of(store: Store, pod: Pod, hosts: Sequence[Host]) -> Past:
    """What hosts like those of this pod took at its site, by its spec's names of their types."""
    before = max((h.facts.observed_at for h in hosts if h.facts is not None), default=None)
    if before is None:
        return {}
    names = kinds(pod.spec_document)
    wanted = set(names.values())
    found: dict[Kind, dict[Step, list[float]]] = {}
    for name, spec in _specs(store, pod.site, before=before):
        kind_of = kinds(spec)
        if wanted.isdisjoint(kind_of.values()):
            continue
        for host in store.find(Host, pod=name, limit=HOSTS_MAX):
            kind = kind_of.get(host.host_type)
            if kind not in wanted or kind is None:
                continue
            events = store.events(subject=f"host:{host.name}", limit=EVENTS_MAX)
            for step, seconds in durations(events, before=before):
                found.setdefault(kind, {}).setdefault(step, []).append(seconds)
    return {name: found[kind] for name, kind in names.items() if kind in found}


def _specs(store: Store, site: str, *, before: datetime) -> Iterator[tuple[str, Spec]]:
    """The newest pods and their specs. To read a pod's plan of a thousand hosts takes 0.1 s."""
    older = [row for row in each_row(store, Pod, site=site) if row.created_at <= before.timestamp()]
    newest = sorted(older, key=lambda row: (row.created_at, row.key), reverse=True)[:PODS_MAX]
    for name, found in store.documents(Pod, [row.key for row in newest]).items():
        yield name, found.document["spec_document"]


def kinds(spec: Spec) -> dict[str, Kind]:
    """The host types of a pod's spec, by what they are rather than by what they are called."""
    types: dict[str, dict[str, str]] = spec.get("host_types", {})
    return {name: (one["manufacturer"], one["model"]) for name, one in types.items()}
