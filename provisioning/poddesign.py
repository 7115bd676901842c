"""A pod's design as every step needs it: the spec read once, its cables, lines and places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inventory.model import Pod
from pods.cabling import Cabling, cabling_of
from pods.spec import PodSpec
from provisioning.admission import Wiring, wiring_of
from provisioning.lifecycle.decision import Place
from provisioning.wanted import spec_of, wanted_of_type


@dataclass(frozen=True, slots=True)
class Design:
    """A spec as it was kept with a pod. Validating a large one takes longer than a whole step."""

    digest: str
    spec: PodSpec
    cabling: Cabling | None
    wiring: Wiring
    places: Mapping[tuple[str, str], Place]
    """By rack and slot."""
    of_type: Mapping[str, Mapping[str, Any]]
    """By host type: what is wanted of all its hosts."""


def design_of(pod: Pod) -> Design:
    """Read it."""
    spec = spec_of(pod)
    return Design(
        digest=pod.spec_digest,
        spec=spec,
        cabling=cabling_of(spec) if spec.fabric is not None else None,
        wiring=wiring_of(spec),
        places={
            (rack.name, slot.slot): Place(rack, slot) for rack in spec.racks for slot in rack.slots
        },
        of_type={name: wanted_of_type(spec, name) for name in spec.host_types},
    )
