"""Drives are erased while controllers die, answers are lost and drives lie: clean means proven.

A host that comes back is cleaned again and again (`shelf`), each time with one thing happening
at another moment. The judge is the iron: what its drives hold, and its journal of what was done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inventory.states import HostState
from pods.erasing import DriveRead, ErasePolicy
from pods.facts import DriveFact
from provisioning import guarded
from provisioning.acts import erasing
from provisioning.drivers.driveerase import DriveReading
from provisioning.lifecycle.actions import EraseDrive
from tests.make import make_facts
from tests.unit.provisioning.shelf import (
    DRIVES,
    Shelf,
    ShelfBmc,
    clean_and_proven,
    erases,
    over,
    returned,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, made once."""
    return tmp_path_factory.mktemp("shelf")


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


def test_an_erase_that_is_held_back_at_the_last_moment_is_begun_when_it_may(
    folder: Path, tmp_path: Path
) -> None:
    """It stepped back between its intent and the act: its method is not spent by that."""
    hold = tmp_path / "hold"
    with returned(folder, ErasePolicy(methods=("crypto",))) as there:
        there.hold_file = hold
        there.start()
        reach = there.points.reach

        def holding(point: str, detail: str = "") -> None:
            reach(point, detail)
            if point == "after-intent":
                hold.touch()

        there.points.reach = holding  # type: ignore[method-assign]
        there.run(lambda _host: hold.exists())
        for _ in range(5):
            there.step()
        assert erases(there) == []
        assert all(intent.state != "open" for intent in there.intents())

        there.points.reach = reach  # type: ignore[method-assign]
        hold.unlink()
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
