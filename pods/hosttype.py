"""A host type: the first of the three identities, and the only one with a BMC.

Everything that is asked of one server stands here, in units that stand last in the name. What no
source tells is left out, except the few parts that every other floor needs; those carry a stand-in
marked `uncertain` in `sources`, and `HostType.uncertain_paths` names them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pods.part import Identity, Part, Sources, leaves, source_of

Redundancy = Annotated[str, Field(pattern=r"^([1-9][0-9]?\+[1-9][0-9]?|N\+N)$")]
"""`4+2`: four carry the load, two may fail. `N+N`: either half carries it alone."""


class ChassisSpec(Part):
    """The box, as a rack sees it."""

    height_units: Annotated[int, Field(ge=1, le=60)]
    width_mm: Annotated[float, Field(gt=0)] | None = None
    height_mm: Annotated[float, Field(gt=0)] | None = None
    depth_mm: Annotated[float, Field(gt=0)] | None = None


class AcceleratorSpec(Part):
    """The accelerators of one host type."""

    model: str
    count: Annotated[int, Field(ge=0, le=16)]
    memory_gib: Annotated[int, Field(gt=0)]
    tdp_watts: Annotated[int, Field(gt=0)] | None = None
    link_kind: Literal["nvlink", "xgmi"] | None = None
    link_ports: Annotated[int, Field(ge=1, le=72)] | None = None
    """Scale-up links of one accelerator."""
    link_gigabytes_per_s: Annotated[float, Field(gt=0)] | None = None
    """One link in one direction."""
    scale_up_gigabytes_per_s: Annotated[float, Field(gt=0)] | None = None
    """All links of one accelerator in one direction."""


class ProcessorSpec(Part):
    """The CPU sockets of one host type; `cores` counts those of one socket."""

    model: str
    count: Annotated[int, Field(ge=1, le=8)]
    cores: Annotated[int, Field(ge=1)]


class MemorySpec(Part):
    """The memory modules of one host type."""

    modules: Annotated[int, Field(ge=1)]
    module_gib: Annotated[int, Field(gt=0)]


class DriveGroup(Part):
    """Drives of one purpose, all alike."""

    role: Literal["boot", "data"]
    count: Annotated[int, Field(ge=1)]
    capacity_gib: Annotated[int, Field(gt=0)]
    kind: Literal["M.2", "U.2", "U.3", "E1.S", "E3.S", "2.5-inch"] | None = None
    """The form that fits the bay."""
    protocol: Literal["nvme", "sata", "sas"] | None = None


class DriveSpec(Part):
    """The drives of one host type: all of them, and the smallest one's size."""

    count: Annotated[int, Field(ge=0)]
    capacity_gib: Annotated[int, Field(gt=0)]
    groups: tuple[DriveGroup, ...] = ()


class NicGroup(Part):
    """Ports of one purpose. `rails` is given where each port belongs to a rail of its own."""

    role: Literal["compute", "north-south", "storage", "management"]
    count: Annotated[int, Field(ge=1)]
    speed_gbps: Annotated[int, Field(gt=0)]
    model: str | None = None
    rails: Annotated[int, Field(ge=1)] | None = None


class NicSpec(Part):
    """The network ports of one host type: all of them, and the slowest one's speed."""

    count: Annotated[int, Field(ge=1)]
    speed_gbps: Annotated[int, Field(gt=0)]
    groups: tuple[NicGroup, ...] = ()
    boot: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """The port that asks for the boot image, by the name that the BMC gives its slot: the host is
    started over HTTP from there. Left out, it is started from virtual media."""

    def group(self, role: str) -> NicGroup | None:
        """The ports of one purpose."""
        return next((one for one in self.groups if one.role == role), None)


class PsuSpec(Part):
    """The power supplies of one host type; none where a rack's busbar feeds it."""

    count: Annotated[int, Field(ge=1, le=32)]
    capacity_watts: Annotated[int, Field(gt=0)]
    redundancy: Redundancy | None = None
    input_volts_min: Annotated[float, Field(gt=0)] | None = None
    input_volts_max: Annotated[float, Field(gt=0)] | None = None
    input_amps: Annotated[float, Field(gt=0)] | None = None
    connector: str | None = None
    when_lost: str | None = None
    """What the host does when more supplies fail than it can lose."""

    @property
    def carrying(self) -> int:
        """How many supplies must carry the whole load when the spare ones are gone."""
        if self.redundancy is None:
            return self.count
        if self.redundancy == "N+N":
            return self.count // 2
        return int(self.redundancy.partition("+")[0])


class PowerSpec(Part):
    """What one host draws. Inrush lasts from power-on until the host has settled."""

    nameplate_watts: Annotated[int, Field(gt=0)]
    typical_watts: Annotated[int, Field(gt=0)]
    inrush_watts: Annotated[int, Field(gt=0)]
    inrush_s: Annotated[float, Field(gt=0)]
    standby_watts: Annotated[int, Field(ge=0)] = 0


class CoolingSpec(Part):
    """What carries the heat away, of a host or of a whole rack."""

    kind: Literal["air", "liquid", "hybrid"]
    """`liquid`: direct liquid, with fans at most for the rest. `hybrid`: a stated share to air."""
    flow_lpm: Annotated[float, Field(gt=0)] | None = None
    supply_celsius: float | None = None
    rise_kelvin: Annotated[float, Field(gt=0)] | None = None
    liquid_share: Annotated[float, Field(ge=0, le=1)] | None = None


class BmcSpec(Part):
    """How the host is managed. `tree` names the shape of its Redfish tree."""

    kind: str
    tree: str | None = None
    protocols: tuple[Literal["redfish", "ipmi", "snmp"], ...] = ()
    port_gbps: Annotated[float, Field(gt=0)] | None = None


class FirmwareRelease(Part):
    """What a maker published last of a host type's firmware, when this was written.

    No baseline: images are not public, so no digest of one can be shipped. A site's own baseline
    (`firmware` of a pod) begins here.
    """

    name: str | None = None
    components: dict[str, str] = Field(default_factory=dict)
    """Component, as the maker writes it, to version."""
    none_because: str | None = None
    """Why there is none to name."""


class HostType(Part):
    """One kind of host."""

    type: Identity | None = None
    """The shipped host type that this is, unchanged."""
    variant_of: Identity | None = None
    """The shipped host type that this was made from by changing something."""
    description: str | None = None
    manufacturer: str
    model: str
    chassis: ChassisSpec | None = None
    processors: ProcessorSpec
    memory: MemorySpec
    drives: DriveSpec
    nics: NicSpec
    accelerators: AcceleratorSpec | None = None
    scale_up_domain: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Accelerators that share one scale-up fabric: 8 in a box, 72 in a rack."""
    power: PowerSpec
    psus: PsuSpec | None = None
    weight_kg: Annotated[float, Field(gt=0)] | None = None
    cooling: CoolingSpec | None = None
    bmc: BmcSpec | None = None
    firmware_release: FirmwareRelease | None = None
    boot_allowed_s: Annotated[float, Field(gt=0, le=7200)] = 900.0
    """From power-on to the agent's first report; memory training of 2 TiB takes 10-15 min."""
    sources: Sources = Field(default_factory=dict)

    @property
    def height_units(self) -> int:
        """Rack units that it fills; one where its chassis is not described."""
        return self.chassis.height_units if self.chassis else 1

    def uncertain_paths(self) -> frozenset[str]:
        """Paths of what its sources call uncertain, such as `processors.cores`.

        A host must not be parked because it differs from a guess.
        """
        said = self.model_dump(mode="json", exclude={"sources"})
        return frozenset(path for path, _ in leaves(said) if self.is_uncertain(path))

    def is_uncertain(self, path: str) -> bool:
        """Whether what stands at this path is only a guess, or disputed."""
        source = source_of(path, self.sources)
        return source is not None and source.uncertain


class HostDocument(HostType):
    """A host type as the catalogue keeps it: with a name and a version of its own."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
    version: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+){0,2}$")]
