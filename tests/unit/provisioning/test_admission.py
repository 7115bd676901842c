"""Watts at run time: within every budget with any feed dead, in the plan's order, never stuck."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from inventory.model import BootRecord, Host, Problem
from inventory.states import HostState, PowerState
from pods import catalogue
from pods.errors import PlanError
from pods.plan import PlannedHost, plan_bring_up
from pods.planned import Plan
from pods.spec import PodSpec
from provisioning.admission import (
    Admitted,
    Ledger,
    Waits,
    Wiring,
    admit,
    draw_ledger,
    stage_turn,
    wiring_of,
)
from tests.make import NOW, lab, make_boot, make_host

PARKED = Problem(kind="spec-mismatch", message="a module is missing", since=NOW)

Drawn = list[tuple[tuple[int, int, int], tuple[str, str | None], str]]
"""Of each host: standby, running and excess watts; its feeds; how the bring-up finds it."""


def spec_of(drawn: Drawn, budgets: dict[str, float], *, rack_watts: int = 0) -> PodSpec:
    """One host type for each drawn host; the rack's own equipment on the first host's feeds."""
    value = lab().model_dump(mode="json")
    base = value["host_types"].pop("lab-cpu")
    value |= {"firmware": {}, "bios": {}, "bring_up": {"canary": 1}}
    value["feeds"] = {
        feed: {"rated_amps": watts / 100, "volts": 100.0, "continuous_limit": 1.0}
        for feed, watts in budgets.items()
    }
    slots = []
    for n, ((standby, running, excess), (feed, feed_b), _) in enumerate(drawn):
        power = {
            "standby_watts": standby,
            "typical_watts": running,
            "nameplate_watts": running,
            "inrush_watts": running + excess,
            "inrush_s": 1.0,
        }
        value["host_types"][f"t{n}"] = base | {"power": power}
        slot = {"slot": f"h{n}", "unit": n + 1, "host_type": f"t{n}", "feed": feed}
        slots.append(slot | ({"feed_b": feed_b} if feed_b else {}))
    value["racks"][0]["slots"] = slots
    if rack_watts:
        switch = {"name": "leaf", "kind": "leaf-switch", "draw_watts": rack_watts}
        value["rack_types"] = {"lab-rack": {"units": 42, "equipment": [switch]}}
        feed, feed_b = drawn[0][1]
        value["racks"][0] |= {"type": "lab-rack", "feed": feed, "feed_b": feed_b}
    return PodSpec.model_validate(value, strict=False)


@dataclass
class Hall:
    """Hosts that ask for their watts whenever they are told to."""

    spec: PodSpec
    plan: Plan | None
    hosts: dict[str, Host] = field(default_factory=dict)

    @classmethod
    def of(cls, drawn: Drawn, budgets: dict[str, float], *, rack_watts: int = 0) -> Hall:
        """As its bring-up finds it, with its plan."""
        spec = spec_of(drawn, budgets, rack_watts=rack_watts)
        planned = [
            PlannedHost(name=f"h{n}", slot=f"h{n}", powered=state == "on")
            for n, (_, _, state) in enumerate(drawn)
        ]
        hosts = {
            f"h{n}": make_host(
                id=f"h{n}",
                name=f"h{n}",
                slot=f"h{n}",
                host_type=f"t{n}",
                feed=feeds[0],
                state=HostState.MATCHING,
                power=PowerState.ON if state == "on" else PowerState.OFF,
                problem=PARKED if state == "parked" else None,
                reserved_watts=watts[0],
            )
            for n, (watts, feeds, state) in enumerate(drawn)
        }
        return cls(spec, plan_bring_up(spec, pod="lab", hosts=planned), hosts)

    @property
    def wiring(self) -> Wiring:
        """Worked out anew each time: it may be."""
        return wiring_of(self.spec)

    def ledger(self) -> Ledger:
        """As records now are."""
        return draw_ledger(list(self.hosts.values()), self.wiring, self.plan)

    def change(self, name: str, **fields: Any) -> None:
        """Another record."""
        self.hosts[name] = self.hosts[name].model_copy(update=fields)

    def starting_watts(self, name: str) -> int:
        """The most that a host draws."""
        power = self.spec.host_types[self.hosts[name].host_type].power
        return max(power.inrush_watts, power.nameplate_watts)

    def ask(self, name: str) -> Admitted | Waits:
        """Ask for the inrush, and take it when it is given."""
        self.change(name, state=HostState.BOOTING, power=PowerState.OFF)
        answer = admit(self.ledger(), self.hosts[name], self.starting_watts(name))
        if isinstance(answer, Admitted):
            self.change(name, reserved_watts=self.starting_watts(name), power=PowerState.ON)
        return answer

    def settle(self, name: str) -> None:
        """Its inrush is over, and it becomes ready."""
        running = self.spec.host_types[self.hosts[name].host_type].power.nameplate_watts
        self.change(name, reserved_watts=running, state=HostState.READY, power=PowerState.ON)

    def is_starting(self, name: str) -> bool:
        """Between its reservation and its settling."""
        host = self.hosts[name]
        return host.state is HostState.BOOTING and host.power is PowerState.ON

    def step(self, name: str, chance: random.Random) -> bool:
        """What one host's turn does; whether anything changed."""
        host = self.hosts[name]
        if host.problem is not None or host.state is HostState.READY:
            return False
        if self.is_starting(name):
            if chance.random() < 0.5:
                return False
            self.settle(name)
            return True
        assert self.plan is not None
        if host.state is HostState.MATCHING:
            turn = stage_turn(self.ledger(), host, self.plan)
            if isinstance(turn, Waits):
                assert turn.reason
                return False
        answer = self.ask(name)
        return isinstance(answer, Admitted) or host.state is HostState.MATCHING

    def overload(self) -> dict[str, float]:
        """Per feed, watts over its budget at worst, told without the code under test."""
        draws = {}
        for name, host in self.hosts.items():
            power = self.spec.host_types[host.host_type].power
            found_on = host.power is PowerState.ON
            draws[name] = max(host.reserved_watts, power.nameplate_watts * found_on)
        wires = [((s.feed, s.feed_b), draws[s.slot]) for _, s in self.spec.slots()]
        wires.extend(
            ((rack.feed or "", rack.feed_b), _drawn(kind.equipment))
            for rack in self.spec.racks
            if (kind := self.spec.type_of(rack)) is not None
        )
        over = dict.fromkeys(self.spec.feeds, 0.0)
        for dead in ("", *self.spec.feeds):
            load = dict.fromkeys(self.spec.feeds, 0.0)
            for feeds, watts in wires:
                alive = {feed for feed in feeds if feed and feed != dead}
                for feed in alive:
                    load[feed] += watts / len(alive)
            for feed, watts in load.items():
                over[feed] = max(over[feed], watts - self.spec.feeds[feed].budget_watts)
        return {feed: watts for feed, watts in over.items() if watts > 0.01}


def _drawn(equipment: Any) -> float:
    return float(sum(one.draw_watts or 0 for one in equipment))


BIG = ((0, 400, 1400), ("a", None), "off")
SMALL = ((0, 400, 0), ("a", None), "off")
CROSSED: Drawn = [((0, 1000, 0), ("a", "b"), "off"), ((0, 1000, 0), ("b", "a"), "off")]


def test_hosts_whose_first_feeds_differ_are_counted_on_both() -> None:
    hall = Hall.of(CROSSED, {"a": 2000.0, "b": 2000.0})
    weak = Hall(spec_of(CROSSED, {"a": 1500.0, "b": 1500.0}), None, hall.hosts)

    assert isinstance(weak.ask("h0"), Admitted)

    answer = weak.ask("h1")
    assert isinstance(answer, Waits)
    assert "feed b, with feed a dead, carries 1000 W of 1500 W; h1 needs 1000 W, 500" in (
        answer.reason
    )


def test_a_budget_that_carries_all_with_a_feed_dead_admits_all() -> None:
    hall = Hall.of(CROSSED, {"a": 2000.0, "b": 2000.0})
    assert [isinstance(hall.ask(name), Admitted) for name in ("h0", "h1")] == [True, True]
    assert hall.overload() == {}


def test_what_the_racks_themselves_draw_is_counted() -> None:
    drawn = [SMALL, SMALL]
    hall = Hall.of(drawn, {"a": 1100.0}, rack_watts=300)
    weak = Hall(spec_of(drawn, {"a": 1000.0}, rack_watts=300), None, hall.hosts)
    assert isinstance(weak.ask("h0"), Admitted)
    answer = weak.ask("h1")
    assert isinstance(answer, Waits)
    assert "carries 700 W of 1000 W" in answer.reason


def test_a_rack_of_72_draws_seven_kilowatts_beside_its_hosts() -> None:
    wiring = wiring_of(catalogue.load("nvl72-gb200"))
    assert max(wiring.base.values()) > 5000


def test_small_hosts_wait_for_the_large_inrush_that_the_plan_starts_first() -> None:
    hall = Hall.of([BIG, BIG, *[SMALL] * 5], {"a": 3200.0})
    assert hall.plan is not None
    waves = [wave.hosts for wave in hall.plan.waves]
    (big,) = waves[0]
    answers = [hall.ask(f"h{n}") for n in range(2, 7)]
    assert all(isinstance(answer, Waits) for answer in answers)
    assert f"starts after {big} (wave 1, matching)" in str(answers[0])

    for name in itertools.chain(*waves):
        assert isinstance(hall.ask(name), Admitted)
        assert hall.overload() == {}
        hall.settle(name)


@pytest.mark.parametrize(
    "fields",
    [
        {"problem": PARKED},
        {"problem": PARKED.model_copy(update={"next_at": NOW, "seen": 5})},
        {"target": "enrolled"},
        {"target": "repairing"},
        {"state": HostState.REPAIRING},
        {"state": HostState.RETIRED},
        {"state": HostState.READY, "reserved_watts": 400},
    ],
)
def test_a_host_that_started_or_will_not_keeps_nobody_waiting(fields: dict[str, Any]) -> None:
    hall = Hall.of([BIG, SMALL], {"a": 3200.0})
    assert isinstance(hall.ask("h1"), Waits)
    hall.change("h0", **fields)
    assert isinstance(hall.ask("h1"), Admitted)


def test_a_host_that_was_forgotten_keeps_nobody_waiting() -> None:
    hall = Hall.of([BIG, SMALL], {"a": 3200.0})
    del hall.hosts["h0"]
    assert isinstance(hall.ask("h1"), Admitted)


def test_a_host_that_podyard_is_only_late_with_is_waited_for() -> None:
    hall = Hall.of([BIG, SMALL], {"a": 3200.0})
    hall.change("h0", problem=PARKED.model_copy(update={"kind": "overstayed", "next_at": NOW}))
    assert isinstance(hall.ask("h1"), Waits)


def test_waves_on_other_feeds_are_not_waited_for() -> None:
    hall = Hall.of([BIG, ((0, 400, 0), ("b", None), "off")], {"a": 3200.0, "b": 3200.0})
    assert isinstance(hall.ask("h1"), Admitted)


def test_a_host_that_lost_its_room_while_it_was_parked_does_not_stop_the_rest() -> None:
    hall = Hall.of([BIG, *[SMALL] * 6], {"a": 3200.0})
    hall.change("h0", problem=PARKED)
    for n in range(1, 6):
        assert isinstance(hall.ask(f"h{n}"), Admitted)
        hall.settle(f"h{n}")
    hall.change("h0", problem=None)
    answer = hall.ask("h0")
    assert isinstance(answer, Waits)
    assert "h0 needs 1800 W" in answer.reason
    assert isinstance(hall.ask("h6"), Admitted)


def test_watts_are_given_back_however_full_the_feed_is() -> None:
    hall = Hall.of([SMALL, SMALL], {"a": 900.0})
    hall.change("h0", reserved_watts=5000)
    assert isinstance(admit(hall.ledger(), hall.hosts["h0"], 400), Admitted)


def test_a_host_whose_power_on_was_asked_for_is_no_longer_waited_for() -> None:
    hall = Hall.of([BIG, SMALL], {"a": 3200.0})
    boot: BootRecord = make_boot(powered_at=NOW)
    hall.change("h0", state=HostState.BOOTING, boot=boot, reserved_watts=400)
    assert isinstance(hall.ask("h1"), Admitted)


def test_a_slot_that_the_spec_lacks_has_no_feed_to_draw_from() -> None:
    hall = Hall.of([SMALL], {"a": 900.0})
    hall.change("h0", slot="elsewhere")
    assert "slot elsewhere is not in the pod's spec" in str(hall.ask("h0"))


def test_the_rest_waits_until_every_trial_host_is_ready_or_parked() -> None:
    hall = Hall.of([SMALL] * 5, {"a": 9000.0})
    assert hall.plan is not None
    assert [(w.stage, w.hosts) for w in hall.plan.waves] == [
        ("canary", ("h0",)),
        ("trial", ("h1", "h2")),
        ("rest", ("h3", "h4")),
    ]
    rest = hall.hosts["h3"]

    def turn() -> Admitted | Waits:
        assert hall.plan is not None
        return stage_turn(hall.ledger(), rest, hall.plan)

    hall.change("h1", state=HostState.ACCEPTING, reserved_watts=400)
    assert "h1 (wave 2, accepting) is neither ready nor parked" in str(turn())
    hall.settle("h1")
    assert "h2 (wave 2, matching)" in str(turn())
    hall.change("h2", problem=PARKED)
    assert turn() == Admitted()


def test_waves_of_a_plan_that_is_no_longer_the_pods_say_nothing() -> None:
    hall, other = (Hall.of([SMALL] * n, {"a": 9000.0}) for n in (5, 4))
    assert other.plan is not None
    answer = stage_turn(hall.ledger(), hall.hosts["h3"], other.plan)
    assert answer == Waits("waiting for a look at the whole pod")


powers = st.tuples(st.integers(0, 50), st.integers(60, 300), st.sampled_from([0, 0, 60, 300, 900]))
wirings = st.sampled_from([("a", None), ("a", None), ("a", "b"), ("b", "a"), ("b", "c")])
states = st.sampled_from(["off", "off", "off", "on", "parked"])


def tight(drawn: Drawn, slack_watts: int, rack_watts: int) -> dict[str, float]:
    """Feeds that carry all when all run, with any other feed dead, and this much more."""
    running = dict.fromkeys("abc", float(slack_watts))
    for (_, watts, _), feeds, _ in drawn:
        for feed in filter(None, feeds):
            running[feed] += watts
    for feed in filter(None, drawn[0][1]):
        running[feed] += rack_watts
    return running


@given(
    drawn=st.lists(st.tuples(powers, wirings, states), min_size=1, max_size=9),
    slack_watts=st.integers(1, 900),
    rack_watts=st.sampled_from([0, 300]),
    seed=st.integers(0, 2**32),
)
def test_in_whatever_order_hosts_ask_no_feed_is_over_and_all_start_in_the_end(
    drawn: Drawn, slack_watts: int, rack_watts: int, seed: int
) -> None:
    try:
        hall = Hall.of(drawn, tight(drawn, slack_watts, rack_watts), rack_watts=rack_watts)
    except PlanError:
        reject()
    chance = random.Random(seed)
    sound = {name for name, host in hall.hosts.items() if host.problem is None}
    stalled = False
    while not stalled:
        names = list(hall.hosts)
        chance.shuffle(names)
        moved = False
        for name in names:
            moved |= hall.step(name, chance)
            assert hall.overload() == {}
        parked = [name for name, host in hall.hosts.items() if host.problem is not None]
        if parked and (not moved or chance.random() < 0.1):
            hall.change(chance.choice(parked), problem=None)  # a person says retry
            moved = True
        stalled = not moved and not any(hall.is_starting(name) for name in names)
    assert {name for name in sound if hall.hosts[name].state is not HostState.READY} == set()
