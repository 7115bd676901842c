"""What was built, held against what was designed: every difference, named so that hands can act.

A *critical* mismatch parks the host: something is missing, broken or another part. A *warning* is
told and does not stop: more than was ordered, a version ahead of the baseline, a link that is
down. Firmware that is behind and BIOS attributes that differ are not mismatches, they are work,
and stand in the plan. Pure: the same facts give the same mismatches in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pods.facts import HardwareFacts, MemoryModuleFact
from pods.spec import FirmwareItem, HostType, MemorySpec
from pods.versions import Order, order


class Mismatch(BaseModel):
    """One difference between facts and spec, and what a person can do about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    wanted: str
    found: str
    severity: Literal["critical", "warning"]
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: wanted {self.wanted}, found {self.found}"


def match(host_type: HostType, facts: HardwareFacts) -> tuple[Mismatch, ...]:
    """Every difference between a host type and what inspection found."""
    return (
        *_identity(host_type, facts),
        *_processors(host_type, facts),
        *_accelerators(host_type, facts),
        *_memory(host_type.memory, facts.memory),
        *_drives(host_type, facts),
        *_nics(host_type, facts),
    )


def match_firmware(items: Iterable[FirmwareItem], found: Mapping[str, str]) -> tuple[Mismatch, ...]:
    """Versions that nobody may act on: ahead of the baseline, not comparable, not reported."""
    return tuple(mismatch for item in items for mismatch in _firmware(item, found))


def critical(mismatches: Iterable[Mismatch]) -> tuple[Mismatch, ...]:
    """Those that park the host."""
    return tuple(mismatch for mismatch in mismatches if mismatch.severity == "critical")


def _critical(path: str, wanted: object, found: object, remedy: str) -> Mismatch:
    return Mismatch(
        path=path, wanted=str(wanted), found=str(found), severity="critical", remedy=remedy
    )


def _warning(path: str, wanted: object, found: object, remedy: str) -> Mismatch:
    return Mismatch(
        path=path, wanted=str(wanted), found=str(found), severity="warning", remedy=remedy
    )


def _same_text(wanted: str, found: str) -> bool:
    """Vendors pad and re-case names between firmware versions; that is no other part."""
    return wanted.split() == found.split() or wanted.casefold().split() == found.casefold().split()


def _identity(host_type: HostType, facts: HardwareFacts) -> Iterator[Mismatch]:
    for path, wanted, found in (
        ("manufacturer", host_type.manufacturer, facts.manufacturer),
        ("model", host_type.model, facts.model),
    ):
        if not _same_text(wanted, found):
            yield _critical(
                path,
                wanted,
                found or "nothing",
                "check which host is in this slot: swap it, or correct the spec's host type",
            )


def _count(path: str, wanted: int, found: int, part: str, *, fewer: str) -> Iterator[Mismatch]:
    if found < wanted:
        yield _critical(path, wanted, found, fewer)
    elif found > wanted:
        yield _warning(
            path, wanted, found, f"more {part} than designed: remove them, or correct the spec"
        )


def _processors(host_type: HostType, facts: HardwareFacts) -> Iterator[Mismatch]:
    wanted = host_type.processors
    yield from _count(
        "processors.count",
        wanted.count,
        len(facts.processors),
        "processors",
        fewer="seat or replace the processor in the socket that reports none",
    )
    for processor in facts.processors:
        path = f"processors.{processor.slot}"
        if not _same_text(wanted.model, processor.model):
            yield _critical(
                f"{path}.model",
                wanted.model,
                processor.model or "nothing",
                f"replace the processor in {processor.slot}: it is another part",
            )
        if processor.cores < wanted.cores:
            yield _critical(
                f"{path}.cores",
                wanted.cores,
                processor.cores,
                "look for cores switched off in the BIOS, then replace the processor",
            )


def _accelerators(host_type: HostType, facts: HardwareFacts) -> Iterator[Mismatch]:
    wanted = host_type.accelerators
    yield from _count(
        "accelerators.count",
        wanted.count if wanted else 0,
        len(facts.accelerators),
        "accelerators",
        fewer="reseat the accelerator that is not reported, check its power, then replace it",
    )
    if wanted is None:
        return
    for accelerator in facts.accelerators:
        path = f"accelerators.{accelerator.slot}"
        if not _same_text(wanted.model, accelerator.model):
            yield _critical(
                f"{path}.model",
                wanted.model,
                accelerator.model or "nothing",
                f"replace the accelerator in {accelerator.slot}: it is another part",
            )
        if accelerator.memory_gib < wanted.memory_gib:
            yield _critical(
                f"{path}.memory_gib",
                wanted.memory_gib,
                accelerator.memory_gib,
                f"replace the accelerator in {accelerator.slot}: part of its memory is gone",
            )


def _memory(wanted: MemorySpec, modules: Sequence[MemoryModuleFact]) -> Iterator[Mismatch]:
    populated = [module for module in modules if module.capacity_gib > 0]
    yield from _count(
        "memory.modules",
        wanted.modules,
        len(populated),
        "memory modules",
        fewer=_missing_module(wanted, modules),
    )
    for module in populated:
        if module.capacity_gib != wanted.module_gib:
            path = f"memory.{module.slot}.capacity_gib"
            remedy = f"put a module of {wanted.module_gib} GiB into slot {module.slot}"
            smaller = module.capacity_gib < wanted.module_gib
            say = _critical if smaller else _warning
            yield say(path, wanted.module_gib, module.capacity_gib, remedy)


def _missing_module(wanted: MemorySpec, modules: Sequence[MemoryModuleFact]) -> str:
    empty = empty_slots(wanted.modules, modules)
    if not empty:
        return (
            f"seat or replace the missing modules of {wanted.module_gib} GiB; "
            "the BMC does not say which slots are empty"
        )
    word, it = ("slot", "the module") if len(empty) == 1 else ("slots", "the modules")
    return (
        f"seat or replace {it} in {word} {', '.join(empty)} ({wanted.module_gib} GiB each), "
        "then inspect the host again"
    )


def empty_slots(wanted: int, modules: Sequence[MemoryModuleFact]) -> tuple[str, ...]:
    """Slots that should hold a module and do not, where the names tell; else nothing.

    A BMC either lists an empty slot with capacity 0, or leaves it out. Left out, it is derivable
    when all names are one word with a running number: of DIMM.1, DIMM.2, DIMM.4 lacks DIMM.3.
    """
    listed = tuple(module.slot for module in modules if module.capacity_gib <= 0)
    if listed:
        return listed
    parts = [re.fullmatch(r"(.*?)(\d{1,4})", module.slot) for module in modules]
    numbered = [(part.group(1), part.group(2)) for part in parts if part]
    if not numbered or len(numbered) != len(modules) or len({stem for stem, _ in numbered}) != 1:
        return ()
    stem = numbered[0][0]
    width = max((len(digits) for _, digits in numbered if digits.startswith("0")), default=1)
    present = {int(digits) for _, digits in numbered}
    first = 0 if 0 in present else 1
    expected = range(first, first + wanted)
    if not present <= set(expected) or len(present) != len(modules):
        return ()
    return tuple(f"{stem}{number:0{width}d}" for number in expected if number not in present)


def _drives(host_type: HostType, facts: HardwareFacts) -> Iterator[Mismatch]:
    wanted = host_type.drives
    yield from _count(
        "drives.count",
        wanted.count,
        len(facts.drives),
        "drives",
        fewer="seat or replace the drive in the bay that reports none",
    )
    for drive in facts.drives:
        if drive.capacity_gib < wanted.capacity_gib:
            yield _critical(
                f"drives.{drive.slot}.capacity_gib",
                wanted.capacity_gib,
                drive.capacity_gib,
                f"replace the drive in {drive.slot} by one of {wanted.capacity_gib} GiB or more",
            )


def _nics(host_type: HostType, facts: HardwareFacts) -> Iterator[Mismatch]:
    wanted = host_type.nics
    yield from _count(
        "nics.count",
        wanted.count,
        len(facts.nics),
        "network ports",
        fewer="reseat the network adapter that is not reported, then replace it",
    )
    for nic in facts.nics:
        path = f"nics.{nic.slot}.speed_gbps"
        if nic.speed_gbps is None or nic.link_up is False:
            # Without a link many BMCs report speed 0 or nothing; that says nothing about the part.
            continue
        if nic.speed_gbps < wanted.speed_gbps:
            yield _critical(
                path,
                wanted.speed_gbps,
                nic.speed_gbps,
                f"check cable, transceiver and switch port of {nic.slot}: the link came up slower",
            )


def _firmware(item: FirmwareItem, found: Mapping[str, str]) -> Iterator[Mismatch]:
    path = f"firmware.{item.component}"
    version = found.get(item.component)
    if version is None:
        yield _warning(
            path,
            item.version,
            "not reported",
            "check how this BMC spells the component in its FirmwareInventory",
        )
        return
    match order(version, wanted=item.version):
        case Order.AHEAD:
            yield _warning(
                path,
                item.version,
                version,
                "nothing is flashed: raise the baseline in the spec, or go back by hand",
            )
        case Order.UNCLEAR:
            yield _warning(
                path,
                item.version,
                version,
                "nothing is flashed: which of the two is older cannot be told; compare by hand",
            )
        case Order.BEHIND | Order.SAME:
            return
