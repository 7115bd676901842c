"""Ports and links of GPUs and network adapters, in the three spellings that BMCs have for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pods.facts import AdapterFact, NicFact
from provisioning.drivers.redfish.answers import Json, items, mapping, number, text
from provisioning.drivers.redfish.parts import below, count, is_absent, oem, path, slot

_ETHERNET = "/NetworkAdapters/"
_OCTETS = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){0,63}")
_NAMED = frozenset({"IfName", "IfAlias", "LocalAssign"})
"""Kinds of port id that are text; others are addresses."""
_SCALE_UP = frozenset({"NVLink", "XGMI", "UALink"})
_UP = frozenset({"LinkUp", "Up"})


@dataclass(frozen=True, slots=True)
class Links:
    """Ports of one part: how many, how many are up, and how fast the slowest of those is."""

    ports: int | None = None
    up: int | None = None
    gbps: float | None = None


def links_of(ports: Sequence[Json]) -> Links:
    """What these Port or NetworkPort resources say together."""
    if not ports:
        return Links()
    states = [text(port.get("LinkStatus")) for port in ports]
    up = [port for port, state in zip(ports, states, strict=True) if state in _UP]
    speeds = [speed for speed in map(_gbps, up) if speed]
    return Links(
        ports=len(ports),
        up=len(up) if any(states) else None,
        gbps=min(speeds, default=None),
    )


def scale_up_links(processor: Json, ports: Iterable[Json]) -> Links:
    """The NVLink or xGMI links of one GPU; its PCIe ports are not among them."""
    found = links_of(
        [port for port in below(processor, ports) if text(port.get("PortProtocol")) in _SCALE_UP]
    )
    if found.ports is not None:
        return found
    told = (count(added.get("TotalNumberNVLinks")) for added in oem(processor))
    return Links(ports=next((number for number in told if number), None))


def network_ports(interfaces: Sequence[NicFact], ports: Iterable[Json]) -> tuple[NicFact, ...]:
    """Interfaces, completed by what their adapter's port tells of the link.

    Where a service lists no interface at all, as BMCs of trays do, the ports stand for them.
    """
    wired = {mac: port for port in ports for mac in _macs(port)}
    if not interfaces:
        return tuple(_port_fact(mac, port) for mac, port in wired.items())
    return tuple(_completed(one, wired.get(one.mac, {})) for one in interfaces)


def _macs(port: Json) -> list[str]:
    if _ETHERNET not in path(port):
        return []
    said = mapping(port.get("Ethernet")).get("AssociatedMACAddresses")
    listed = said if isinstance(said, list) else port.get("AssociatedNetworkAddresses")
    found = [text(one) for one in listed] if isinstance(listed, list) else []
    return [one.lower().replace("-", ":") for one in found[:1] if one]


def _port_fact(mac: str, port: Json) -> NicFact:
    return _completed(NicFact(slot=_port_name(port), mac=mac), port)


def _port_name(port: Json) -> str:
    """Unique in its host: every card has a port 1."""
    labelled = mapping(mapping(port.get("Location")).get("PartLocation")).get("ServiceLabel")
    card = path(port).partition(_ETHERNET)[2].partition("/")[0]
    own = text(port.get("Id"))
    return text(labelled) or (own if not card or own.startswith(card) else f"{card}/{own}")


def _completed(interface: NicFact, port: Json) -> NicFact:
    state, speed = text(port.get("LinkStatus")), _gbps(port)
    told = {
        "speed_gbps": interface.speed_gbps or (round(speed) if speed else None),
        "link_up": state in _UP if interface.link_up is None and state else interface.link_up,
    }
    return interface.model_copy(update=told)


def lldp_neighbours(ports: Iterable[Json]) -> dict[str, tuple[str, str]]:
    """Port to the node and port at its other end, as its adapter heard it by LLDP.

    A port is named as it is printed beside it, else as its adapter numbers it.
    """
    found: dict[str, tuple[str, str]] = {}
    for port in ports:
        heard = mapping(mapping(port.get("Ethernet")).get("LLDPReceive"))
        node, far = text(heard.get("SystemName")), _port_id(heard)
        if node and far:
            found[_port_name(port)] = (node, far)
    return found


def _port_id(heard: Json) -> str:
    """The far port's name. The schema wants its octets in hexadecimal; BMCs write either."""
    said = text(heard.get("PortId"))
    if _OCTETS.fullmatch(said) and text(heard.get("PortIdSubtype")) in _NAMED:
        named = bytes.fromhex(said.replace(":", "")).decode("ascii", errors="replace")
        return named if named.isascii() and named.isprintable() else said
    return said


def adapters(found: Iterable[Json], ports: Sequence[Json]) -> tuple[AdapterFact, ...]:
    """Every network adapter that is fitted."""
    return tuple(_adapter(one, ports) for one in found if not is_absent(one))


def _adapter(found: Json, ports: Sequence[Json]) -> AdapterFact:
    controllers = items(found.get("Controllers"))
    read = links_of(below(found, ports))
    firmware = (text(one.get("FirmwarePackageVersion")) for one in controllers)
    return AdapterFact(
        slot=slot(found),
        model=text(found.get("Model")),
        serial=text(found.get("SerialNumber")),
        part_number=text(found.get("PartNumber")),
        firmware=next(filter(None, firmware), ""),
        ports=_port_count(controllers) if read.ports is None else read.ports,
        ports_up=read.up,
        port_gbps=read.gbps,
        pcie_lanes=_lanes(controllers, "LanesInUse"),
        pcie_lanes_max=_lanes(controllers, "MaxLanes"),
    )


def _lanes(controllers: Iterable[Json], name: str) -> int | None:
    told = (count(mapping(one.get("PCIeInterface")).get(name)) for one in controllers)
    return min((one for one in told if one), default=None)


def _port_count(controllers: Iterable[Json]) -> int | None:
    told = (
        count(mapping(one.get("ControllerCapabilities")).get("NetworkPortCount"))
        for one in controllers
    )
    counts = [one for one in told if one]
    return sum(counts) if counts else None


def _gbps(port: Json) -> float | None:
    said = number(port.get("CurrentSpeedGbps"))
    if said is not None:
        return said
    older = number(port.get("CurrentLinkSpeedMbps"))
    return older / 1000 if older is not None else None
