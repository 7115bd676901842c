"""A plan says of each gate what proves it; what a reading disproves keeps hosts off."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pods import catalogue
from pods.facts import (
    CoolantConnectorFact,
    HardwareFacts,
    LeakDetectorFact,
    PowerSupplyFact,
)
from pods.gate_proof import GateProof, PlacedFacts, Proven, prove, unproven
from pods.plan import PlannedHost, plan_bring_up
from pods.spec import PodSpec

WET, DRY = catalogue.load("su-gb200-8r"), catalogue.load("hgx-b200-8-air")
ARMED = LeakDetectorFact(slot="tray", state="OK", critical_reaction="ForceOff")


def facts(**fields: Any) -> HardwareFacts:
    given: dict[str, Any] = {
        "observed_at": datetime(2030, 1, 1, tzinfo=UTC),
        "source": "redfish",
        "manufacturer": "m",
        "model": "m",
        "serial": "s",
        "uuid": "u",
    }
    return HardwareFacts(**(given | fields))


def proven(spec: PodSpec, *known: HardwareFacts | None) -> Proven:
    """The first slots of a spec, two hosts a rack, with these facts."""
    host_type = next(iter(spec.host_types.values()))
    hosts = [
        PlacedFacts(f"h{n}", f"r{n // 2 + 1}", host_type, one)
        for n, one in enumerate(known, start=0)
    ]
    return prove(spec, hosts)


def gate(found: Proven, name: str) -> GateProof:
    return next(proof for proof in found.proofs if proof.gate == name)


def flow(lpm: float | None, *, rated: float | None = 7.0) -> HardwareFacts:
    return facts(coolant=[CoolantConnectorFact(slot="c", flow_lpm=lpm, rated_flow_lpm=rated)])


def test_every_gate_says_what_proves_it_where_and_who_vouches() -> None:
    found = proven(WET, None)
    assert [proof.gate for proof in found.proofs] == [
        "coolant-flow",
        "leak-detectors",
        "busbar",
        "bmc-standby",
        "hosts-staged",
        "load",
    ]
    assert all(proof.proof and proof.reading and proof.found for proof in found.proofs)
    vouching = [proof.confirmed_by for proof in found.proofs]
    assert vouching == ["approver"] * 4 + ["controller"] * 2
    assert next(proof.gate for proof in proven(DRY, None).proofs) == "busbar"


def test_a_bmc_that_was_inspected_has_proven_its_standby() -> None:
    assert gate(proven(DRY, facts()), "bmc-standby").state == "passed"
    half = gate(proven(DRY, facts(), None), "bmc-standby")
    assert (half.state, half.confirmed_by) == ("unknown", "approver")
    assert "h1" in half.found


def test_the_worst_branch_decides_and_keeps_its_host_off() -> None:
    found = proven(WET, flow(7.1), flow(5.0))
    assert gate(found, "coolant-flow").state == "failed"
    assert "h1" in gate(found, "coolant-flow").found
    assert set(found.kept_off) == {"h1"}
    assert "5 L/min" in found.kept_off["h1"]


def two(first: float | None, second: float | None, *, rated: float | None) -> HardwareFacts:
    return facts(
        coolant=[
            CoolantConnectorFact(slot=slot, flow_lpm=lpm, rated_flow_lpm=rated)
            for slot, lpm in (("c1", first), ("c2", second))
        ]
    )


def designed(lpm: float) -> PodSpec:
    value = WET.model_dump(mode="json", exclude_none=True)
    for host_type in value["host_types"].values():
        host_type["cooling"]["flow_lpm"] = lpm
    return PodSpec.model_validate(value, strict=False)


@pytest.mark.parametrize(
    ("spec", "one"),
    [
        (WET, two(14.0, 0.0, rated=7.0)),
        (designed(14.0), two(14.0, 0.0, rated=7.0)),
        (designed(14.0), two(14.0, 0.0, rated=None)),
        (designed(14.0), two(None, 0.0, rated=7.0)),
    ],
)
def test_a_blocked_connector_does_not_hide_behind_the_other(
    spec: PodSpec, one: HardwareFacts
) -> None:
    found = proven(spec, one)
    assert gate(found, "coolant-flow").state == "failed"
    assert "c2: 0 L/min, below 90% of the designed 7" in found.kept_off["h0"]


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (two(7.0, 6.4, rated=9.0), "passed"),  # rated for more than this design asks of it
        (two(7.0, 6.4, rated=None), "passed"),
        (two(7.0, None, rated=7.0), "unknown"),
    ],
)
def test_a_hosts_flow_by_design_is_shared_by_its_connectors(one: HardwareFacts, state: str) -> None:
    assert gate(proven(designed(14.0), one), "coolant-flow").state == state


@pytest.mark.parametrize("one", [flow(None), flow(7.0, rated=None), facts(), None])
def test_flow_that_nobody_tells_or_that_nothing_is_held_against_is_a_persons(
    one: HardwareFacts | None,
) -> None:
    found = proven(WET, flow(7.0), one)
    assert gate(found, "coolant-flow").state == "unknown"
    assert found.kept_off == {}


def test_flow_is_proven_when_every_branch_has_it() -> None:
    assert gate(proven(WET, flow(7.0), flow(6.4)), "coolant-flow").state == "passed"


@pytest.mark.parametrize("state", ["Warning", "Critical"])
def test_liquid_in_one_tray_keeps_the_whole_rack_off(state: str) -> None:
    leak = facts(leak_detectors=[ARMED, ARMED.model_copy(update={"state": state})])
    dry = facts(leak_detectors=[ARMED])
    found = proven(WET, leak, dry, dry)
    assert set(found.kept_off) == {"h0", "h1"}
    assert gate(found, "leak-detectors").state == "failed"


def test_a_racks_own_detector_no_host_can_tell_of() -> None:
    found = gate(proven(WET, facts(leak_detectors=[ARMED])), "leak-detectors")
    assert found.state == "unknown"
    assert "rack r1" in found.found
    idle = ARMED.model_copy(update={"critical_reaction": "None"})
    assert gate(proven(WET, facts(leak_detectors=[idle])), "leak-detectors").state == "unknown"


def test_inputs_that_live_prove_the_feeds_and_a_lost_one_is_named() -> None:
    live = facts(power_supplies=[PowerSupplyFact(slot="1", input_status="Normal")])
    lost = facts(power_supplies=[PowerSupplyFact(slot="1", input_status="LossOfInput")])
    assert gate(proven(DRY, live), "busbar").state == "passed"
    found = gate(proven(DRY, live, lost), "busbar")
    assert found.state == "unknown"
    assert "an input is lost in h1" in found.found


def test_only_what_no_reading_proves_is_for_the_approver() -> None:
    found = proven(DRY, facts())
    assert [proof.gate for proof in unproven(found.proofs)] == ["busbar"]


def test_a_host_behind_a_failed_gate_is_not_started_though_it_is_built_right() -> None:
    spec = catalogue.load("nvl72-gb300")
    slots = [slot for _, slot in spec.slots()]
    leak = facts(
        manufacturer="NVIDIA",
        model="GB300 NVL",
        leak_detectors=[ARMED.model_copy(update={"state": "Critical"})],
    )
    hosts = [PlannedHost(name="wet", slot=slots[0].slot, facts=leak)]
    hosts += [PlannedHost(name=f"h{n}", slot=s.slot) for n, s in enumerate(slots[1:])]
    plan = plan_bring_up(spec, pod="p", hosts=hosts)
    assert plan.waves == ()
    assert {host.host for host in plan.parked} == {host.name for host in hosts}
    assert "sees liquid" in plan.parked[1].reason
    assert "podyard host retry h0" in plan.parked[1].remedy
