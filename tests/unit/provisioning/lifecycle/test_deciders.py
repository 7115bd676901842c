"""Each state's decider as a table of scenarios: what is so, what it answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory.states import TRANSITIONS, HostState, PowerState
from provisioning.drivers.protocol import (
    BmcIdentity,
    BootEnabled,
    BootSource,
    BootTarget,
    Media,
)
from provisioning.findings import findings
from provisioning.lifecycle.actions import (
    Action,
    Certify,
    Configure,
    EjectMedia,
    ForgetBoot,
    InsertMedia,
    MakeBootMedium,
    OrderAcceptance,
    PowerOff,
    PowerOn,
    RecordFacts,
    RecordIdentity,
    ReservePower,
    SetBios,
    SetBootSource,
    UpdateFirmware,
    WithdrawUnit,
)
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Wait
from provisioning.lifecycle.table import STATES
from tests.make import (
    MEDIA_URL,
    NOW,
    lab,
    make_agent,
    make_bios,
    make_boot,
    make_facts,
    make_host,
    make_report,
    make_seen,
    make_wanted,
    told_twice,
)

IDENTITY = BmcIdentity(
    serial="S1", uuid="u-1", manufacturer="Podyard", model="Lab Host 1", bmc_firmware="1.8.0"
)
OFF, ON = PowerState.OFF, PowerState.ON
EMPTY = Media(image="", inserted=False)
INSERTED = Media(image=MEDIA_URL, inserted=True)
FROM_CD = BootSource(target=BootTarget.CD, enabled=BootEnabled.ONCE)
FROM_DISK = BootSource(target=BootTarget.NONE, enabled=BootEnabled.DISABLED)
BIOS_ITEM = lab().firmware["lab-cpu"][0]
OLD = {"BIOS": "2.3.0", "BMC": "1.8.0"}
GOOD = {"BIOS": "2.4.1", "BMC": "1.8.0"}
FEWER = make_facts(memory=make_facts().memory[:3])
LACKING = findings(make_host(facts=FEWER), make_wanted())
SLOW = make_report(
    measurements=(
        make_report().measurements[0].model_copy(update={"value": 3.3}),
        *make_report().measurements[1:],
    )
)

READY = HostState.READY
CERTIFIED = {
    "boot": make_boot(),
    "configured_boot_id": "b1",
    "acceptance_order": "o1",
    "certificate_id": "c",
}
"""Its certificate is written; whoever wrote it may have died before the host was moved on."""


def decide(state: HostState, host: dict[str, Any], seen: dict[str, Any], **wanted: Any) -> Decision:
    """What the decider of a state answers."""
    return STATES[state].decide(
        make_host(state=state, **host), make_seen(**seen), make_wanted(**wanted)
    )


ADVANCES = [
    (HostState.ENROLLED, {}, {}, {}, HostState.REGISTERING),
    (HostState.ENROLLED, {"target": "retired"}, {}, {}, HostState.RETIRED),
    (HostState.REGISTERING, {}, {"identity": IDENTITY}, {}, HostState.INSPECTING),
    (HostState.INSPECTING, {}, {"facts": make_facts()}, {}, HostState.MATCHING),
    (HostState.MATCHING, {}, {}, {}, HostState.PREPARING),
    (HostState.MATCHING, {"facts": None}, {}, {}, HostState.INSPECTING),
    (HostState.PREPARING, {}, {"firmware": GOOD, "bios": make_bios()}, {}, HostState.BOOTING),
    (
        HostState.BOOTING,
        {"boot": make_boot(), "reserved_watts": 700},
        {"agent": make_agent(), "bios": make_bios(), "power": ON},
        {},
        HostState.CONFIGURING,
    ),
    (
        HostState.CONFIGURING,
        {"boot": make_boot(), "configured_boot_id": "b1"},
        {"agent": make_agent()},
        {},
        HostState.ACCEPTING,
    ),
    (HostState.ACCEPTING, CERTIFIED, {"agent": make_agent(acceptance=make_report())}, {}, READY),
    (HostState.ACCEPTING, CERTIFIED, {"agent": make_agent(), "power": OFF}, {}, READY),
    (HostState.ACCEPTING, {**CERTIFIED, "configured_boot_id": "b0"}, {}, {}, READY),
    (
        HostState.ACCEPTING,
        {"boot": make_boot(), "configured_boot_id": "another boot"},
        {"agent": make_agent()},
        {},
        HostState.BOOTING,
    ),
    (HostState.READY, {"target": "enrolled"}, {}, {}, HostState.DRAINING),
    (HostState.READY, {"power": OFF}, {"power": ON}, {}, HostState.DRAINING),
    (HostState.READY, {"power": OFF}, {"power": OFF}, {"restore_power": True}, HostState.DRAINING),
    (HostState.DRAINING, {}, {}, {}, HostState.CLEANING),
    (HostState.CLEANING, {}, {"power": OFF, "media": EMPTY}, {}, HostState.ENROLLED),
]


@pytest.mark.parametrize(("state", "host", "seen", "wanted", "to"), ADVANCES)
def test_a_state_is_left_when_its_work_is_seen_to_be_done(
    state: HostState, host: Any, seen: Any, wanted: Any, to: HostState
) -> None:
    answer = decide(state, host, seen, **wanted)

    assert isinstance(answer, Advance), answer
    assert answer.to is to
    assert (state, to) in TRANSITIONS


ACTIONS = [
    (HostState.REGISTERING, {"uuid": ""}, {"identity": IDENTITY}, RecordIdentity),
    (HostState.INSPECTING, {"facts": None}, {"facts": make_facts()}, RecordFacts),
    (HostState.PREPARING, {}, {"firmware": OLD, "bios": make_bios()}, UpdateFirmware),
    (
        HostState.PREPARING,
        {},
        {"firmware": GOOD, "bios": make_bios(HyperThreading="Enabled")},
        SetBios,
    ),
    (HostState.BOOTING, {}, {"power": OFF}, MakeBootMedium),
    (HostState.BOOTING, CERTIFIED, {"agent": make_agent(), "power": ON}, WithdrawUnit),
    (HostState.BOOTING, {"boot": make_boot()}, {"power": ON}, PowerOff),
    (HostState.BOOTING, {"boot": make_boot()}, {"power": OFF, "media": EMPTY}, InsertMedia),
    (
        HostState.BOOTING,
        {"boot": make_boot()},
        {"power": OFF, "media": INSERTED, "boot_source": FROM_DISK},
        SetBootSource,
    ),
    (
        HostState.BOOTING,
        {"boot": make_boot()},
        {"power": OFF, "media": INSERTED, "boot_source": FROM_CD},
        ReservePower,
    ),
    (
        HostState.BOOTING,
        {"boot": make_boot(), "reserved_watts": 1200},
        {"power": OFF, "media": INSERTED, "boot_source": FROM_CD},
        PowerOn,
    ),
    (
        HostState.BOOTING,
        {"boot": make_boot(powered_at=NOW - timedelta(seconds=20))},
        {"power": OFF},
        PowerOn,
    ),
    (
        HostState.BOOTING,
        {"boot": make_boot(powered_at=NOW - timedelta(hours=1))},
        {"power": ON},
        PowerOff,
    ),
    (
        HostState.BOOTING,
        {"boot": make_boot(powered_at=NOW - timedelta(hours=1))},
        {"power": OFF},
        MakeBootMedium,
    ),
    (
        HostState.BOOTING,
        {"boot": make_boot(expires_at=NOW)},
        {"power": OFF},
        MakeBootMedium,
    ),
    (
        HostState.BOOTING,
        {"boot": make_boot(), "reserved_watts": 1200},
        {"agent": make_agent(), "power": ON},
        ReservePower,
    ),
    (HostState.CONFIGURING, {"boot": make_boot()}, {"agent": make_agent()}, Configure),
    (
        HostState.ACCEPTING,
        {"boot": make_boot(), "configured_boot_id": "b1"},
        {"agent": make_agent()},
        OrderAcceptance,
    ),
    (
        HostState.ACCEPTING,
        {"boot": make_boot(), "configured_boot_id": "b1", "acceptance_order": "o1"},
        {"agent": make_agent(acceptance=make_report()), "facts": make_facts()},
        Certify,
    ),
    (
        HostState.ACCEPTING,
        {"boot": make_boot(), "configured_boot_id": "b1", "acceptance_order": "o1"},
        {"agent": make_agent(acceptance=make_report()), "facts": make_facts(bmc_firmware="9")},
        RecordFacts,
    ),
    (HostState.DRAINING, {"certificate_id": "c"}, {}, WithdrawUnit),
    (HostState.READY, {"certificate_id": "c", "power": OFF}, {"power": OFF}, WithdrawUnit),
    (
        HostState.ACCEPTING,
        {"boot": make_boot(), "configured_boot_id": "b1"},
        {"agent": make_agent(), "power": OFF},
        ForgetBoot,
    ),
    (
        HostState.BOOTING,
        {"boot": make_boot(powered_at=NOW - timedelta(hours=1))},
        {"agent": make_agent(), "power": OFF},
        MakeBootMedium,
    ),
    (HostState.CLEANING, {}, {"power": ON}, PowerOff),
    (HostState.CLEANING, {}, {"power": OFF, "media": INSERTED}, EjectMedia),
    (HostState.CLEANING, {"reserved_watts": 700}, {"power": OFF, "media": EMPTY}, ReservePower),
    (HostState.CLEANING, {"boot": make_boot()}, {"power": OFF, "media": EMPTY}, ForgetBoot),
]


@pytest.mark.parametrize(("state", "host", "seen", "action"), ACTIONS)
def test_a_state_asks_for_the_one_change_that_is_next(
    state: HostState, host: Any, seen: Any, action: type[Action]
) -> None:
    answer = decide(state, host, seen)

    assert isinstance(answer, Do), answer
    assert isinstance(answer.action, action)


HOLDS = [
    (
        HostState.CLEANING,
        {},
        {"power": ON},
        {"open_steps": frozenset({"firmware:BIOS:2.4.1"})},
        "update-unsettled",
    ),
    (
        HostState.REGISTERING,
        {},
        {"identity": IDENTITY.model_copy(update={"serial": "S2"})},
        {},
        "wrong-host",
    ),
    (
        HostState.REGISTERING,
        {},
        {"identity": IDENTITY.model_copy(update={"uuid": "u-2"})},
        {},
        "wrong-host",
    ),
    (HostState.MATCHING, {"facts": FEWER, "mismatches": LACKING}, {}, {}, "spec-mismatch"),
    (
        HostState.PREPARING,
        {},
        {"firmware": OLD, "bios": make_bios()},
        {"planned_updates": frozenset()},
        "not-in-plan",
    ),
    (
        HostState.BOOTING,
        {"boot": make_boot(powered_at=NOW - timedelta(hours=1), tries=3)},
        {"power": ON},
        {},
        "boot-failed",
    ),
    (
        HostState.BOOTING,
        {"boot": make_boot(tries=3), "reserved_watts": 700},
        {"agent": make_agent(), "bios": make_bios(HyperThreading="Enabled")},
        {},
        "bios-not-applied",
    ),
    (
        HostState.ACCEPTING,
        {"boot": make_boot(), "configured_boot_id": "b1", "simulated": False},
        {"agent": make_agent()},
        {},
        "simulated-disagrees",
    ),
    (
        HostState.ACCEPTING,
        {"boot": make_boot(), "configured_boot_id": "b1", "acceptance_order": "o1"},
        {"agent": make_agent(acceptance=SLOW), "facts": make_facts()},
        {},
        "acceptance-failed",
    ),
    (
        HostState.ACCEPTING,
        {"boot": make_boot(), "configured_boot_id": "b1", "acceptance_order": "o1"},
        {"agent": make_agent(acceptance=make_report(failed={"disk_write": "no space"}))},
        {},
        "acceptance-incomplete",
    ),
    (
        HostState.ACCEPTING,
        {
            "boot": make_boot(),
            "configured_boot_id": "b1",
            "acceptance_order": "o1",
            "facts": FEWER,
            "mismatches": LACKING,
        },
        {"agent": make_agent(acceptance=make_report()), "facts": FEWER},
        {},
        "changed-since-inspection",
    ),
]


@pytest.mark.parametrize(("state", "host", "seen", "wanted", "problem"), HOLDS)
def test_what_only_a_person_can_mend_is_held_with_a_remedy(
    state: HostState, host: Any, seen: Any, wanted: Any, problem: str
) -> None:
    found = make_host(state=state, **host)
    answer = told_twice(STATES[state].decide, found, make_seen(**seen), make_wanted(**wanted))

    assert isinstance(answer, Hold), answer
    assert answer.problem == problem
    assert answer.message
    assert answer.remedy


WAITS = [
    (HostState.ENROLLED, {"target": "enrolled"}, {}, {}),
    (HostState.REGISTERING, {}, {}, {}),
    (HostState.INSPECTING, {}, {}, {}),
    (HostState.MATCHING, {}, {}, {"bring_up": False}),
    (HostState.MATCHING, {}, {}, {"canary_clear": False}),
    (HostState.MATCHING, {}, {}, {"trial_waits": "waiting for the trial stage: h2"}),
    (HostState.MATCHING, {}, {}, {"brake": "stopped: 2 of 2 are parked"}),
    (HostState.PREPARING, {}, {}, {}),
    (HostState.BOOTING, {"boot": make_boot(powered_at=NOW)}, {"power": ON}, {}),
    (HostState.BOOTING, {"boot": make_boot()}, {"power": PowerState.UNKNOWN}, {}),
    (HostState.CONFIGURING, {"boot": make_boot()}, {}, {}),
    (
        HostState.ACCEPTING,
        {"boot": make_boot(), "configured_boot_id": "b1", "acceptance_order": "o1"},
        {"agent": make_agent(acceptance=make_report(finished=False, progress="disk"))},
        {},
    ),
    (HostState.READY, {"certificate_id": "c"}, {}, {}),
    (HostState.READY, {"certificate_id": "c", "power": ON}, {"power": OFF}, {}),
    (HostState.READY, {"power": OFF}, {"power": OFF}, {}),
    (HostState.PREPARING, {}, {"firmware": OLD, "bios": make_bios()}, {"brake": "stopped"}),
    (HostState.DRAINING, {}, {}, {"unit_free": False}),
    (HostState.CLEANING, {}, {"power": PowerState.UNKNOWN}, {}),
    (HostState.REPAIRING, {"target": "repairing"}, {}, {}),
    (HostState.RETIRED, {}, {}, {}),
]


@pytest.mark.parametrize(("state", "host", "seen", "wanted"), WAITS)
def test_every_wait_says_why_and_when_it_looks_again(
    state: HostState, host: Any, seen: Any, wanted: Any
) -> None:
    answer = decide(state, host, seen, **wanted)

    assert isinstance(answer, Wait), answer
    assert answer.reason
    assert answer.recheck_after_s > 0


def test_a_missing_memory_module_is_named_with_its_slot() -> None:
    answer = decide(HostState.MATCHING, {"facts": FEWER, "mismatches": LACKING}, {})

    assert isinstance(answer, Hold)
    assert "memory" in answer.message
    assert "DIMM" in answer.remedy


def test_an_update_that_was_begun_is_settled_before_the_state_is_left() -> None:
    """Otherwise its intent would stay open for ever, and the audit would lie."""
    answer = decide(
        HostState.PREPARING,
        {},
        {"firmware": GOOD, "bios": make_bios()},
        open_steps=frozenset({"firmware:BIOS:2.4.1"}),
    )

    assert isinstance(answer, Do)
    assert isinstance(answer.action, UpdateFirmware)


def test_a_held_pod_says_so_and_not_that_it_waits_for_a_plan() -> None:
    answer = decide(HostState.MATCHING, {}, {}, bring_up=False, brake="pod lab is on hold")

    assert isinstance(answer, Wait)
    assert answer.reason == "pod lab is on hold"


def test_a_report_for_an_earlier_order_does_not_count() -> None:
    """A host that was retried must be measured again, whatever its agent still remembers."""
    host = {"boot": make_boot(), "configured_boot_id": "b1", "acceptance_order": "o2"}

    answer = decide(
        HostState.ACCEPTING,
        host,
        {"agent": make_agent(acceptance=make_report(order_id="o1")), "facts": make_facts()},
    )

    assert isinstance(answer, Wait)


def test_an_agent_of_an_earlier_medium_does_not_end_the_boot() -> None:
    stale = make_seen(power=ON, agent=make_agent(media_id="older"))

    answer = STATES[HostState.BOOTING].decide(
        make_host(state=HostState.BOOTING, boot=make_boot(powered_at=NOW)), stale, make_wanted()
    )

    assert isinstance(answer, Wait)
