"""What inspection found in a host, in the one shape that every source is turned into.

A BMC, an agent on the host and a recorded payload all describe the same hardware in other words.
`match` compares a host type with facts and never wants to know who told them, so the difference
between sources ends here. Facts are observations: they carry when and how, and are never edited.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pods.canonical import canonical_json


class Fact(BaseModel):
    """The base of every observation: frozen, and deaf to fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
        """`sha256:…` over what was found, leaving out when it was looked at."""
        body = self.model_dump(mode="json", exclude={"observed_at", "source"})
        return "sha256:" + hashlib.sha256(canonical_json(body)).hexdigest()
