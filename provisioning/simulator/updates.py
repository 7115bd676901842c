"""Firmware updates of one host: one at a time, in steps that can be watched, from a good image.

A task is part of the host's saved state, so an update goes on where it was when the simulator was
killed, and its start is journaled exactly once: when the image is known to be good and writing
begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from provisioning.simulator.errors import ActionRefused, MediaRefused, MediaUnreachable
from provisioning.simulator.host import SimulatedHost
from provisioning.simulator.journal import read_journal
from provisioning.simulator.media import read_lab_image
from provisioning.simulator.state import UpdateTask

STEPS = 20
"""How often PercentComplete moves: every 5 %."""
RESTARTS_AT_PERCENT = 50
TASKS_KEPT = 16
"""Ended tasks that a BMC remembers; real ones purge theirs too."""


@dataclass(slots=True)
class Updates:
    """The update service of one BMC."""

    host: SimulatedHost
    restart_bmc: Callable[[float], None] = lambda _seconds: None
    ended_at: float | None = None
    """When the last update of this life ended."""

    @property
    def tasks(self) -> list[UpdateTask]:
        """The tasks that the BMC still knows."""
        return [task for task in self.host.state.tasks if not task.hidden]

    def task(self, number: str) -> UpdateTask | None:
        """One of them."""
        return next((task for task in self.tasks if str(task.number) == number), None)

    def start(self, image: str, *, target: str) -> UpdateTask:
        """Accept one update; a second one meanwhile is refused."""
        known = self.host.state.tasks
        if any(task.running for task in known):
            raise ActionRefused(503, "ServiceTemporarilyUnavailable", "5")
        number = self.host.state.last_task + 1
        task = UpdateTask(
            number=number, image=image, target=target, started_at=self.host.world.clock.now()
        )
        self.host.state.tasks = [*known[-TASKS_KEPT + 1 :], task]
        self.host.save()
        self.host.spawn(self._run(self.host.state.tasks[-1]))
        return self.host.state.tasks[-1]

    def forget(self, task: UpdateTask) -> None:
        """A client deletes an ended task."""
        if task.running:
            raise ActionRefused(409, "ResourceInUse")
        self.host.state.tasks = [other for other in self.host.state.tasks if other is not task]
        self.host.save()

    def resume(self) -> None:
        """Go on with what was running when the simulator ended."""
        for task in self.host.state.tasks:
            if not task.running:
                continue
            if task.flashing and not self._start_is_journaled(task):
                # Killed between saving and journaling: a flash that nobody counted is no judge.
                self._journal("start", task)
            self.host.spawn(self._run(task))

    def _start_is_journaled(self, task: UpdateTask) -> bool:
        return any(
            entry["what"] == "firmware.update.start"
            and (entry["host"], entry["task"]) == (self.host.plan.name, task.number)
            for entry in read_journal(self.host.world.journal.path)
        )

    async def _run(self, task: UpdateTask) -> None:
        if not task.flashing:
            try:
                await self._check(task)
            except MediaUnreachable as error:
                task.not_fetched = True
                self._fail(task, str(error))
                return
            except MediaRefused as error:
                self._fail(task, str(error))
                return
            self._begin(task)
        if await self._write(task):
            self._finish(task)
        else:
            self._cut_short(task)

    async def _check(self, task: UpdateTask) -> None:
        content = await self.host.fetch(task.image)
        image = read_lab_image(content, url=task.image)
        if task.target and task.target != image.component:
            raise MediaRefused(
                f"{task.image} is for {image.component}, not for {task.target}",
                hint="send the image of the component that is targeted",
            )
        if image.component not in self.host.state.firmware:
            raise MediaRefused(
                f"{task.image} is for {image.component}, which this host does not have",
                hint="its components are " + ", ".join(self.host.state.firmware),
            )
        task.component, task.new = image.component, image.version
        task.old = self.host.state.firmware[image.component]

    def _begin(self, task: UpdateTask) -> None:
        task.flashing, task.state = True, "Running"
        task.message = f"Writing {task.component} {task.new}."
        self.host.save()
        self._journal("start", task)

    async def _write(self, task: UpdateTask) -> bool:
        """Whether it came to its end: what is being written when the power goes never does."""
        cuts, step_percent = self.host.power_cuts, 100 // STEPS
        slow = self.host.faults.planted("slow-update")
        ratio = slow.number("ratio") if slow else 1.0
        while task.percent < 100:  # noqa: PLR2004 - a percentage
            await self.host.world.clock.sleep(ratio * self.host.world.timings.update_s / STEPS)
            if self.host.is_dark or self.host.power_cuts != cuts:
                return False
            task.percent = min(100, task.percent + step_percent)
            self.host.save()
            if task.percent >= RESTARTS_AT_PERCENT:
                self._restart_midway()
                self._vanish_midway(task)
        return True

    def _cut_short(self, task: UpdateTask) -> None:
        """The old image is still there, unless the component has room for one only."""
        task.hidden = self.host.faults.fires("task-vanishes") is not None
        if self.host.faults.fires("bricks"):
            self.host.state.firmware = {**self.host.state.firmware, task.component: ""}
        self._fail(task, f"the power was lost while {task.component} was being written")

    def _restart_midway(self) -> None:
        """The BMC forgets that it is at it, and goes on."""
        planted = self.host.faults.planted("bmc-restarts")
        if planted is None or planted.word("during") != "update":
            return
        if self.host.faults.fires("bmc-restarts"):
            self.restart_bmc(planted.number("seconds"))

    def _vanish_midway(self, task: UpdateTask) -> None:
        """The BMC purges the task, and goes on with the update."""
        planted = self.host.faults.planted("task-vanishes")
        if planted is not None and planted.word("applied") == "late" and not task.hidden:
            task.hidden = self.host.faults.fires("task-vanishes") is not None
            self.host.save()

    def _finish(self, task: UpdateTask) -> None:
        lies = self.host.faults.fires("update-lies") is not None
        vanishes = None if task.hidden else self.host.faults.fires("task-vanishes")
        task.hidden = task.hidden or vanishes is not None
        undone = vanishes is not None and vanishes.word("applied") == "no"
        if not lies and not undone:
            firmware = {**self.host.state.firmware, task.component: task.new}
            self.host.state.firmware = firmware
        task.message = f"{task.component} is at version {task.new}."
        self._end(task, "Completed")
        if lies or undone:
            self._journal("failed", task, reason="the BMC reported success and changed nothing")
        else:
            self._journal("done", task)

    def _fail(self, task: UpdateTask, reason: str) -> None:
        task.message = reason
        self._end(task, "Exception")
        self._journal("failed", task, reason=reason)

    def _end(self, task: UpdateTask, state: str) -> None:
        self.ended_at = self.host.world.clock.now()
        task.state, task.ended_at = state, self.ended_at
        self.host.save()

    def _journal(self, what: str, task: UpdateTask, **fields: str) -> None:
        self.host.journal(
            f"firmware.update.{what}",
            component=task.component,
            **{"from": task.old, "to": task.new},
            image=task.image,
            task=task.number,
            **fields,
        )
