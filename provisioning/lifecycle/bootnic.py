"""What a host is started from: a virtual medium, or its boot port over HTTP; and who stayed silent.

A spec may name the port that asks for the boot image. Then nothing is inserted: the firmware is
told to ask that port first, once, over HTTP, and where the image is. Over HTTP a host needs a lease
on the right NIC, so when nobody asks for the image, the NIC is what a person has to be told. Pure.
"""

from __future__ import annotations

from inventory.model import BootRecord, Host
from pods.facts import NicFact
from provisioning.drivers.protocol import BootEnabled, BootSource, BootTarget
from provisioning.lifecycle.actions import PutBootNicFirst
from provisioning.lifecycle.decision import Decision, Do, Hold, Look, Seen, Wait, Wanted

SHOWN_S = 15.0  # the slowest BMC seen shows a change after 11 s
RECHECK_S = 1.0
FROM_MEDIUM = BootSource(target=BootTarget.CD, enabled=BootEnabled.ONCE)


def starts_from(boot: BootRecord, wanted: Wanted) -> BootSource:
    """The override of the next boot."""
    if wanted.host_type.nics.boot is None:
        return FROM_MEDIUM
    return BootSource(target=BootTarget.UEFI_HTTP, enabled=BootEnabled.ONCE, uri=boot.media_url)


def follows(found: BootSource | None, wanted: BootSource) -> bool:
    """Whether the next boot is from there. Some BMCs store Once as Continuous, and mean it."""
    if found is None or found == wanted:
        return found == wanted
    return found == wanted.model_copy(update={"enabled": BootEnabled.CONTINUOUS})


def look_at_nics(wanted: Wanted) -> Look:
    """Four requests more, where the spec names a port."""
    return Look.NOTHING if wanted.host_type.nics.boot is None else Look.BOOT_NICS


def right_nic_first(host: Host, seen: Seen, wanted: Wanted) -> Decision | None:
    """The spec's port before all others; None when it is, or when the spec names none."""
    if (slot := wanted.host_type.nics.boot) is None:
        return None
    if (nic := boot_nic(host, wanted)) is None:
        return Hold(
            "boot-failed",
            f"the spec starts it from {slot}, and its BMC reports no NIC of that name",
            f"name the port as the BMC does, or seat its adapter; then podyard host retry "
            f"{host.name}",
        )
    if seen.boot_nics and seen.boot_nics[0] == nic.mac:
        return None
    if host.boot is not None and host.boot.nic_asked_at is not None:
        waited_s = seen.age_s(host.boot.nic_asked_at)
        if waited_s < SHOWN_S:
            return Wait(f"its BMC does not show yet that {nic.slot} is asked first", RECHECK_S)
        return None  # some show an order only once a start has taken it: this start tells
    return Do(
        PutBootNicFirst(nic.slot, nic.mac), f"its firmware asks another NIC before {nic.slot}"
    )


def boot_nic(host: Host, wanted: Wanted) -> NicFact | None:
    """The port that asks for the image."""
    nics = host.facts.nics if host.facts is not None else ()
    return next((nic for nic in nics if nic.slot == wanted.host_type.nics.boot), None)


def silence(host: Host, boot: BootRecord, wanted: Wanted) -> str:
    """What the boot door knows of a boot of which no agent reported."""
    if boot.refused:
        return f"its agent came and was turned away: {boot.refused}"
    nic = boot_nic(host, wanted)
    if boot.asked_at is not None:
        fetched = "its BMC fetched the boot medium" if nic is None else "its boot image was fetched"
        return f"{fetched}, and what it starts reached nobody over the network"
    if nic is None:
        return "nobody asked for its boot medium after power-on"
    return (
        f"{nic.slot} ({nic.mac}) never asked for its boot image: it got no lease, has no link, or "
        "the firmware asked another NIC"
    )


def look_where(host: Host, boot: BootRecord, wanted: Wanted) -> str:
    """Where a person begins."""
    nic = boot_nic(host, wanted)
    if boot.refused:
        return "see which host its BMC starts, and correct the record or the cabling"
    if nic is None or boot.asked_at is not None:
        return "look at the host's console"
    return f"see that DHCP answers {nic.mac} on the cable of {nic.slot}, then look at the console"
