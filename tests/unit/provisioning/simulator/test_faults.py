"""Faults are found by name, fire by seed, and say what is wrong with a wrong one."""

from __future__ import annotations

import pytest

from provisioning.simulator.errors import UnknownFault
from provisioning.simulator.faults import REGISTRY, Fault, HostFaults, Past


def armed(text: str, *, seed: str = "s", fired: dict[str, int] | None = None) -> HostFaults:
    return HostFaults(
        (Fault.parse(text),), seed, Past(fired if fired is not None else {}), lambda _: None
    )


def test_a_fault_is_read_with_its_parameters() -> None:
    fault = Fault.parse("slow-host@h4:ratio=0.5")
    assert (fault.kind, fault.host, fault.number("ratio")) == ("slow-host", "h4", 0.5)


def test_parameters_left_out_have_their_defaults() -> None:
    assert Fault.parse("slow-host@h4").number("ratio") == 0.33


def test_an_unknown_fault_lists_the_valid_ones() -> None:
    with pytest.raises(UnknownFault, match="missing-dim") as caught:
        Fault.parse("missing-dim@h3")
    assert all(name in caught.value.hint for name in REGISTRY)


def test_an_unknown_parameter_lists_the_valid_ones() -> None:
    with pytest.raises(UnknownFault, match="speed") as caught:
        Fault.parse("slow-host@h3:speed=1")
    assert "ratio" in caught.value.hint


@pytest.mark.parametrize("text", ["slow-host", "slow-host@h3:ratio=fast"])
def test_a_fault_without_host_or_number_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UnknownFault) as caught:
        Fault.parse(text)
    assert "slow-host@HOST" in caught.value.hint


def test_every_fault_says_what_it_does() -> None:
    assert all(kind.meaning.endswith(".") for kind in REGISTRY.values())


def test_a_fault_fires_as_often_as_it_was_told() -> None:
    fired: dict[str, int] = {}
    faults = armed("lost-reply@h1:times=2", fired=fired)
    assert [bool(faults.fires("lost-reply")) for _ in range(3)] == [True, True, False]
    assert fired == {"lost-reply": 2}


def test_what_fired_before_a_restart_counts() -> None:
    assert armed("lost-reply@h1", fired={"lost-reply": 1}).fires("lost-reply") is None


def test_a_fault_may_be_narrowed_to_a_path() -> None:
    faults = armed("lost-reply@h1:path=Reset")
    assert faults.fires("lost-reply", path="/redfish/v1/Systems/1") is None
    assert faults.fires("lost-reply", path="/Actions/ComputerSystem.Reset") is not None


def test_the_same_seed_hits_the_same_requests() -> None:
    text = "session-drop@h1:rate=0.5,times=1000"
    first, again, other = (armed(text, seed=seed) for seed in ("a", "a", "b"))
    hits = [
        [one.fires("session-drop") is not None for _ in range(40)] for one in (first, again, other)
    ]
    assert hits[0] == hits[1] != hits[2]
    assert 0 < sum(hits[0]) < 40
