"""What a dead feed means for a start: who hangs on it waits, and who does not stays in budget."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.model import Host
from inventory.states import HostState, PowerState
from pods.spec import PodSpec
from provisioning.admission import Admitted, Ledger, Waits, admit, draw_ledger, wiring_of
from tests.make import lab, make_host

POWER = lab().host_types["lab-cpu"].power
STARTING = int(max(POWER.inrush_watts, POWER.nameplate_watts))
RUNNING = int(POWER.nameplate_watts)
STANDBY = int(POWER.standby_watts)
WHY = "the supplies of r1-h1, r1-h2 on feed a have no input"


def spec_of(feeds: dict[str, str | None], budget: float) -> PodSpec:
    """The lab's rack with each slot on a feed of so many watts, or on two."""
    spec = lab()
    feed = spec.feeds["a"].model_copy(
        update={"rated_amps": budget / 100, "volts": 100.0, "continuous_limit": 1.0}
    )
    rack = spec.racks[0]
    slots = tuple(
        slot.model_copy(update={"feed": wired[0], "feed_b": wired[2:] or None})
        for slot, wired in zip(rack.slots, feeds.values(), strict=False)
        if wired is not None
    )
    names = dict.fromkeys(("a", "b"), feed)
    return spec.model_copy(
        update={"feeds": names, "racks": (rack.model_copy(update={"slots": slots}),)}
    )


def host_on(slot: str, wired: str, **changes: Any) -> Host:
    whole: dict[str, Any] = {
        "id": slot,
        "name": slot,
        "slot": slot,
        "feed": wired[0],
        "feed_b": wired[2:],
        "state": HostState.BOOTING,
        "power": PowerState.OFF,
        "reserved_watts": STANDBY,
    }
    return make_host(**{**whole, **changes})


def ledger_of(
    wired: dict[str, str], *, budget: float = 1e6, starts: bool = False
) -> tuple[Ledger, dict[str, Host]]:
    hosts = {name: host_on(name, on) for name, on in wired.items()}
    ledger = draw_ledger(list(hosts.values()), wiring_of(spec_of({**wired}, budget)), None)
    ledger.dead = {"a": WHY}
    ledger.starts_on_one_feed = starts
    return ledger, hosts


def test_who_hangs_on_it_waits_and_says_for_what() -> None:
    ledger, hosts = ledger_of({"r1-h1": "a b", "r1-h2": "a", "r1-h3": "b"})
    both = admit(ledger, hosts["r1-h1"], STARTING)
    assert both == Waits(f"feed a is dead ({WHY}): it would run on b alone")
    only = admit(ledger, hosts["r1-h2"], STARTING)
    assert only == Waits(f"feed a is dead ({WHY}): it has no other")
    assert admit(ledger, hosts["r1-h3"], STARTING) == Admitted()


def test_the_policy_starts_hosts_of_two_feeds_and_never_those_of_none() -> None:
    ledger, hosts = ledger_of({"r1-h1": "a b", "r1-h2": "a"}, starts=True)
    assert admit(ledger, hosts["r1-h1"], STARTING) == Admitted()
    assert isinstance(admit(ledger, hosts["r1-h2"], STARTING), Waits)


@pytest.mark.parametrize("short", [0, 1])
def test_what_is_left_carries_every_host_of_the_dead_feed_fully(short: int) -> None:
    """Also where the policy starts hosts: b alone must carry the one that runs, and this one."""
    wired = {"r1-h1": "a b", "r1-h2": "a b"}
    ledger, hosts = ledger_of(wired, budget=RUNNING + STARTING - short, starts=True)
    running = {"state": HostState.READY, "power": PowerState.ON, "reserved_watts": RUNNING}
    ledger.note(hosts["r1-h1"].model_copy(update=running))
    answer = admit(ledger, hosts["r1-h2"], STARTING)
    assert isinstance(answer, Waits) is bool(short)


def test_giving_watts_back_waits_for_no_feed() -> None:
    ledger, hosts = ledger_of({"r1-h1": "a b"})
    held = hosts["r1-h1"].model_copy(update={"reserved_watts": STARTING})
    assert admit(ledger, held, RUNNING) == Admitted()
