"""A host that erases its own drives does so by a leave that was given while it asked.

The agent here does as a real one does: it erases when it was let in, and is let in by what the boot
door would let in. The judge is its journal.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from inventory.model import Host, Intent
from inventory.states import HostState
from inventory.store.protocol import Change
from provisioning.acts.inband import InBand
from provisioning.boot.asking import note_leave_asked
from provisioning.boot.orders import asks_for_leave, destroys, may_begin
from provisioning.brakes import domains
from provisioning.drivers.driveerase import DriveReading
from provisioning.lifecycle.actions import Action, GiveLeave, SettleInBand
from tests.make import NOW
from tests.unit.provisioning.one_host import Drawer
from tests.unit.provisioning.shelf import Shelf, ShelfBmc, over, returned
from tests.unit.provisioning.twice import run_twice


@dataclass
class Asking(Drawer):
    """Its agent asks before it erases."""

    erased_in: str = ""
    mute: bool = False
    """Its operating system never gets as far as the agent."""

    def _agent(self, host: Host) -> None:
        if self.mute:
            return
        boot, iron = host.boot, self.iron
        assert isinstance(iron, Shelf)
        if boot is None or boot.powered_at is None or not destroys(boot):
            return
        if boot.media_id != self.erased_in:
            if not may_begin(boot, now=self.clock.at):
                if not asks_for_leave(boot):
                    note_leave_asked(self.store, host.id, boot.media_id, now=self.clock.at)
                return
            self.erased_in = boot.media_id
            iron.journal.append(f"erase in band by leave of {boot.leave_given_at}")
            iron.holds = dict.fromkeys(iron.holds, False)
        super()._agent(host)


@dataclass
class Own(Shelf):
    """Drives that its BMC does not show, and its agent erases."""

    async def drives(self) -> tuple[DriveReading, ...]:
        """As most BMCs do."""
        return ()

    def drives_read(self) -> Any:
        """Written over: that is proof without a log."""
        return tuple(
            one.model_copy(update={"method": "overwrite", "overwritten": not one.holding})
            for one in super().drives_read()
        )


@contextmanager
def asking(folder: Path, hold_file: Path | None = None) -> Iterator[Asking]:
    """A real host that came back."""
    with returned(folder) as there:
        there.wish(simulated=False)
        found = Asking(
            there.clock,
            Own(there.clock, power=there.iron.power),
            there.store,
            there.keys,
            there.box,
            lives=there.lives,
            open_bmc=ShelfBmc,
            hold_file=hold_file,
        )
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, made once."""
    return tmp_path_factory.mktemp("asking")


def in_band(there: Drawer) -> list[Intent]:
    return [one for one in there.intents() if one.step.startswith("inband:")]


def acts(there: Drawer) -> list[str]:
    return [line for line in there.iron.journal if line.startswith("erase in band")]


def until_it_asks(there: Asking) -> None:
    """It has power, and its agent asked a moment ago; the controller did not look since."""
    there.run(lambda host: host.boot is not None and host.boot.powered_at is not None)
    there._agent(there.host())
    assert asks_for_leave(there.host().boot)


def test_erase_in_band_has_an_intent_before_its_power_and_ends_it(folder: Path) -> None:
    with asking(folder) as there:
        there.run(lambda host: host.boot is not None)
        (intent,) = in_band(there)
        assert (intent.state, intent.step_class) == ("open", "destructive-observable")
        assert tuple(intent.arguments["domains"]) == domains(there.host())
        assert there.host().boot.powered_at is None  # type: ignore[union-attr]  # it has one
        there.run(over)
        assert there.host().state is HostState.ENROLLED, there.host().problem
        (intent,) = in_band(there)
        assert (intent.state, intent.arguments["begun"]) == ("done", True)
        assert len(acts(there)) == 1


def test_hold_between_power_and_orders_keeps_the_drives_as_they_are(
    folder: Path, tmp_path: Path
) -> None:
    hold = tmp_path / "hold"
    with asking(folder, hold) as there:
        until_it_asks(there)
        hold.touch()
        for _ in range(40):
            there.step()
        assert acts(there) == []
        assert there.host().boot.leave_given_at is None  # type: ignore[union-attr]  # it has one
        hold.unlink()
        there.run(over)
        assert there.host().state is HostState.ENROLLED, there.host().problem
        assert len(acts(there)) == 1


def others(there: Drawer, *, state: str) -> Intent:
    """An act under way on another host of the same rack, feed and site, as many as may be."""
    return Intent(
        id="another",
        host_id="host-9",
        step="firmware:BIOS:9",
        step_class="destructive-observable",
        arguments={"domains": list(domains(there.host()))},
        fence=1,
        state=state,
        created_at=NOW,
    )


@pytest.mark.parametrize("moment", ["before its medium", "when it asks"])
def test_host_waits_for_its_turn_among_all_acts_that_cannot_be_undone(
    folder: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RACK", "FEED", "SITE", "SCALE_UP"):
        monkeypatch.setenv(f"PODYARD_PROVISIONING_DESTRUCTIVE_PER_{name}", "1")
    with asking(folder) as there:
        if moment == "when it asks":
            until_it_asks(there)
        there.store.apply(Change(insert=(others(there, state="open"),)), now=there.clock.at)
        for _ in range(40):
            there.step()
        assert acts(there) == []
        assert "the most at once" in there.host().waiting
        assert (there.host().boot is None) == (moment != "when it asks")
        there.store.apply(Change(replace=(others(there, state="done"),)), now=there.clock.at)
        there.run(over)
        assert there.host().state is HostState.ENROLLED, there.host().problem
        assert len(acts(there)) == 1


@pytest.mark.parametrize(
    ("another", "goes"),
    [
        ({"created_at": NOW - timedelta(seconds=1)}, False),
        ({"created_at": NOW + timedelta(hours=1)}, True),
        ({"created_at": NOW + timedelta(hours=1), "begun": True}, False),
        ({"created_at": "the same", "id": "0"}, False),
        ({"created_at": "the same", "id": "~"}, True),
    ],
    ids=["older", "younger", "younger and begun", "first by its id", "last by its id"],
)
def test_of_more_acts_than_may_be_the_oldest_goes_on_and_the_other_waits(
    folder: Path,
    another: dict[str, Any],
    *,
    goes: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two controllers were both granted the last place: both acts are open, both hosts are on."""
    for name in ("RACK", "FEED", "SITE", "SCALE_UP"):
        monkeypatch.setenv(f"PODYARD_PROVISIONING_DESTRUCTIVE_PER_{name}", "1")
    with asking(folder) as there:
        until_it_asks(there)
        (mine,) = in_band(there)
        fields = {"id": "another", "step": "inband:read-drives:9", **another}
        if fields["created_at"] == "the same":
            fields["created_at"] = mine.created_at
        open_one = others(there, state="open")
        known = {**open_one.arguments, "begun": fields.pop("begun", False)}
        rival = open_one.model_copy(update={**fields, "arguments": known})
        there.store.apply(Change(insert=(rival,)), now=there.clock.at)
        for _ in range(40):
            there.step()
        assert bool(acts(there)) == goes
        if not goes:
            assert "the most at once" in there.host().waiting
            rival = rival.model_copy(update={"state": "failed"})
            there.store.apply(Change(replace=(rival,)), now=there.clock.at)
            there.run(lambda _: bool(acts(there)))
        assert len(acts(there)) == 1


def test_leave_is_not_given_to_a_host_behind_another_bmc(folder: Path) -> None:
    with asking(folder) as there:
        until_it_asks(there)
        there.iron.serial = "S2"
        for _ in range(40):
            there.step()
        assert acts(there) == []


def test_leave_is_not_given_when_the_bmc_becomes_another_one_after_the_decision(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look of this very step still saw the right board."""
    turn = InBand._not_its_turn

    async def swapped(self: InBand, host: Host, intent: Intent) -> str:
        there.iron.serial = "S2"
        return await turn(self, host, intent)

    monkeypatch.setattr(InBand, "_not_its_turn", swapped)
    with asking(folder) as there:
        until_it_asks(there)
        for _ in range(40):
            there.step()
        assert there.iron.serial == "S2"
        assert there.host().boot.leave_given_at is None  # type: ignore[union-attr]  # it has one
        assert acts(there) == []


def test_leave_is_not_given_by_a_controller_that_slept_over_the_answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it decided on is as old as its sleep; it decides again, and then gives leave once."""
    slept: list[timedelta] = []
    same = InBand._require_same_host

    async def sleeping(self: InBand, host: Host, bmc: Any) -> None:
        await same(self, host, bmc)
        if not slept:
            slept.append(timedelta(hours=1))
            there.clock.at += slept[0]

    monkeypatch.setattr(InBand, "_require_same_host", sleeping)
    with asking(folder) as there:
        until_it_asks(there)
        for _ in range(40):
            there.step()
            if slept:
                break
        boot = there.host().boot
        assert slept
        assert boot is not None
        assert boot.leave_given_at is None
        there.run(over)
        assert len(acts(there)) == 1


def _what(intent: Intent) -> str:
    """Without the boot that it is of, whose number is drawn."""
    return ":".join(intent.step.split(":")[:2])


@pytest.mark.parametrize(("kind", "mute"), [(GiveLeave, False), (SettleInBand, True)], ids=str)
def test_every_step_of_an_erase_in_band_run_twice_in_a_row_ends_the_same(
    folder: Path,
    kind: type[Action],
    mute: bool,  # noqa: FBT001
) -> None:
    """The second run sees what the first one saw: a lost record."""
    ends = []
    for twice in (False, True):
        with asking(folder) as there:
            there.mute = mute
            doubled = run_twice(there, kind) if twice else ["once"]
            there.run(over)
            assert doubled, "it was never run: this proves nothing"
            host = there.host()
            assert len(acts(there)) == (0 if mute else 1)
            ends.append(
                (
                    host.state,
                    host.problem and host.problem.kind,
                    sorted((_what(one), one.state, one.note) for one in there.intents()),
                )
            )
    assert ends[0] == ends[1]


def test_crash_at_every_point_gives_one_leave_to_a_boot_and_ends_clean(folder: Path) -> None:
    with asking(folder) as there:
        there.run(over)
        points = there.points.visited
    for at in range(1, points + 1, 3):
        with asking(folder) as there:
            there.start(die_at=at)
            there.run(over)
            assert there.crashes == 1, at
            assert there.host().state is HostState.ENROLLED, (at, there.host().problem)
            assert len(acts(there)) == 1, at
            assert all(one.state != "open" for one in there.intents()), at


def test_host_of_which_nobody_knows_drives_is_looked_at_once_before_it_is_clean(
    folder: Path,
) -> None:
    with asking(folder) as there:
        assert isinstance(there.iron, Shelf)
        there.iron.holds = {}
        there.run(over)
        assert there.host().state is HostState.ENROLLED, there.host().problem
        looks = [one for one in there.intents() if one.step == "drives-looked-for"]
        assert [one.note for one in looks] == ["0 drives were seen from inside the host"]
        assert there.iron.boots == 1
