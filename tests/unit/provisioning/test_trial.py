"""When a trial stage has shown what it had to show."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from inventory.model import Host, PlanApproval
from inventory.states import HostState
from pods.plan import PlannedHost, plan_bring_up
from pods.planned import Act, Plan, Wave
from provisioning.admission import draw_ledger, stage_turn, wiring_of
from provisioning.livepod import LivePod
from provisioning.poddesign import design_of
from provisioning.trial import Trial
from tests.make import NOW, lab, make_host, make_pod

NAMES = tuple(f"h{n}" for n in range(10))
FLASHED = frozenset(NAMES[:4])


def plan() -> Plan:
    """A trial of ten, four of which are flashed."""
    acts = tuple(
        Act(host=name, kind="firmware_update", destructive=True, component="BIOS", to_version="2")
        for name in sorted(FLASHED)
    )
    canary = Wave(number=1, stage="canary", hosts=("first",), acts=())
    trial = Wave(number=2, stage="trial", hosts=NAMES, acts=acts)
    said: dict[str, Any] = {"waves": (canary, trial)}
    return Plan.model_construct(**said)


def noted(trial: Trial, ready: frozenset[str]) -> Trial:
    for name in NAMES:
        state = HostState.READY if name in ready else HostState.BOOTING
        trial.note(host(name, state))
    return trial


def host(name: str, state: HostState) -> Host:
    return make_host(id=name, name=name, serial=name, state=state)


def brought_up(name: str, at: datetime) -> Host:
    return host(name, HostState.READY).model_copy(update=ready_since(at))


def ready_since(at: datetime) -> dict[str, Any]:
    return {"state": HostState.READY, "state_since": at}


def test_one_host_decides_nothing_once_more_than_half_of_its_kind_are_ready() -> None:
    trial = noted(Trial(plan(), stop_share=0.5), frozenset({"h4", "h5", "h6"}))
    assert not trial.is_shown("h9")
    trial.note(host("h7", HostState.READY))
    assert trial.is_shown("h9")


def test_hosts_that_need_no_flash_prove_nothing_of_one_that_does() -> None:
    trial = noted(Trial(plan(), stop_share=0.5), frozenset(NAMES) - FLASHED)
    assert not trial.is_shown("h0")
    for name in ("h1", "h2", "h3"):
        trial.note(host(name, HostState.READY))
    assert trial.is_shown("h0")


def test_a_pod_that_stops_for_a_tenth_waits_for_nearly_all() -> None:
    trial = noted(Trial(plan(), stop_share=0.1), frozenset({"h4", "h5", "h6", "h7", "h8"}))
    assert not trial.is_shown("h9")


def test_a_host_that_is_no_longer_ready_counts_no_longer() -> None:
    trial = noted(Trial(plan(), stop_share=0.5), frozenset({"h4", "h5", "h6", "h7"}))
    trial.note(host("h7", HostState.DRAINING))
    assert not trial.is_shown("h9")
    trial.forget("h9")
    assert trial.is_shown("h8")
    assert not trial.is_shown("h9")


def test_hosts_that_were_ready_before_the_approval_vouch_for_no_new_ones() -> None:
    trial = Trial(plan(), stop_share=0.5, approved_at=NOW)
    long_ready = make_host(state=HostState.READY, state_since=NOW - timedelta(days=365))
    for name in ("h4", "h5", "h6"):
        trial.note(long_ready.model_copy(update={"name": name}))
    for name in ("h7", "h8", "h9"):
        trial.note(host(name, HostState.MATCHING))
    assert not trial.is_shown("h9")
    for name in ("h7", "h8"):
        trial.note(brought_up(name, NOW + timedelta(hours=1)))
    assert trial.is_shown("h9")


def test_a_host_that_is_still_to_be_flashed_shows_nothing_until_it_was() -> None:
    trial = Trial(plan(), stop_share=0.5, approved_at=NOW)
    trial.note(host("h0", HostState.PREPARING))
    for name in ("h1", "h2", "h3"):
        trial.note(brought_up(name, NOW - timedelta(days=1)))
    assert not trial.is_shown("h0")
    for name in ("h1", "h2", "h3"):
        trial.note(host(name, HostState.PREPARING))
    assert not trial.is_shown("h0")
    for name in ("h1", "h2", "h3"):
        trial.note(brought_up(name, NOW + timedelta(hours=1)))
    assert trial.is_shown("h0")


def test_a_pods_ledger_knows_when_its_plan_was_approved() -> None:
    trial = [slot.slot for _, slot in lab().slots()]
    said: dict[str, Any] = {"hosts": tuple(trial), "stage": "trial"}
    planned = [PlannedHost(name=slot, slot=slot) for slot in trial]
    whole = plan_bring_up(lab(), pod="lab", hosts=planned)
    wave = whole.waves[0].model_copy(update=said)
    approval = PlanApproval(by="test", plan_digest=whole.digest, at=NOW)
    pod = make_pod(bring_up="running", approval=approval)
    pod = pod.model_copy(update={"plan": whole.model_copy(update={"waves": (wave,)})})
    live = LivePod(pod, design_of(pod))
    *before, last = [make_host(id=name, name=name, slot=name, serial=name) for name in trial]
    live.note(last.model_copy(update={"state": HostState.MATCHING}))
    for one in before:
        live.note(one.model_copy(update=ready_since(NOW - timedelta(days=1))))
    assert not live.ledger.trial_is_through
    for one in before:  # flashed and back, and nothing was heard of it between
        said = {**ready_since(NOW + timedelta(days=1)), "version": 2}
        live.note(one.model_copy(update=said))
    assert live.ledger.trial_is_through


def test_the_ledger_waits_for_nobody_on_whom_nothing_hangs() -> None:
    slots = [slot.slot for _, slot in lab().slots()]
    whole = plan_bring_up(
        lab(), pod="lab", hosts=[PlannedHost(name=slot, slot=slot) for slot in slots]
    )
    stages = {name: wave.stage for wave in whole.waves for name in wave.hosts}
    trial = [name for name, stage in stages.items() if stage == "trial"]
    last = next(name for name, stage in stages.items() if stage == "rest")
    hosts = [
        make_host(id=name, name=name, slot=name, serial=name, state=HostState.MATCHING)
        for name in slots
    ]
    rest = next(one for one in hosts if one.name == last)

    def turn(ready: list[str]) -> str:
        now = [
            one.model_copy(update={"state": HostState.READY}) if one.name in ready else one
            for one in hosts
        ]
        return str(stage_turn(draw_ledger(now, wiring_of(lab()), whole), rest, whole))

    enough = len(trial) // 2 + 1
    assert "neither ready nor parked" in turn(trial[: enough - 1])
    assert "neither ready nor parked" not in turn(trial[:enough])


def test_a_pod_that_stops_early_tells_its_ledger() -> None:
    spec = lab()
    careful = spec.bring_up.model_copy(update={"stop_share": 0.1})
    pod = make_pod(plan=plan_bring_up(spec, pod="lab", hosts=[]), bring_up="running")
    document = {**pod.spec_document, "bring_up": careful.model_dump(mode="json")}
    pod = pod.model_copy(update={"spec_document": document})
    assert LivePod(pod, design_of(pod)).ledger.stop_share == 0.1
