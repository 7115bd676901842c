"""A plan as a schedule: within budget at every instant, also with a feed dead, and storable."""

from __future__ import annotations

import io
import itertools
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pods.errors import PlanError
from pods.expectation import Past
from pods.facts import HardwareFacts, MemoryModuleFact
from pods.plan import Plan, PlannedHost, plan_bring_up
from pods.plan_text import render_plan
from pods.spec import PodSpec

MakeFacts = Callable[..., HardwareFacts]

FEEDS = ("f0", "f1", "f2")

STORED = (
    '{"pod":"lab","spec":"lab-4@1","spec_digest":"sha256:cc0ef25f52e36c4a3b6e3c0e9f89d04b69233101'
    '095673093d1de2e78586da35","waves":[{"number":1,"stage":"canary","hosts":["lab-r1-h1"],"acts":'
    '[{"host":"lab-r1-h1","kind":"power_on","destructive":false,"component":"","from_version":"",'
    '"to_version":""},{"host":"lab-r1-h1","kind":"boot","destructive":false,"component":"",'
    '"from_version":"","to_version":""},{"host":"lab-r1-h1","kind":"configure","destructive":false,'
    '"component":"","from_version":"","to_version":""},{"host":"lab-r1-h1","kind":"accept",'
    '"destructive":false,"component":"","from_version":"","to_version":""}]}],"parked":[],"feeds":'
    '[{"feed":"a","budget_watts":3680.0,"peak_watts":1200.0,"steps":[{"wave":0,"phase":"standby",'
    '"watts":20.0},{"wave":1,"phase":"starting","watts":1200.0},{"wave":1,"phase":"running",'
    '"watts":700.0}]}],"peak_watts":1200.0,"budget_watts":3680.0,"unknown_hosts":["lab-r1-h1"],'
    '"digest":"sha256:d56008dac0bc256c9338f6da3623d6d3fd2278d299f4f267b4e90c5485967616"}'
)
"""A plan as the first release stored it."""


def lab_plan(lab: PodSpec, **more: Any) -> Plan:
    hosts = [PlannedHost(name=f"lab-{slot.slot}", slot=slot.slot) for _, slot in lab.slots()]
    return plan_bring_up(lab, pod="lab", hosts=hosts, **more)


def test_a_plan_stored_before_the_later_fields_came_still_loads() -> None:
    plan = Plan.model_validate_json(STORED)
    assert plan.gates == ()
    value = json.loads(STORED)
    value["waves"][0]["starts_s"] = 5.0
    with pytest.raises(ValueError, match="was changed"):
        Plan.model_validate(value)


def test_a_stored_plan_is_stored_again_with_its_digest() -> None:
    plan = Plan.model_validate_json(STORED)
    assert Plan.model_validate_json(plan.model_dump_json()).digest == plan.digest


def test_waves_say_when_they_start_and_how_long_they_take(lab: PodSpec) -> None:
    plan = lab_plan(lab)
    assert [wave.starts_when for wave in plan.waves] == [
        "the plan is approved and these gates have passed: busbar, bmc-standby",
        "every host of the canary stage is ready",
        "the trial stage is through: more than half of each of its kinds of change are ready",
    ]
    assert [wave.starts_s for wave in plan.waves] == [0.0, 30.0, 60.0]
    assert {wave.expected_basis for wave in plan.waves} == {"spec"}
    assert plan.expected_s == 90.0


def test_a_wave_of_the_same_stage_waits_for_the_inrush_before_it(lab: PodSpec) -> None:
    spec = lab.model_copy(update={"bring_up": lab.bring_up.model_copy(update={"canary": 4})})
    first, second = lab_plan(spec).waves
    assert (len(first.hosts), len(second.hosts)) == (3, 1)
    assert second.starts_when == "the inrush of wave 1 has passed, 1.5 s after its start"
    assert second.starts_s == first.settle_s == 1.5


def test_what_earlier_hosts_took_counts_more_than_what_the_spec_allows(lab: PodSpec) -> None:
    plan = lab_plan(lab, past={"lab-cpu": {"booting": [4.0, 50.0, 6.0], "accepting": [1.0]}})
    assert plan.expected_s == 21.0
    assert {wave.expected_basis for wave in plan.waves} == {"past"}
    assert [(e.step, e.expected_s, e.samples) for e in plan.expectations] == [
        ("booting", 6.0, 3),
        ("accepting", 1.0, 1),
    ]
    mixed = lab_plan(lab, past={"lab-cpu": {"configuring": [2.0]}})
    assert {wave.expected_basis for wave in mixed.waves} == {"past and spec"}
    assert mixed.waves[0].expected_s == lab.host_types["lab-cpu"].boot_allowed_s + 2.0


def test_a_firmware_update_is_expected_where_one_is_planned(
    lab: PodSpec, make_facts: MakeFacts
) -> None:
    past: Past = {"lab-cpu": {"flashing": [100.0], "booting": [5.0]}}
    behind = make_facts(firmware={"BIOS": "1.0", "BMC": "1.0"})
    hosts = [
        PlannedHost(name="one", slot="r1-h1", facts=behind),
        PlannedHost(name="two", slot="r1-h2", facts=make_facts()),
    ]
    plan = plan_bring_up(lab, pod="lab", hosts=hosts, past=past)
    took = {wave.hosts[0]: wave.expected_s for wave in plan.waves}
    assert took == {"one": 205.0, "two": 5.0}


def test_the_hosts_that_are_flashed_and_rebooted_are_named(
    lab: PodSpec, make_facts: MakeFacts
) -> None:
    behind = make_facts(firmware={"BIOS": "1.0", "BMC": "1.8.0"})
    hosts = [
        PlannedHost(name="one", slot="r1-h1", facts=behind),
        PlannedHost(name="two", slot="r1-h2", powered=True),
    ]
    plan = plan_bring_up(lab, pod="lab", hosts=hosts)
    assert (plan.flashed(), plan.rebooted()) == (("one",), ("two",))


powers = st.tuples(st.integers(0, 50), st.integers(60, 300), st.integers(0, 900))
wirings = st.sampled_from(
    [("f0", None), ("f1", None), ("f0", "f1"), ("f1", "f0"), ("f1", "f2"), ("f2", None)]
)
states = st.sampled_from(["off", "on", "wrong"])
drawn_hosts = st.lists(st.tuples(powers, wirings, states), min_size=1, max_size=9)


def drawn_spec(lab: PodSpec, drawn: list[Any], amps: list[int], canary: int) -> PodSpec:
    """A spec with one host type per drawn host, on the drawn feeds."""
    value = lab.model_dump(mode="json")
    base = value["host_types"].pop("lab-cpu")
    value |= {"firmware": {}, "bios": {}, "bring_up": {"canary": canary}}
    value["feeds"] = {
        feed: {"rated_amps": rated, "volts": 230.0} for feed, rated in zip(FEEDS, amps, strict=True)
    }
    slots = []
    for n, ((standby, running, excess), (feed, feed_b), _) in enumerate(drawn):
        power = {
            "standby_watts": standby,
            "typical_watts": running,
            "nameplate_watts": running,
            "inrush_watts": running + excess,
            "inrush_s": 1.0 + n % 3,
        }
        value["host_types"][f"t{n}"] = base | {"power": power}
        slot = {"slot": f"s{n}", "unit": n + 1, "host_type": f"t{n}", "feed": feed}
        slots.append(slot | ({"feed_b": feed_b} if feed_b else {}))
    value["racks"][0]["slots"] = slots
    return PodSpec.model_validate(value, strict=False)


def most_watts(spec: PodSpec, plan: Plan, on: set[str]) -> dict[str, float]:
    """Per feed, the most it carries at any instant with any one feed dead, told anew."""
    slots = {slot.slot: slot for _, slot in spec.slots()}
    power = {name: spec.host_types[slot.host_type].power for name, slot in slots.items()}
    watts = {n: p.nameplate_watts if n in on else p.standby_watts for n, p in power.items()}
    instants = [dict(watts)]
    for wave in plan.waves:
        watts |= {n: max(power[n].inrush_watts, power[n].nameplate_watts) for n in wave.hosts}
        instants.append(dict(watts))
        watts |= {n: power[n].nameplate_watts for n in wave.hosts}
        instants.append(dict(watts))
    worst = dict.fromkeys(FEEDS, 0.0)
    for now, dead in itertools.product(instants, ("", *FEEDS)):
        load = dict.fromkeys(FEEDS, 0.0)
        for name, slot in slots.items():
            alive = [f for f in (slot.feed, slot.feed_b) if f and f != dead]
            for feed in alive:
                load[feed] += now[name] / len(alive)
        worst = {feed: max(worst[feed], load[feed]) for feed in FEEDS}
    return worst


@given(
    drawn=drawn_hosts,
    amps=st.lists(st.integers(8, 30), min_size=3, max_size=3),
    canary=st.integers(1, 3),
    seed=st.integers(0, 9),
)
def test_no_instant_is_over_a_budget_even_with_one_feed_dead(
    lab: PodSpec,
    make_facts: MakeFacts,
    drawn: list[Any],
    amps: list[int],
    canary: int,
    seed: int,
) -> None:
    spec = drawn_spec(lab, drawn, amps, canary)
    wrong = make_facts(memory=(MemoryModuleFact(slot="DIMM.1", capacity_gib=16),))
    hosts = [
        PlannedHost(
            name=f"s{n}",
            slot=f"s{n}",
            powered=state == "on",
            facts=wrong if state == "wrong" else None,
        )
        for n, (_, _, state) in enumerate(drawn)
    ]
    try:
        plan = plan_bring_up(spec, pod="p", hosts=hosts)
    except PlanError as error:
        refusal = error
        assert refusal.hint
        return
    on = {f"s{n}" for n, (_, _, state) in enumerate(drawn) if state == "on"}
    worst = most_watts(spec, plan, on)
    assert all(worst[feed] <= spec.feeds[feed].budget_watts + 0.01 for feed in FEEDS)
    started = sorted(itertools.chain(*(wave.hosts for wave in plan.waves)))
    assert started == sorted(f"s{n}" for n, (_, _, state) in enumerate(drawn) if state != "wrong")
    for feed in plan.feeds:
        shown = max(feed.peak_watts, feed.peak_lost_watts or 0.0)
        assert shown == pytest.approx(worst[feed.feed], abs=0.01)
    random.Random(seed).shuffle(hosts)
    assert plan_bring_up(spec, pod="p", hosts=hosts).digest == plan.digest


def test_a_dead_feed_is_named_when_the_other_cannot_carry_its_hosts(lab: PodSpec) -> None:
    drawn = [((0, 300, 900), ("f0", "f1"), "off"), ((0, 300, 900), ("f0", "f1"), "off")]
    spec = drawn_spec(lab, drawn, [20, 6, 20], 1)
    hosts = [PlannedHost(name=f"s{n}", slot=f"s{n}") for n in range(2)]
    with pytest.raises(PlanError, match=r"feed f1: .* and feed f0 dead that takes 1500 W, 396 W"):
        plan_bring_up(spec, pod="p", hosts=hosts)


def test_what_else_a_rack_holds_draws_all_the_time(lab: PodSpec) -> None:
    value = lab.model_dump(mode="json")
    switch = {"name": "leaf", "kind": "leaf-switch", "draw_watts": 300}
    value["rack_types"] = {"lab-rack": {"units": 42, "equipment": [switch]}}
    value["racks"][0] |= {"type": "lab-rack", "feed": "a"}
    spec = PodSpec.model_validate(value, strict=False)
    plan = lab_plan(spec)
    assert (plan.feeds[0].steps[0].watts, plan.peak_watts) == (80 + 300, 3300 + 300)
    value["rack_types"]["lab-rack"]["equipment"][0]["draw_watts"] = 400
    with pytest.raises(PlanError, match="takes 3700 W, 20 W more"):
        lab_plan(PodSpec.model_validate(value, strict=False))


def test_a_plan_is_shown_with_its_duration_gates_and_what_a_dead_feed_leaves(lab: PodSpec) -> None:
    value = lab.model_dump(mode="json")
    value["feeds"] |= {f"f{n}": value["feeds"]["a"] for n in range(9)}
    for slot in value["racks"][0]["slots"]:
        slot["feed_b"] = "f0"
    plan = lab_plan(PodSpec.model_validate(value, strict=False))
    text = io.StringIO()
    Console(file=text, width=80, color_system=None).print(render_plan(plan))
    assert "90 s from approval to the last host" in text.getvalue()
    assert "gates have passed: busbar, bmc-standby" in text.getvalue()
    assert "peak 1650 W (45%), 3300 W when the other feed dies" in text.getvalue()
    assert "… and 4 feeds that are less full" in text.getvalue()
    assert max(map(len, text.getvalue().splitlines())) <= 80
