"""Network adapters with their ports, and the interfaces that the host's system makes of them."""

from __future__ import annotations

from functools import partial

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.cards import PCIE_LANES, Card, CardPort
from provisioning.simulator.redfish.resource import (
    ENABLED,
    Body,
    Builders,
    collection,
    link,
    located,
    resource,
)


def fixed(bmc: SimulatedBmc) -> Builders:
    """NetworkAdapters below the chassis, EthernetInterfaces below the System."""
    path = f"{bmc.paths.box}/NetworkAdapters"
    names = [card.slot for card in bmc.parts.cards]
    found: Builders = {
        path: partial(collection, path, "NetworkAdapterCollection", name="Adapters", members=names)
    }
    for card in bmc.parts.cards:
        found |= _card(bmc, f"{path}/{card.slot}", card)
    return found | _interfaces(bmc)


def _card(bmc: SimulatedBmc, path: str, card: Card) -> Builders:
    listed = f"{path}/Ports"
    numbers = [str(n) for n in range(1, len(card.ports) + 1)]
    return {
        path: partial(_adapter, bmc, path, card),
        listed: partial(collection, listed, "PortCollection", name="Ports", members=numbers),
        **{
            f"{listed}/{number}": partial(_port, bmc, f"{listed}/{number}", port)
            for number, port in zip(numbers, card.ports, strict=True)
        },
    }


def _adapter(bmc: SimulatedBmc, path: str, card: Card) -> Body:
    wired: Body = {"MaxPCIeType": "Gen5", "MaxLanes": PCIE_LANES}
    used: Body = {"PCIeType": "Gen5", "LanesInUse": card.lanes} if bmc.on else {}
    return resource(
        path,
        "NetworkAdapter.v1_11_0.NetworkAdapter",
        name=card.slot,
        Manufacturer="Lab",
        Model=card.model,
        SerialNumber=card.serial,
        PartNumber=card.part_number,
        Controllers=[
            {
                "FirmwarePackageVersion": bmc.version(card.slot),
                "ControllerCapabilities": {"NetworkPortCount": len(card.ports)},
                "PCIeInterface": wired | used,
            }
        ],
        Ports=link(f"{path}/Ports"),
        Location=located(card.slot, "Slot"),
        Status=ENABLED,
    )


def _port(bmc: SimulatedBmc, path: str, port: CardPort) -> Body:
    return resource(
        path,
        "Port.v1_14_0.Port",
        name=port.slot,
        PortId=path.rpartition("/")[2],
        PortProtocol="Ethernet",
        PortType="BidirectionalPort",
        LinkNetworkTechnology="Ethernet",
        LinkStatus="LinkUp" if bmc.on else "LinkDown",
        LinkState="Enabled",
        MaxSpeedGbps=port.gbps_max,
        **({"CurrentSpeedGbps": port.gbps} if bmc.on else {}),
        Ethernet={"AssociatedMACAddresses": [port.mac], **_heard(bmc, port)},
        Location=located(port.slot, "Connector"),
        Status={"State": "Enabled", "Health": "OK"},
    )


def _heard(bmc: SimulatedBmc, port: CardPort) -> Body:
    """What the switch at the other end says of itself by LLDP."""
    if port.neighbour is None or not bmc.on:
        return {}
    node, far = port.neighbour
    octets = far.encode().hex(":").upper()
    return {
        "LLDPEnabled": True,
        "LLDPReceive": {"SystemName": node, "PortId": octets, "PortIdSubtype": "IfName"},
    }


def _interfaces(bmc: SimulatedBmc) -> Builders:
    if bmc.model.interfaces == "none":
        return {}
    path = f"{bmc.paths.system}/EthernetInterfaces"
    ports = [port for card in bmc.parts.cards for port in card.ports]
    names = [port.slot for port in ports]
    return {
        path: partial(
            collection,
            path,
            "EthernetInterfaceCollection",
            name="Ethernet Interfaces",
            members=names,
        ),
        **{
            f"{path}/{port.slot}": partial(_interface, bmc, f"{path}/{port.slot}", port)
            for port in ports
        },
    }


def _interface(bmc: SimulatedBmc, path: str, port: CardPort) -> Body:
    told: Body = {
        "SpeedMbps": round(port.gbps) * 1000,
        "LinkStatus": "LinkUp" if bmc.on else "LinkDown",
    }
    return resource(
        path,
        "EthernetInterface.v1_12_2.EthernetInterface",
        name=port.slot,
        MACAddress=port.mac,
        PermanentMACAddress=port.mac,
        InterfaceEnabled=True,
        Status=ENABLED,
        **(told if bmc.model.interfaces == "full" else {}),
    )
