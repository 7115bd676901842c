"""An agent that is busy with drives is waited for, and what became of them is signed."""

from __future__ import annotations

from inventory.states import HostState, PowerState
from pods.erasing import ErasePolicy
from pods.power import PowerPhase, reserved_watts
from provisioning.drivers.protocol import Media
from provisioning.lifecycle.actions import CertifyErasure
from provisioning.lifecycle.cleaning import decide_cleaning
from provisioning.lifecycle.decision import Advance, Do, Erasure, Hold, Wait
from provisioning.lifecycle.erasing import decide_reading
from tests.make import make_agent, make_boot, make_host, make_seen, make_wanted

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


def test_what_became_of_drives_is_signed_once_before_the_host_is_free() -> None:
    wanted = make_wanted(erase=POLICY, erasures=(PROVEN,))
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
