"""Everything a step needs from the records, read in one short go before the BMC is asked."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from inventory.model import AgentSeen, CertificateRecord, ComputeUnit, Host, Intent, Pod
from inventory.states import HostState
from inventory.store.protocol import Store
from inventory.store.reading import every
from pods.spec import PodSpec
from provisioning.lifecycle.decision import Wanted
from provisioning.livepod import LivePod
from provisioning.podmaps import PodMaps
from provisioning.wanted import wanted_of
from provisioning.world import World

UNIT_IDS = uuid.UUID("0b0f2c5c-6a3e-5d7b-9b57-5f0c1f6f9a10")
"""Namespace of unit ids."""


class Context(NamedTuple):
    """One host's surroundings. A tuple, as what is wanted is: one is made at every step."""

    pod: Pod
    spec: PodSpec
    wanted: Wanted
    agent: AgentSeen | None
    intents: tuple[Intent, ...]
    units: tuple[ComputeUnit, ...]
    certificate: CertificateRecord | None = None
    around: LivePod | None = None
    """Its pod, as far as this controller knows; None: nobody else is known of."""
    gates: tuple[bool, ...] = ()
    """What let hosts of the pod begin when this was read."""

    def loop(self, host: Host) -> str:
        """The name of a host's cooling loop."""
        place = self.wanted.place
        return (place.rack.loop if place is not None else None) or host.rack

    @property
    def busy(self) -> Mapping[str, int]:
        """Hosts in an act that cannot be undone, by failure domain, as they were a moment ago."""
        return self.around.busy if self.around is not None else {}


class _Records(NamedTuple):
    """What is on record of one host alone."""

    intents: tuple[Intent, ...]
    unit: ComputeUnit | None
    certificate: CertificateRecord | None
    agent: AgentSeen | None


async def load_context(world: World, maps: PodMaps, host: Host) -> Context:
    """Read it outside the event loop; what others of its pod mean for it is known there."""
    around = await maps.of(host)
    own = await world.in_thread(_read, world.store, host)
    units = () if own.unit is None else (own.unit,)
    return Context(
        pod=around.pod,
        spec=around.design.spec,
        wanted=wanted_of(
            host,
            around,
            intents=own.intents,
            free=all(not unit.claim for unit in units),
            certificate=own.certificate,
            inspect_every_s=world.settings.inspect_every_s,
            adoption=maps.adoption_at(host.site),
        ),
        agent=own.agent,
        intents=own.intents,
        units=units,
        certificate=own.certificate,
        around=around,
        gates=around.gates if host.state is HostState.MATCHING else (),
    )


def _read(store: Store, host: Host) -> _Records:
    paper = host.certificate_id
    return _Records(
        intents=tuple(every(store, Intent, host_id=host.id)),
        unit=store.get(ComputeUnit, unit_id(host)),
        certificate=store.get(CertificateRecord, paper) if paper else None,
        agent=store.get(AgentSeen, host.id),
    )


def unit_id(host: Host) -> str:
    """The id of the unit that a host backs: derived from the host's, so it survives everything."""
    return _derived(host.id)


@lru_cache(maxsize=32768)
def _derived(host_id: str) -> str:
    return str(uuid.uuid5(UNIT_IDS, host_id))
