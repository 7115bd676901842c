"""Everything a step needs from the records, read in one short go before the BMC is asked."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from inventory.errors import NotFound
from inventory.model import AgentSeen, CertificateRecord, ComputeUnit, Host, Intent, Pod
from inventory.store.reading import every
from pods.spec import PodSpec
from provisioning.admission import Ledger, Wiring
from provisioning.lifecycle.decision import Wanted
from provisioning.podmap import PodMap
from provisioning.podmaps import Design, PodMaps
from provisioning.wanted import wanted_of
from provisioning.world import World

UNIT_IDS = uuid.UUID("0b0f2c5c-6a3e-5d7b-9b57-5f0c1f6f9a10")
"""Namespace of unit ids."""


@dataclass(frozen=True, slots=True)
class Context:
    """One host's surroundings."""

    pod: Pod
    spec: PodSpec
    wanted: Wanted
    agent: AgentSeen | None
    intents: tuple[Intent, ...]
    units: tuple[ComputeUnit, ...]
    certificate: CertificateRecord | None = None
    wiring: Wiring | None = None
    """The spec's lines; None: work them out."""
    ledger: Ledger | None = None
    """The pod's watts as they were a moment ago."""
    busy: Mapping[str, int] = field(default_factory=dict)
    """Hosts in an act that cannot be undone, by failure domain, as they were then."""


async def load_context(world: World, maps: PodMaps, host: Host) -> Context:
    """Read it outside the event loop."""
    pod = await world.in_thread(world.store.get, Pod, host.pod)
    if pod is None:
        raise NotFound(f"host {host.name} belongs to pod {host.pod}, which is not on record")
    return await world.in_thread(_load, world, maps.design(pod), pod, await maps.of(pod), host)


def _load(world: World, design: Design, pod: Pod, around: PodMap, host: Host) -> Context:
    store, spec = world.store, design.spec
    intents = tuple(every(store, Intent, host_id=host.id))
    unit = store.get(ComputeUnit, unit_id(host))
    units = () if unit is None else (unit,)
    certificate = store.get(CertificateRecord, host.certificate_id) if host.certificate_id else None
    return Context(
        pod=pod,
        spec=spec,
        wanted=wanted_of(
            host,
            pod,
            spec,
            around,
            intents=intents,
            free=all(not u.claim for u in units),
            certificate=certificate,
            inspect_every_s=world.settings.inspect_every_s,
        ),
        agent=store.get(AgentSeen, host.id),
        intents=intents,
        units=units,
        certificate=certificate,
        wiring=design.wiring,
        ledger=around.ledger,
        busy=around.busy,
    )


def unit_id(host: Host) -> str:
    """The id of the unit that a host backs: derived from the host's, so it survives everything."""
    return str(uuid.uuid5(UNIT_IDS, host.id))
