"""Take a protection away and a judge must see it: the guard, the fence, the lease, identity.

Each judge is a story on one host (`one_host`) that ends well. Then one protection is removed, and
the same story must end badly. A judge that never does proves nothing about the other tests either.
That a change is sent once is judged where it is sent: `tests/integration/drivers`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from inventory.errors import FenceLost
from inventory.model import Host, Intent
from inventory.states import HostState, PowerState
from inventory.store.memory import MemoryStore
from inventory.store.protocol import Change
from provisioning import brakes, remedies, stepping
from provisioning.acting import Acting
from provisioning.acts import destructive, firmware
from provisioning.acts.firmware import Firmware
from provisioning.errors import BmcBusy
from provisioning.guarded import Act, Done, Settlement
from provisioning.lifecycle.actions import PowerOff
from provisioning.lifecycle.decision import Do, Seen
from tests.unit.provisioning.one_host import Drawer, drawer, ended
from tests.unit.provisioning.test_one_host_states import STEPS, OneHost

Judge = Callable[[Path], None]
Break = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, made once."""
    return tmp_path_factory.mktemp("protections")


@pytest.fixture
def one(folder: Path) -> Iterator[Drawer]:
    with drawer(folder) as there:
        yield there


def done_once(there: Drawer) -> None:
    journal = there.iron.journal
    assert journal.count("flash BIOS of S1") == 1, journal
    assert not [line for line in journal if line.startswith("CUT") or " of S2" in line], journal


# The stories


def a_crash_after_the_act(folder: Path) -> None:
    """The controller dies between the flash and writing down that it was asked for."""
    for point in ("after-intent", "after-act"):
        with drawer(folder) as there:
            while point not in there.points.names:
                there.step()
        at = there.points.names.index(point) + 1
        with drawer(folder) as there:
            there.start(die_at=at)
            assert there.run(ended).state is HostState.READY
            assert there.crashes == 1
            done_once(there)


def a_zombie_writes_nothing(folder: Path) -> None:
    """Somebody else has the lease, and the old controller goes on as if nothing had happened."""
    for steps in (2, 12, 25):
        with drawer(folder) as there:
            for _ in range(steps):
                there.step()
            old = there.controller
            there.start()
            before = there.host()
            with suppress(FenceLost):
                asyncio.run(old.stepping.guarded(before))
            assert there.host() == before


def a_zombie_wakes_up_before_its_act(folder: Path) -> None:
    """It was paused after its intent; its successor settled it, acted, and is long done."""
    with drawer(folder) as there:
        old = there.controller
        there.run(lambda host: host.state is HostState.PREPARING)
        awake = there.iron.identity

        async def paused() -> Any:
            if there.controller is old and there.intents():
                there.start()
                there.iron.identity = awake  # type: ignore[method-assign]
                await asyncio.to_thread(there.run, ended)
            return await awake()

        there.iron.identity = paused  # type: ignore[method-assign]
        assert there.run(ended).state is HostState.READY
        assert there.controller is not old
        done_once(there)


def a_cable_is_swapped_before_the_act(folder: Path) -> None:
    """The address leads to another host by now."""
    with drawer(folder) as there:
        there.run(lambda host: host.state is HostState.PREPARING)
        there.iron.serial = "S2"
        there.run(ended)
        assert there.iron.journal == []


def power_is_asked_for_in_the_middle_of_a_flash(folder: Path) -> None:
    """Whoever decided it: the last word is with what was begun."""
    with drawer(folder) as there:
        there.iron.power = PowerState.ON
        there.run(lambda _host: bool(there.iron.flashes))
        host = there.host()

        async def off() -> None:
            steps = there.controller.stepping
            context = await steps.context_of(host)
            seen = Seen(now=there.clock.at, power=PowerState.ON)
            with suppress(BmcBusy):
                await steps.apply(host, Do(PowerOff(), "a defect"), seen, context)

        asyncio.run(off())
        done_once(there)


def many_hosts_of_a_rack_are_behind(folder: Path) -> None:
    """As many hosts of this rack as may be are in an update: this one waits."""
    with drawer(folder) as there:
        for n in range(8):
            intent = Intent(
                id=f"i{n}",
                host_id=f"other-{n}",
                step="firmware:BIOS:2.4.1",
                step_class="destructive-observable",
                arguments={"domains": list(brakes.domains(there.host()))},
                fence=1,
                created_at=there.clock.at,
            )
            there.store.apply(Change(insert=(intent,)), now=there.clock.at)
        for _ in range(30):
            there.step()
        assert there.iron.journal == []
        for intent in there.store.find(Intent, state="open"):
            done = intent.model_copy(update={"state": "done"})
            there.store.apply(Change(replace=(done,)), now=there.clock.at)
        there.clock.at += timedelta(seconds=60)
        assert there.run(ended).state is HostState.READY


def a_pause_is_kept(folder: Path) -> None:
    """Somebody is at the host's rack: nothing is done to it, for as long as it takes."""
    for steps in (5, 20):
        with drawer(folder) as there:
            for _ in range(steps):
                there.step()
            there.wish(paused="technician at the rack")
            before = list(there.iron.journal)
            for _ in range(30):
                there.step()
            assert there.iron.journal == before


def a_host_is_late_in_the_middle_of_a_flash(folder: Path) -> None:
    """Its time is up, and its BMC is still at the update: it is neither given up nor disturbed."""
    with drawer(folder) as there:
        there.run(lambda _host: bool(there.iron.flashes))
        there.iron.flashes[0].done_at += timedelta(days=2)
        end = there.clock.at + timedelta(days=1)
        while there.clock.at < end:
            there.clock.at += timedelta(minutes=20)
            there.step()
            assert not ended(there.host())
        done_once(there)


# The protections, and how each is taken away


def no_guard(patch: pytest.MonkeyPatch) -> None:
    """Act until the version is there, whatever an earlier life left behind."""

    def blind(action: Any, _intent: Any, seen: Seen, **_times: float) -> Settlement:
        there = (seen.firmware or {}).get(action.item.component)
        return Done() if there == action.item.version else Act()

    patch.setattr(firmware, "settle_update", blind)


def no_fence(patch: pytest.MonkeyPatch) -> None:
    """A store that takes every write."""
    apply = MemoryStore.apply

    def unfenced(self: MemoryStore, change: Change, *, now: Any, fence: Any = None) -> None:
        del fence
        apply(self, change, now=now)

    patch.setattr(MemoryStore, "apply", unfenced)


def no_lease_check(patch: pytest.MonkeyPatch) -> None:
    """No last look at lease, record and time before the act."""

    async def trusting(_self: Firmware, host: Host, _intent: Intent) -> Host:
        return host

    patch.setattr(Firmware, "_require_still_ours", trusting)


def no_identity_check(patch: pytest.MonkeyPatch) -> None:
    async def trusting(_self: Firmware, _host: Host, _bmc: Any) -> None:
        return None

    patch.setattr(Firmware, "_require_same_host", trusting)


def no_last_word_on_power(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Acting, "_require_nothing_begun", lambda *_: None)


def no_domain_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(destructive, "crowded", lambda *_: "")


def no_restraint(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(stepping, "restrain", lambda decision, *_, **__: decision)


def no_care_for_flashes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(remedies, "_harmless", lambda *_, **__: True)


PROTECTIONS: dict[str, tuple[Break, Judge]] = {
    "the guard": (no_guard, a_crash_after_the_act),
    "the fence": (no_fence, a_zombie_writes_nothing),
    "the lease check": (no_lease_check, a_zombie_wakes_up_before_its_act),
    "the identity check": (no_identity_check, a_cable_is_swapped_before_the_act),
    "the last word on power": (
        no_last_word_on_power,
        power_is_asked_for_in_the_middle_of_a_flash,
    ),
    "the restraint": (no_restraint, a_pause_is_kept),
    "remedies that wait": (no_care_for_flashes, a_host_is_late_in_the_middle_of_a_flash),
    "the domain limit": (no_domain_limit, many_hosts_of_a_rack_are_behind),
}


@pytest.mark.parametrize("name", PROTECTIONS)
def test_with_every_protection_the_story_ends_well(name: str, folder: Path) -> None:
    PROTECTIONS[name][1](folder)


@pytest.mark.parametrize("name", PROTECTIONS)
def test_without_this_protection_a_judge_turns_red(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away, judge = PROTECTIONS[name]
    take_away(monkeypatch)
    with pytest.raises(AssertionError):
        judge(folder)


@pytest.mark.long
@pytest.mark.parametrize("take_away", [no_guard, no_fence, no_identity_check])
def test_any_order_of_trouble_finds_the_missing_protection(
    take_away: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away(monkeypatch)
    search = settings(STEPS, max_examples=3000, phases=[Phase.generate], print_blob=False)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(OneHost, settings=search)
