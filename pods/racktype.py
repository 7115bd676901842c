"""A rack type: the second identity. For NVL72 the rack is the product, so it has limits of its own.

What is in a rack beside hosts (switch trays, power shelves, PDUs, leak detectors) stands here too:
it has weight, fills units and draws watts, whether or not it has a BMC.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pods.hosttype import CoolingSpec, Redundancy
from pods.part import Identity, Name, Part, Sources


class PositionSpec(Part):
    """A place for a host: the lowest unit it fills."""

    position: Name
    unit: Annotated[int, Field(ge=1, le=60)]
    host_type: Name


class EquipmentSpec(Part):
    """Something in a rack that is no host. Without a unit it hangs at the side (0U)."""

    name: Name
    kind: Literal[
        "power-shelf", "pdu", "nvlink-switch", "leaf-switch", "management-switch", "cdu", "other"
    ]
    model: str | None = None
    unit: Annotated[int, Field(ge=1, le=60)] | None = None
    height_units: Annotated[int, Field(ge=0, le=60)] = 1
    draw_watts: Annotated[int, Field(ge=0)] | None = None
    capacity_watts: Annotated[int, Field(gt=0)] | None = None
    """What a power shelf or PDU can deliver."""
    psu_count: Annotated[int, Field(ge=1)] | None = None
    psu_watts: Annotated[int, Field(gt=0)] | None = None
    weight_kg: Annotated[float, Field(gt=0)] | None = None


class LeakDetectorSpec(Part):
    """A sensor for leaks and what must happen when it speaks."""

    name: Name
    place: Literal["rack", "tray", "manifold"]
    per_host: bool = False
    """True when every host has one of these."""
    critical_reaction: Literal["none", "graceful-shutdown", "force-off"] | None = None


class RackType(Part):
    """One kind of cabinet, with what it holds and what it can carry."""

    type: Identity | None = None
    """The shipped rack type that this is, unchanged."""
    variant_of: Identity | None = None
    """The shipped rack type that this was made from by changing something."""
    description: str | None = None
    units: Annotated[int, Field(ge=1, le=60)]
    unit_standard: Literal["EIA-310", "ORv3"] = "EIA-310"
    """EIA-310 units are 44.45 mm high, OpenU units of ORv3 48 mm."""
    positions: tuple[PositionSpec, ...] = ()
    equipment: tuple[EquipmentSpec, ...] = ()
    leak_detectors: tuple[LeakDetectorSpec, ...] = ()
    power_limit_watts: Annotated[int, Field(gt=0)] | None = None
    shelf_redundancy: Redundancy | None = None
    empty_weight_kg: Annotated[float, Field(gt=0)] | None = None
    loaded_weight_kg: Annotated[float, Field(gt=0)] | None = None
    """The published weight of the whole, where parts are not published."""
    weight_limit_kg: Annotated[float, Field(gt=0)] | None = None
    cooling: CoolingSpec | None = None
    sources: Sources = Field(default_factory=dict)


class RackDocument(RackType):
    """A rack type as the catalogue keeps it: with a name and a version of its own."""

    name: Name
    version: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+){0,2}$")]
