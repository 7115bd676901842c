"""A host with drives that hold what a tenant wrote: erasing them is judged by what they hold then.

Its journal tells an erase of a drive that was empty already, and one of a host that was running.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from inventory.model import Host, Pod
from inventory.states import HostState, PowerState
from inventory.store.protocol import Change
from pods.erasing import DriveRead, ErasePolicy
from provisioning.drivers.driveerase import DriveReading
from provisioning.drivers.protocol import TaskPhase, TaskReading
from provisioning.errors import BmcRefused
from tests.make import lab
from tests.unit.provisioning.iron import Iron, IronBmc
from tests.unit.provisioning.one_host import Drawer, drawer

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
    unable: frozenset[str] = frozenset()
    """Nothing erases these."""
    empty_beside: bool = False
    """Each has a second namespace, of the same serial number, that holds nothing."""
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
        beside = (2,) if self.empty_beside else ()
        return tuple(
            DriveRead(
                slot=f"nvme{bay}n{namespace}",
                serial=serial,
                completed=serial in ended,
                globally_erased=serial in ended,
                sampled=8,
                holding=8 if holds and namespace == 1 else 0,
            )
            for bay, (serial, holds) in enumerate(self.holds.items())
            for namespace in (1, *beside)
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
                methods=() if serial in self.unable else ("crypto", "overwrite"),
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
            self.journal.append(f"refuse {serial} by {method}")
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
def returned(
    folder: Path,
    policy: ErasePolicy = POLICY,
    *,
    state: HostState = HostState.CLEANING,
    **shelf: Any,
) -> Iterator[Drawer]:
    """A host that came back, still running what its tenant left; its pod wants drives erased."""
    with drawer(folder, state=state, target="enrolled", uuid="u-1") as base:
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
