"""Switches and cables come out as NVIDIA publishes them, row by row."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pods.errors import FabricError
from pods.topology import (
    FabricSpec,
    Layout,
    SwitchSpec,
    fabric_problems,
    hosts_max,
    layout,
    link_counts,
)

QM9700 = SwitchSpec(model="QM9700", ports=64)
SN5600 = SwitchSpec(model="SN5600", ports=64, units=2)
Q3400 = SwitchSpec(model="Q3400-RA", ports=144, units=4)

NDR = FabricSpec(kind="rail_optimised", rails=8, rail_gbps=400, leaf=QM9700)
B300 = FabricSpec(kind="rail_optimised", rails=8, rail_gbps=800, leaf=SN5600, planes=8)
XDR = FabricSpec(kind="rail_optimised", rails=8, rail_gbps=800, leaf=Q3400)
NVL72 = FabricSpec(kind="nvl72", rails=4, rail_gbps=400, leaf=QM9700)

# hosts, GPUs, leaves, spines, cores, host-leaf, leaf-spine, spine-core; None where the table has
# a dash. The sources are in docs/concepts/cabling.md.
PUBLISHED = {
    "H100 1 SU": (NDR, 32, 256, 8, None, None, 256, 256, None),
    "B200 2 SU": (NDR, 64, 512, 16, 8, 0, 512, 512, 0),
    "B200 4 SU": (NDR, 128, 1024, 32, 16, 0, 1024, 1024, 0),
    "B200 8 SU": (NDR, 256, 2048, 64, 32, 0, 2048, 2048, 0),
    "B200 16 SU": (NDR, 512, 4096, 128, 128, 64, 4096, 4096, 4096),
    "B200 32 SU": (NDR, 1024, 8192, 256, 256, 128, 8192, 8192, 8192),
    "B200 64 SU": (NDR, 2048, 16384, 512, 512, 256, 16384, 16384, 16384),
    "B300 busbar 1 SU": (B300, 64, 512, 16, 8, 0, 512, 512, 0),
    "B300 busbar 2 SU": (B300, 128, 1024, 32, 16, 0, 1024, 1024, 0),
    "B300 busbar 4 SU": (B300, 256, 2048, 64, 32, 0, 2048, 2048, 0),
    "B300 busbar 8 SU": (B300, 512, 4096, 128, 64, 0, 4096, 4096, 0),
    "B300 busbar 16 SU": (B300, 1024, 8192, 256, 128, 0, 8192, 8192, 0),
    "B300 XDR 1 SU": (XDR, 72, 576, 8, 4, 0, 576, 576, 0),
    "B300 XDR 2 SU": (XDR, 144, 1152, 16, 8, 0, 1152, 1152, 0),
    "B300 XDR 4 SU": (XDR, 288, 2304, 32, 18, 0, 2304, 2304, 0),
    "B300 XDR 8 SU": (XDR, 576, 4608, 64, 36, 0, 4608, 4608, 0),
    "GB200 1 SU": (NVL72, 144, 576, None, None, None, None, None, None),
}

DOUBTFUL = {
    # 127 hosts: the table's own counts are derived or remembered, not published.
    "H100 4 SU": (NDR, 127, 1016, 32, 16, None, None, None, None),
    # The table says 9,216 GPUs beside 10,368 cables; 1,296 hosts have 10,368.
    "B300 XDR 18 SU": (XDR, 1296, 10368, 144, 72, 0, 10368, 10368, 0),
}


def hosts(count: int) -> list[str]:
    return [f"h{n}" for n in range(count)]


def counts(found: Layout) -> tuple[int, ...]:
    return (
        found.count("leaf"),
        found.count("spine"),
        found.count("core"),
        found.links_of("host-leaf"),
        found.links_of("leaf-spine"),
        found.links_of("spine-core"),
    )


@pytest.mark.parametrize("row", [*PUBLISHED, *DOUBTFUL])
def test_a_row_of_the_published_tables_comes_out(row: str) -> None:
    fabric, host_count, gpus, *published = (PUBLISHED | DOUBTFUL)[row]
    found = layout(fabric, hosts(host_count))
    assert host_count * fabric.rails == gpus
    for ours, theirs in zip(counts(found), published, strict=True):
        assert theirs is None or ours == theirs


@pytest.mark.parametrize("row", [*PUBLISHED, *DOUBTFUL])
def test_every_port_holds_one_cable_and_exists(row: str) -> None:
    fabric, host_count, *_ = (PUBLISHED | DOUBTFUL)[row]
    found = layout(fabric, hosts(host_count))
    ends = Counter((link.a_node, link.a_port) for link in found.links)
    ends.update((link.z_node, link.z_port) for link in found.links)
    assert max(ends.values()) == 1
    ports = {switch.name: switch.model.ports for switch in found.switches}
    assert len(ports) == len(found.switches)
    for node, port in ends:
        assert node.startswith("h") or 1 <= int(port.removeprefix("p")) <= ports[node]


def test_a_rail_stays_on_its_leaf() -> None:
    found = layout(NDR, hosts(64))
    for link in found.links:
        if link.kind == "host-leaf":
            rail = link.a_port.removeprefix("rail")
            assert link.z_node.rpartition("-")[2] == rail
            group = int(link.a_node[1:]) // 32 + 1
            assert link.z_node == f"leaf-{group}-{rail}"


@pytest.mark.parametrize("count", [33, 64, 200, 512])
def test_every_leaf_reaches_every_spine_of_its_plane_equally(count: int) -> None:
    found = layout(NDR, hosts(count))
    pairs = Counter((x.a_node, x.z_node) for x in found.links if x.kind == "leaf-spine")
    assert len(set(pairs.values())) == 1
    up = Counter(x.a_node for x in found.links if x.kind == "leaf-spine")
    assert set(up.values()) == {32}


def test_oversubscription_gives_more_ports_to_hosts() -> None:
    fabric = NDR.model_copy(update={"oversubscription": 3.0})
    found = layout(fabric, hosts(96))
    assert (fabric.leaf_down, fabric.leaf_up) == (48, 16)
    assert counts(found) == (16, 4, 0, 768, 256, 0)


def test_one_leaf_needs_no_spine() -> None:
    fabric = FabricSpec(kind="rail_optimised", rails=1, rail_gbps=100, leaf=QM9700)
    assert counts(layout(fabric, hosts(4))) == (1, 0, 0, 4, 0, 0)


def test_north_south_only_has_no_compute_cables_and_two_switches() -> None:
    fabric = FabricSpec(
        kind="north_south",
        north_south_ports=2,
        north_south_gbps=200,
        edge=SwitchSpec(model="SN5600", ports=128),
        management=SwitchSpec(model="SN2201", ports=48),
    )
    found = layout(fabric, hosts(32))
    assert counts(found) == (0, 0, 0, 0, 0, 0)
    assert found.links_of("north-south") == 64
    assert found.count("edge") == 2
    assert found.links_of("management") == 32
    by_host = {x.a_node: set[str]() for x in found.links}
    for link in found.links:
        if link.kind == "north-south":
            by_host[link.a_node].add(link.z_node)
    assert all(len(switches) == 2 for switches in by_host.values())


def test_no_hosts_need_nothing() -> None:
    assert layout(NDR, []) == Layout((), ())


def test_more_hosts_than_three_tiers_reach_are_refused() -> None:
    tiny = FabricSpec(
        kind="rail_optimised", rails=8, rail_gbps=400, leaf=SwitchSpec(model="x", ports=4)
    )
    with pytest.raises(FabricError, match=r"blocks, and a core of 4 ports") as caught:
        layout(tiny, hosts(32))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("change", "ports", "words"),
    [
        ({"kind": "north_south"}, 8, "no rails"),
        ({"leaf": None}, 8, "needs rails"),
        ({"rails": 4}, 3, "a host has 3 NIC ports"),
        ({"north_south_ports": 1}, 9, "need a switch"),
        ({"planes": 3}, 8, "cannot be divided into 3 planes"),
        ({"leaf": SwitchSpec(model="x", ports=2)}, 8, "blocks"),
    ],
)
def test_a_fabric_that_contradicts_itself_is_told(
    change: dict[str, object], ports: int, words: str
) -> None:
    problems = list(fabric_problems(NDR.model_copy(update=change), hosts=64, host_ports=ports))
    assert any(words in problem.message for problem in problems)
    assert all(problem.hint for problem in problems)


def test_a_sound_fabric_has_no_problems() -> None:
    assert not list(fabric_problems(NDR, hosts=64, host_ports=9))


@st.composite
def fabrics(draw: st.DrawFn) -> FabricSpec:
    """Small switches, so that two and three tiers and full fabrics are all met."""
    leaf, spine, core, edge, oob = (
        SwitchSpec(model="s", ports=draw(st.sampled_from([4, 6, 8, 16]))) for _ in range(5)
    )
    planes = draw(st.sampled_from([1, 2, 4]))
    return FabricSpec(
        kind="rail_optimised",
        rails=planes * draw(st.integers(0, 2)),
        rail_gbps=400,
        leaf=leaf,
        spine=draw(st.sampled_from([None, spine])),
        core=draw(st.sampled_from([None, core])),
        oversubscription=draw(st.sampled_from([1.0, 2.0])),
        planes=planes,
        north_south_ports=draw(st.integers(0, 2)),
        edge=draw(st.sampled_from([None, edge])),
        management=draw(st.sampled_from([None, oob])),
    )


@given(fabric=fabrics(), host_count=st.integers(0, 150))
@settings(max_examples=150, deadline=None)
def test_links_are_counted_as_they_are_laid_out(fabric: FabricSpec, host_count: int) -> None:
    try:
        found = layout(fabric, hosts(host_count))
    except FabricError:
        with pytest.raises(FabricError):
            link_counts(fabric, host_count)
        assert host_count > hosts_max(fabric)
        return
    told = link_counts(fabric, host_count)
    assert told == {kind: found.links_of(kind) for kind in told}
    assert not fabric.rails or host_count <= hosts_max(fabric)
