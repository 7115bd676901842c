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
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from pods.canonical import digest_of


class Fact(BaseModel):
    """The base of every observation: frozen, and no unknown field passes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    READINGS: ClassVar[frozenset[str]] = frozenset()
    """Fields that tell a state, not a part: they stay out of the digest."""

    def as_built(self) -> dict[str, Any]:
        """What was told and is no reading, as a plain value."""
        told = {
            name: getattr(self, name)
            for name, field in type(self).model_fields.items()
            if name not in self.READINGS
            and (
                field.is_required()
                or getattr(self, name) != field.get_default(call_default_factory=True)
            )
        }
        return {name: _plain(value) for name, value in told.items()}


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

    slot: str
    model: str
    memory_gib: int
    serial: str = ""
    uuid: str = ""
    firmware: str = ""


class MemoryModuleFact(Fact):
    """One populated memory slot."""

    slot: str
    capacity_gib: int
    part_number: str = ""
    serial: str = ""


class DriveFact(Fact):
    """One drive."""

    slot: str
    model: str
    capacity_gib: int
    serial: str = ""
    protocol: str = ""


class NicFact(Fact):
    """One Ethernet interface."""

    slot: str
    mac: str
    speed_gbps: int | None = None
    link_up: bool | None = None


class HardwareFacts(Fact):
    """Everything inspection found, with when and how."""

    READINGS: ClassVar[frozenset[str]] = frozenset({"observed_at", "source"})

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

    def digest(self) -> str:
        """`sha256:…` over what was built, leaving out when it was looked at and what it read."""
        return digest_of(self.as_built())
