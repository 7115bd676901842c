"""Drives are erased while controllers die, answers are lost and drives lie: clean means proven.

A host that comes back is cleaned again and again (`one_host`), each time with one thing happening
at another moment. The judge is the iron: what its drives hold, and its journal of what was done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from inventory.model import Host, Pod
from inventory.states import HostState, PowerState
from inventory.store.protocol import Change
from pods.erasing import DriveRead, ErasePolicy
from pods.facts import DriveFact
from provisioning import guarded
from provisioning.acts import erasing
from provisioning.drivers.driveerase import DriveReading
from provisioning.drivers.protocol import TaskPhase, TaskReading
from provisioning.errors import BmcRefused
from provisioning.lifecycle.actions import EraseDrive
from tests.make import lab, make_facts
from tests.unit.provisioning.one_host import Drawer, Iron, IronBmc, drawer

ERASE_S = 6.0
DRIVES = ("D1", "D2")
POLICY = ErasePolicy(methods=("crypto", "overwrite"))


@dataclass
class Erase:
    """One erase, as the BMC keeps it."""

    uri: str
    serial: str
    done_at: Any


@dataclass
class Shelf(Iron):
    """Iron with drives that hold what a tenant wrote."""

    holds: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(DRIVES, True))
    erases: list[Erase] = field(default_factory=list)
    liars: frozenset[str] = frozenset()
    without_key: frozenset[str] = frozenset()
    forgets: bool = False
    """Its BMC knows no task once it ended."""

    def _ended(self, one: Erase) -> bool:
        return bool(self.clock.at >= one.done_at)

    def settle(self) -> None:
        """Erases end by themselves."""
        super().settle()
        for one in self.erases:
            if self._ended(one) and one.serial not in self.liars:
                self.holds[one.serial] = False

    def drives_read(self) -> tuple[DriveRead, ...]:
        """The log of a liar says what that of an honest drive says."""
        ended = {one.serial for one in self.erases if self._ended(one)}
        return tuple(
            DriveRead(
                slot=f"bay-{serial}",
                serial=serial,
                completed=serial in ended,
                globally_erased=serial in ended,
                sampled=8,
                holding=8 if holds else 0,
            )
            for serial, holds in self.holds.items()
        )

    async def drives(self) -> tuple[DriveReading, ...]:
        """As the BMC shows them."""
        self._hear()
        busy = {one.serial for one in self.erases if not self._ended(one)}
        return tuple(
            DriveReading(
                uri=f"/d/{serial}",
                slot=f"bay-{serial}",
                serial=serial,
                methods=("crypto", "overwrite"),
                erasing=serial in busy,
            )
            for serial in self.holds
        )

    async def erase_tasks(self) -> tuple[TaskReading, ...]:
        """Every task, as long as the BMC keeps it."""
        self._hear()
        return tuple(
            TaskReading(
                uri=one.uri,
                phase=TaskPhase.DONE if self._ended(one) else TaskPhase.RUNNING,
                about=f"/d/{one.serial}/erase",
            )
            for one in self.erases
            if not (self.forgets and self._ended(one))
        )

    async def erase_drive(self, serial: str, method: str) -> str:
        """One erase."""
        if method == "crypto" and serial in self.without_key:
            raise BmcRefused("400: not by key", status=400)
        uri = f"/e/{len(self.erases) + 1}"

        def erase() -> None:
            again = "" if self.holds[serial] else "AGAIN: "
            on = "" if self.power is PowerState.OFF else "RUNNING: "
            self.journal.append(f"{again}{on}erase {serial} by {method} of {self.serial}")
            self.erases.append(Erase(uri, serial, self.clock.at + timedelta(seconds=ERASE_S)))

        self._change("erase", erase)
        return uri


class ShelfBmc(IronBmc):
    """The driver's port to it."""

    def __init__(self, iron: Shelf) -> None:
        super().__init__(iron)
        self._shelf = iron

    async def drives(self) -> tuple[DriveReading, ...]:
        """Every drive."""
        return await self._shelf.drives()

    async def erase_drive(self, serial: str, method: str) -> str:
        """One erase."""
        return await self._shelf.erase_drive(serial, method)

    async def erase_tasks(self) -> tuple[TaskReading, ...]:
        """Every task."""
        return await self._shelf.erase_tasks()


@contextmanager
def returned(folder: Path, policy: ErasePolicy = POLICY, **shelf: Any) -> Iterator[Drawer]:
    """A host that came back, still running what its tenant left; its pod wants drives erased."""
    with drawer(folder, state=HostState.CLEANING, target="enrolled", uuid="u-1") as base:
        (pod,) = base.store.find(Pod)
        spec = lab().model_copy(update={"erase": policy})
        wanting = pod.model_copy(update={"spec_document": spec.model_dump(mode="json")})
        base.store.apply(Change(replace=(wanting,)), now=base.clock.at)
        iron = Shelf(base.clock, power=PowerState.ON, **shelf)
        yield Drawer(
            base.clock,
            iron,
            base.store,
            base.keys,
            base.box,
            lives=base.lives,
            open_bmc=ShelfBmc,
        )


def over(host: Host) -> bool:
    """Clean, or with a person."""
    parked = host.problem is not None and host.problem.parked
    return host.state is HostState.ENROLLED or parked


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, made once."""
    return tmp_path_factory.mktemp("shelf")


def erases(there: Drawer) -> list[str]:
    """What was really done to drives."""
    return [line for line in there.iron.journal if "erase" in line]


def clean_and_proven(there: Drawer) -> None:
    """The host's state is what its drives are, and each has its evidence."""
    assert isinstance(there.iron, Shelf)
    assert there.host().state is HostState.ENROLLED, there.host().problem
    assert there.iron.holds == dict.fromkeys(DRIVES, False)
    proven = {i.arguments["serial"] for i in there.intents() if i.arguments.get("read")}
    assert proven == set(DRIVES)
    assert all(intent.state != "open" for intent in there.intents())
    assert there.iron.power is PowerState.OFF
    assert not [e for e in erases(there) if "AGAIN" in e or "RUNNING" in e or "S2" in e]


@pytest.fixture(scope="module")
def points(folder: Path) -> int:
    """How many fault points a cleaning passes."""
    with returned(folder) as there:
        there.run(over)
        clean_and_proven(there)
        assert len(erases(there)) == len(DRIVES)
        return there.points.visited


@pytest.mark.parametrize("forgets", [False, True])
def test_a_crash_at_every_point_erases_nothing_twice_and_calls_nothing_clean(
    folder: Path, points: int, *, forgets: bool
) -> None:
    assert points > 60
    for at in range(1, points + 1, 1 if forgets else 3):
        with returned(folder, forgets=forgets) as there:
            there.start(die_at=at)
            there.run(over)
            assert there.crashes == 1, at
            clean_and_proven(there)


@pytest.mark.parametrize("fate", ["lost", "unsent"])
def test_an_answer_that_is_lost_is_settled_by_looking(folder: Path, fate: str) -> None:
    """Each exchange of a cleaning that changes something, in turn."""
    for number in range(12):
        with returned(folder) as there:
            there.iron.fates = ["well"] * number + [fate]
            there.run(over)
            clean_and_proven(there)


def test_a_drive_without_a_key_is_written_over(folder: Path) -> None:
    with returned(folder, without_key=frozenset({"D2"})) as there:
        there.run(over)
        clean_and_proven(there)
        assert erases(there) == ["erase D1 by crypto of S1", "erase D2 by overwrite of S1"]


def test_a_liar_is_named_and_costs_no_other_drive(folder: Path) -> None:
    with returned(folder, liars=frozenset({"D1"})) as there:
        host = there.run(over)

        assert host.state is HostState.CLEANING
        assert host.problem is not None
        assert host.problem.kind == "drive-not-erased"
        assert "bay-D1 (serial D1" in host.problem.message
        assert "D2" not in host.problem.message
        assert len(erases(there)) == len(DRIVES)

        # Somebody pulls it and says retry: what is proven stays proven.
        assert isinstance(there.iron, Shelf)
        there.iron.holds.pop("D1")
        boots = there.iron.boots
        there.wish(problem=None)
        assert there.run(over).state is HostState.ENROLLED
        assert len(erases(there)) == len(DRIVES)
        # That its BMC shows it no more is not enough: it was looked for.
        assert there.iron.boots == boots + 1


def test_another_host_at_the_same_address_keeps_its_drives(folder: Path) -> None:
    """The cable is swapped between the look that decides and the erase."""
    with returned(folder) as there:
        original = there.iron.identity
        asked = 0

        async def swapped() -> Any:
            nonlocal asked
            asked += 1
            there.iron.serial = "S2" if "before-intent" in there.points.names else "S1"
            return await original()

        there.iron.identity = swapped  # type: ignore[method-assign]
        host = there.run(over)
        assert host.problem is not None
        assert host.problem.kind == "wrong-host"
        assert erases(there) == []
        assert asked


def test_an_empty_list_of_drives_is_no_proof(folder: Path) -> None:
    """A BMC that shows no drive: what the agent finds decides, and it finds them full."""

    class Blind(ShelfBmc):
        async def drives(self) -> tuple[DriveReading, ...]:
            """None at all."""
            return ()

    fact = DriveFact(slot="bay-D1", model="m", capacity_gib=1, serial="D1")
    with returned(folder) as there:
        there.open_bmc = Blind
        # It was seen with a drive when it was inspected.
        there.wish(facts=make_facts(drives=(fact,)))
        host = there.run(over)
        assert host.state is HostState.CLEANING
        assert host.problem is not None
        assert "D1" in host.problem.message
        assert erases(there) == []


def test_without_the_read_a_liar_would_pass(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the protection away: this is what it is for."""
    monkeypatch.setattr(DriveRead, "doubts", lambda _self: ())
    with returned(folder, liars=frozenset({"D1"})) as there:
        there.run(over)

        assert there.host().state is HostState.ENROLLED
        assert isinstance(there.iron, Shelf)
        assert there.iron.holds["D1"]


def test_without_the_guard_a_drive_would_be_erased_again(
    folder: Path, points: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(_action: EraseDrive, intent: Any, *_: Any, **__: Any) -> guarded.Settlement:
        done = intent is not None and intent.state == "done"
        return guarded.Done() if done else guarded.Act()

    monkeypatch.setattr(erasing, "settle_erase", blind)
    again = 0
    for at in range(1, points + 1, 3):
        with returned(folder) as there:
            there.start(die_at=at)
            try:
                there.run(over, steps=60)
            except AssertionError:
                again += 1
                continue
            again += any("AGAIN" in line for line in erases(there))
    assert again
