"""What one pod adds up to, as far as sizing needs to know it: published units, or any spec.

Every pod, the site's own included, is added up from its spec: hosts, racks, watts, and from its
switches how far three tiers of them reach. For NVIDIA's scalable units the largest fabric
is published, so a table has that, and nothing that a spec says already.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from pods import catalogue
from pods.datafile import Figure, Sourced, Table, load_table
from pods.errors import CapacityRefused, SpecNotFound, shown
from pods.rating_table import Parts
from pods.spec import HostType, PodSpec
from pods.topology import FabricSpec, hosts_max

WHOLE = "the spec itself: hosts, racks, equipment and switches added up"


class Shape(Sourced):
    """One pod as a multiple of which a demand is built."""

    part: str
    accelerators: Annotated[int, Field(gt=0)]
    hosts: Annotated[int, Field(gt=0)]
    racks: Annotated[int, Field(gt=0)]
    host_watts: Annotated[float, Field(gt=0)]
    """With its share of what else is in the rack."""
    scale_up_domain: int
    fabric: FabricSpec | None
    """Its switches and rails: what the cables of many are counted from."""
    liquid_share: Annotated[float, Field(ge=0, le=1)]
    fabric_units_max: int

    @property
    def kw_per_accelerator(self) -> float:
        """IT power of one accelerator with its share of the host."""
        return self.hosts * self.host_watts / self.accelerators / 1000


class Published(Sourced):
    """What is known of a scalable unit beside its spec."""

    fabric_units_max: int
    host_watts: float | None = None
    """Where the whole unit's watts are published and its parts' add up to fewer."""


class Shapes(Table):
    """Published scalable units, and how a site puts pods up."""

    shapes: dict[str, Published]
    plan: dict[str, Figure]


def shape_named(name: str) -> Shape:
    """A published scalable unit, or any spec by name or path."""
    found = load_table("shapes", Shapes).shapes
    if name in found:
        told = found[name].model_dump(exclude_none=True)
        return shape_of(catalogue.load(name)).model_copy(update=told)
    try:
        loaded = catalogue.load(name)
    except SpecNotFound as error:
        raise CapacityRefused(
            f"there is no pod {shown(name)} to size with",
            hint=f"one of {', '.join(found)}, or any other pod of `podyard spec list`",
        ) from error
    return shape_of(loaded)


def shape_of(spec: PodSpec) -> Shape:
    """The shape of a pod by its spec. Its hosts must carry one kind of accelerator."""
    hosts = [spec.host_types[slot.host_type] for _, slot in spec.slots()]
    parts = {_part(spec, host) for host in hosts}
    accelerators = sum(host.accelerators.count for host in hosts if host.accelerators)
    if len(parts) != 1 or not accelerators:
        raise CapacityRefused(
            f"{spec.identity} has {len(parts)} kinds of accelerators: one is sized at a time",
            hint="split the design into pods of one kind each",
        )
    return Shape(
        part=parts.pop(),
        accelerators=accelerators,
        hosts=len(hosts),
        racks=len(spec.racks),
        host_watts=(sum(host.power.nameplate_watts for host in hosts) + _equipment_watts(spec))
        / len(hosts),
        scale_up_domain=hosts[0].scale_up_domain or spec.unit.accelerators,
        fabric=spec.fabric,
        liquid_share=_liquid_share(spec, hosts[0]),
        fabric_units_max=max(1, hosts_max(spec.fabric) // len(hosts) if spec.fabric else 1),
        source=spec.identity,
        uncertain="nameplate watts; fabrics as far as fat trees of its leaf switch reach",
    )


def _part(spec: PodSpec, host: HostType) -> str:
    """The accelerator by its model: the longest known name in it, for a GB200 is no B200."""
    model = host.accelerators.model if host.accelerators else "none"
    words = set(re.split(r"[^a-z0-9]+", model.lower()))
    known = [part for part in load_table("parts", Parts).parts if part in words]
    if not known:
        raise CapacityRefused(
            f"{spec.identity} has accelerators {shown(model)}, of which no rating is known",
            hint=f"known are {', '.join(load_table('parts', Parts).parts)}",
        )
    return max(known, key=len)


def _equipment_watts(spec: PodSpec) -> float:
    types = [spec.rack_types[rack.type] for rack in spec.racks if rack.type]
    return sum(one.draw_watts or 0 for kind in types for one in kind.equipment)


def _liquid_share(spec: PodSpec, host: HostType) -> float:
    kinds = [one.cooling for one in spec.rack_types.values()]
    cooling = host.cooling or next(filter(None, kinds), None)
    if cooling is None or cooling.kind == "air":
        return 0.0
    return 1.0 if cooling.liquid_share is None else cooling.liquid_share
