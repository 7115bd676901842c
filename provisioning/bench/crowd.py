"""The launcher of a hall of thousands: every host's agent is a task of one other process.

That process is the product's own agent many times over (`runtime.crowd`), started by its command
line as every launcher starts an agent, so its CPU is counted apart from that of the BMCs.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioning.simulator.errors import LaunchRefused
from provisioning.simulator.launcher import HostPlace

CROWD_ARGV = (sys.executable, "-m", "runtime.crowd")
ANSWER_LIMIT_S = 120.0


@dataclass(slots=True)
class CrowdLauncher:
    """Hosts as tasks of one process; none has a network of its own."""

    argv: Sequence[str] = CROWD_ARGV
    isolated: bool = False
    pid: int = 0
    _process: asyncio.subprocess.Process | None = None
    _listener: asyncio.Task[None] | None = None
    _waiting: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _booted: set[str] = field(default_factory=set)
    _last_id: int = 0

    async def start(self) -> None:
        """Start the process of the agents and wait until it listens."""
        self._process = await asyncio.create_subprocess_exec(
            *self.argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self._process.pid
        assert self._process.stdout is not None  # noqa: S101 - started with a pipe
        if not await asyncio.wait_for(self._process.stdout.readline(), ANSWER_LIMIT_S):
            raise _gone("start")
        self._listener = asyncio.create_task(self._listen(self._process.stdout))

    async def boot(self, place: HostPlace) -> None:
        """Start the host's agent, ending a life that still runs."""
        self._booted.add(place.name)
        await self._ask("boot", place.name, run=str(place.run), root=str(place.root))

    async def kill(self, name: str) -> None:
        """End it; a host that does not run is no error."""
        if name in self._booted:
            self._booted.discard(name)
            await self._ask("kill", name)

    async def attach(self, name: str, *, network: str, address: str) -> None:
        """Tasks have the machine's network and no other."""
        raise LaunchRefused(
            f"host {name} cannot join network {network} as {address}: it has no namespace",
            hint="a bench has no tenants",
        )

    async def detach(self, name: str) -> None:
        """There is nothing to leave."""

    async def stop(self) -> None:
        """Close the pipe: every agent ends with its process."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None  # noqa: S101 - started with a pipe
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._listener is not None:
            await self._listener

    async def _ask(self, verb: str, host: str, **order: str) -> None:
        process = self._process
        if process is None or process.returncode is not None or process.stdin is None:
            raise _gone(verb)
        self._last_id += 1
        number = self._last_id
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            line = json.dumps({"id": number, "do": verb, "host": host, **order})
            process.stdin.write(line.encode() + b"\n")
            found = await asyncio.wait_for(answer, ANSWER_LIMIT_S)
        except (OSError, TimeoutError) as error:
            raise _gone(verb) from error
        finally:
            self._waiting.pop(number, None)
        if not found["ok"]:
            raise LaunchRefused(
                f"{verb} of host {host} failed: {found['reason']}", hint="see the hall's log"
            )

    async def _listen(self, source: asyncio.StreamReader) -> None:
        async for line in source:
            message = json.loads(line)
            waiting = self._waiting.get(message.get("id", 0))
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(OSError("the agents' process ended"))


def _gone(verb: str) -> LaunchRefused:
    return LaunchRefused(
        f"the agents' process does not answer (asked to {verb})", hint="see the hall's log"
    )
