"""What a BMC writes down of its host and tells to whoever listens: its log, and its events.

Not the hall's journal, which says what was really done and judges tests: this is the BMC's own
word, with the BMC's own clock, of which it keeps the newest hundred lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from provisioning.simulator.host import SimulatedHost
from provisioning.simulator.state import LogLine

KEPT = 100
WAITING_MAX = 64
"""Events that a slow listener may fall behind by; the oldest are dropped, as real BMCs do."""
LOGGED = {
    "power.on": ("OK", "The host was powered on."),
    "power.off": ("OK", "The host was powered off."),
    "power.glitch": ("Warning", "Power was lost for a moment."),
    "bmc.restart": ("Warning", "The BMC was restarted."),
    "bios.applied": ("OK", "BIOS settings were applied."),
    "boot.failed": ("Warning", "The host did not boot."),
    "firmware.update.start": ("OK", "A firmware update was started."),
    "firmware.update.done": ("OK", "A firmware update was completed."),
    "firmware.update.failed": ("Critical", "A firmware update failed."),
}
"""What happens, to how a BMC words it."""


@dataclass(slots=True)
class EventLog:
    """One BMC's."""

    host: SimulatedHost
    clock: Callable[[], float]
    _listening: set[asyncio.Queue[LogLine]] = field(default_factory=set)

    def note(self, what: str) -> None:
        """Write down what happened, unless no BMC would."""
        said = LOGGED.get(what)
        if said is None:
            return
        known = self.host.state.log
        number = known[-1].number + 1 if known else 1
        line = LogLine(number=number, at=self.clock(), severity=said[0], message=said[1])
        self.host.state.log = [*known[-KEPT + 1 :], line]
        self.host.save()
        for queue in self._listening:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(line)

    async def follow(self, *, silence_s: Callable[[], float]) -> AsyncIterator[LogLine | None]:
        """Lines as they come; None after each silence, to show that somebody is there."""
        queue: asyncio.Queue[LogLine] = asyncio.Queue(WAITING_MAX)
        self._listening.add(queue)
        try:
            while True:
                try:
                    async with asyncio.timeout(silence_s()):
                        line: LogLine | None = await queue.get()
                except TimeoutError:
                    line = None
                yield line
        finally:
            self._listening.discard(queue)
