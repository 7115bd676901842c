"""What is printed beside each slot of a host, by its model; BMC and system agree on it."""

from __future__ import annotations

from pods.spec import HostType
from provisioning.simulator.models import HostModel

FANS = 8
"""No host type counts its fans; so many are enough to lose one."""
LEAK_DETECTORS = ("ColdPlate", "Manifold", "Hoses", "Tray")
PORTS_OF_A_CARD = 2
"""Ports that belong to no rail of their own come two to a card."""


def processor_slots(host_type: HostType, model: HostModel) -> tuple[str, ...]:
    """The CPU sockets."""
    return tuple(model.processor.format(n) for n in range(host_type.processors.count))


def accelerator_slots(host_type: HostType, model: HostModel) -> tuple[str, ...]:
    """The accelerators."""
    first = model.first_accelerator
    count = host_type.accelerators.count if host_type.accelerators else 0
    return tuple(model.accelerator.format(n) for n in range(first, first + count))


def memory_slots(host_type: HostType, model: HostModel) -> tuple[str, ...]:
    """The memory slots, all of which are to be populated."""
    return tuple(model.memory.format(n) for n in range(host_type.memory.modules))


def drive_slots(host_type: HostType, model: HostModel) -> tuple[str, ...]:
    """The drive bays."""
    return tuple(model.drive.format(n) for n in range(host_type.drives.count))


def supply_slots(host_type: HostType, model: HostModel) -> tuple[str, ...]:
    """The power supplies; none where a busbar feeds the host."""
    count = host_type.psus.count if host_type.psus else 0
    return tuple(model.supply.format(n) for n in range(count))


def fan_slots(host_type: HostType, model: HostModel) -> tuple[str, ...]:
    """The fans; none where the host type does not say how it is cooled."""
    cooled = host_type.cooling is not None
    return tuple(model.fan.format(n) for n in range(FANS if cooled else 0))


def leak_slots(host_type: HostType) -> tuple[str, ...]:
    """The leak detectors, of a host that liquid flows through."""
    wet = host_type.cooling is not None and host_type.cooling.kind != "air"
    return LEAK_DETECTORS if wet else ()


def card_sizes(host_type: HostType) -> tuple[tuple[str, int, int], ...]:
    """Each network adapter: its model, its number of ports, and their speed in Gb/s."""
    groups = host_type.nics.groups
    if not groups:
        speed = host_type.nics.speed_gbps
        return tuple(("", ports, speed) for ports in _split(host_type.nics.count))
    found: list[tuple[str, int, int]] = []
    for group in groups:
        sizes = [1] * group.count if group.rails else _split(group.count)
        found += [(group.model or "", ports, group.speed_gbps) for ports in sizes]
    return tuple(found)


def card_slots(host_type: HostType, model: HostModel) -> tuple[str, ...]:
    """The network adapters."""
    return tuple(model.card.format(n) for n in range(len(card_sizes(host_type))))


def components(host_type: HostType, model: HostModel) -> tuple[str, ...]:
    """Every entry of the firmware inventory."""
    return (
        model.bios,
        model.bmc,
        *model.boards,
        *(model.accelerator_firmware.format(slot) for slot in accelerator_slots(host_type, model)),
        *card_slots(host_type, model),
        *drive_slots(host_type, model),
        *supply_slots(host_type, model),
    )


def _split(ports: int) -> list[int]:
    full, rest = divmod(ports, PORTS_OF_A_CARD)
    return [PORTS_OF_A_CARD] * full + [rest] * bool(rest)
