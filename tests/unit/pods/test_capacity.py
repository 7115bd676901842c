"""From a demand to pods, watts, cables, spares and weeks; assumptions named, slips refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pods import catalogue
from pods.cabling import cabling_of
from pods.capacity import (
    Demand,
    Failures,
    Sizing,
    b200e_needed,
    cables_of,
    coolant_litres_per_min,
    out_of_service_share,
    poisson_stock,
    size,
)
from pods.capacity_shapes import Shapes, shape_named, shape_of
from pods.datafile import load_table, sourced
from pods.errors import CapacityRefused, RatingRefused

SERVED = "deepseek-r1-fp8-1k-1k-42"


def sized(shape: str = "su-b200-32", *, b200e: float = 1024, profile: str = SERVED) -> Sizing:
    return size(Demand(profile=profile, b200e=b200e), shape=shape, pue=1.25)


def test_thirty_trillion_tokens_a_day_are_about_145_000_b200() -> None:
    needed = b200e_needed(Demand(profile=SERVED, tokens_per_day=30e12))
    assert needed == pytest.approx(30e12 / 86_400 / 4792 / 0.5)
    found = size(Demand(profile=SERVED, tokens_per_day=30e12), shape="su-b200-32", pue=1.25)
    healthy = found.b200e_delivered * (1 - found.out_of_service_share)
    assert needed <= healthy < needed + 256  # whole pods
    assert found.it_mw == pytest.approx(found.hosts * 14.3 / 1000)
    assert found.facility_mw == pytest.approx(found.it_mw * 1.25)
    assert found.coolant_litres_per_min == 0  # an air-cooled host


@pytest.mark.parametrize(
    ("shape", "pods", "leaf", "spine", "core"),
    [  # rows of the reference architectures
        ("su-b200-32", 2, 512, 512, 0),
        ("su-b200-32", 8, 2048, 2048, 0),
        ("su-b200-32", 16, 4096, 4096, 4096),
        ("su-b200-32", 64, 16_384, 16_384, 16_384),
        ("su-b300-64", 1, 512, 512, 0),
        ("su-b300-64", 16, 8192, 8192, 0),
        ("su-b300-72", 1, 576, 576, 0),
    ],
)
def test_cables_are_those_of_the_reference_architectures(
    shape: str, pods: int, leaf: int, spine: int, core: int
) -> None:
    unit = shape_named(shape)
    profile = "llama-70b-fp8"  # B300 equals B200 there, so the count of pods is easy to ask for
    b200e = (pods - 0.9) * unit.accelerators
    cables = sized(shape, b200e=b200e, profile=profile).cables
    assert (cables.host_leaf, cables.leaf_spine, cables.spine_core) == (leaf, spine, core)
    assert cables.fabrics == 1


def test_beyond_the_largest_design_a_second_fabric_begins() -> None:
    found = sized(b200e=64.2 * 256)
    assert found.pods == 65
    assert found.cables.fabrics == 2
    assert found.cables.spine_core == 64 * 256  # the 65th unit needs two tiers


def test_north_south_only_has_no_compute_fabric() -> None:
    found = size(
        Demand(profile=SERVED, b200e=1000), shape="su-b200-32", pue=1.25, north_south_only=True
    )
    assert (found.cables.fabrics, found.cables.host_leaf) == (0, 0)
    assert found.cables.north_south == 2 * found.hosts


def test_weaker_accelerators_need_more_of_them() -> None:
    b200, h100 = sized("su-b200-32"), sized("su-h100-32")
    assert h100.rating.basis == "measured"
    assert h100.accelerators > 14 * b200.accelerators


def test_a_fleet_of_150_000_sees_about_70_interruptions_a_day() -> None:
    found = sized(b200e=150_000)
    per_day = found.interruptions_per_day / found.accelerators * 150_000
    assert per_day == pytest.approx(71, abs=1)
    failures = load_table("failures", Failures)
    gpu = failures.parts["accelerator"].events / failures.gpu_years.value
    assert gpu == pytest.approx(0.11, abs=0.002)  # 11 % per accelerator and year


@pytest.mark.parametrize(
    ("kw", "rise", "litres"), [(120, 10, 182), (120, 15, 122), (142, 10, 216), (142, 20, 108)]
)
def test_coolant_flow_is_the_published_one(kw: float, rise: float, litres: float) -> None:
    assert coolant_litres_per_min(kw, rise_k=rise) == pytest.approx(litres, abs=1)


def test_a_liquid_cooled_unit_needs_coolant() -> None:
    found = sized("su-gb200-8r", profile="served-at-120", b200e=2000)
    assert found.pods == 1
    assert found.coolant_litres_per_min == pytest.approx(coolant_litres_per_min(1200, rise_k=10), 1)


@given(mean=st.floats(min_value=0.001, max_value=2000))
def test_the_stock_is_the_smallest_that_is_enough(mean: float) -> None:
    stock = poisson_stock(mean, chance=0.95)

    def at_most(count: int) -> float:
        return math.fsum(
            math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1)
        )

    assert at_most(stock) >= 0.95 - 1e-9
    assert stock == 0 or at_most(stock - 1) < 0.95 + 1e-9


def test_no_failures_need_no_stock() -> None:
    assert poisson_stock(0.0, chance=0.95) == 0


@given(b200e=st.floats(min_value=1, max_value=200_000))
def test_what_is_delivered_is_enough_also_with_hosts_under_repair(b200e: float) -> None:
    found = sized(b200e=b200e)
    assert found.b200e_delivered * (1 - found.out_of_service_share) >= b200e * (1 - 1e-9)
    assert found.waves[-1].pods_ready == found.pods == sum(wave.pods for wave in found.waves)
    weeks = [wave.ready_week for wave in found.waves]
    assert weeks == sorted(weeks)


def test_larger_hosts_take_more_with_them_when_they_break() -> None:
    assert out_of_service_share(shape_named("su-b200-32")) > out_of_service_share(
        shape_named("su-gb200-8r")
    )


@pytest.mark.parametrize(
    "demand",
    [
        Demand(profile=SERVED),
        Demand(profile=SERVED, tokens_per_day=1e12, b200e=3),
        Demand(profile=SERVED, tokens_per_day=-1),
        Demand(profile=SERVED, tokens_per_day=1e-9),
        Demand(profile=SERVED, b200e=0),
        Demand(profile=SERVED, b200e=math.nan),
        Demand(profile=SERVED, b200e=1e12),
        Demand(profile=SERVED, tokens_per_day=1e12, utilisation=50),
        Demand(profile="llama-70b-fp8", tokens_per_day=1e12),
    ],
)
def test_a_demand_that_cannot_be_meant_is_refused_with_a_hint(demand: Demand) -> None:
    with pytest.raises(CapacityRefused) as caught:
        b200e_needed(demand)
    assert caught.value.hint


def test_unknown_names_list_those_that_there_are() -> None:
    with pytest.raises(CapacityRefused, match="'su-x'") as caught:
        sized("su-x")
    assert "su-b200-32" in caught.value.hint
    with pytest.raises(RatingRefused):
        sized(profile="x")
    with pytest.raises(CapacityRefused, match="builds nothing"):
        size(Demand(profile=SERVED, b200e=1), shape="su-b200-32", pue=1.25, pods_per_wave=0)


def test_every_figure_without_a_published_source_is_marked_as_assumed() -> None:
    for name, model in (("shapes", Shapes), ("failures", Failures)):
        for row in sourced(load_table(name, model)):
            assert (row.source == "site") == (row.uncertain == "assumed"), row


@pytest.mark.parametrize(
    ("name", "hosts", "racks", "host_watts"),
    [
        ("su-h100-32", 32, 8, 10200),
        ("su-b200-32", 32, 16, 14300),
        ("su-b300-64", 64, 16, 14500),
        ("su-b300-72", 72, 18, 14500),
        ("su-gb200-8r", 144, 8, 8333),  # published as 1.2 MW; its racks add up to 0.96
    ],
)
def test_a_published_unit_is_its_spec_and_what_only_the_publication_tells(
    name: str, hosts: int, racks: int, host_watts: float
) -> None:
    shape, spec = shape_named(name), catalogue.load(name)
    assert (shape.hosts, shape.racks, shape.host_watts) == (hosts, racks, host_watts)
    assert shape.fabric is not None
    assert shape.fabric.rails * hosts == shape.accelerators
    assert spec.scalable_unit is not None
    assert (spec.scalable_unit.hosts, spec.scalable_unit.accelerators) == (
        hosts,
        shape.accelerators,
    )


def test_only_a_published_total_may_differ_from_what_a_spec_adds_up_to() -> None:
    told = load_table("shapes", Shapes).shapes
    assert [name for name, one in told.items() if one.host_watts is not None] == ["su-gb200-8r"]


def test_the_reach_of_a_fabric_follows_from_its_switch() -> None:
    assert shape_of(catalogue.load("su-b200-32")).fabric_units_max == 256  # 64³ / (4 rails · 8)
    assert shape_named("su-b200-32").fabric_units_max == 64  # the largest that is published


@pytest.mark.parametrize("name", [n for n in catalogue.names() if not n.startswith("lab-")])
@pytest.mark.parametrize("pods", [1, 3])
def test_a_site_needs_the_cables_that_are_laid_out(name: str, pods: int) -> None:
    laid = cabling_of(catalogue.load(name), count=pods).cable_counts
    assert cables_of(shape_named(name), pods).model_dump(exclude={"fabrics"}) == {
        "host_leaf": laid.get("host-leaf", 0),
        "leaf_spine": laid.get("leaf-spine", 0),
        "spine_core": laid.get("spine-core", 0),
        "north_south": laid.get("north-south", 0),
        "bmc": laid.get("management", 0),
    }


def test_a_hundred_thousand_pods_are_counted_and_not_laid_out() -> None:
    cables = cables_of(shape_named("su-b200-32"), 100_000)
    assert cables.fabrics == 1563
    assert cables.host_leaf == cables.leaf_spine == 25_600_000


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in catalogue.names()
        if not name.startswith(("lab-", "su-")) and not name.endswith("-inference-ns")
    ],
)
def test_every_pod_of_the_catalogue_can_be_sized(name: str) -> None:
    found = sized(name, b200e=1000, profile="llama-70b-fp8")
    assert found.accelerators * found.rating.b200_equivalents >= 1000
    assert (found.coolant_litres_per_min > 0) == (shape_named(name).liquid_share > 0)


def test_an_inference_variant_has_no_compute_cables() -> None:
    cables = sized("hgx-b200-8-air-inference-ns", b200e=100).cables
    assert cables.host_leaf == 0


def test_a_pod_without_rated_accelerators_is_refused() -> None:
    with pytest.raises(CapacityRefused, match="Lab Accelerator"):
        sized("lab-4")
