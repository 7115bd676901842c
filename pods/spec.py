"""What a pod must be: the immutable, versioned design that everything else is measured against.

A PodSpec is data: host types, racks with positions, feeds, firmware baseline, BIOS profile,
acceptance floors and the unit it yields. It is frozen, it has a canonical digest, and it says
nothing about one site. Units stand last in every name (`memory_gib`, `rated_amps`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from pods.canonical import Digested, digest_of
from pods.erasing import ErasePolicy
from pods.hosttype import (
    AcceleratorSpec,
    BmcSpec,
    ChassisSpec,
    CoolingSpec,
    DriveGroup,
    DriveSpec,
    FirmwareRelease,
    HostType,
    MemorySpec,
    NicGroup,
    NicSpec,
    PowerSpec,
    ProcessorSpec,
    PsuSpec,
)
from pods.part import Identity, Name, Part, Source, Sources
from pods.racktype import EquipmentSpec, LeakDetectorSpec, PositionSpec, RackType
from pods.topology import FabricSpec

__all__ = [
    "SCHEMA",
    "AcceleratorSpec",
    "AcceptanceSpec",
    "BmcSpec",
    "BringUpSpec",
    "ChassisSpec",
    "CoolingSpec",
    "DriveGroup",
    "DriveSpec",
    "EquipmentSpec",
    "ErasePolicy",
    "FabricSpec",
    "FeedSpec",
    "FirmwareItem",
    "FirmwareRelease",
    "Floor",
    "HostType",
    "Identity",
    "LeakDetectorSpec",
    "MemorySpec",
    "Name",
    "NicGroup",
    "NicSpec",
    "Part",
    "PodSpec",
    "PositionSpec",
    "PowerSpec",
    "ProcessorSpec",
    "PsuSpec",
    "RackSpec",
    "RackType",
    "ScalableUnit",
    "SlotSpec",
    "Source",
    "Sources",
    "UnitSpec",
]

SCHEMA = 1
"""The newest form of spec that this podyard reads. Optional fields may come without a new number;
a number is due when an old reader would misunderstand a new spec."""


class FeedSpec(Part):
    """One breaker's worth of power. The continuous limit is 80 % unless the site proves better."""

    rated_amps: Annotated[float, Field(gt=0)]
    volts: Annotated[float, Field(gt=0)]
    phases: Literal[1, 3] = 1
    continuous_limit: Annotated[float, Field(gt=0, le=1)] = 0.8

    @property
    def budget_watts(self) -> float:
        """Continuous watts this feed may carry (three phases: line voltage times root three)."""
        factor = self.phases**0.5  # one phase: 1, three: the root of three
        return self.rated_amps * self.volts * factor * self.continuous_limit


class SlotSpec(Part):
    """One position in a rack that a host fills."""

    slot: Name
    unit: Annotated[int, Field(ge=1, le=60)]
    host_type: Name
    feed: Name
    feed_b: Name | None = None
    """The other feed of a host with supplies on two: either must carry the host alone."""


class RackSpec(Part):
    """One cabinet."""

    name: Name
    units: Annotated[int, Field(ge=1, le=60)]
    slots: tuple[SlotSpec, ...]
    type: Name | None = None
    """The entry of `rack_types` that this cabinet is one of."""
    feed: Name | None = None
    """What feeds the equipment of its type that is no host."""
    feed_b: Name | None = None
    loop: Name | None = None
    """The cooling loop that its liquid comes from. Left out, the rack has one of its own."""


class FirmwareItem(Part):
    """One component's wanted version, and the image that carries it."""

    component: str
    version: str
    image: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    """A plain file name, so that no spec can point outside the images' folder."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


TestName = Literal[
    "matrix_multiply",
    "memory_bandwidth",
    "disk_write",
    "diagnostic",
    "matrix_multiply_bf16",
    "matrix_multiply_fp8",
    "host_to_device",
    "device_to_device",
    "all_reduce_one_host",
    "disk_write_fio",
    "cpu_memory_stress",
]
"""The first three are podyard's own; the others are tools that a host's image brings."""


class Floor(Part):
    """One acceptance test and the least it must reach.

    `ratio` floors compare with a reference measured in the same minute, `absolute` ones carry
    the unit they are measured in.
    """

    test: TestName
    kind: Literal["ratio", "absolute"]
    floor: Annotated[float, Field(gt=0)]
    unit: str = ""


class AcceptanceSpec(Part):
    """What a host must prove before it is offered."""

    floors: tuple[Floor, ...]
    peer_share: Annotated[float, Field(gt=0, le=1)] | None = None
    """How much of the median of its host's accelerators each of them must reach. Left out, 0.8."""
    also: tuple[TestName, ...] | None = None
    """Measured as well, where the host has the tool: a figure is certified without a floor, and a
    test that could not be run stands in the certificate with the reason."""
    valid_days: Annotated[int, Field(ge=1, le=730)] = 90


class UnitSpec(Part):
    """The compute unit that a pod yields."""

    unit_class: str
    hosts: Annotated[int, Field(ge=1)] = 1
    accelerators: Annotated[int, Field(ge=0)]
    b200_equivalents: Annotated[float, Field(ge=0)] = 0.0
    profile: str = "llama-70b-fp8"


class BringUpSpec(Part):
    """How carefully a pod is brought up: canary hosts first, then the rest inside the budget."""

    canary: Annotated[int, Field(ge=1)] = 1
    stop_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    power_drift: Literal["show", "restore"] | None = None
    """What is done about a ready host that somebody switched off: it is shown, or it is brought up
    anew when no claim holds it. Left out, it is shown."""
    measured: Literal["tighten", "loosen"] | None = None
    """Whether what meters say may make room on a feed, where hosts have been ready and read for an
    hour. Left out, it only takes room away. To loosen, tenants' load must be bounded elsewhere."""
    feed_dead: Literal["wait", "start"] | None = None
    """Whether a host of two feeds is started while one of them is dead. Left out, it waits."""
    leak: Literal["drain", "stop"] | None = None
    """Whether hosts on a cooling loop that leaks run on while a claim holds them, or are shut down
    after a minute, as the host that leaks always is. Left out, they run on until it ends."""


class ScalableUnit(Part):
    """What the pod is built in multiples of. Its size is data: 32, 64, 72 hosts or 8 racks."""

    hosts: Annotated[int, Field(ge=1)]
    racks: Annotated[int, Field(ge=1)] | None = None
    accelerators: Annotated[int, Field(ge=0)]
    hosts_given_up: Annotated[int, Field(ge=0)] = 0
    """Host positions of the last unit that a fabric's management takes."""


class PodSpec(Digested, Part):
    """One immutable design, `name@version`."""

    schema_version: Annotated[int, Field(ge=1)] | None = None
    """Left out, it is 1."""
    name: Name
    version: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+){0,2}$")]
    description: str
    variant_of: Identity | None = None
    """The spec that this one was made from by `extends`."""
    host_types: dict[Name, HostType]
    rack_types: dict[Name, RackType] = Field(default_factory=dict)
    feeds: dict[Name, FeedSpec]
    racks: tuple[RackSpec, ...]
    firmware: dict[Name, tuple[FirmwareItem, ...]]
    """Host type to its firmware baseline."""
    bios: dict[Name, dict[str, str | int | bool]]
    """Host type to its BIOS profile."""
    boot_policy: Literal["memory", "disk"] = "memory"
    erase: ErasePolicy | None = None
    """How drives are erased between tenants. Left out, nothing is erased but memory."""
    acceptance: AcceptanceSpec
    unit: UnitSpec
    scalable_unit: ScalableUnit | None = None
    fabric: FabricSpec | None = None
    bring_up: BringUpSpec = BringUpSpec()
    profiles: tuple[str, ...] = ()
    """DMTF interoperability profiles that every BMC of the pod must satisfy, by name."""
    sources: Sources = Field(default_factory=dict)

    @property
    def identity(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    def digest(self) -> str:
        """`sha256:…` over the canonical encoding of the whole design.

        Sources are left out: a corrected citation must not make every certificate stale.
        """
        return self._once(self._work_out_digest)

    def _work_out_digest(self) -> str:
        design = self.document()
        for part in (design, *_entries(design, "host_types"), *_entries(design, "rack_types")):
            part.pop("sources", None)
        return digest_of(design)

    def document(self) -> dict[str, Any]:
        """The whole design as a plain value, without what it leaves unsaid."""
        found: dict[str, Any] = self.model_dump(mode="json")
        return found

    def type_of(self, rack: RackSpec) -> RackType | None:
        """The type of one of its racks."""
        return self.rack_types.get(rack.type) if rack.type else None

    def slots(self) -> tuple[tuple[RackSpec, SlotSpec], ...]:
        """Every slot with its rack, in the order of the racks."""
        return tuple((rack, slot) for rack in self.racks for slot in rack.slots)


def _entries(design: dict[str, Any], field: str) -> tuple[dict[str, Any], ...]:
    return tuple(design.get(field, {}).values())
