"""What hardware the agent finds itself on, in the shape that every source is turned into.

A simulated host is told by its hall (`hardware.json` in the run directory), because there is
nothing to look at; a real one is read from the kernel and NVML. The rest of the agent never asks
which of the two it was, except to say so in its report.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pods.erasing import DriveRead
from pods.facts import (
    DriveFact,
    HardwareFacts,
    MemoryModuleFact,
    NicFact,
    ProcessorFact,
)
from runtime.health import read_gpus

BYTES_PER_SECTOR = 512  # what /sys/block/*/size counts, whatever the drive's own sector size
BYTES_PER_GIB = 1024**3
KIB_PER_GIB = 1024**2
VIRTUAL_BLOCK = ("loop", "ram", "zram", "dm-", "md", "sr", "nbd")


class HardwareError(Exception):
    """The hall's description of this host cannot be used."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """The host as its agent sees it."""

    facts: HardwareFacts
    simulated: bool
    physical_host: str
    clock_ratio: float = 1.0
    """Simulated hosts only: this host's speed as a share of the machine's that it runs on."""
    accelerator_ratios: Mapping[str, float] = field(default_factory=dict)
    """Simulated hosts only: slot to an accelerator's speed as a share of its peers'."""


def read_hardware(run: Path, *, now: datetime, system: Path = Path("/")) -> Hardware:
    """Simulated when the hall left a description, real otherwise."""
    description = run / "hardware.json"
    if description.exists():
        return read_described(description, now=now)
    return read_real(system, now=now)


def read_described(path: Path, *, now: datetime) -> Hardware:
    """The hall's description: the fields of `HardwareFacts`, and three about the host itself."""
    try:
        body = json.loads(path.read_text())
        simulated = bool(body.pop("simulated", True))
        physical_host = str(body.pop("physical_host"))
        clock_ratio = float(body.pop("clock_ratio", 1.0))
        told = dict(body.pop("accelerator_ratios", {}))
        ratios = {str(slot): float(ratio) for slot, ratio in told.items()}
        facts = HardwareFacts.model_validate({**body, "observed_at": now, "source": "agent"})
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise HardwareError(f"cannot use {path}") from error
    if not 0.0 < clock_ratio <= 1.0:
        raise HardwareError(f"{path}: clock_ratio is {clock_ratio}, it must be in (0, 1]")
    return Hardware(facts, simulated, physical_host, clock_ratio, ratios)


def read_drives(run: Path) -> tuple[DriveRead, ...] | None:
    """What the drives hold, as the hall tells it; None where nobody can read them.

    A real host's drives are read with the vendor's tools by the image that wipes them.
    """
    description = run / "drives.json"
    if not description.exists():
        return None
    try:
        body = json.loads(description.read_text())
        return tuple(DriveRead.model_validate(one) for one in body)
    except (OSError, ValueError, TypeError) as error:
        raise HardwareError(f"cannot use {description}") from error


def read_real(system: Path, *, now: datetime) -> Hardware:
    """The kernel's and NVML's view. Needs no privilege; what only root may read stays empty."""
    dmi = system / "sys/class/dmi/id"
    facts = HardwareFacts(
        observed_at=now,
        source="agent",
        manufacturer=_text(dmi / "sys_vendor"),
        model=_text(dmi / "product_name"),
        serial=_text(dmi / "product_serial"),
        uuid=_text(dmi / "product_uuid"),
        bios_version=_text(dmi / "bios_version"),
        processors=_processors(system / "proc/cpuinfo"),
        accelerators=read_gpus().accelerators,
        memory=_memory(system / "proc/meminfo"),
        drives=_drives(system / "sys/block"),
        nics=_nics(system / "sys/class/net"),
    )
    machine = _text(system / "etc/machine-id") or facts.uuid or os.uname().nodename
    return Hardware(facts, simulated=False, physical_host=machine)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:  # absent, or only for root
        return ""


def _processors(cpuinfo: Path) -> tuple[ProcessorFact, ...]:
    """One per socket, from the blocks of `/proc/cpuinfo`."""
    sockets: dict[str, list[dict[str, str]]] = {}
    for block in _text(cpuinfo).split("\n\n"):
        fields = {
            key.strip(): value.strip()
            for key, _, value in (line.partition(":") for line in block.splitlines())
        }
        if "processor" in fields:
            sockets.setdefault(fields.get("physical id", "0"), []).append(fields)
    return tuple(_socket(slot, threads) for slot, threads in sorted(sockets.items()))


def _socket(slot: str, threads: list[dict[str, str]]) -> ProcessorFact:
    cores = {one.get("core id", one["processor"]) for one in threads}
    model = threads[0].get("model name", "unknown")
    return ProcessorFact(slot=f"CPU{slot}", model=model, cores=len(cores), threads=len(threads))


def _memory(meminfo: Path) -> tuple[MemoryModuleFact, ...]:
    """The kernel knows the sum, not the modules: those come from the BMC."""
    for line in _text(meminfo).splitlines():
        name, _, rest = line.partition(":")
        if name == "MemTotal":
            gib = round(int(rest.split()[0]) / KIB_PER_GIB)
            return (MemoryModuleFact(slot="all", capacity_gib=gib),)
    return ()


def _drives(block: Path) -> tuple[DriveFact, ...]:
    return tuple(
        _drive(entry)
        for entry in _entries(block)
        if not entry.name.startswith(VIRTUAL_BLOCK) and _text(entry / "size") not in {"", "0"}
    )


def _drive(entry: Path) -> DriveFact:
    return DriveFact(
        slot=entry.name,
        model=_text(entry / "device/model") or "unknown",
        capacity_gib=int(_text(entry / "size")) * BYTES_PER_SECTOR // BYTES_PER_GIB,
        serial=_text(entry / "device/serial"),
        protocol="NVMe" if entry.name.startswith("nvme") else "",
    )


def _nics(net: Path) -> tuple[NicFact, ...]:
    """Interfaces with a device behind them: no bridges, no loopback."""
    return tuple(_nic(entry) for entry in _entries(net) if (entry / "device").exists())


def _nic(entry: Path) -> NicFact:
    speed = _text(entry / "speed")
    carrier: dict[str, Any] = {"1": True, "0": False}
    return NicFact(
        slot=entry.name,
        mac=_text(entry / "address"),
        speed_gbps=int(speed) // 1000 if speed.isdigit() else None,
        link_up=carrier.get(_text(entry / "carrier")),
    )


def _entries(directory: Path) -> list[Path]:
    return sorted(directory.iterdir()) if directory.is_dir() else []
