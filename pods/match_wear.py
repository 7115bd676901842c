"""Links that came up short, parts that were used before, and what vouches for the software.

These are the differences that a bill of materials does not show: the right part in the right slot,
and not as good as new.
"""

from __future__ import annotations

from collections.abc import Iterator

from pods.facts import AcceleratorFact, AdapterFact, DriveFact, HardwareFacts
from pods.match_finding import NOT_REPORTED, Mismatch, blocks, figure, notes, warns
from pods.spec import AcceleratorSpec, HostType

LIFE_LEFT_NEW_PERCENT = 90
"""Burn-in and a factory image cost a few per cent; below this a drive has had another owner."""

LIFE_LEFT_MIN_PERCENT = 10
"""What vendors' warranties and SMART thresholds call worn."""

LINK_SPEED_SHARE_MIN = 0.95
"""BMCs round a link's speed to the signalling or to the payload rate, some 3 % apart."""

BITS_PER_BYTE = 8


def links(host_type: HostType, facts: HardwareFacts) -> Iterator[Mismatch]:
    """The scale-up links of every accelerator."""
    wanted = host_type.accelerators
    if wanted is None or wanted.link_ports is None or not facts.accelerators:
        return
    if all(one.link_ports is None for one in facts.accelerators):
        yield notes(
            "accelerators.link_ports",
            wanted.link_ports,
            NOT_REPORTED,
            meaning="scale-up links are not counted here, so they are unproven until tested",
            remedy="let the acceptance test of the scale-up fabric prove it",
        )
    for accelerator in facts.accelerators:
        yield from _links_of(wanted, wanted.link_ports, accelerator)


def _links_of(
    wanted: AcceleratorSpec, ports: int, accelerator: AcceleratorFact
) -> Iterator[Mismatch]:
    path, slot = f"accelerators.{accelerator.slot}", accelerator.slot
    up = accelerator.links_up
    if accelerator.link_ports is not None and accelerator.link_ports < ports:
        yield blocks(
            f"{path}.link_ports",
            ports,
            accelerator.link_ports,
            meaning="collectives run at the speed of the accelerator with the fewest links",
            remedy=f"reseat the accelerator in {slot}, then replace it or its baseboard",
        )
    elif up == 0:
        yield notes(
            f"{path}.links_up",
            ports,
            up,
            meaning="without power or fabric manager no link trains, so this proves nothing yet",
            remedy="look again when the host is up",
        )
    elif up is not None and up < ports:
        yield blocks(
            f"{path}.links_up",
            ports,
            up,
            meaning="collectives run at the speed of the accelerator with the fewest links",
            remedy=f"reset the accelerator in {slot}; if links stay down, replace it or its tray",
        )
    yield from _link_speed(wanted, accelerator)


def _link_speed(wanted: AcceleratorSpec, accelerator: AcceleratorFact) -> Iterator[Mismatch]:
    if wanted.link_gigabytes_per_s is None or not accelerator.link_gbps:
        return
    gbps = wanted.link_gigabytes_per_s * BITS_PER_BYTE
    if accelerator.link_gbps < LINK_SPEED_SHARE_MIN * gbps:
        yield warns(
            f"accelerators.{accelerator.slot}.link_gbps",
            figure(gbps),
            figure(accelerator.link_gbps),
            meaning="a link trained down, or this BMC counts lanes instead of links",
            remedy="compare with a neighbour of the same type; where only this one is slower, "
            f"reset the accelerator in {accelerator.slot}",
        )


def pcie(facts: HardwareFacts) -> Iterator[Mismatch]:
    """Accelerators and adapters whose way to the host trained down to fewer lanes."""
    parts: list[tuple[str, AcceleratorFact | AdapterFact]] = [
        *((f"accelerators.{one.slot}", one) for one in facts.accelerators),
        *((f"adapters.{one.slot}", one) for one in facts.adapters),
    ]
    for path, part in parts:
        wired, used = part.pcie_lanes_max, part.pcie_lanes
        if wired and used and used < wired:
            yield warns(
                f"{path}.pcie_lanes",
                wired,
                used,
                meaning="what goes through this part has a fraction of the bandwidth, "
                "unless its slot is wired with fewer lanes",
                remedy=f"compare with a neighbour of the same type, then reseat {part.slot}",
            )


def accelerator_health(host_type: HostType, facts: HardwareFacts) -> Iterator[Mismatch]:
    """Counters that reject an accelerator, and a power limit that slows it."""
    for accelerator in facts.accelerators:
        yield from _counters(accelerator)
        yield from _power_limit(host_type.accelerators, accelerator)


def _counters(accelerator: AcceleratorFact) -> Iterator[Mismatch]:
    path, slot = f"accelerators.{accelerator.slot}", accelerator.slot
    if accelerator.remap_failed:
        yield blocks(
            f"{path}.remap_failed",
            "no",
            "yes",
            meaning="a broken memory row could not be replaced by a spare one",
            remedy=f"return the accelerator in {slot} to its maker",
        )
    if accelerator.sram_threshold_exceeded:
        yield blocks(
            f"{path}.sram_threshold_exceeded",
            "no",
            "yes",
            meaning="its on-chip memory fails more often than its maker accepts",
            remedy=f"return the accelerator in {slot} to its maker",
        )
    if accelerator.remap_pending:
        yield warns(
            f"{path}.remap_pending",
            "no",
            "yes",
            meaning="a memory row is broken, and its replacement waits for a reset",
            remedy=f"reset the accelerator in {slot}, then inspect the host again",
        )
    if accelerator.rows_remapped:
        yield notes(
            f"{path}.rows_remapped",
            0,
            accelerator.rows_remapped,
            meaning="memory errors were repaired before: the part is used, and works",
            remedy="nothing to do unless the number grows",
        )


def _power_limit(
    wanted: AcceleratorSpec | None, accelerator: AcceleratorFact
) -> Iterator[Mismatch]:
    limit, full = accelerator.power_limit_watts, wanted.tdp_watts if wanted else None
    if limit and full and limit < full:
        yield warns(
            f"accelerators.{accelerator.slot}.power_limit_watts",
            full,
            figure(limit),
            meaning="it computes more slowly than its neighbours at full power",
            remedy="raise the limit, or say in the spec that the accelerators are capped",
        )


def memory_protection(facts: HardwareFacts) -> Iterator[Mismatch]:
    """Modules that do not correct errors."""
    for module in facts.memory:
        if module.error_correction == "NoECC":
            yield warns(
                f"memory.{module.slot}.error_correction",
                "ECC",
                module.error_correction,
                meaning="a flipped bit in this module goes unseen into results",
                remedy=f"switch ECC on in the BIOS, or put an ECC module into slot {module.slot}",
            )


def drive_wear(facts: HardwareFacts) -> Iterator[Mismatch]:
    """Drives that are used up, about to fail, or not new."""
    for drive in facts.drives:
        if drive.failure_predicted:
            yield blocks(
                f"drives.{drive.slot}.failure_predicted",
                "no",
                "yes",
                meaning="the drive expects to fail soon",
                remedy=f"replace the drive in {drive.slot}",
            )
        else:
            yield from _life_left(drive)


def _life_left(drive: DriveFact) -> Iterator[Mismatch]:
    left = drive.life_left_percent
    if left is None or left >= LIFE_LEFT_NEW_PERCENT:
        return
    path = f"drives.{drive.slot}.life_left_percent"
    if left < LIFE_LEFT_MIN_PERCENT:
        yield blocks(
            path,
            f"{LIFE_LEFT_MIN_PERCENT} or more",
            figure(left),
            meaning="the drive has taken nearly all the writes that its maker vouches for",
            remedy=f"replace the drive in {drive.slot}",
        )
    else:
        yield notes(
            path,
            f"{LIFE_LEFT_NEW_PERCENT} or more",
            figure(left),
            meaning="the drive is not new",
            remedy=f"ask for a new one if {drive.slot} was bought as new",
        )


def trust(facts: HardwareFacts) -> Iterator[Mismatch]:
    """Secure boot and TPM, where the BMC tells that they are off."""
    if facts.trust.secure_boot is False:
        yield notes(
            "trust.secure_boot",
            "enabled",
            "disabled",
            meaning="the host starts software that nobody signed",
            remedy="enable secure boot in the BIOS profile before tenants use the host",
        )
    if facts.trust.tpm is False:
        yield notes(
            "trust.tpm",
            "enabled",
            "absent or disabled",
            meaning="what the host started cannot be attested",
            remedy="enable the TPM in the BIOS, or fit one",
        )
