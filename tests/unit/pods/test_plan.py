"""The plan: pure, within every feed's budget at every step, and unable to be changed unseen."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from pods.checking import check
from pods.errors import PlanError
from pods.facts import HardwareFacts, MemoryModuleFact
from pods.plan import Plan, PlannedHost, diff, plan_bring_up
from pods.power import fits
from pods.spec import PodSpec

MakeFacts = Callable[..., HardwareFacts]


def lab_hosts(lab: PodSpec, **changes: Any) -> list[PlannedHost]:
    return [
        PlannedHost(name=f"lab-{slot.slot}", slot=slot.slot, **changes) for _, slot in lab.slots()
    ]


def waves_of(plan: Plan) -> list[tuple[str, ...]]:
    return [wave.hosts for wave in plan.waves]


def with_feed(spec: PodSpec, *, rated_amps: float, **bring_up: Any) -> PodSpec:
    value = spec.model_dump(mode="json")
    value["feeds"]["a"]["rated_amps"] = rated_amps
    value["bring_up"] |= bring_up
    return PodSpec.model_validate(value, strict=False)


def test_the_lab_starts_a_canary_then_as_many_as_the_feed_carries(lab: PodSpec) -> None:
    plan = plan_bring_up(lab, pod="lab", hosts=lab_hosts(lab))
    assert waves_of(plan) == [("lab-r1-h1",), ("lab-r1-h2", "lab-r1-h3"), ("lab-r1-h4",)]
    assert [wave.stage for wave in plan.waves] == ["canary", "trial", "rest"]
    assert (plan.peak_watts, plan.budget_watts) == (3300.0, 3680.0)


def test_the_envelope_follows_standby_inrush_and_nameplate(lab: PodSpec) -> None:
    (feed,) = plan_bring_up(lab, pod="lab", hosts=lab_hosts(lab)).feeds
    assert [(step.wave, step.phase, step.watts) for step in feed.steps] == [
        (0, "standby", 80.0),
        (1, "starting", 1260.0),
        (1, "running", 760.0),
        (2, "starting", 3120.0),
        (2, "running", 2120.0),
        (3, "starting", 3300.0),
        (3, "running", 2800.0),
    ]


def test_a_roomy_feed_still_widens_in_stages(lab: PodSpec) -> None:
    plan = plan_bring_up(with_feed(lab, rated_amps=63.0), pod="lab", hosts=lab_hosts(lab))
    assert [len(hosts) for hosts in waves_of(plan)] == [1, 2, 1]


def test_more_canaries_than_fit_are_spread_over_waves(lab: PodSpec) -> None:
    plan = plan_bring_up(with_feed(lab, rated_amps=20.0, canary=4), pod="lab", hosts=lab_hosts(lab))
    assert [wave.canary for wave in plan.waves] == [True] * len(plan.waves)
    assert sum(len(wave.hosts) for wave in plan.waves) == 4


def test_the_order_in_which_hosts_are_given_changes_nothing(lab: PodSpec) -> None:
    digests = {
        plan_bring_up(lab, pod="lab", hosts=hosts).digest
        for hosts in itertools.permutations(lab_hosts(lab))
    }
    assert len(digests) == 1


def test_a_host_behind_has_its_update_listed_as_destructive(
    lab: PodSpec, make_facts: MakeFacts
) -> None:
    facts = make_facts(
        firmware={"BIOS": "2.3.0", "BMC": "1.8.0"}, bios={"BootMode": "Legacy", "Other": 1}
    )
    hosts = [PlannedHost(name="lab-r1-h2", slot="r1-h2", facts=facts)]
    plan = plan_bring_up(lab, pod="lab", hosts=hosts)
    (update,) = plan.destructive_acts()
    assert (update.host, update.kind) == ("lab-r1-h2", "firmware_update")
    assert str(update) == "lab-r1-h2: firmware_update BIOS 2.3.0 → 2.4.1"
    assert [str(act) for act in plan.acts() if act.kind == "bios_change"] == [
        "lab-r1-h2: bios_change BootMode Legacy → Uefi",
        "lab-r1-h2: bios_change HyperThreading absent → Disabled",
        "lab-r1-h2: bios_change PowerProfile absent → MaxPerformance",
    ]
    assert plan.unknown_hosts == ()


def test_a_host_as_designed_has_nothing_destructive_ahead(
    lab: PodSpec, make_facts: MakeFacts
) -> None:
    plan = plan_bring_up(lab, pod="lab", hosts=lab_hosts(lab, facts=make_facts()))
    assert plan.destructive_acts() == ()
    assert [act.kind for act in plan.waves[0].acts] == ["power_on", "boot", "configure", "accept"]


def test_hosts_without_facts_are_named_as_unknown(lab: PodSpec) -> None:
    plan = plan_bring_up(lab, pod="lab", hosts=lab_hosts(lab))
    assert len(plan.unknown_hosts) == 4


def test_a_host_built_wrong_is_parked_keeps_its_standby_and_gets_no_act(
    lab: PodSpec, make_facts: MakeFacts
) -> None:
    memory = tuple(MemoryModuleFact(slot=f"DIMM.{n}", capacity_gib=16) for n in (1, 2, 3))
    wrong = make_facts(memory=memory, firmware={"BIOS": "1.0", "BMC": "1.0"})
    hosts = lab_hosts(lab)
    hosts[0] = PlannedHost(name="lab-r1-h1", slot="r1-h1", facts=wrong)
    plan = plan_bring_up(lab, pod="lab", hosts=hosts)
    (parked,) = plan.parked
    assert parked.host == "lab-r1-h1"
    assert parked.reason == "memory.modules: wanted 4, found 3"
    assert "DIMM.4" in parked.remedy
    assert all(act.host != "lab-r1-h1" for act in plan.acts())
    assert plan.destructive_acts() == ()
    assert plan.feeds[0].steps[-1].watts == 3 * 700 + 20


def test_a_powered_host_reserves_its_nameplate_and_is_not_switched_on(lab: PodSpec) -> None:
    hosts = lab_hosts(lab)
    hosts[3] = PlannedHost(name="lab-r1-h4", slot="r1-h4", powered=True)
    plan = plan_bring_up(lab, pod="lab", hosts=hosts)
    assert plan.feeds[0].steps[0].watts == 3 * 20 + 700
    kinds = {act.kind for act in plan.acts() if act.host == "lab-r1-h4"}
    assert kinds == {"boot", "configure", "accept"}


def test_no_hosts_make_an_empty_plan(lab: PodSpec) -> None:
    plan = plan_bring_up(lab, pod="lab", hosts=[])
    assert (plan.waves, plan.peak_watts, plan.budget_watts) == ((), 0.0, 3680.0)


def test_a_host_that_can_never_start_is_named_with_its_feed(lab: PodSpec) -> None:
    tight = with_feed(lab, rated_amps=16.0)
    with pytest.raises(PlanError, match=r"lab-r1-h4 can never start on feed a.*356 W") as caught:
        plan_bring_up(tight, pod="lab", hosts=lab_hosts(lab))
    assert "r1-h4" in caught.value.hint


def test_three_hosts_of_a_tight_feed_can_be_planned(lab: PodSpec) -> None:
    tight = with_feed(lab, rated_amps=16.0)
    assert plan_bring_up(tight, pod="lab", hosts=lab_hosts(lab)[:3]).peak_watts <= 2944


def test_hosts_that_run_already_over_the_budget_are_told(lab: PodSpec) -> None:
    tight = with_feed(lab, rated_amps=10.0)
    with pytest.raises(PlanError, match="2800 W before anything is started") as caught:
        plan_bring_up(tight, pod="lab", hosts=lab_hosts(lab, powered=True))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        ([PlannedHost(name="x", slot="r9-h1")], "slot 'r9-h1', which lab-4@1 lacks"),
        (
            [PlannedHost(name="x", slot="r1-h1"), PlannedHost(name="y", slot="r1-h1")],
            "holds both x and y",
        ),
        (
            [PlannedHost(name="x", slot="r1-h1"), PlannedHost(name="x", slot="r1-h2")],
            "planned in two slots",
        ),
    ],
)
def test_hosts_that_do_not_fit_the_slots_are_refused(
    lab: PodSpec, hosts: Sequence[PlannedHost], words: str
) -> None:
    with pytest.raises(PlanError, match=words) as caught:
        plan_bring_up(lab, pod="lab", hosts=hosts)
    assert caught.value.hint


def test_a_plan_reads_back_and_a_changed_one_does_not(lab: PodSpec) -> None:
    plan = plan_bring_up(lab, pod="lab", hosts=lab_hosts(lab))
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    value = plan.model_dump(mode="json")
    assert Plan.model_validate(value) == plan
    value["peak_watts"] = 1.0
    with pytest.raises(ValidationError, match="was changed"):
        Plan.model_validate(value)


def test_the_digest_of_the_labs_plan_is_stable(lab: PodSpec) -> None:
    plan = plan_bring_up(lab, pod="lab", hosts=lab_hosts(lab))
    again = plan_bring_up(lab, pod="lab", hosts=lab_hosts(lab))
    assert plan.digest == again.digest
    assert plan.spec_digest == lab.digest()
    assert plan_bring_up(lab, pod="other", hosts=lab_hosts(lab)).digest != plan.digest


def test_plans_differ_where_they_differ_and_nowhere_else(
    lab: PodSpec, make_facts: MakeFacts
) -> None:
    a = plan_bring_up(lab, pod="lab", hosts=lab_hosts(lab))
    assert diff(a, a) == ()
    hosts = lab_hosts(lab)
    hosts[0] = PlannedHost(
        name="lab-r1-h1", slot="r1-h1", facts=make_facts(firmware={"BIOS": "1.0", "BMC": "1.8.0"})
    )
    b = plan_bring_up(lab, pod="lab", hosts=hosts)
    paths = {change.path for change in diff(a, b)}
    assert "digest" in paths
    assert any(path.startswith("waves[0].acts") for path in paths)
    assert not any(path.startswith("feeds") for path in paths)


powers = st.fixed_dictionaries(
    {
        "standby_watts": st.integers(0, 50),
        "typical_watts": st.integers(50, 300),
        "extra_nameplate": st.integers(0, 400),
        "extra_inrush": st.integers(0, 1500),
    }
)


def mixed_spec(lab: PodSpec, kinds: list[dict[str, int]], amps: list[int]) -> PodSpec:
    """One host per drawn power figure, in turn on the drawn feeds."""
    value = lab.model_dump(mode="json")
    base = value["host_types"].pop("lab-cpu")
    value |= {"firmware": {}, "bios": {}}
    value["feeds"] = {
        f"f{n}": {"rated_amps": rated, "volts": 230.0} for n, rated in enumerate(amps)
    }
    for n, kind in enumerate(kinds):
        power = {
            "standby_watts": kind["standby_watts"],
            "typical_watts": kind["typical_watts"],
            "nameplate_watts": kind["typical_watts"] + kind["extra_nameplate"],
            "inrush_watts": kind["typical_watts"] + kind["extra_inrush"],
            "inrush_s": 1.0,
        }
        value["host_types"][f"t{n}"] = base | {"power": power}
    value["racks"][0]["slots"] = [
        {"slot": f"s{n}", "unit": n + 1, "host_type": f"t{n}", "feed": f"f{n % len(amps)}"}
        for n in range(len(kinds))
    ]
    return PodSpec.model_validate(value, strict=False)


def singly_feasible(spec: PodSpec) -> bool:
    """Whether some order of starting hosts one by one keeps each feed: by trying every order."""
    for feed in spec.feeds:
        kinds = [spec.host_types[s.host_type].power for _, s in spec.slots() if s.feed == feed]
        if not any(
            all(
                fits(
                    sum(p.nameplate_watts for p in order[:n])
                    + max(order[n].inrush_watts, order[n].nameplate_watts)
                    + sum(p.standby_watts for p in order[n + 1 :]),
                    budget_watts=spec.feeds[feed].budget_watts,
                )
                for n in range(len(order))
            )
            for order in itertools.permutations(kinds)
        ):
            return False
    return True


@given(
    kinds=st.lists(powers, min_size=1, max_size=7),
    amps=st.lists(st.integers(4, 20), min_size=1, max_size=2),
    canary=st.integers(1, 3),
)
def test_a_plan_keeps_every_budget_and_is_found_whenever_there_is_one(
    lab: PodSpec, kinds: list[dict[str, int]], amps: list[int], canary: int
) -> None:
    assume(len(kinds) <= 5 or len(amps) == 2)  # every order is tried, so few hosts a feed
    spec = mixed_spec(lab, kinds, amps)
    spec = spec.model_copy(update={"bring_up": spec.bring_up.model_copy(update={"canary": canary})})
    hosts = [PlannedHost(name=slot.slot, slot=slot.slot) for _, slot in spec.slots()]
    try:
        plan = plan_bring_up(spec, pod="p", hosts=hosts)
    except PlanError:
        assert not singly_feasible(spec)
        return
    assert singly_feasible(spec)
    assert sorted(itertools.chain(*waves_of(plan))) == sorted(host.name for host in hosts)
    for feed in plan.feeds:
        assert all(fits(step.watts, budget_watts=feed.budget_watts) for step in feed.steps)
        assert feed.peak_watts == max(step.watts for step in feed.steps)


def test_a_pod_of_ten_thousand_hosts_is_planned(lab: PodSpec) -> None:
    value = lab.model_dump(mode="json")
    value["racks"] = [
        {
            "name": f"r{r}",
            "units": 40,
            "slots": [
                {
                    "slot": f"r{r}-h{u}",
                    "unit": u,
                    "host_type": "lab-cpu",
                    "feed": f"f{r}-{(u - 1) // 4}",
                }
                for u in range(1, 41)
            ],
        }
        for r in range(250)
    ]
    value["feeds"] = {
        f"f{r}-{n}": {"rated_amps": 20, "volts": 230} for r in range(250) for n in range(10)
    }
    spec = check(value)
    hosts = [PlannedHost(name=slot.slot, slot=slot.slot) for _, slot in spec.slots()]
    plan = plan_bring_up(spec, pod="big", hosts=hosts)
    assert sum(len(wave.hosts) for wave in plan.waves) == 10_000
    assert [len(wave.hosts) for wave in plan.waves][:2] == [1, 1000]
    assert len(plan.waves) == 4
