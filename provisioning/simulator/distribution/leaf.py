"""A leaf switch: every port at which a host ends, with the neighbour that it hears by LLDP.

Redfish's own tree for a switch of a fabric. Switches in the field tell the same by other protocols
(gNMI, the maker's REST); InfiniBand ones would leave it to their subnet manager.
"""

from __future__ import annotations

from functools import partial

from provisioning.simulator.distribution import services
from provisioning.simulator.distribution.machine import FIRMWARE, Machine
from provisioning.simulator.redfish.resource import (
    ENABLED,
    ROOT,
    Body,
    Builders,
    collection,
    link,
    links,
    located,
    resource,
)

FABRICS = f"{ROOT}/Fabrics"
FABRIC = f"{FABRICS}/Compute"
SWITCHES = f"{FABRIC}/Switches"


def fixed(machine: Machine) -> Builders:
    """Path to builder."""
    own = f"{SWITCHES}/{machine.plan.name}"
    ports = f"{own}/Ports"
    names = [port_id(port) for port, _ in machine.plan.ports]
    return services.fixed(machine, offers={"Fabrics": link(FABRICS)}) | {
        FABRICS: lambda: collection(
            FABRICS, "FabricCollection", name="Fabrics", members=["Compute"]
        ),
        FABRIC: lambda: resource(
            FABRIC,
            "Fabric.v1_3_2.Fabric",
            name="Compute",
            FabricType="Ethernet",
            Switches=link(SWITCHES),
            Status=ENABLED,
        ),
        SWITCHES: lambda: collection(
            SWITCHES, "SwitchCollection", name="Switches", members=[machine.plan.name]
        ),
        own: lambda: _switch(machine, own),
        ports: lambda: collection(ports, "PortCollection", name="Ports", members=names),
        **{
            f"{ports}/{port_id(port)}": partial(_port, machine, f"{ports}/{port_id(port)}", number)
            for number, (port, _) in enumerate(machine.plan.ports)
        },
    }


def port_id(port: str) -> str:
    """A port's name without the slashes that some makers write into it."""
    return port.replace("/", "-")


def _switch(machine: Machine, path: str) -> Body:
    return resource(
        path,
        "Switch.v1_9_3.Switch",
        name=machine.plan.name,
        SwitchType="Ethernet",
        SupportedProtocols=["Ethernet"],
        **services.identified(machine),
        FirmwareVersion=FIRMWARE,
        AssetTag=machine.label("AssetTag"),
        PowerState="On",
        **services.placed(machine),
        Ports=link(f"{path}/Ports"),
        Status=ENABLED,
        Links={
            "Chassis": link(services.chassis_path(machine)),
            "ManagedBy": links([services.MANAGER]),
        },
    )


def _port(machine: Machine, path: str, number: int) -> Body:
    port, (host, far) = machine.plan.ports[number]
    names = [name for name, _ in machine.plan.ports]
    # A host that is off lights no laser.
    up = port not in machine.struck("port-down", names) and machine.mains.is_on(host)
    octets = far.encode().hex(":").upper()
    heard: Body = {"SystemName": host, "PortId": octets, "PortIdSubtype": "IfName"}
    return resource(
        path,
        "Port.v1_13_0.Port",
        name=port,
        PortId=port,
        PortProtocol="Ethernet",
        LinkNetworkTechnology="Ethernet",
        InterfaceEnabled=True,
        LinkState="Enabled",
        LinkStatus="LinkUp" if up else "LinkDown",
        MaxSpeedGbps=machine.plan.port_gbps[port],
        **({"CurrentSpeedGbps": machine.plan.port_gbps[port]} if up else {}),
        Ethernet={"LLDPEnabled": True, **({"LLDPReceive": heard} if up else {})},
        Location=located(port, "Connector"),
        Status={"State": "Enabled" if up else "StandbyOffline", "Health": "OK"},
    )
