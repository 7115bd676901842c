"""What was built, held against what was designed: every difference, named so that hands can act.

A mismatch that *blocks* parks the host: something is missing, broken or another part. One that
*warns* is told and does not stop: more than was ordered, a version ahead of the baseline, a link
that is down, anything that differs from a guess. A *note* says what could not be checked, or is
only remarkable. Firmware that is behind and BIOS attributes that differ are not mismatches, they
are work, and stand in the plan. Pure: the same facts give the same mismatches in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pods.facts import HardwareFacts, MemoryModuleFact, NicFact
from pods.match_finding import (
    Mismatch,
    blocks,
    count,
    critical,
    same_text,
    warns,
)
from pods.match_guessed import softened
from pods.match_power import cooling, power_supplies
from pods.match_wear import accelerator_health, drive_wear, links, memory_protection, pcie, trust
from pods.spec import FirmwareItem, HostType, MemorySpec, NicGroup, NicSpec
from pods.versions import Order, order

__all__ = ["Mismatch", "critical", "empty_slots", "match", "match_firmware"]

MEMORY_SHARE_MIN = 0.91
"""Of the nominal size. Vendors mark GB where drivers count GiB (0.931), ECC kept in the memory
itself takes a sixteenth (an L40S of 48 shows 44.99 GiB, an L4 of 24 shows 22.49:
thundergolfer.com/blog/nvidia-gpu-memory-capacity, NVML's figures, read 2026-11), and whole GiB are
rounded down (44 of 48, 22 of 24: 0.917). A stack of HBM that is gone takes an eighth or more."""


_FOUND = "_found"


def match(host_type: HostType, facts: HardwareFacts) -> tuple[Mismatch, ...]:
    """Every difference between a host type and what inspection found.

    A host that waits is compared at each look with the same two: the facts keep what was found.
    """
    known: tuple[HostType, tuple[Mismatch, ...]] | None = facts.__dict__.get(_FOUND)
    if known is None or known[0] is not host_type:
        found = tuple(softened(host_type, one) for one in _differences(host_type, facts))
        known = facts.__dict__[_FOUND] = (host_type, found)
    return known[1]


def _differences(host_type: HostType, facts: HardwareFacts) -> tuple[Mismatch, ...]:
    return (
        *_identity(host_type, facts),
        *_processors(host_type, facts),
        *_accelerators(host_type, facts),
        *_memory(host_type.memory, facts.memory),
        *_drives(host_type, facts),
        *_nics(host_type.nics, facts.nics),
        *_adapters(host_type.nics, facts),
        *links(host_type, facts),
        *pcie(facts),
        *accelerator_health(host_type, facts),
        *memory_protection(facts),
        *drive_wear(facts),
        *power_supplies(host_type, facts),
        *cooling(host_type, facts),
        *trust(facts),
    )


def match_firmware(items: Iterable[FirmwareItem], found: Mapping[str, str]) -> tuple[Mismatch, ...]:
    """Versions that nobody may act on: ahead of the baseline, not comparable, not reported."""
    return tuple(mismatch for item in items for mismatch in _firmware(item, found))


def _identity(host_type: HostType, facts: HardwareFacts) -> Iterator[Mismatch]:
    for path, wanted, found in (
        ("manufacturer", host_type.manufacturer, facts.manufacturer),
        ("model", host_type.model, facts.model),
    ):
        if not same_text(wanted, found):
            yield blocks(
                path,
                wanted,
                found or "nothing",
                meaning="this is another kind of host, and nothing designed for it holds",
                remedy="check which host is in this slot: swap it, or correct the spec's host type",
            )
    if not facts.serial:
        yield warns(
            "serial",
            "a serial number",
            "nothing",
            meaning="a certificate could not tell this host from its neighbour",
            remedy="set the serial number in the BMC, as it is printed on the chassis",
        )


def _processors(host_type: HostType, facts: HardwareFacts) -> Iterator[Mismatch]:
    wanted = host_type.processors
    yield from count(
        "processors.count",
        wanted.count,
        len(facts.processors),
        "processors",
        lacking="memory and PCIe slots of the missing socket are dead too",
        fewer="seat or replace the processor in the socket that reports none",
    )
    for processor in facts.processors:
        path = f"processors.{processor.slot}"
        if not same_text(wanted.model, processor.model):
            yield blocks(
                f"{path}.model",
                wanted.model,
                processor.model or "nothing",
                meaning="its speed, power and features are not the designed ones",
                remedy=f"replace the processor in {processor.slot}: it is another part",
            )
        if processor.cores < wanted.cores:
            yield blocks(
                f"{path}.cores",
                wanted.cores,
                processor.cores,
                meaning="the host prepares data for its accelerators more slowly than designed",
                remedy="look for cores switched off in the BIOS, then replace the processor",
            )


def _accelerators(host_type: HostType, facts: HardwareFacts) -> Iterator[Mismatch]:
    wanted = host_type.accelerators
    yield from count(
        "accelerators.count",
        wanted.count if wanted else 0,
        len(facts.accelerators),
        "accelerators",
        lacking="no unit of the designed shape can be made of this host",
        fewer="reseat the accelerator that is not reported, check its power, then replace it",
    )
    if wanted is None:
        return
    for accelerator in facts.accelerators:
        path = f"accelerators.{accelerator.slot}"
        if not same_text(wanted.model, accelerator.model):
            yield blocks(
                f"{path}.model",
                wanted.model,
                accelerator.model or "nothing",
                meaning="its rating is not the one that the unit is sold by",
                remedy=f"replace the accelerator in {accelerator.slot}: it is another part",
            )
        if accelerator.memory_gib < MEMORY_SHARE_MIN * wanted.memory_gib:
            yield blocks(
                f"{path}.memory_gib",
                wanted.memory_gib,
                accelerator.memory_gib,
                meaning="models that fit the designed accelerator do not fit this one",
                remedy=f"replace the accelerator in {accelerator.slot}: part of its memory is gone",
            )


def _memory(wanted: MemorySpec, modules: Sequence[MemoryModuleFact]) -> Iterator[Mismatch]:
    populated = [module for module in modules if module.capacity_gib > 0]
    yield from count(
        "memory.modules",
        wanted.modules,
        len(populated),
        "memory modules",
        lacking="less memory, and fewer channels to reach it",
        fewer=_missing_module(wanted, modules),
    )
    for module in populated:
        smaller = module.capacity_gib < MEMORY_SHARE_MIN * wanted.module_gib
        if smaller or module.capacity_gib > wanted.module_gib:
            path = f"memory.{module.slot}.capacity_gib"
            remedy = f"put a module of {wanted.module_gib} GiB into slot {module.slot}"
            yield (blocks if smaller else warns)(
                path,
                wanted.module_gib,
                module.capacity_gib,
                meaning="modules of unequal size slow the channels that they share",
                remedy=remedy,
            )


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
    yield from count(
        "drives.count",
        wanted.count,
        len(facts.drives),
        "drives",
        lacking="images and caches have less room than designed",
        fewer="seat or replace the drive in the bay that reports none",
    )
    for drive in facts.drives:
        if drive.capacity_gib < wanted.capacity_gib:
            yield blocks(
                f"drives.{drive.slot}.capacity_gib",
                wanted.capacity_gib,
                drive.capacity_gib,
                meaning="images and caches have less room than designed",
                remedy=f"replace the drive in {drive.slot} by one of {wanted.capacity_gib} GiB "
                "or more",
            )


def _nics(wanted: NicSpec, nics: Sequence[NicFact]) -> Iterator[Mismatch]:
    yield from count(
        "nics.count",
        wanted.count,
        len(nics),
        "network ports",
        lacking="a rail or a path to storage is missing",
        fewer="reseat the network adapter that is not reported, then replace it",
    )
    if wanted.boot is not None and nics and wanted.boot not in {nic.slot for nic in nics}:
        yield blocks(
            "nics.boot",
            wanted.boot,
            ", ".join(sorted(nic.slot for nic in nics)),
            meaning="the port that has to ask for the boot image is not there",
            remedy=f"seat the adapter of {wanted.boot}, or name the boot port in the spec as the "
            "BMC does",
        )
    # Without a link many BMCs report speed 0 or nothing; that says nothing about the part.
    told = [nic for nic in nics if nic.speed_gbps is not None and nic.link_up is not False]
    slow = [nic for nic in told if (nic.speed_gbps or 0) < wanted.speed_gbps]
    for nic in slow:
        yield blocks(
            f"nics.{nic.slot}.speed_gbps",
            wanted.speed_gbps,
            nic.speed_gbps,
            meaning="the whole job runs at the speed of its slowest port",
            remedy=f"check cable, transceiver and switch port of {nic.slot}: "
            "the link came up slower",
        )
    if not slow and len(told) == len(nics) >= wanted.count:
        yield from _port_speeds(wanted.groups, [nic.speed_gbps or 0 for nic in told])


def _port_speeds(groups: Sequence[NicGroup], found: Sequence[int]) -> Iterator[Mismatch]:
    """Enough ports of each speed. Which port serves which purpose a BMC cannot tell: a warning."""
    for speed in sorted({group.speed_gbps for group in groups}, reverse=True):
        wanted = sum(group.count for group in groups if group.speed_gbps >= speed)
        fast = sum(1 for port in found if port >= speed)
        if fast < wanted:
            yield warns(
                f"nics.at_{speed}_gbps",
                wanted,
                fast,
                meaning="a port of the fast network came up slower, or is another part",
                remedy=f"compare the ports' speeds with their neighbours', then check cable and "
                f"transceiver of those below {speed} Gb/s",
            )


def _adapters(wanted: NicSpec, facts: HardwareFacts) -> Iterator[Mismatch]:
    """A named adapter that none of the reported ones is. Names vary, so it only warns."""
    models = [adapter.model for adapter in facts.adapters if adapter.model]
    for model in sorted({group.model for group in wanted.groups if group.model}):
        if models and not any(_squeezed(model) in _squeezed(found) for found in models):
            yield warns(
                f"adapters.{model}",
                model,
                ", ".join(sorted(set(models))),
                meaning="another card, or its maker's other name for the same one",
                remedy="compare part numbers: replace the card, or correct the spec's model",
            )


def _squeezed(name: str) -> str:
    """A product name without what vendors write in ever other ways: ConnectX-7, CONNECTX 7."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _firmware(item: FirmwareItem, found: Mapping[str, str]) -> Iterator[Mismatch]:
    path = f"firmware.{item.component}"
    version = found.get(item.component)
    if version is None:
        yield warns(
            path,
            item.version,
            "not reported",
            meaning="whether this component is at the baseline is unknown",
            remedy="check how this BMC spells the component in its FirmwareInventory",
        )
        return
    match order(version, wanted=item.version):
        case Order.AHEAD:
            yield warns(
                path,
                item.version,
                version,
                meaning="the fleet is not uniform, and nobody proved this version here",
                remedy="nothing is flashed: raise the baseline in the spec, or go back by hand",
            )
        case Order.UNCLEAR:
            yield warns(
                path,
                item.version,
                version,
                meaning="whether this component is at the baseline is unknown",
                remedy="nothing is flashed: which of the two is older cannot be told; "
                "compare by hand",
            )
        case Order.BEHIND | Order.SAME:
            return
