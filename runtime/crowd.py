"""Many agents in one process: what the hosts of a large simulated hall run when they boot.

    python -m runtime.crowd

A thousand processes of 40 MB each would measure this machine's memory and nothing else. Each agent
here is a real one, with its token, key, certificate and exchanges; only its acceptance tests are
invented: two thousand hosts on two cores would measure each other. Orders come as JSON lines on
standard input (`boot` and `kill`, each with an id), and every line of the answer names that id.
The process ends with its standard input: a hall that is killed leaves no agents behind.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inventory.agents import AcceptanceOrder, AcceptanceReport
from inventory.clock import SystemClock
from inventory.tls_memory import bound_read_buffers
from pods.acceptance import Measurement
from runtime.agent import Agent
from runtime.hardware import HardwareError, read_hardware
from runtime.measuring import Measuring
from runtime.place import Place
from runtime.uplink import read_boot_document

log = logging.getLogger("runtime.crowd")

MEASURED_WITHIN_S = 2.0
LINE_MAX_BYTES = 64 * 1024


class Invented(Measuring):
    """Reports the speed that the hall gave this host, and measures nothing."""

    async def start(self, order: AcceptanceOrder) -> None:
        """As if it had been measured within seconds."""
        await self.stop()
        self._note(AcceptanceReport(order_id=order.order_id, finished=False, progress="starting"))
        self._task = asyncio.create_task(self._invent(order))

    async def _invent(self, order: AcceptanceOrder) -> None:
        await asyncio.sleep(MEASURED_WITHIN_S)
        found = tuple(
            Measurement(test=test, value=self._clock_ratio, reference=1.0, unit="relative")
            for test in order.tests
        )
        self._note(AcceptanceReport(order_id=order.order_id, finished=True, measurements=found))


@dataclass(slots=True)
class Crowd:
    """Every agent that lives."""

    say: Callable[[dict[str, Any]], None]
    _lives: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def obey(self, order: dict[str, Any]) -> None:
        """One order, answered when it is done."""
        host = str(order["host"])
        reason = ""
        await self._end(host)
        if order["do"] == "boot":
            try:
                self._begin(host, Path(order["run"]), Path(order["root"]))
            except (OSError, HardwareError, ValidationError) as error:
                # Pydantic repeats the input, and the token is part of it.
                reason = type(error).__name__
        self.say({"id": order["id"], "ok": not reason, "reason": reason})

    def _begin(self, host: str, run: Path, root: Path) -> None:
        where = Place(run=run, root=root, isolated=False)
        found = read_hardware(run, now=datetime.now(UTC))
        # Each is a machine of its own, so none waits for another's acceptance.
        hardware = replace(found, physical_host=f"machine-of-{host}")
        boot = read_boot_document(run / "boot.json")
        agent = Agent(boot, where, hardware, SystemClock(), measuring=Invented)
        self._lives[host] = asyncio.create_task(agent.run(), name=host)

    async def _end(self, host: str) -> None:
        life = self._lives.pop(host, None)
        if life is not None:
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)

    async def end_all(self) -> None:
        """Nobody gives orders any more."""
        for host in list(self._lives):
            await self._end(host)


async def serve() -> None:
    """Obey until standard input ends."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=LINE_MAX_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)

    def say(answer: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

    crowd = Crowd(say)
    tasks: set[asyncio.Task[None]] = set()
    say({"event": "ready"})
    while line := await orders.readline():
        task = asyncio.create_task(crowd.obey(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await crowd.end_all()


def main() -> int:
    """`python -m runtime.crowd`."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    bound_read_buffers()
    asyncio.run(serve())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
