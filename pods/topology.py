"""From hosts, rails and switch ports to every switch and link of a pod's networks.

The compute network is rail-optimised: host port `r` of every host goes to a leaf of rail `r`, so
that accelerators of the same number meet after one switch. Leaves are filled in groups of hosts;
above them stand spines, and cores once two tiers cannot reach. Two rules decide the counts, and
with them NVIDIA's published tables come out row by row (`docs/concepts/cabling.md`):

- every leaf has all its uplinks, also in a group that is not full: a unit is built whole;
- every leaf has the same number of links to each spine, so the spines of a plane divide a leaf's
  uplinks.

Pure counting. Where switches stand and how long a cable is, `cabling.py` says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import Field

from pods.errors import FabricError, SpecError, shown
from pods.part import Part

FabricKind = Literal["rail_optimised", "nvl72", "north_south"]
Tier = Literal["leaf", "spine", "core", "edge", "oob"]
LinkKind = Literal["host-leaf", "leaf-spine", "spine-core", "north-south", "management"]


class SwitchSpec(Part):
    """One model of switch; ports are counted at the speed of the links they carry."""

    model: str
    ports: Annotated[int, Field(ge=2, le=1024)]
    units: Annotated[int, Field(ge=1, le=48)] = 1
    """Height in rack units."""


class FabricSpec(Part):
    """A pod's networks.

    `north_south` has no compute network: NVIDIA's own designs call it optional for inference.
    """

    kind: FabricKind
    rails: Annotated[int, Field(ge=0, le=16)] = 0
    """Compute ports per host, one for each rail."""
    rail_gbps: Annotated[int, Field(ge=0)] = 0
    leaf: SwitchSpec | None = None
    spine: SwitchSpec | None = None
    """The leaf's model when not given."""
    core: SwitchSpec | None = None
    """The spine's model when not given."""
    oversubscription: Annotated[float, Field(ge=1, le=16)] = 1.0
    """Bandwidth to the hosts of a leaf over that to its spines; 1 never blocks."""
    planes: Annotated[int, Field(ge=1, le=16)] = 1
    """Groups of rails with spines of their own. More planes reach further with two tiers."""
    north_south_ports: Annotated[int, Field(ge=0, le=8)] = 0
    north_south_gbps: Annotated[int, Field(ge=0)] = 0
    edge: SwitchSpec | None = None
    """The switch that north-south ports go to."""
    management: SwitchSpec | None = None
    """The switch that BMCs go to; without it no management cables are planned."""
    switches_per_rack: Annotated[int, Field(ge=1, le=48)] = 12
    """In racks of their own, so that a host rack's watts stay the hosts'."""

    @property
    def leaf_down(self) -> int:
        """Ports of a leaf that go to hosts."""
        ports = self.leaf.ports if self.leaf else 0
        return math.floor(ports * self.oversubscription / (1 + self.oversubscription))

    @property
    def leaf_up(self) -> int:
        """Ports of a leaf that go to spines."""
        return (self.leaf.ports if self.leaf else 0) - self.leaf_down


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch of a pod; `group` is the group of hosts, plane or block that it serves."""

    name: str
    tier: Tier
    model: SwitchSpec
    group: int


@dataclass(frozen=True, slots=True)
class Link:
    """One cable's two ends: a host or lower switch at A, the higher switch at Z."""

    kind: LinkKind
    a_node: str
    a_port: str
    z_node: str
    z_port: str
    gbps: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Every switch and link for some hosts."""

    switches: tuple[Switch, ...]
    links: tuple[Link, ...]

    def count(self, tier: Tier) -> int:
        """How many switches stand in this tier."""
        return sum(switch.tier == tier for switch in self.switches)

    def links_of(self, kind: LinkKind) -> int:
        """How many links are of this kind."""
        return sum(link.kind == kind for link in self.links)


def fabric_problems(
    fabric: FabricSpec, *, hosts: int, host_ports: int, path: str = "fabric"
) -> Iterator[SpecError]:
    """What contradicts itself in a fabric, for a pod of so many hosts with so many NIC ports."""
    if fabric.kind == "north_south" and fabric.rails:
        yield SpecError(
            path=f"{path}.rails",
            value=shown(fabric.rails),
            message="a north-south only fabric has no rails",
            hint="give rails: 0, or another kind",
        )
    if fabric.kind != "north_south" and not (fabric.rails and fabric.leaf and fabric.rail_gbps):
        yield SpecError(
            path=path,
            value=shown(fabric.kind),
            message="a compute fabric needs rails, rail_gbps and a leaf switch",
            hint="add them, or give kind: north_south",
        )
    if fabric.north_south_ports and fabric.edge is None:
        yield SpecError(
            path=f"{path}.edge",
            value="nothing",
            message="north-south ports need a switch to go to",
            hint="add `edge:` with model and ports, or give north_south_ports: 0",
        )
    if fabric.rails + fabric.north_south_ports > host_ports:
        yield SpecError(
            path=f"{path}.rails",
            value=f"{fabric.rails} rails, {fabric.north_south_ports} north-south",
            message=f"a host has {host_ports} NIC ports",
            hint=f"let rails and north_south_ports add up to at most {host_ports}, "
            "or correct nics.count of the host type",
        )
    if fabric.planes > 1 and fabric.rails % fabric.planes:
        yield SpecError(
            path=f"{path}.planes",
            value=shown(fabric.planes),
            message=f"{fabric.rails} rails cannot be divided into {fabric.planes} planes",
            hint="give a divisor of the number of rails",
        )
    try:
        layout(fabric, [f"h{n}" for n in range(hosts)])
    except FabricError as error:
        yield SpecError(path=f"{path}.leaf", value="", message=str(error), hint=error.hint)


def layout(fabric: FabricSpec, hosts: Sequence[str]) -> Layout:
    """Every switch and link for these hosts, in the order in which they are given."""
    switches: list[Switch] = []
    links: list[Link] = []
    for part_switches, part_links in (
        _compute(fabric, hosts),
        _north_south(fabric, hosts),
        _management(fabric, hosts),
    ):
        switches.extend(part_switches)
        links.extend(part_links)
    return Layout(tuple(switches), tuple(links))


def link_counts(fabric: FabricSpec, hosts: int) -> dict[LinkKind, int]:
    """How many links `layout` makes for so many hosts, without making them: a site has millions."""
    counts: dict[LinkKind, int] = dict.fromkeys(get_args(LinkKind), 0)
    counts["north-south"] = hosts * fabric.north_south_ports if fabric.edge else 0
    counts["management"] = hosts if fabric.management else 0
    spine = fabric.spine or fabric.leaf
    if spine is None or not fabric.rails or not hosts:
        return counts
    counts["host-leaf"] = hosts * fabric.rails
    leaves = _groups(fabric, hosts) * fabric.rails // fabric.planes
    if leaves > 1:
        counts["leaf-spine"] = fabric.planes * leaves * fabric.leaf_up
    if leaves > spine.ports:
        up = spine.ports - spine.ports // 2
        spines = _blocks(fabric, leaves, spine) * fabric.leaf_up
        counts["spine-core"] = fabric.planes * spines * up
    return counts


def hosts_max(fabric: FabricSpec) -> int:
    """How many hosts three tiers of these switches join; 0 without a compute network."""
    spine = fabric.spine or fabric.leaf
    if spine is None or not fabric.rails:
        return 0
    leaves = (fabric.core or spine).ports * (spine.ports // 2)
    return max(leaves, spine.ports) * fabric.planes // fabric.rails * fabric.leaf_down


_Piece = tuple[list[Switch], list[Link]]


def _groups(fabric: FabricSpec, hosts: int) -> int:
    """Hosts are cabled in groups of as many as a leaf takes."""
    if fabric.leaf_down < 1:
        raise FabricError(
            f"a leaf of {fabric.leaf.ports if fabric.leaf else 0} ports has none left for hosts",
            hint="give a switch with more ports",
        )
    return math.ceil(hosts / fabric.leaf_down)


def _compute(fabric: FabricSpec, hosts: Sequence[str]) -> _Piece:
    if fabric.leaf is None or not fabric.rails or not hosts:
        return [], []
    groups = _groups(fabric, len(hosts))
    leaves = {
        (group, rail): Switch(f"leaf-{group + 1}-{rail + 1}", "leaf", fabric.leaf, group)
        for group in range(groups)
        for rail in range(fabric.rails)
    }
    links = [
        Link(
            kind="host-leaf",
            a_node=host,
            a_port=f"rail{rail + 1}",
            z_node=leaves[index // fabric.leaf_down, rail].name,
            z_port=_port(index % fabric.leaf_down),
            gbps=fabric.rail_gbps,
        )
        for index, host in enumerate(hosts)
        for rail in range(fabric.rails)
    ]
    switches = list(leaves.values())
    for plane in range(fabric.planes):
        below = [leaf for (_, rail), leaf in leaves.items() if rail % fabric.planes == plane]
        if len(below) > 1:
            more, up = _plane(fabric, plane, below)
            switches.extend(more)
            links.extend(up)
    return switches, links


def _plane(fabric: FabricSpec, plane: int, leaves: Sequence[Switch]) -> _Piece:
    """The spines above these leaves, and the cores once they are too many for two tiers."""
    spine = fabric.spine or fabric.leaf
    if spine is None:  # a plane has leaves, so it never is
        return [], []
    if len(leaves) > spine.ports:
        return _three_tiers(fabric, plane, leaves, spine)
    count = _evenly(fabric.leaf_up, at_least=math.ceil(len(leaves) * fabric.leaf_up / spine.ports))
    prefix = "spine" if fabric.planes == 1 else f"spine-p{plane + 1}"
    spines = [Switch(f"{prefix}-{n + 1}", "spine", spine, plane) for n in range(count)]
    return spines, _mesh(fabric, leaves, spines)


def _three_tiers(
    fabric: FabricSpec, plane: int, leaves: Sequence[Switch], spine: SwitchSpec
) -> _Piece:
    """A fat tree: blocks of leaves with spines of their own, joined by cores."""
    down = spine.ports // 2
    up = spine.ports - down
    core = fabric.core or spine
    blocks = _blocks(fabric, len(leaves), spine)
    prefix = "" if fabric.planes == 1 else f"p{plane + 1}-"
    each = _evenly(up, at_least=math.ceil(blocks * up / core.ports))
    cores = [
        [Switch(f"core-{prefix}{n + 1}-{k + 1}", "core", core, plane) for k in range(each)]
        for n in range(fabric.leaf_up)
    ]
    switches: list[Switch] = []
    links: list[Link] = []
    for block in range(blocks):
        below = leaves[block * down : (block + 1) * down]
        spines = [
            Switch(f"spine-{prefix}{block + 1}-{n + 1}", "spine", spine, block)
            for n in range(fabric.leaf_up)
        ]
        switches.extend(spines)
        links.extend(_mesh(fabric, below, spines))
        per_core = up // each
        links.extend(
            Link(
                kind="spine-core",
                a_node=one.name,
                a_port=_port(down + k * per_core + link),
                z_node=cores[n][k].name,
                z_port=_port(block * per_core + link),
                gbps=fabric.rail_gbps,
            )
            for n, one in enumerate(spines)
            for k in range(each)
            for link in range(per_core)
        )
    switches.extend(one for group in cores for one in group)
    return switches, links


def _blocks(fabric: FabricSpec, leaves: int, spine: SwitchSpec) -> int:
    """Leaves under three tiers stand in blocks of as many as half a spine takes."""
    blocks = math.ceil(leaves / (spine.ports // 2))
    core = fabric.core or spine
    if blocks > core.ports:
        raise FabricError(
            f"{leaves} leaves make {blocks} blocks, and a core of {core.ports} ports "
            "joins no more than that",
            hint="give switches with more ports, more planes, or fewer hosts",
        )
    return blocks


def _mesh(fabric: FabricSpec, leaves: Sequence[Switch], spines: Sequence[Switch]) -> list[Link]:
    """Every leaf to every spine, with the same number of links."""
    each = fabric.leaf_up // len(spines)
    return [
        Link(
            kind="leaf-spine",
            a_node=leaf.name,
            a_port=_port(fabric.leaf_down + s * each + link),
            z_node=spine.name,
            z_port=_port(i * each + link),
            gbps=fabric.rail_gbps,
        )
        for i, leaf in enumerate(leaves)
        for s, spine in enumerate(spines)
        for link in range(each)
    ]


def _north_south(fabric: FabricSpec, hosts: Sequence[str]) -> _Piece:
    """Each host's ports over a pair of switches, so that one may die; uplinks are the site's."""
    if fabric.edge is None or not fabric.north_south_ports or not hosts:
        return [], []
    down = fabric.edge.ports // 2
    pair = min(2, fabric.north_south_ports)
    each = math.ceil(fabric.north_south_ports / pair)
    per_pair = down // each
    if per_pair < 1:
        raise FabricError(
            f"a north-south switch of {fabric.edge.ports} ports cannot take {each} ports of a host",
            hint="give a switch with more ports",
        )
    switches = [
        Switch(f"edge-{group + 1}-{side + 1}", "edge", fabric.edge, group)
        for group in range(math.ceil(len(hosts) / per_pair))
        for side in range(pair)
    ]
    links = [
        Link(
            kind="north-south",
            a_node=host,
            a_port=f"ns{port + 1}",
            z_node=f"edge-{index // per_pair + 1}-{port % pair + 1}",
            z_port=_port(index % per_pair * each + port // pair),
            gbps=fabric.north_south_gbps,
        )
        for index, host in enumerate(hosts)
        for port in range(fabric.north_south_ports)
    ]
    return switches, links


def _management(fabric: FabricSpec, hosts: Sequence[str]) -> _Piece:
    if fabric.management is None or not hosts:
        return [], []
    ports = fabric.management.ports
    switches = [
        Switch(f"oob-{group + 1}", "oob", fabric.management, group)
        for group in range(math.ceil(len(hosts) / ports))
    ]
    links = [
        Link(
            kind="management",
            a_node=host,
            a_port="bmc",
            z_node=f"oob-{index // ports + 1}",
            z_port=_port(index % ports),
            gbps=1,
        )
        for index, host in enumerate(hosts)
    ]
    return switches, links


def _evenly(links: int, *, at_least: int) -> int:
    """The smallest divisor of `links` that is at least this."""
    return next(n for n in range(max(1, at_least), links + 1) if links % n == 0)


def _port(index: int) -> str:
    return f"p{index + 1}"
