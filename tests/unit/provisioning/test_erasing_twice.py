"""Every step that erases drives twice: each drive is erased as often as once, and told of as often.

The judge is what the drives hold, the journal of what was done to them, and the evidence on record.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from inventory.states import HostState
from provisioning import guarded
from provisioning.acts import erasing
from provisioning.lifecycle.actions import (
    Action,
    CertifyErasure,
    EraseDrive,
    RecordDrivesRead,
    RecordUnerased,
)
from tests.unit.provisioning.one_host import Drawer
from tests.unit.provisioning.shelf import Shelf, erases, over, returned
from tests.unit.provisioning.twice import run_twice

SHELVES: dict[str, dict[str, Any]] = {
    "honest": {},
    "forgetful": {"forgets": True},
    "without-key": {"without_key": frozenset({"D2"})},
    "liar": {"liars": frozenset({"D1"})},
    "unable": {"unable": frozenset({"D1"})},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, made once."""
    return tmp_path_factory.mktemp("shelf-twice")


def left(there: Drawer) -> dict[str, Any]:
    """The host, what its drives hold, and all that proves it."""
    host, told = there.host(), there.kinds()
    assert isinstance(there.iron, Shelf)
    return {
        "state": host.state,
        "problem": host.problem and (host.problem.kind, host.problem.message),
        "power": there.iron.power,
        "holds": there.iron.holds,
        "done": [line for line in there.iron.journal if "erase" in line or "refuse" in line],
        "evidence": Counter(
            (i.step, i.state, i.note, str(i.arguments.get("read"))) for i in there.intents()
        ),
        "told": {kind: count for kind, count in told.items() if kind.startswith("drive.")},
    }


def gone_down(folder: Path, shelf: str) -> Any:
    """A host that its tenant gave back, on its way down."""
    return returned(folder, state=HostState.DRAINING, **SHELVES[shelf])


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> dict[str, dict[str, Any]]:
    """How each shelf is left when every step is run once."""
    found = {}
    for shelf in SHELVES:
        with gone_down(folder, shelf) as there:
            there.run(over)
            found[shelf] = left(there)
    return found


@pytest.mark.parametrize(
    ("kind", "shelf"),
    [
        (EraseDrive, "honest"),
        (EraseDrive, "forgetful"),
        (EraseDrive, "without-key"),
        (EraseDrive, "liar"),
        (RecordDrivesRead, "honest"),
        (RecordDrivesRead, "liar"),
        (RecordDrivesRead, "unable"),
        (RecordUnerased, "unable"),
        (CertifyErasure, "honest"),
    ],
    ids=str,
)
def test_every_step_of_erasing_run_twice_in_a_row_ends_the_same(
    folder: Path, undisturbed: dict[str, dict[str, Any]], kind: type[Action], shelf: str
) -> None:
    """The second run sees what the first one saw: a lost record."""
    with gone_down(folder, shelf) as there:
        doubled = run_twice(there, kind)
        there.run(over)
        assert doubled, "it was never run: this proves nothing"
        assert left(there) == undisturbed[shelf]


def test_each_drive_is_erased_once_by_what_it_can(undisturbed: dict[str, dict[str, Any]]) -> None:
    """What the others are held against."""
    both = ["erase D1 by crypto of S1", "erase D2 by crypto of S1"]
    assert undisturbed["honest"]["done"] == both
    assert undisturbed["honest"]["state"] is HostState.ENROLLED
    assert undisturbed["forgetful"]["done"] == both
    assert undisturbed["without-key"]["done"] == [
        both[0],
        "refuse D2 by crypto",
        "erase D2 by overwrite of S1",
    ]
    assert undisturbed["liar"]["done"] == both
    assert undisturbed["unable"]["done"] == both[1:]
    for shelf in ("liar", "unable"):
        assert undisturbed[shelf]["problem"][0] == "drive-not-erased"


def test_empty_namespace_does_not_vouch_for_the_one_beside_it(folder: Path) -> None:
    with returned(folder, liars=frozenset({"D1"}), empty_beside=True) as there:
        there.run(over)
        problem = there.host().problem
        assert problem is not None
        assert problem.kind == "drive-not-erased"
        assert "serial D1" in problem.message
        assert "serial D2" not in problem.message


def test_without_the_guard_an_erase_run_twice_erases_twice(
    folder: Path, undisturbed: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Take the protection away: this is what it is for."""
    settle = erasing.settle_erase

    def blind(action: EraseDrive, intent: Any, *seen: Any, **allowed: Any) -> guarded.Settlement:
        settled = settle(action, intent, *seen, **allowed)
        return guarded.Act() if isinstance(settled, guarded.Pending) else settled

    with gone_down(folder, "honest") as there:
        run_twice(there, EraseDrive)
        monkeypatch.setattr(erasing, "settle_erase", blind)
        there.run(lambda _host: len(erases(there)) > 1)
        assert erases(there) != undisturbed["honest"]["done"]
        assert len(erases(there)) == len([e for e in erases(there) if "D1" in e])
