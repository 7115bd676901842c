"""Ports and links of GPUs and network adapters, in the three spellings that BMCs have for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pods.facts import AdapterFact
from provisioning.drivers.redfish.answers import Json, items, mapping, number, text
from provisioning.drivers.redfish.parts import below, count, is_absent, oem, slot

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


def lldp_neighbours(ports: Iterable[Json]) -> dict[str, tuple[str, str]]:
    """Port to the node and port at its other end, as its adapter heard it by LLDP.

    The port is named as the adapter numbers it; whose it is, the caller knows.
    """
    found: dict[str, tuple[str, str]] = {}
    for port in ports:
        heard = mapping(mapping(port.get("Ethernet")).get("LLDPReceive"))
        node, far = text(heard.get("SystemName")), text(heard.get("PortId"))
        if node and far:
            found[text(port.get("Id"))] = (node, far)
    return found


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
    )


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
