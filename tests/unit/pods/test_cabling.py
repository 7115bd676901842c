"""Every cable has two real ends, a length that is for sale and a label of its own."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from pods import catalogue
from pods.cabling import (
    COLUMNS,
    Cabling,
    Floor,
    Place,
    cable_type,
    cabling,
    cabling_of,
    length_class_m,
    netbox_cable,
    point_to_point,
)
from pods.cli_cabling import cable_spec
from pods.errors import FabricError
from pods.spec import PodSpec
from pods.topology import FabricSpec, SwitchSpec

NDR = FabricSpec(
    kind="rail_optimised",
    rails=8,
    rail_gbps=400,
    leaf=SwitchSpec(model="QM9700", ports=64),
    north_south_ports=2,
    north_south_gbps=200,
    edge=SwitchSpec(model="SN5600", ports=128, units=2),
    management=SwitchSpec(model="SN2201", ports=48),
)


def unit_of_32(lab: PodSpec) -> PodSpec:
    """Eight racks of four hosts, 10 units each, as a DGX B200 unit stands."""
    value: dict[str, Any] = lab.model_dump(mode="json")
    value["name"] = "su"
    value["racks"] = [
        {
            "name": f"r{r}",
            "units": 48,
            "slots": [
                {"slot": f"r{r}-h{h}", "unit": 1 + 10 * h, "host_type": "lab-cpu", "feed": "a"}
                for h in range(4)
            ],
        }
        for r in range(8)
    ]
    value["fabric"] = NDR.model_dump(mode="json")
    return PodSpec.model_validate(value, strict=False)


@pytest.fixture(scope="module")
def two_units(lab: PodSpec) -> Cabling:
    return cabling_of(unit_of_32(lab), count=2)


def test_two_units_have_the_published_counts(two_units: Cabling) -> None:
    assert two_units.cable_counts == {
        "host-leaf": 512,
        "leaf-spine": 512,
        "north-south": 128,
        "management": 64,
    }
    assert two_units.switch_counts == {"leaf": 16, "spine": 8, "edge": 2, "oob": 2}
    assert len(two_units.cables) == sum(two_units.cable_counts.values())


def test_labels_and_ports_are_used_once(two_units: Cabling) -> None:
    labels = [cable.label for cable in two_units.cables]
    assert len(set(labels)) == len(labels)
    ends = [(end.node, end.port) for cable in two_units.cables for end in (cable.a, cable.z)]
    assert len(set(ends)) == len(ends)


def test_switches_stand_in_racks_and_share_no_unit(two_units: Cabling) -> None:
    taken: set[tuple[str, int]] = set()
    heights = {"QM9700": 1, "SN5600": 2, "SN2201": 1}
    for place in two_units.switches:
        units = {(place.rack, place.unit + n) for n in range(heights[place.type])}
        assert not units & taken
        assert all(1 <= unit <= place.rack_units for _, unit in units)
        taken |= units
    racks = [place.rack for place in two_units.switches]
    assert max(racks.count(rack) for rack in racks) <= 12


def test_a_length_is_one_for_sale_that_reaches(two_units: Cabling) -> None:
    assert {cable.length_m for cable in two_units.cables} <= {1, 2, 3, 5, 10, 15, 20, 30}
    assert [length_class_m(m) for m in (0.4, 1.0, 3.7, 31.0, 612.0)] == [1, 1, 5, 50, 700]


def test_farther_racks_never_need_shorter_cables() -> None:
    fabric = FabricSpec(
        kind="rail_optimised", rails=1, rail_gbps=400, leaf=SwitchSpec(model="x", ports=128)
    )
    hosts = [Place(f"h{n}", "t", f"r{n}", 10, 42, n) for n in range(16)]
    lengths = [c.length_m for c in cabling(fabric, hosts, floor=Floor(racks_per_row=99)).cables]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > lengths[-1]


@pytest.mark.parametrize(
    ("length_m", "gbps", "wanted"),
    [
        (3, 400, "dac-passive"),
        (5, 400, "dac-active"),
        (10, 800, "mmf-om4"),
        (50, 800, "mmf-om4"),
        (75, 800, "smf-os2"),
        (30, 1, "cat6a"),
    ],
)
def test_the_type_follows_length_and_speed(length_m: int, gbps: int, wanted: str) -> None:
    assert cable_type(length_m, gbps=gbps) == wanted


def test_the_sheet_reads_back_as_csv(two_units: Cabling) -> None:
    rows = list(csv.DictReader(io.StringIO(point_to_point(two_units.cables))))
    assert len(rows) == len(two_units.cables)
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["A-Node"] == "su1-r0-h0"
    assert (rows[0]["A-Rack"], rows[0]["A-U"], rows[0]["A-Port"]) == ("su1-r0", "1", "rail1")
    assert (rows[0]["Z-Node"], rows[0]["Z-Port"]) == ("leaf-1-1", "p1")
    assert sum(row["Kind"] == "host-leaf" for row in rows) == 512
    assert all(value for row in rows for value in row.values())


def test_a_cable_for_netbox_names_both_interfaces(two_units: Cabling) -> None:
    value = netbox_cable(two_units.cables[0])
    assert value["side_a_device"] == "su1-r0-h0"
    assert value["side_b_name"] == "p1"
    assert value["type"] in {"dac-passive", "dac-active", "mmf-om4", "smf-os2", "cat6a"}


def test_neighbours_are_mutual(two_units: Cabling) -> None:
    seen = two_units.neighbours()
    assert seen["su1-r0-h0", "rail1"] == ("leaf-1-1", "p1")
    assert all(seen[other] == end for end, other in seen.items())


def test_the_same_spec_is_cabled_the_same_way(lab: PodSpec, two_units: Cabling) -> None:
    assert cabling_of(unit_of_32(lab), count=2) == two_units


def test_one_pod_keeps_the_slots_names(lab: PodSpec) -> None:
    assert cabling_of(unit_of_32(lab)).cables[0].a.node == "r0-h0"


def test_a_spec_without_a_fabric_is_told_so(lab: PodSpec) -> None:
    with pytest.raises(FabricError, match="has no fabric") as caught:
        cabling_of(lab)
    assert caught.value.hint
    with pytest.raises(FabricError, match="0 pods"):
        cabling_of(unit_of_32(lab), count=0)


def test_a_switch_higher_than_the_racks_is_refused() -> None:
    tall = FabricSpec(
        kind="rail_optimised", rails=1, rail_gbps=400, leaf=SwitchSpec(model="x", ports=8, units=9)
    )
    with pytest.raises(FabricError, match="9 units high"):
        cabling(tall, [Place("h", "t", "r", 1, 8, 0)], floor=Floor())


def app() -> typer.Typer:
    """The command mounted as its owner mounts it."""
    root = typer.Typer()
    root.command("cabling")(cable_spec)
    return root


def test_the_command_ends_with_one_when_there_is_no_fabric(tmp_path: Any) -> None:
    done = CliRunner().invoke(app(), ["lab-4"])
    assert done.exit_code == 1
    assert "has no fabric" in done.stderr
    assert "hint:" in done.stderr
    assert CliRunner().invoke(app(), [str(tmp_path / "absent.yaml")]).exit_code == 2
    assert CliRunner().invoke(app(), ["lab-4", "--csv", "--netbox"]).exit_code == 2


def test_the_shipped_unit_of_32_has_the_published_cables() -> None:
    done = CliRunner().invoke(app(), ["su-b200-32", "--count", "2", "--csv"])
    assert done.exit_code == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    kinds = [row["Kind"] for row in rows]
    assert (kinds.count("host-leaf"), kinds.count("leaf-spine")) == (512, 512)
    assert len({row["Z-Node"] for row in rows if row["Kind"] == "host-leaf"}) == 16
    assert len({row["Z-Node"] for row in rows if row["Kind"] == "leaf-spine"}) == 8


def test_the_command_writes_every_cable_as_netbox_takes_it() -> None:
    done = CliRunner().invoke(app(), ["su-b200-32", "--netbox"])
    assert done.exit_code == 0, done.stderr
    cables = json.loads(done.stdout)
    wanted = cabling_of(catalogue.load("su-b200-32"))
    assert len(cables) == len(wanted.cables)
    ends = {(one["side_a_device"], one["side_a_name"]) for one in cables}
    ends |= {(one["side_b_device"], one["side_b_name"]) for one in cables}
    assert len(ends) == 2 * len(cables)
    assert {one["label"] for one in cables} == {cable.label for cable in wanted.cables}
