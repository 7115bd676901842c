"""What podyard does only when something is wrong, twice: the host ends as if it was done once.

The host of each story is in some trouble of its own. What is compared is the hardware, its journal,
the record, what was begun and how it ended, and the certificates with what speaks against them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from inventory.model import CertificateRecord, ComputeUnit, Host
from inventory.states import HostState, PowerState
from inventory.store.protocol import Change
from inventory.verbs import NotNow, Verb, Wish, fields_of
from pods.facts import HardwareFacts, LeakDetectorFact
from provisioning.lifecycle.actions import (
    Action,
    NoteLeak,
    RecordConfigured,
    RecordDoubt,
    RecordInspection,
    RecordMismatches,
    SettleByHand,
    ShutDown,
    StopLoad,
    Suspend,
    TryRemedy,
)
from provisioning.podmaps import ALONE_READ_EVERY_S
from provisioning.world import PlayResult
from tests.make import make_facts, make_host
from tests.unit.provisioning.iron import Iron, IronBmc, as_left
from tests.unit.provisioning.one_host import Drawer, Player, drawer, ended
from tests.unit.provisioning.twice import run_twice

LATER_S = 2000.0
"""Longer than two quarters of an hour: a ready host was read whole meanwhile."""
TOLD = frozenset(
    {
        "certificate.suspended",
        "host.bmc.restart",
        "host.certified",
        "host.leak",
        "host.load-stopped",
        "host.parked",
        "host.remedy",
        "intent.parked",
        "unit.withdrawn",
    }
)
"""What people are told of such a host: once each, for there was one trouble."""


@dataclass
class Troubled(Iron):
    """Iron whose BMC says that something is wrong with what is built in."""

    built: dict[str, Any] = field(default_factory=dict)
    """What it says otherwise."""
    answers: int = 1_000_000
    """So many times."""

    async def facts(self) -> HardwareFacts:
        """What is built in, as it says."""
        fine = await super().facts()
        if not self.built or not self.answers:
            return fine
        self.answers -= 1
        return fine.model_copy(update=self.built)

    async def shut_down(self) -> None:
        """The operating system ends, and the power with it."""

        def down() -> None:
            if self.power is PowerState.ON:
                self.journal.append("shut down")
                self.power = PowerState.OFF

        self._change("shut down", down)


class TroubledBmc(IronBmc):
    """The driver's port to it."""

    def __init__(self, iron: Troubled) -> None:
        super().__init__(iron)
        self.shut_down = iron.shut_down


@dataclass
class ByHand(Player):
    """A playbook that fails where a person has to do it by hand."""

    fails: bool = False

    async def configure(self, host: Host, variables: dict[str, str]) -> PlayResult:
        """Run it."""
        done = await super().configure(host, variables)
        return PlayResult(ok=False, changed=0, task="disks") if self.fails else done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, made once."""
    return tmp_path_factory.mktemp("troubled")


@contextmanager
def troubled(folder: Path) -> Iterator[Drawer]:
    with drawer(folder) as base:
        yield Drawer(
            base.clock,
            Troubled(base.clock),
            base.store,
            base.keys,
            base.box,
            lives=base.lives,
            open_bmc=TroubledBmc,
            player=ByHand(),
        )


def iron_of(there: Drawer) -> Troubled:
    assert isinstance(there.iron, Troubled)
    return there.iron


def said(there: Drawer, verb: Verb) -> None:
    """A person says so."""
    steps = {intent.step for intent in there.intents() if intent.state == "open"}
    wish = Wish(verb, by="ann", at=there.clock.at, why="by hand", open_steps=steps)
    found = fields_of(wish, there.host())
    assert not isinstance(found, NotNow), found
    there.wish(**found)


# The stories


def over(host: Host) -> bool:
    """Ready, with a person, or waiting for its loop to be dry."""
    return (ended(host) and not host.leak) or is_parked(host) or "cooling loop" in host.waiting


def is_parked(host: Host) -> bool:
    return host.problem is not None and host.problem.parked


WET = {"leak_detectors": (LeakDetectorFact(slot="ColdPlate", state="Critical"),)}
SHORT = {"memory": make_facts().memory[:3]}


def lacks_a_part(there: Drawer) -> None:
    """It comes with a module of its memory missing."""
    iron_of(there).built = dict(SHORT)


def is_ready_for_a_while(there: Drawer) -> None:
    """Nothing is wrong: it is read again in its turn."""
    there.run(ended)
    until = there.clock.at + timedelta(seconds=LATER_S)
    there.run(lambda _host: there.clock.at > until)


def misreads_once_when_ready(there: Drawer) -> None:
    """One answer of its BMC leaves a part out."""
    there.run(ended)
    iron_of(there).built, iron_of(there).answers = dict(SHORT), 1
    until = there.clock.at + timedelta(seconds=LATER_S)
    there.run(lambda _host: there.clock.at > until)


def loses_a_part_when_ready(there: Drawer) -> None:
    there.run(ended)
    iron_of(there).built = dict(SHORT)
    there.run(lambda host: not host.certificate_id)


def misreads_once_when_measured(there: Drawer) -> None:
    there.run(lambda host: bool(host.acceptance_order))
    iron_of(there).built, iron_of(there).answers = dict(WET), 1


def leaks_when_measured(there: Drawer) -> None:
    there.run(lambda host: bool(host.acceptance_order))
    iron_of(there).built = dict(WET)


def its_neighbour_leaks(there: Drawer) -> None:
    """Another host on its loop, while it is measured."""
    there.run(lambda host: bool(host.acceptance_order))
    wet = make_host(id="host-2", name="r1-h2", slot="r1-h2", serial="S2", leak="wet")
    there.store.apply(Change(insert=(wet,)), now=there.clock.at)
    there.clock.at += timedelta(seconds=ALONE_READ_EVERY_S)


def leaks_when_ready(there: Drawer) -> None:
    there.run(ended)
    iron_of(there).built = dict(WET)
    there.run(lambda host: bool(host.leak))


def is_configured_by_hand(there: Drawer) -> None:
    assert isinstance(there.player, ByHand)
    there.player.fails = True
    there.run(ended)
    said(there, Verb.SKIP)


def is_updated_by_hand(there: Drawer) -> None:
    """It is called away while its BMC is out of reach, and the BMC forgets the update."""
    there.run(lambda _host: bool(there.iron.flashes))
    there.iron.deaf = 1_000_000
    there.wish(target="enrolled")
    there.run(lambda host: host.state is HostState.CLEANING)
    there.iron.deaf = 0
    there.iron.flashes.clear()
    there.run(is_parked)
    there.iron.firmware["BIOS"] = "2.4.1"
    said(there, Verb.SKIP)
    there.run(lambda host: host.state is HostState.ENROLLED)
    there.wish(target="ready")


def is_late(there: Drawer) -> None:
    """Its BMC takes no settings until it is restarted."""
    there.iron.stuck = True
    there.run(lambda host: host.waiting == "BIOS profile not staged")
    there.wish(state_since=there.clock.at - timedelta(seconds=3599))


Story = Callable[[Drawer], None]


def left(there: Drawer) -> dict[str, Any]:
    """All that a second time could leave otherwise."""
    host = there.host()
    told = there.kinds()
    papers = there.store.find(CertificateRecord, host_id=host.id)
    return {
        "host": (host.state, host.target, host.mismatches, host.leak, host.doubt, host.facts),
        "remedies": [one.remedy for one in host.tried if not one.outcome],
        "problem": host.problem and (host.problem.kind, host.problem.message),
        "iron": as_left(there.iron),
        "done": there.iron.journal,
        "begun": [(one.step, one.state, one.note) for one in there.intents()],
        "against": sorted(len(paper.suspended) for paper in papers),
        "unit": [unit.state for unit in there.store.find(ComputeUnit)],
        "told": {kind: count for kind, count in told.items() if kind in TOLD},
    }


STORIES: list[tuple[type[Action], Story]] = [
    (RecordMismatches, lacks_a_part),
    (RecordInspection, is_ready_for_a_while),
    (RecordInspection, misreads_once_when_ready),
    (Suspend, loses_a_part_when_ready),
    (RecordDoubt, misreads_once_when_measured),
    (RecordDoubt, leaks_when_ready),
    (NoteLeak, leaks_when_measured),
    (NoteLeak, leaks_when_ready),
    (StopLoad, its_neighbour_leaks),
    (ShutDown, leaks_when_measured),
    (ShutDown, leaks_when_ready),
    (RecordConfigured, is_configured_by_hand),
    (SettleByHand, is_updated_by_hand),
    (TryRemedy, is_late),
]


@pytest.mark.parametrize(("kind", "story"), STORIES, ids=lambda one: one.__name__)
def test_what_is_done_in_trouble_run_twice_ends_as_if_run_once(
    folder: Path, kind: type[Action], story: Story
) -> None:
    """The second run sees what the first one saw: a lost record."""
    with troubled(folder) as there:
        story(there)
        there.run(over)
        once = left(there)
    with troubled(folder) as there:
        doubled = run_twice(there, kind)
        story(there)
        there.run(over)
        assert doubled, "it was never run: this proves nothing"
        assert left(there) == once
