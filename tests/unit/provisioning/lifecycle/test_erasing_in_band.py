"""An agent that is busy with drives is waited for, and what became of them is signed."""

from __future__ import annotations

from datetime import timedelta

from inventory.states import HostState, PowerState
from pods.erasing import DriveRead, ErasePolicy
from pods.power import PowerPhase, reserved_watts
from provisioning.drivers.protocol import Media
from provisioning.lifecycle.actions import CertifyErasure, MakeBootMedium, PowerOff
from provisioning.lifecycle.cleaning import decide_cleaning
from provisioning.lifecycle.decision import Advance, Do, Erasure, Hold, Wait
from provisioning.lifecycle.erasing import READING_RECHECK_S, decide_reading, worst_by_serial
from tests.make import NOW, make_agent, make_boot, make_host, make_seen, make_wanted

POLICY = ErasePolicy(methods=("crypto", "overwrite"))
TOLD = Erasure(serial="D1", slot="NVME0", method="crypto", state="told")
PROVEN = Erasure(serial="D1", slot="NVME0", method="crypto", state="proven")


def test_agent_that_erases_is_waited_for_and_says_how_far_it_is() -> None:
    host = make_host(state=HostState.CLEANING, boot=make_boot(purpose="read-drives"))
    wanted = make_wanted(erase=POLICY, erasures=(TOLD,))
    agent = make_agent()
    assert agent.observed is not None
    busy = agent.observed.model_copy(update={"drives_progress": "writes over vda: 40 %"})
    seen = make_seen(agent=agent.model_copy(update={"observed": busy}), power=PowerState.ON)
    decided = decide_reading(host, seen, wanted)
    assert isinstance(decided, Wait)
    assert decided.reason == "its agent writes over vda: 40 %"
    idle = make_seen(agent=agent, power=PowerState.ON)
    assert isinstance(decide_reading(host, idle, wanted), Hold)


def test_agent_that_fell_silent_in_an_erase_is_booted_again_and_not_waited_for() -> None:
    boot = make_boot(purpose="read-drives", powered_at=NOW)
    host = make_host(state=HostState.CLEANING, boot=boot)
    wanted = make_wanted(erase=POLICY, erasures=(TOLD,))
    agent = make_agent()
    assert agent.observed is not None
    busy = agent.observed.model_copy(update={"drives_progress": "writes over vda: 40 %"})
    allowed_s = wanted.host_type.boot_allowed_s
    late = NOW + timedelta(seconds=allowed_s + 1)
    seen = make_seen(
        now=late, agent=agent.model_copy(update={"observed": busy}), power=PowerState.ON
    )
    assert decide_reading(host, seen._replace(now=NOW + timedelta(seconds=allowed_s)), wanted) == (
        Wait("its agent writes over vda: 40 %", READING_RECHECK_S, others=True)
    )
    assert decide_reading(host, seen, wanted) == Do(
        PowerOff(), "its agent fell silent: off, see off, and once more"
    )
    again = decide_reading(host, seen._replace(power=PowerState.OFF), wanted)
    assert isinstance(again, Do)
    assert isinstance(again.action, MakeBootMedium)
    assert (again.action.tries, again.action.purpose) == (2, "read-drives")
    last = host.model_copy(update={"boot": boot.model_copy(update={"tries": 3})})
    held = decide_reading(last, seen, wanted)
    assert isinstance(held, Hold)
    assert held.problem == "boot-failed"


def test_what_became_of_drives_is_signed_once_before_the_host_is_free() -> None:
    wanted = make_wanted(erase=POLICY, erasures=(PROVEN,), drives_looked=True)
    standby = int(reserved_watts(wanted.host_type.power, PowerPhase.STANDBY))
    host = make_host(
        state=HostState.CLEANING,
        boot=None,
        reserved_watts=standby,
        facts=None,
        configured_boot_id="",
        acceptance_order="",
    )
    seen = make_seen(power=PowerState.OFF, media=Media(inserted=False, image=""))
    decided = decide_cleaning(host, seen, wanted)
    assert decided == Do(CertifyErasure(), "what became of its drives is to be signed")
    after = decide_cleaning(host, seen, wanted._replace(erasure_certified=True))
    assert after == Advance(HostState.ENROLLED, "clean")


def read_of(slot: str, *, holding: int = 0, serial: str = "S1") -> DriveRead:
    return DriveRead(
        slot=slot,
        serial=serial,
        completed=True,
        globally_erased=True,
        sampled=256,
        holding=holding,
    )


def test_one_namespace_that_holds_data_speaks_for_the_whole_drive() -> None:
    holds, empty = read_of("nvme0n1", holding=7), read_of("nvme0n2")
    other = read_of("nvme1n1", serial="S2")
    assert worst_by_serial((holds, empty, other)) == {"S1": holds, "S2": other}
    assert worst_by_serial((empty, holds)) == {"S1": holds}
    assert worst_by_serial((empty,))["S1"].doubts() == ()


def test_two_devices_of_one_serial_prove_nothing_and_say_why() -> None:
    (judged,) = worst_by_serial((read_of("sda"), read_of("sdb"))).values()
    assert judged.doubts() == (
        "sda, sdb all say serial S1: which of them was erased cannot be told",
    )
