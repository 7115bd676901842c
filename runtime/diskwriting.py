"""Writes the image that this boot is for, beside the agent's own loop; keeps what is said of it.

The writing is a process of its own (`provisioning.images.deploying`, which runtime never imports):
the agent goes on answering while a disk is slow, and whatever happens there is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable

from pydantic import ValidationError

from inventory.agents import DeployOrder, DeployReport
from runtime.place import Place
from runtime.tether import tethered

COMMAND = ("-m", "provisioning.images.deploying")
LAST_WORDS = 400


class DiskWriting:
    """The agent's side of a boot that is for writing a disk."""

    def __init__(
        self, place: Place, order: DeployOrder | None, *, changed: Callable[[], None]
    ) -> None:
        self._place = place
        self._order = order
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self.report: DeployReport | None = None

    def start(self) -> None:
        """Begin, if this boot is for it and it has not begun: once in a boot, as its token is."""
        if self._order is not None and self._task is None:
            self._note(DeployReport(image=self._order.image, progress="starting"))
            self._task = asyncio.create_task(self._run(self._order))

    async def stop(self) -> None:
        """Abandon it: a disk that is half written starts nothing."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self, order: DeployOrder) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *COMMAND, f"--run={self._place.run}"),
            env=dict(os.environ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=tethered(),
        )
        try:
            said = asyncio.create_task(_all_of(process.stderr))
            await self._listen(process)
            code, words = await process.wait(), await said
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self.report is None or not self.report.finished:
            self._note(
                (self.report or DeployReport(image=order.image)).model_copy(
                    update={
                        "finished": True,
                        "problem": f"writing ended with {code}: {words[-LAST_WORDS:].strip()}",
                        "remedy": "look at the host's console",
                        "again": True,
                    }
                )
            )

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            return
        async for line in process.stdout:
            with contextlib.suppress(ValidationError):  # not ours: a library that printed
                self._note(DeployReport.model_validate_json(line))

    def _note(self, report: DeployReport) -> None:
        self.report = report
        self._changed()


async def _all_of(stream: asyncio.StreamReader | None) -> str:
    return (await stream.read()).decode(errors="replace") if stream is not None else ""
