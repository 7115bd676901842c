"""What inspection found in a host, in the one shape that every source is turned into.

A BMC, an agent on the host and a recorded payload all describe the same hardware in other words.
`match` compares a host type with facts and never wants to know who told them, so the difference
between sources ends here. Facts are observations: they carry when and how, and are never edited.

What was built and what is read of it are told apart: a serial number belongs to the digest that a
certificate is bound to, a coolant flow or a drive's wear does not, or no two looks at one host
would agree. What nobody told is left out of the digest, so that a field which a later podyard adds
changes no digest of facts that were taken before.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from pods.canonical import Digested, digest_of


class Fact(BaseModel):
    """The base of every observation: frozen, and no unknown field passes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    READINGS: ClassVar[frozenset[str]] = frozenset()
    """Fields that tell a state, not a part: they stay out of the digest."""

    def as_built(self) -> dict[str, Any]:
        """What was told and is no reading, as a plain value."""
        told = self.__dict__
        return {
            name: _plain(told[name])
            for name, required, default in _built(type(self))
            if required or told[name] != default
        }


@cache
def _built(kind: type[Fact]) -> tuple[tuple[str, bool, Any], ...]:
    """Each field that is no reading, whether it must be told, and what it is when it is not.

    Every look at a host asks this of each of its parts, and a field's default never changes.
    """
    return tuple(
        (name, field.is_required(), field.get_default(call_default_factory=True))
        for name, field in kind.model_fields.items()
        if name not in kind.READINGS
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Fact):
        return value.as_built()
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


class ProcessorFact(Fact):
    """One CPU socket."""

    slot: str
    model: str
    cores: int
    threads: int


class AcceleratorFact(Fact):
    """One GPU as reported by the BMC or by NVML."""

    READINGS: ClassVar[frozenset[str]] = frozenset(
        {
            "links_up",
            "link_gbps",
            "power_limit_watts",
            "rows_remapped",
            "remap_pending",
            "remap_failed",
            "sram_threshold_exceeded",
            "pcie_lanes",
        }
    )

    slot: str
    model: str
    memory_gib: int
    serial: str = ""
    uuid: str = ""
    firmware: str = ""
    part_number: str = ""
    link_ports: int | None = None
    """Scale-up links that it has."""
    links_up: int | None = None
    """How many of them carry a link."""
    link_gbps: float | None = None
    """The slowest link that is up."""
    power_limit_watts: float | None = None
    rows_remapped: int | None = None
    """Rows that were replaced after an error that could not be corrected."""
    remap_pending: bool | None = None
    remap_failed: bool | None = None
    sram_threshold_exceeded: bool | None = None
    pcie_lanes: int | None = None
    """Lanes in use on its way to the host; fewer than it has when the link trained down."""
    pcie_lanes_max: int | None = None


class MemoryModuleFact(Fact):
    """One populated memory slot."""

    slot: str
    capacity_gib: int
    part_number: str = ""
    serial: str = ""
    error_correction: str = ""
    """As Redfish spells it: NoECC, SingleBitECC, MultiBitECC, AddressParity."""


class DriveFact(Fact):
    """One drive."""

    READINGS: ClassVar[frozenset[str]] = frozenset({"life_left_percent", "failure_predicted"})

    slot: str
    model: str
    capacity_gib: int
    serial: str = ""
    protocol: str = ""
    life_left_percent: float | None = None
    """Of the writes that its maker vouches for; a new drive has 100."""
    failure_predicted: bool | None = None


class NicFact(Fact):
    """One Ethernet interface."""

    READINGS: ClassVar[frozenset[str]] = frozenset({"link_up"})

    slot: str
    mac: str
    speed_gbps: int | None = None
    link_up: bool | None = None


class AdapterFact(Fact):
    """One network adapter: a card, which may have several ports and interfaces."""

    READINGS: ClassVar[frozenset[str]] = frozenset({"ports_up", "port_gbps", "pcie_lanes"})

    slot: str
    model: str
    serial: str = ""
    part_number: str = ""
    firmware: str = ""
    ports: int | None = None
    ports_up: int | None = None
    port_gbps: float | None = None
    """The slowest port that is up."""
    pcie_lanes: int | None = None
    """Lanes in use."""
    pcie_lanes_max: int | None = None


class PowerSupplyFact(Fact):
    """One power supply that is fitted."""

    READINGS: ClassVar[frozenset[str]] = frozenset({"input_status", "health"})

    slot: str
    model: str = ""
    serial: str = ""
    capacity_watts: float | None = None
    firmware: str = ""
    input_volts_min: float | None = None
    input_volts_max: float | None = None
    input_status: str = ""
    """As Redfish spells it: Normal, LossOfInput, OutOfRange."""
    health: str = ""


class CoolingPartFact(Fact):
    """One fan or pump."""

    READINGS: ClassVar[frozenset[str]] = frozenset({"health"})

    slot: str
    kind: Literal["fan", "pump"]
    health: str = ""
    """OK, Warning, Critical; nothing where it is not told."""


class CoolantConnectorFact(Fact):
    """One pair of couplings through which coolant comes and goes."""

    READINGS: ClassVar[frozenset[str]] = frozenset({"flow_lpm", "supply_celsius", "return_celsius"})

    slot: str
    rated_flow_lpm: float | None = None
    flow_lpm: float | None = None
    supply_celsius: float | None = None
    return_celsius: float | None = None


class LeakDetectorFact(Fact):
    """One leak detector."""

    READINGS: ClassVar[frozenset[str]] = frozenset({"state"})

    slot: str
    state: str = ""
    """OK, Warning, Critical, Unavailable, Absent."""
    critical_reaction: str = ""
    """What it does by itself about a leak: None, GracefulShutdown, ForceOff."""


class PositionFact(Fact):
    """Where the host says that it stands."""

    rack: str = ""
    unit: int | None = None
    tray_index: int | None = None
    """Its number among the compute trays of its rack, where a tray can tell."""
    chassis_slot: int | None = None
    """The slot of its rack that it sits in, where a tray can tell."""
    topology: str = ""


class TrustFact(Fact):
    """What vouches for the software that the host starts."""

    secure_boot: bool | None = None
    tpm: bool | None = None
    """Present and enabled."""
    tpm_version: str = ""


class HardwareFacts(Digested, Fact):
    """Everything inspection found, with when and how."""

    READINGS: ClassVar[frozenset[str]] = frozenset(
        {"observed_at", "source", "asset_tag", "position", "power_redundancy", "neighbours"}
    )

    observed_at: datetime
    source: Annotated[str, Field(description="redfish, agent or recorded")]
    manufacturer: str
    model: str
    serial: str
    uuid: str
    bmc_firmware: str = ""
    bios_version: str = ""
    processors: tuple[ProcessorFact, ...] = ()
    accelerators: tuple[AcceleratorFact, ...] = ()
    memory: tuple[MemoryModuleFact, ...] = ()
    drives: tuple[DriveFact, ...] = ()
    nics: tuple[NicFact, ...] = ()
    firmware: dict[str, str] = Field(default_factory=dict)
    """Component name (as FirmwareInventory spells it) to version."""
    bios: dict[str, str | int | bool | None] = Field(default_factory=dict)
    chassis_serial: str = ""
    part_number: str = ""
    asset_tag: str = ""
    adapters: tuple[AdapterFact, ...] = ()
    power_supplies: tuple[PowerSupplyFact, ...] = ()
    power_redundancy: str = ""
    """`4+2`: four carry the load, two may fail, as the BMC is set."""
    cooling: tuple[CoolingPartFact, ...] = ()
    coolant: tuple[CoolantConnectorFact, ...] = ()
    leak_detectors: tuple[LeakDetectorFact, ...] = ()
    position: PositionFact = PositionFact()
    neighbours: dict[str, tuple[str, str]] = Field(default_factory=dict)
    """Network port to the node and port at the other end of its cable, as told by LLDP."""
    trust: TrustFact = TrustFact()

    def digest(self) -> str:
        """`sha256:…` over what was built, leaving out when it was looked at and what it read."""
        return self._once(lambda: digest_of(self.as_built()))
