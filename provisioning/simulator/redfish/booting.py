"""Boot options: the virtual CD, then every NIC over HTTP, each known by a reference of its own.

A reference belongs to the option, not to its place in the order, as in UEFI.
"""

from __future__ import annotations

from functools import partial

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.bootnics import boot_order, coming_order, mac_of
from provisioning.simulator.cards import port_slots
from provisioning.simulator.defects import planted
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.redfish.resource import Body, Builders, collection, resource

CD = "Boot0000"


def fixed(bmc: SimulatedBmc) -> Builders:
    """BootOptions below the System."""
    path = f"{bmc.paths.system}/BootOptions"
    slots = {_reference(bmc, slot): slot for slot in port_slots(bmc.host.plan)}
    return {
        path: partial(
            collection, path, "BootOptionCollection", name="Boot Options", members=[CD, *slots]
        ),
        f"{path}/{CD}": partial(_option, f"{path}/{CD}", "Virtual CD", "PciRoot(0x0)/USB(0x0,0x0)"),
        **{
            f"{path}/{one}": partial(
                _option,
                f"{path}/{one}",
                f"UEFI HTTP {slot}",
                f"PciRoot(0x0)/Pci(0x1,0x0)/MAC({_digits(bmc, slot)},0x1)/IPv4(0.0.0.0)/Uri()",
            )
            for one, slot in slots.items()
        },
    }


def order(bmc: SimulatedBmc) -> list[str]:
    """References, as the firmware tries them."""
    nics = boot_order(bmc.host.plan, bmc.host.state)
    return [CD, *(_reference(bmc, slot) for slot in nics)]


def tells_what_comes(bmc: SimulatedBmc) -> bool:
    """Whether the System has a settings object, where alone its order can be changed."""
    late = planted(bmc.host.plan.faults, "boot-order-late")
    return any(one.word("tells") == "settings" for one in late)


def coming(bmc: SimulatedBmc, *, kind: str) -> Body:
    """The System's settings object: what the next start takes."""
    nics = coming_order(bmc.host.plan, bmc.host.state)
    order = [CD, *(_reference(bmc, slot) for slot in nics)]
    path = f"{bmc.paths.system}/Settings"
    return resource(path, kind, name="Pending Settings", Boot={"BootOrder": order})


def reorder(bmc: SimulatedBmc, wanted: list[str]) -> None:
    """Take an order that names every option once."""
    slots = {_reference(bmc, slot): slot for slot in port_slots(bmc.host.plan)}
    if sorted(wanted) != sorted((CD, *slots)):
        raise ActionRefused(400, "PropertyValueNotInList", str(wanted), "BootOrder")
    bmc.host.order_nics(slots[one] for one in wanted if one in slots)


def _reference(bmc: SimulatedBmc, slot: str) -> str:
    return f"Boot{port_slots(bmc.host.plan).index(slot) + 1:04X}"


def _digits(bmc: SimulatedBmc, slot: str) -> str:
    return mac_of(bmc.host.plan, slot).replace(":", "").upper()


def _option(path: str, name: str, device: str) -> Body:
    reference = path.rpartition("/")[2]
    return resource(
        path,
        "BootOption.v1_0_6.BootOption",
        name=name,
        BootOptionReference=reference,
        DisplayName=name,
        BootOptionEnabled=True,
        UefiDevicePath=device,
    )
