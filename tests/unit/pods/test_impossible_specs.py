"""Designs that cannot be built: each answer names path, value and hint."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from pods import catalogue
from pods.checking import check, check_document
from pods.errors import SpecInvalid
from pods.spec import SCHEMA

Change = Callable[[dict[str, Any]], object]


def spec_value(name: str) -> dict[str, Any]:
    return copy.deepcopy(catalogue.load(name).document())


def host(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = value["host_types"]["host"]
    return found


def rack(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = value["rack_types"]["rack"]
    return found


def feeds(value: dict[str, Any], amps: float) -> None:
    for feed in value["feeds"].values():
        feed["rated_amps"] = amps


# name, base, change, path, value, hint
IMPOSSIBLE: list[tuple[str, str, Change, str, str, str]] = [
    (
        "a-firmware-release-of-nothing",
        "nvl72-gb300",
        lambda v: v["host_types"]["tray"].update(firmware_release={"name": "x"}),
        "host_types.tray.firmware_release",
        "'x'",
        "none_because",
    ),
    (
        "drives-that-do-not-add-up",
        "hgx-b200-8-air",
        lambda v: host(v)["drives"].update(count=9),
        "host_types.host.drives.count",
        "9",
        "give 10",
    ),
    (
        "a-smallest-drive-that-is-not",
        "hgx-b200-8-air",
        lambda v: host(v)["drives"].update(capacity_gib=3576),
        "host_types.host.drives.capacity_gib",
        "3576",
        "give 1788",
    ),
    (
        "a-rack-too-heavy",
        "hgx-b200-8-air",
        lambda v: rack(v).update(weight_limit_kg=250.0),
        "racks[0]",
        "284.8 kg",
        "weight_limit_kg of a stronger rack",
    ),
    (
        "a-published-weight-above-the-limit",
        "nvl72-gb300",
        lambda v: rack(v).update(weight_limit_kg=1000.0),
        "rack_types.rack.loaded_weight_kg",
        "1360.0",
        "at least 1360",
    ),
    (
        "a-rack-over-its-watts",
        "hgx-h100-8",
        lambda v: rack(v).update(power_limit_watts=40000),
        "racks[0]",
        "40800 W",
        "power_limit_watts that it truly has",
    ),
    (
        "a-feed-over-80-percent",
        "hgx-h100-8",
        lambda v: v["feeds"]["r1-b"].update(rated_amps=63.0),
        "feeds.r1-b",
        "36228 W",
        "move slots to another feed",
    ),
    (
        "rails-are-not-nics",
        "hgx-h100-8",
        lambda v: v["fabric"].update(rails=4),
        "fabric.rails",
        "4",
        "give rails: 8",
    ),
    (
        "rails-are-not-a-hosts-ports",
        "hgx-h100-8",
        lambda v: host(v)["nics"]["groups"][0].update(rails=6),
        "host_types.host.nics.groups[0].rails",
        "6",
        "give rails: 8",
    ),
    (
        "ports-that-do-not-add-up",
        "hgx-h100-8",
        lambda v: host(v)["nics"].update(count=12),
        "host_types.host.nics.count",
        "12",
        "give 10",
    ),
    (
        "a-slowest-port-that-is-not",
        "hgx-h100-8",
        lambda v: host(v)["nics"].update(speed_gbps=400),
        "host_types.host.nics.speed_gbps",
        "400",
        "give 200",
    ),
    (
        "a-scalable-unit-of-other-hosts",
        "su-h100-32",
        lambda v: v["scalable_unit"].update(accelerators=512),
        "scalable_unit.accelerators",
        "512",
        "give 256",
    ),
    (
        "a-scalable-unit-of-other-racks",
        "su-gb200-8r",
        lambda v: v["scalable_unit"].update(racks=9),
        "scalable_unit.racks",
        "9",
        "give 8",
    ),
    (
        "a-unit-beyond-its-scale-up-domain",
        "hgx-h100-8",
        lambda v: v["unit"].update(hosts=2, accelerators=16),
        "unit.accelerators",
        "16",
        "fewer hosts",
    ),
    (
        "a-domain-that-no-hosts-make",
        "hgx-h100-8",
        lambda v: host(v).update(scale_up_domain=12),
        "host_types.host.scale_up_domain",
        "12",
        "multiple of 8",
    ),
    (
        "an-unknown-part",
        "hgx-h100-8",
        lambda v: host(v).update(dpus={"count": 2}),
        "host_types.host.dpus",
        "{'count': 2}",
        "did you mean `psus`",
    ),
    (
        "an-unknown-kind-of-equipment",
        "hgx-h100-8",
        lambda v: rack(v)["equipment"][0].update(kind="pdus"),
        "rack_types.rack.equipment[0].kind",
        "'pdus'",
        "did you mean `pdu`?",
    ),
    (
        "an-unknown-cooling",
        "hgx-h100-8",
        lambda v: host(v)["cooling"].update(kind="water"),
        "host_types.host.cooling.kind",
        "'water'",
        "choose one of: air, liquid, hybrid",
    ),
    (
        "kilowatts-as-a-fraction",
        "hgx-h100-8",
        lambda v: host(v)["power"].update(nameplate_watts=10.2),
        "host_types.host.power.nameplate_watts",
        "10.2",
        "10.2 kW would be 10200",
    ),
    (
        "kilowatts-as-a-whole-number",
        "hgx-h100-8",
        lambda v: host(v)["power"].update(nameplate_watts=10),
        "host_types.host.power.nameplate_watts",
        "10",
        "was this meant in kW? then give 10000",
    ),
    (
        "a-rack-limit-in-kilowatts",
        "nvl72-gb300",
        lambda v: rack(v).update(power_limit_watts=142),
        "rack_types.rack.power_limit_watts",
        "142",
        "give 142000",
    ),
    (
        "kilovolts",
        "hgx-h100-8",
        lambda v: v["feeds"]["r1-a"].update(volts=0.415, rated_amps=1e6),
        "feeds.r1-a.volts",
        "0.415",
        "then give 415",
    ),
    (
        "a-nameplate-below-the-accelerators",
        "hgx-h100-8",
        lambda v: host(v)["power"].update(
            nameplate_watts=5000, typical_watts=5000, inrush_watts=5000
        ),
        "host_types.host.power.nameplate_watts",
        "5000",
        "give more than 5600",
    ),
    (
        "supplies-that-make-no-class",
        "hgx-h100-8",
        lambda v: host(v)["psus"].update(redundancy="3+2"),
        "host_types.host.psus.redundancy",
        "'3+2'",
        "a class of 6 supplies",
    ),
    (
        "halves-of-an-odd-number",
        "hgx-h100-8",
        lambda v: host(v)["psus"].update(redundancy="N+N", count=5),
        "host_types.host.psus.redundancy",
        "'N+N'",
        "even count",
    ),
    (
        "supplies-that-cannot-carry-the-nameplate",
        "hgx-h100-8",
        lambda v: host(v)["psus"].update(redundancy="3+3"),
        "host_types.host.psus.capacity_watts",
        "3300",
        "class that can lose fewer carries more",
    ),
    (
        "links-that-do-not-add-up",
        "hgx-h100-8",
        lambda v: host(v)["accelerators"].update(scale_up_gigabytes_per_s=900.0),
        "host_types.host.accelerators.scale_up_gigabytes_per_s",
        "900.0",
        "give 450, in one direction",
    ),
    (
        "coolant-for-an-air-cooled-host",
        "hgx-h100-8",
        lambda v: host(v)["cooling"].update(flow_lpm=20.0),
        "host_types.host.cooling.flow_lpm",
        "20.0",
        "kind: liquid",
    ),
    (
        "hosts-that-overlap",
        "hgx-h100-8",
        lambda v: v["racks"][0]["slots"][1].update(unit=8),
        "racks[0].slots[1].unit",
        "8",
        "free unit of rack r1",
    ),
    (
        "a-host-through-the-roof",
        "hgx-h100-8",
        lambda v: v["racks"][0]["slots"][3].update(unit=36),
        "racks[0].slots[3].unit",
        "36",
        "give a unit from 1 to 35",
    ),
    (
        "a-host-where-a-switch-is",
        "nvl72-gb300",
        lambda v: v["racks"][0]["slots"][0].update(unit=13),
        "racks[0].slots[0].unit",
        "13",
        "free unit of rack r1",
    ),
    (
        "a-shelf-that-does-not-add-up",
        "nvl72-gb300",
        lambda v: rack(v)["equipment"][0].update(capacity_watts=30000),
        "rack_types.rack.equipment[0].capacity_watts",
        "30000",
        "give 33000",
    ),
    (
        "equipment-twice",
        "nvl72-gb300",
        lambda v: rack(v)["equipment"][1].update(name="shelf1"),
        "rack_types.rack.equipment[1].name",
        "'shelf1'",
        "name of its own",
    ),
    (
        "equipment-beyond-the-top",
        "nvl72-gb300",
        lambda v: rack(v)["equipment"][0].update(unit=49),
        "rack_types.rack.equipment[0].unit",
        "49",
        "the highest is 48",
    ),
    (
        "a-rack-of-no-type",
        "hgx-h100-8",
        lambda v: v["racks"][0].update(type="rak"),
        "racks[0].type",
        "'rak'",
        "did you mean `rack`?",
    ),
    (
        "more-units-than-the-type-has",
        "hgx-h100-8",
        lambda v: v["racks"][0].update(units=47),
        "racks[0].units",
        "47",
        "give 42",
    ),
    (
        "a-second-feed-that-is-not-there",
        "hgx-h100-8",
        lambda v: v["racks"][0]["slots"][0].update(feed_b="r9-b"),
        "racks[0].slots[0].feed_b",
        "'r9-b'",
        "r1-",
    ),
    (
        "the-same-feed-twice",
        "hgx-h100-8",
        lambda v: v["racks"][0]["slots"][0].update(feed_b="r1-a"),
        "racks[0].slots[0].feed_b",
        "'r1-a'",
        "name another feed",
    ),
    (
        "a-rack-on-no-feed",
        "hgx-h100-8",
        lambda v: v["racks"][0].update(feed="r1"),
        "racks[0].feed",
        "'r1'",
        "did you mean `r1-",
    ),
    (
        "a-source-of-nothing",
        "hgx-h100-8",
        lambda v: host(v)["sources"].update({"power.peak_watts": {"source": "dgx-h100-guide"}}),
        "host_types.host.sources.power.peak_watts",
        "'power.peak_watts'",
        "name a field",
    ),
]


def errors_of(value: dict[str, Any]) -> list[tuple[str, str, str]]:
    with pytest.raises(SpecInvalid) as caught:
        check(value)
    return [(error.path, error.value, error.hint) for error in caught.value.errors]


@pytest.mark.parametrize(
    ("base", "change", "path", "value", "hint"),
    [case[1:] for case in IMPOSSIBLE],
    ids=[case[0] for case in IMPOSSIBLE],
)
def test_what_cannot_be_built_is_told_by_path_value_and_hint(
    base: str, change: Change, path: str, value: str, hint: str
) -> None:
    design = spec_value(base)
    change(design)
    errors = errors_of(design)
    found = [error for error in errors if error[0] == path]
    assert found, errors
    assert found[0][1] == value
    assert hint in found[0][2]


def test_a_leaf_with_too_few_ports_is_told() -> None:
    design = spec_value("su-b200-32")
    design["fabric"]["leaf"]["ports"] = 2
    assert any(path.startswith("fabric") and hint for path, _, hint in errors_of(design))


def test_the_over_full_feed_says_its_share_of_the_breaker() -> None:
    design = spec_value("hgx-h100-8")
    design["feeds"]["r1-a"]["rated_amps"] = 63.0
    with pytest.raises(SpecInvalid, match=r"90% of the breaker, and 80% is allowed"):
        check(design)


def test_a_spec_of_a_newer_schema_is_not_guessed_at() -> None:
    design = spec_value("lab-4") | {"schema_version": SCHEMA + 1, "quantum": {"qubits": 3}}
    ((path, value, hint),) = errors_of(design)
    assert (path, value) == ("schema_version", str(SCHEMA + 1))
    assert "upgrade podyard" in hint


def test_todays_schema_may_be_named() -> None:
    assert check(spec_value("lab-4") | {"schema_version": SCHEMA}).name == "lab-4"


def test_a_kind_of_document_that_nobody_knows_is_told() -> None:
    with pytest.raises(SpecInvalid) as caught:
        check_document({"kind": "rck"})
    assert caught.value.errors[0].path == "kind"
    assert "did you mean `rack`?" in caught.value.errors[0].hint


def test_a_host_type_is_no_pod() -> None:
    value = catalogue.load_host("hgx-h100-8").model_dump(mode="json", exclude_unset=True)
    with pytest.raises(SpecInvalid) as caught:
        check({"kind": "host", **value})
    assert "describes a host, and a pod was asked for" in str(caught.value)
    assert "host_types" in caught.value.errors[0].hint


def test_mistakes_in_a_host_type_are_told_in_its_own_fields() -> None:
    value = catalogue.load_host("hgx-h100-8").model_dump(mode="json", exclude_unset=True)
    value["weight_lb"] = 287.6
    with pytest.raises(SpecInvalid) as caught:
        check_document({"kind": "host", **value})
    assert caught.value.errors[0].path == "weight_lb"
    assert "did you mean `weight_kg`, in kilograms" in caught.value.errors[0].hint
