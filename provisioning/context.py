"""Everything a step needs from the records, read in one short go before the BMC is asked."""

from __future__ import annotations

from dataclasses import dataclass

from inventory.errors import NotFound
from inventory.model import AgentSeen, CertificateRecord, ComputeUnit, Host, Intent, Pod
from inventory.store.protocol import Store
from inventory.store.reading import every
from pods.spec import PodSpec
from provisioning.lifecycle.decision import Wanted
from provisioning.wanted import spec_of, wanted_of
from provisioning.world import World


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


async def load_context(world: World, host: Host) -> Context:
    """Read it outside the event loop."""
    every_s = world.settings.inspect_every_s
    return await world.in_thread(_load, world.store, host, inspect_every_s=every_s)


def _load(store: Store, host: Host, *, inspect_every_s: float) -> Context:
    pod = store.get(Pod, host.pod)
    if pod is None:
        raise NotFound(f"host {host.name} belongs to pod {host.pod}, which is not on record")
    spec = spec_of(pod)
    peers = every(store, Host, pod=host.pod)
    intents = tuple(every(store, Intent, host_id=host.id))
    units = tuple(u for u in every(store, ComputeUnit, pod=host.pod) if host.id in u.host_ids)
    certificate = store.get(CertificateRecord, host.certificate_id) if host.certificate_id else None
    return Context(
        pod=pod,
        spec=spec,
        wanted=wanted_of(
            host,
            pod,
            spec,
            peers,
            intents=intents,
            free=all(not u.claim for u in units),
            certificate=certificate,
            inspect_every_s=inspect_every_s,
        ),
        agent=store.get(AgentSeen, host.id),
        intents=intents,
        units=units,
        certificate=certificate,
    )
