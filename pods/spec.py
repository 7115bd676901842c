"""What a pod must be: the immutable, versioned design that everything else is measured against.

A PodSpec is data: host types, racks with positions, feeds, firmware baseline, BIOS profile,
acceptance floors and the unit it yields. It is frozen, it has a canonical digest, and it says
nothing about one site. Units stand last in every name (`memory_gib`, `rated_amps`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pods.canonical import digest_of

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]


class Part(BaseModel):
    """The base of every piece of a spec: frozen, strict, and no unknown field passes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class AcceleratorSpec(Part):
    """The accelerators of one host type."""

    model: str
    count: Annotated[int, Field(ge=0, le=16)]
    memory_gib: Annotated[int, Field(gt=0)]


class ProcessorSpec(Part):
    """The CPU sockets of one host type; `cores` counts those of one socket."""

    model: str
    count: Annotated[int, Field(ge=1, le=8)]
    cores: Annotated[int, Field(ge=1)]


class MemorySpec(Part):
    """The memory modules of one host type."""

    modules: Annotated[int, Field(ge=1)]
    module_gib: Annotated[int, Field(gt=0)]


class DriveSpec(Part):
    """The drives of one host type."""

    count: Annotated[int, Field(ge=0)]
    capacity_gib: Annotated[int, Field(gt=0)]


class NicSpec(Part):
    """The network ports of one host type."""

    count: Annotated[int, Field(ge=1)]
    speed_gbps: Annotated[int, Field(gt=0)]


class PowerSpec(Part):
    """What one host draws. Inrush lasts from power-on until the host has settled."""

    nameplate_watts: Annotated[int, Field(gt=0)]
    typical_watts: Annotated[int, Field(gt=0)]
    inrush_watts: Annotated[int, Field(gt=0)]
    inrush_s: Annotated[float, Field(gt=0)]
    standby_watts: Annotated[int, Field(ge=0)] = 0


class HostType(Part):
    """One kind of host."""

    manufacturer: str
    model: str
    processors: ProcessorSpec
    memory: MemorySpec
    drives: DriveSpec
    nics: NicSpec
    accelerators: AcceleratorSpec | None = None
    power: PowerSpec
    boot_allowed_s: Annotated[float, Field(gt=0, le=7200)] = 900.0
    """From power-on to the agent's first report; memory training of 2 TiB takes 10-15 min."""


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


class RackSpec(Part):
    """One cabinet."""

    name: Name
    units: Annotated[int, Field(ge=1, le=60)]
    slots: tuple[SlotSpec, ...]


class FirmwareItem(Part):
    """One component's wanted version, and the image that carries it."""

    component: str
    version: str
    image: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    """A plain file name, so that no spec can point outside the images' folder."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Floor(Part):
    """One acceptance test and the least it must reach.

    `ratio` floors compare with a reference measured in the same minute, `absolute` ones carry
    the unit they are measured in.
    """

    test: Literal["matrix_multiply", "memory_bandwidth", "disk_write"]
    kind: Literal["ratio", "absolute"]
    floor: Annotated[float, Field(gt=0)]
    unit: str = ""


class AcceptanceSpec(Part):
    """What a host must prove before it is offered."""

    floors: tuple[Floor, ...]
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


class PodSpec(Part):
    """One immutable design, `name@version`."""

    name: Name
    version: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+){0,2}$")]
    description: str
    host_types: dict[Name, HostType]
    feeds: dict[Name, FeedSpec]
    racks: tuple[RackSpec, ...]
    firmware: dict[Name, tuple[FirmwareItem, ...]]
    """Host type to its firmware baseline."""
    bios: dict[Name, dict[str, str | int | bool]]
    """Host type to its BIOS profile."""
    boot_policy: Literal["memory", "disk"] = "memory"
    acceptance: AcceptanceSpec
    unit: UnitSpec
    bring_up: BringUpSpec = BringUpSpec()

    @property
    def identity(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    def digest(self) -> str:
        """`sha256:…` over the canonical encoding of the whole design."""
        return digest_of(self.model_dump(mode="json"))

    def slots(self) -> tuple[tuple[RackSpec, SlotSpec], ...]:
        """Every slot with its rack, in the order of the racks."""
        return tuple((rack, slot) for rack in self.racks for slot in rack.slots)
