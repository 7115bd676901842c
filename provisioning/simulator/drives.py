"""What the drives of one host hold, and the erases that its BMC is asked for.

A drive is known by its serial: what is pulled takes its data along. A host that boots for anything
but reading its drives writes to them; an erase empties them, unless a fault says otherwise, and
what the drive tells of it is kept apart from what it holds. An erase is part of the host's saved
state, so it goes on where it was when the simulator was killed, and its start is journaled once.
"""

from __future__ import annotations

from dataclasses import dataclass

from pods.facts import DriveFact
from provisioning.simulator import naming
from provisioning.simulator.defects import struck
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.faults import Fault
from provisioning.simulator.host import SimulatedHost
from provisioning.simulator.state import DriveKept, EraseTask

METHODS = {"CryptographicErase": "crypto", "BlockErase": "block", "Overwrite": "overwrite"}
STEPS = 10
TASKS_KEPT = 32


@dataclass(slots=True)
class Erases:
    """What erases the drives of one host."""

    host: SimulatedHost

    @property
    def tasks(self) -> list[EraseTask]:
        """Those that the BMC still knows."""
        return self.host.state.erases

    def task(self, number: str) -> EraseTask | None:
        """One of them."""
        return next((task for task in self.tasks if str(task.number) == number), None)

    def of(self, serial: str) -> EraseTask | None:
        """The erase of a drive that is under way."""
        return next((one for one in self.tasks if one.serial == serial and one.running), None)

    def offered(self, slot: str) -> list[str]:
        """The methods that a drive says it has."""
        cannot = self._refusing(slot)
        hidden = cannot is not None and cannot.word("says") == "hides"
        return [name for name in METHODS if not (hidden and METHODS[name] == "crypto")]

    def start(self, drive: DriveFact, *, method: str, target: str) -> EraseTask:
        """Accept one erase; a second one of the same drive meanwhile is refused."""
        if self.of(drive.serial) is not None:
            raise ActionRefused(409, "ResourceInUse")
        cannot = self._refusing(drive.slot) if METHODS[method] == "crypto" else None
        if cannot is not None and cannot.word("says") != "fails":
            self.host.journal("drive.erase.refused", drive=drive.slot, method=METHODS[method])
            raise ActionRefused(
                400, "ActionParameterNotSupported", "SanitizationType", "Drive.SecureErase"
            )
        task = EraseTask(
            number=self.host.state.last_task + 1,
            slot=drive.slot,
            serial=drive.serial,
            method=METHODS[method],
            target=target,
            started_at=self.host.world.clock.now(),
        )
        self.host.state.erases = [*self.tasks[-TASKS_KEPT + 1 :], task]
        self.host.save()
        self._journal("start", task)
        self.host.spawn(self._run(self.tasks[-1]))
        return self.tasks[-1]

    def resume(self) -> None:
        """Go on with what was running when the simulator ended."""
        for task in self.tasks:
            if task.running:
                self.host.spawn(self._run(task))

    async def _run(self, task: EraseTask) -> None:
        timings = self.host.world.timings
        whole_s = {
            "crypto": timings.erase_crypto_s,
            "block": timings.erase_block_s,
            "overwrite": timings.erase_overwrite_s,
        }[task.method]
        while task.percent < 100:  # noqa: PLR2004 - a percentage
            await self.host.world.clock.sleep(whole_s / STEPS)
            task.percent = min(100, task.percent + 100 // STEPS)
            self.host.save()
        self._end(task)

    def _end(self, task: EraseTask) -> None:
        cannot = self._refusing(task.slot) if task.method == "crypto" else None
        task.ended_at = self.host.world.clock.now()
        if cannot is not None:
            task.state = "Exception"
            self.host.save()
            self._journal("failed", task)
            return
        lies = self._struck("lying-sanitize", task.slot)
        task.state = "Completed"
        self.host.state.drives = {
            **self.host.state.drives,
            task.serial: DriveKept(
                holds=lies is not None,
                completed=lies is None or lies.word("log") != "not-completed",
                erased=lies is None or lies.word("log") == "erased",
            ),
        }
        self.host.save()
        self._journal("failed" if lies is not None else "done", task)

    def _refusing(self, slot: str) -> Fault | None:
        return self._struck("no-crypto-erase", slot)

    def _struck(self, kind: str, slot: str) -> Fault | None:
        plan = self.host.plan_now
        slots = naming.drive_slots(plan.host_type, plan.model)
        return struck(plan.faults, kind, slots, seed=plan.serial).get(slot)

    def _journal(self, what: str, task: EraseTask) -> None:
        self.host.journal(
            f"drive.erase.{what}",
            drive=task.slot,
            serial=task.serial,
            method=task.method,
            task=task.number,
        )
