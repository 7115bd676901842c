"""What pages show, made from records: the pure part, without a page."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from inventory.model import Event, Problem
from inventory.netbox.door import NetBoxDrift
from inventory.parts import Part, parts_change
from inventory.places import Location, PowerFeed, Rack
from inventory.states import HostState
from inventory.web.views import looks
from inventory.web.views.bring_up import PowerMark, curve, power_marks, wave_lines
from inventory.web.views.drift import drift_table
from inventory.web.views.hosts import acts_for, event_line, heat, line, part_groups, readings
from inventory.web.views.overview import problems, shares
from inventory.web.views.power import budgets, held_by_feed, meters
from inventory.web.views.racks import elevation, floor
from pods import catalogue
from pods.facts import AcceleratorFact, CoolantConnectorFact, LeakDetectorFact
from pods.plan import PlannedHost, plan_bring_up
from tests.unit.inventory.records import NOW, make_facts, make_host, make_pod

PARKED = Problem(kind="spec-mismatch", message="m", since=NOW, remedy="r")
WORKED_ON = Problem(kind="bmc-unreachable", message="m", since=NOW, next_at=NOW)
SPEC = catalogue.load("lab-4")
PLAN = plan_bring_up(
    SPEC, pod="lab", hosts=[PlannedHost(name=f"r1-h{n}", slot=f"r1-h{n}") for n in range(1, 5)]
)


@pytest.mark.parametrize(
    ("state", "problem", "tone"),
    [
        (HostState.READY, None, "good"),
        (HostState.BOOTING, None, "work"),
        (HostState.ENROLLED, None, "rest"),
        (HostState.REPAIRING, None, "hand"),
        (HostState.RETIRED, None, "gone"),
        (HostState.READY, WORKED_ON, "warn"),
        (HostState.READY, PARKED, "stop"),
    ],
)
def test_a_problem_stands_beside_the_state_and_both_are_told(
    state: HostState, problem: Problem | None, tone: str
) -> None:
    shown = looks.host_look(state, problem)
    assert shown.tone == tone
    assert state.value in shown.label


def test_every_tone_has_a_shape_of_its_own() -> None:
    assert len(set(looks.SYMBOLS.values())) == len(looks.SYMBOLS) == len(looks.WORST_FIRST)


@pytest.mark.parametrize(
    ("watts", "text"),
    [(0, "0 W"), (940, "940 W"), (3680.0, "3.7 kW"), (10_000, "10 kW"), (214_200, "214 kW"),
     (1_420_000, "1.42 MW"), (None, "not known")],
)  # fmt: skip
def test_watts_are_told_in_three_figures(watts: float | None, text: str) -> None:
    assert looks.watts(watts) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "now"), (12, "12 s ago"), (-40, "in 40 s"), (3600, "1 h 00 min ago"),
     (86400, "1 day ago"), (200_000, "2 days ago")],
)  # fmt: skip
def test_ages_are_told_to_the_unit_that_matters(seconds: float, text: str) -> None:
    assert looks.ago(NOW - timedelta(seconds=seconds), NOW) == text


def test_parked_hosts_come_first_and_the_longest_waiting_before_the_others() -> None:
    hosts = [
        line(make_host(1, problem=WORKED_ON.model_copy(update={"since": NOW - timedelta(days=9)}))),
        line(make_host(2, problem=PARKED)),
        line(make_host(3, problem=PARKED.model_copy(update={"since": NOW - timedelta(hours=1)}))),
        line(make_host(4, state=HostState.READY)),
    ]
    assert [host.name for host in problems(hosts)] == ["r1-h3", "r1-h2", "r1-h1"]


def test_a_bar_of_states_is_whole() -> None:
    hosts = [line(make_host(n, state=HostState.READY)) for n in range(1, 4)]
    found = shares([*hosts, line(make_host(9, problem=PARKED))], width=100)
    assert [(one.tone, one.count, one.width) for one in found] == [("stop", 1, 25), ("good", 3, 75)]


def test_a_host_on_two_feeds_burdens_each_by_half() -> None:
    hosts = [
        line(make_host(1, reserved_watts=1000)),
        line(make_host(2, reserved_watts=400, feed_b="b")),
    ]
    assert held_by_feed(hosts) == {("here", "a"): 1200.0, ("here", "b"): 200.0}


def test_a_feeds_record_knows_better_than_a_pods_design() -> None:
    designed = budgets((), [make_pod()])
    assert designed["here", "a"] == SPEC.feeds["a"].budget_watts
    tight = PowerFeed(id="f", name="a", site="here", volts=230, amps=16, budget_watts=1000)
    assert budgets([tight], [make_pod()])["here", "a"] == 1000
    shown = meters({("here", "a"): 990.0}, {("here", "a"): 1000.0})
    assert (shown[0].tone, shown[0].told) == ("warn", "990 W of 1 kW, 99%")
    assert meters({("here", "x"): 5.0}, {})[0].told == "5 W, budget not known"


def test_racks_stand_in_their_rows_and_without_a_place_by_their_pod() -> None:
    hosts = [line(make_host(1)), line(make_host(2, rack="r2", problem=PARKED))]
    racks = [
        Rack(id="1", name="r1", site="here", location="row", position_in_row=2),
        Rack(id="3", name="r3", site="here", location="row", position_in_row=1),
    ]
    places = [
        Location(id="hall", site="here", name="a", kind="hall"),
        Location(id="row", site="here", name="1", kind="row", parent="hall", title="Row 1"),
    ]
    rows = {row.title: [tile.name for tile in row.tiles] for row in floor(hosts, racks, places)}
    assert rows == {"here: hall a, Row 1": ["r3", "r1"], "here: pod lab": ["r2"]}
    [bad] = [row.tiles[0] for row in floor(hosts, racks, places) if row.title == "here: pod lab"]
    assert (bad.tone, bad.told) == ("stop", "1 host, 1 parked")


def test_hosts_stand_in_their_units_and_none_is_left_out() -> None:
    unit = next(slot.unit for _, slot in SPEC.slots() if slot.slot == "r1-h1")
    hosts = [
        line(make_host(1)),
        line(make_host(2, slot="elsewhere")),
        line(make_host(3, position=9)),
    ]
    drawn = elevation(None, hosts, (), {"lab": make_pod()}, {})
    assert drawn.units == SPEC.racks[0].units
    places = {box.name: box.y for box in drawn.boxes}
    top = drawn.numbers[drawn.units - unit]
    assert top.number == unit
    assert abs(places["r1-h1"] - top.y) < 18 * SPEC.host_types["lab-cpu"].height_units
    assert [host.name for host in drawn.unplaced] == ["r1-h2"]


def test_a_host_is_as_high_as_its_chassis() -> None:
    spec = catalogue.load("su-h100-32")
    pod = make_pod(spec_document=spec.model_dump(mode="json"))
    host = line(make_host(1, slot="r1-h2", host_type="host"))
    [box] = elevation(None, [host], (), {"lab": pod}, {}).boxes
    high = spec.host_types["host"].height_units
    assert high == 8
    assert box.height == high * 18 - 2


def test_a_leak_is_written_into_the_elevation() -> None:
    facts = make_facts(
        coolant=(CoolantConnectorFact(slot="0", supply_celsius=32, return_celsius=47, flow_lpm=2),),
        leak_detectors=(
            LeakDetectorFact(slot="a", state="OK"),
            LeakDetectorFact(slot="b", state="Critical"),
        ),
    )
    told = heat(facts)
    assert (told.supply, told.back, told.flow) == ("32 °C", "47 °C", "2 L/min")
    assert told.leak is not None
    assert told.leak.tone == "stop"
    drawn = elevation(None, [line(make_host(1))], (), {"lab": make_pod()}, {"r1-h1": told})
    assert drawn.boxes[0].right == "leak Critical · 47 °C"


def test_no_facts_are_no_readings_and_lost_links_stand_out() -> None:
    assert readings(None) == ()
    assert not heat(None).told
    gpu = AcceleratorFact(slot="1", model="m", memory_gib=80, links_up=17, link_ports=18)
    [found] = [one for one in readings(make_facts(accelerators=(gpu,))) if one.what == "links up"]
    assert (found.value, found.tone) == ("17 of 18", "warn")


def test_a_slot_shows_what_was_there_before() -> None:
    host, old = make_host(1), make_facts()
    gpu = old.accelerators[0]
    first = old.model_copy(update={"accelerators": (gpu.model_copy(update={"serial": "A"}),)})
    then = old.model_copy(update={"accelerators": (gpu.model_copy(update={"serial": "B"}),)})
    change = parts_change(host, (), first, NOW)
    before = [part for part in change.insert if isinstance(part, Part)]
    change = parts_change(host, before, then, NOW + timedelta(days=1))
    after = [part for part in (*change.replace, *change.insert) if isinstance(part, Part)]
    kept = {part.id: part for part in (*before, *after)}
    groups = {group.kind: group for group in part_groups(kept.values())}
    [slot] = groups["accelerator"].slots
    assert slot.present is not None
    assert slot.present.serial == "B"
    assert [part.serial for part in slot.past] == ["A"]
    assert not groups["memory"].folded  # four modules hide nothing


def test_what_may_be_asked_follows_what_is() -> None:
    def names(**fields: object) -> list[str]:
        return [act.name for act in acts_for(make_host(1, **fields))]

    assert names(state=HostState.RETIRED) == []
    assert names(target="ready", problem=PARKED)[0] == "retry"
    assert "retry" not in names(target="ready")
    assert names(target="enrolled")[0] == "ready"
    assert "repair" not in names(target="repairing")
    assert all(act.confirm for act in acts_for(make_host(1)) if act.name in {"retire", "repair"})


def test_an_event_leads_to_what_it_is_about() -> None:
    event = Event(at=NOW, actor="x", kind="host.state", subject="host:a/b", old="x", new="y")
    assert event_line(event).href == "/hosts/a%2Fb"
    assert event_line(event).change == "x → y"
    assert event_line(event.model_copy(update={"subject": "key:1"})).href == ""


def test_waves_say_who_is_ready_and_who_is_gone() -> None:
    hosts = {"r1-h1": line(make_host(1, state=HostState.READY))}
    lines = wave_lines(PLAN, hosts)
    assert (lines[0].state, lines[0].ready) == ("done", 1)
    assert lines[1].missing == PLAN.waves[1].hosts
    assert lines[1].state == "waiting"


def test_a_wave_says_once_why_its_hosts_are_not_started() -> None:
    why = "waiting for power: feed a is dead (breaker 12 is open): it has no other"
    booting = {"state": HostState.BOOTING, "waiting": why}
    hosts = {name: line(make_host(1, name=name, **booting)) for name in PLAN.waves[1].hosts}
    (first, second, *_) = wave_lines(PLAN, hosts)
    assert second.held_back == (why,)
    assert first.held_back == ()
    busy = {n: line(make_host(1, name=n, waiting="measuring")) for n in PLAN.waves[1].hosts}
    assert wave_lines(PLAN, busy)[1].held_back == ()


def test_the_curve_keeps_the_plan_and_draws_what_was_held_as_far_as_it_came() -> None:
    pod, ended = make_pod(plan=PLAN), NOW + timedelta(hours=1)
    slots = {f"r1-h{n}": f"r1-h{n}" for n in range(1, 5)}
    rest = curve(pod, PLAN, [], 80.0, slots=slots, now=NOW)
    assert rest.held.count("L") == 1
    assert rest.planned.count("L") == 2 * len(PLAN.feeds[0].steps) - 1

    marks = [PowerMark(at=NOW, host=name, on=True) for name in PLAN.waves[0].hosts]
    begun = curve(pod, PLAN, marks, 900.0, slots=slots, now=ended)
    assert begun.held.count("L") == 2 * 3 - 1  # at rest, and the first wave's start and run
    assert begun.now is not None
    assert begun.now.text == "900 W"
    assert begun.budget_y >= begun.top


def test_power_marks_are_those_of_the_pods_own_hosts() -> None:
    events = [
        Event(seq=n, at=NOW, actor="p", kind=kind, subject=subject)
        for n, (kind, subject) in enumerate(
            [
                ("host.power.on", "host:r1-h1"),
                ("host.power.on", "host:other"),
                ("host.state", "host:r1-h1"),
                ("host.power.off", "host:r1-h1"),
            ]
        )
    ]
    assert [(mark.host, mark.on) for mark in power_marks(events, ["r1-h1"])] == [
        ("r1-h1", True),
        ("r1-h1", False),
    ]


def test_drift_says_kinds_and_names_and_no_ids() -> None:
    ident = f"host/{uuid.uuid4()}"
    drift = NetBoxDrift(
        refused=(
            {"ident": ident, "name": "r1-h1", "why": "two look like it", "hint": ""},
            {"ident": "copy/device/7", "name": "r1-h2", "why": "it was copied", "hint": ""},
        ),
        intents=(
            {"ident": ident, "name": "r1-h1", "field": "rack", "podyard": "r1", "netbox": "r2"},
        ),
    )
    lines = drift_table(drift).lines
    assert [(one.what, one.name) for one in lines] == [
        ("host", "r1-h1"),
        ("device", "r1-h2"),
        ("host", "r1-h1"),
    ]
