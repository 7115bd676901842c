"""Reads the drives that this boot is for, beside the agent's own loop; keeps what is told of them.

A real host's drives are read, and erased where the boot document says so, by a process of its own
(`runtime.drives.reading`): the agent goes on answering while a drive is busy for hours. A simulated
host has none: its hall says what they hold, and no device of the machine below is ever opened.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Callable

from inventory.agents import BootDocument
from inventory.same_host import Marks, unproven
from pods.erasing import DriveRead
from runtime.hardware import read_drives
from runtime.place import Place
from runtime.tether import tethered

PROGRESS_MAX_CHARS = 200
LINE_MAX_BYTES = 4 * 1024 * 1024
"""The last line holds every drive of the host, each with its log: a kilobyte of each."""
LOG = logging.getLogger(__name__)


class DriveReading:
    """The agent's side of a boot that is for reading drives."""

    def __init__(
        self,
        place: Place,
        boot: BootDocument,
        *,
        simulated: bool,
        found: Marks,
        changed: Callable[[], None],
    ) -> None:
        """`found`: what this machine says that it is; another host's drives are only read."""
        self._boot = boot
        self._another = unproven(Marks(boot.serial, boot.macs), found)
        self._real = boot.read_drives and not simulated
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self.progress = ""
        self.found: tuple[DriveRead, ...] | None = None
        if boot.read_drives and simulated:
            self.found = read_drives(place.run)

    def start(self) -> None:
        """Begin, if this boot is for it and it has not begun."""
        if self._real and self._task is None:
            self.progress = "reads its drives"
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Let go of it. What a drive does to itself goes on, and is found by the next boot."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        methods = [part for method in self._boot.erase for part in ("--erase", method)]
        if methods and self._another:
            LOG.warning("no drive is erased: %s", self._another)
            methods = []
        process = None
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "runtime.drives.reading", *methods),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                limit=LINE_MAX_BYTES,
                preexec_fn=tethered(),
            )
            async for line in process.stdout or ():  # type: ignore[union-attr]  # it is a pipe
                self._heard(line)
            await process.wait()
        except (OSError, ValueError) as error:  # it cannot start, or said a line beyond the limit
            LOG.warning("the drives of this host cannot be read: %s", error)
        finally:
            if process is not None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            self.progress = ""  # ended without a word of the drives: nobody read them
            self._changed()

    def _heard(self, line: bytes) -> None:
        with contextlib.suppress(ValueError, KeyError):  # not ours: a library that printed
            said = json.loads(line)
            if "drives" in said:
                self.found = tuple(DriveRead.model_validate(one) for one in said["drives"])
            else:
                self.progress = str(said["progress"])[:PROGRESS_MAX_CHARS]
            self._changed()
