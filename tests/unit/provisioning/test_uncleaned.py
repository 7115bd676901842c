"""What tenants left on a host goes with no repair: it is cleaned before it is offered again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inventory.model import Host
from inventory.states import HostState
from inventory.verbs import retried
from provisioning.lifecycle.cleaning import decide_cleaning
from provisioning.lifecycle.decision import Advance, Decision, Hold, Seen
from provisioning.lifecycle.repairing import decide_repairing
from provisioning.lifecycle.uncleaned import is_uncleaned
from tests.make import NOW, make_boot, make_host, make_wanted
from tests.unit.provisioning.shelf import Shelf, over, returned


@pytest.mark.parametrize(
    ("was", "left", "to", "told"),
    [
        (False, HostState.ACCEPTING, HostState.READY, False),
        (False, HostState.READY, HostState.DRAINING, True),
        (False, HostState.DRAINING, HostState.CLEANING, True),
        (False, HostState.READY, HostState.REPAIRING, True),
        (True, HostState.CLEANING, HostState.REPAIRING, True),
        (True, HostState.REPAIRING, HostState.CLEANING, True),
        (True, HostState.CLEANING, HostState.ENROLLED, False),
        (False, HostState.BOOTING, HostState.REPAIRING, False),
    ],
)
def test_only_a_cleaning_that_came_to_its_end_clears_what_was_offered(
    was: bool,  # noqa: FBT001
    left: HostState,
    to: HostState,
    told: bool,  # noqa: FBT001
) -> None:
    assert is_uncleaned(make_host(state=left, uncleaned=was), to) is told


def repaired(host: Host) -> Decision:
    return decide_repairing(host, Seen(now=NOW), make_wanted())


def test_a_host_that_was_offered_leaves_its_repair_through_cleaning() -> None:
    offered = make_host(state=HostState.REPAIRING, boot=make_boot(), uncleaned=True)
    answer = repaired(offered)
    assert isinstance(answer, Advance)
    assert answer.to is HostState.CLEANING
    never = offered.model_copy(update={"uncleaned": False, "boot": None})
    assert repaired(never) == Advance(HostState.REGISTERING, "repaired")


def test_an_adopted_host_whose_boot_was_forgotten_still_needs_a_person_to_vouch() -> None:
    access = make_host().bmc.model_copy(update={"address": "ssh://10.0.0.7"})
    wanted = make_wanted(firmware=(), bios={})
    host = make_host(bmc=access, state=HostState.CLEANING, uncleaned=True)
    assert isinstance(decide_cleaning(host, Seen(now=NOW), wanted), Hold)


def test_drives_that_could_not_be_erased_are_tried_again_after_a_repair(tmp_path: Path) -> None:
    """The drive is pulled, which the repair is for; its neighbours are erased all the same."""
    came: list[HostState] = []

    def until(*states: HostState) -> Any:
        def there(host: Host) -> bool:
            came.append(host.state)
            return host.state in states

        return there

    with returned(tmp_path, state=HostState.DRAINING, unable=frozenset({"D1"})) as drawer:
        drawer.run(over)
        assert drawer.host().state is HostState.CLEANING
        drawer.wish(target="repairing", maintenance="pull D1")
        drawer.run(until(HostState.REPAIRING))
        drawer.wish(**retried(drawer.host(), drawer.clock.at))
        came.clear()
        drawer.run(until(HostState.CLEANING, HostState.REGISTERING))
        drawer.run(over)
        assert isinstance(drawer.iron, Shelf)
        assert HostState.REGISTERING not in came
        assert drawer.host().state is HostState.CLEANING
        assert drawer.host().problem is not None
        assert drawer.host().problem.kind == "drive-not-erased"


def test_a_cleaned_host_is_offered_anew_without_another_cleaning(tmp_path: Path) -> None:
    with returned(tmp_path, state=HostState.DRAINING) as drawer:
        drawer.run(over)
        assert drawer.host().state is HostState.ENROLLED
        assert not drawer.host().uncleaned
