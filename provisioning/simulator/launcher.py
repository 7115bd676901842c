"""How a host that boots becomes running processes, and how powering it off ends all of them.

Two ways behind one port. `NamespaceLauncher` commands the hall's own kernel (`fabric`), where a
host is a namespace set; `PlainLauncher` is the fall-back for machines that refuse namespaces, and
says so. Both hold a pipe to what they start, and what they start ends when that pipe does: killing
the simulator, however hard, leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from provisioning.simulator.errors import LaunchRefused

AGENT_ARGV = (sys.executable, "-m", "runtime.agent", "--boot", "/run/boot.json")
"""What a booted host runs; `/run/boot.json` becomes the real path where there is no namespace."""
INIT_ARGV = (sys.executable, "-I", str(Path(__file__).with_name("hostinit.py")))
FABRIC_ARGV = (sys.executable, "-I", str(Path(__file__).with_name("fabric.py")))
ANSWER_LIMIT_S = 60.0
Report = Callable[[str, dict[str, Any]], None]
"""Called with a host's name and what its init reports (agent.start, agent.exit, ended)."""


@dataclass(frozen=True, slots=True)
class HostPlace:
    """Where one host keeps its files on the machine that simulates it."""

    name: str
    root: Path
    run: Path

    def prepare(self) -> None:
        """Make every directory and file that a booting host expects."""
        for path in ("etc", "root", "tmp/ray", "var/log"):
            (self.root / path).mkdir(parents=True, exist_ok=True)
        self.run.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Ray stalls 15 to 30 s a start on a host name that does not resolve.
        hosts = f"127.0.0.1 localhost {self.name}\n::1 localhost\n"
        for name, content in (("hosts", hosts), ("resolv.conf", "")):
            # What a playbook wrote there since is the host's own, and survives its reboots.
            if not (self.root / "etc" / name).exists():
                (self.root / "etc" / name).write_text(content)

    def order(self, argv: Sequence[str], *, isolated: bool) -> dict[str, Any]:
        """What init is told."""
        boot = "/run/boot.json" if isolated else str(self.run / "boot.json")
        return {
            "host": self.name,
            "root": str(self.root),
            "run": str(self.run),
            "isolated": isolated,
            "argv": [boot if word == "/run/boot.json" else word for word in argv],
        }


class HostLauncher(Protocol):
    """The port: one running life per host at most."""

    isolated: bool

    async def start(self) -> None:
        """Make ready to boot hosts."""

    async def boot(self, place: HostPlace) -> None:
        """Run the host's agent, ending a life that still runs. Raises `LaunchRefused`."""

    async def kill(self, name: str) -> None:
        """End every process of the host. A host that is not running is no error."""

    async def attach(self, name: str, *, network: str, address: str) -> None:
        """Put the host's eth0 into a network with an address, leaving the one it was in."""

    async def detach(self, name: str) -> None:
        """Take the host's eth0 out of its network."""

    async def stop(self) -> None:
        """End every host. Safe to call twice."""


def unshare_argv() -> tuple[str, ...]:
    """The hall's namespaces: with a user namespace of its own for an ordinary user."""
    flags = "-nmpf" if os.geteuid() == 0 else "-Urnmpf"
    return ("unshare", flags, "--kill-child", "--mount-proc")


@dataclass(slots=True)
class NamespaceLauncher:
    """Hosts as namespace sets inside the hall's own."""

    report: Report
    argv: Sequence[str] = AGENT_ARGV
    isolated: bool = True
    _process: asyncio.subprocess.Process | None = None
    _waiting: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _listener: asyncio.Task[None] | None = None
    _complaints: asyncio.Task[None] | None = None
    _next_id: int = 0

    async def start(self) -> None:
        """Start the hall's kernel and wait until it speaks."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                *unshare_argv(),
                *FABRIC_ARGV,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # a Ctrl-C is the simulator's to handle
            )
        except OSError as error:
            raise _refused(str(error)) from error
        assert self._process.stdout is not None  # noqa: S101 - started with a pipe
        first = await asyncio.wait_for(self._process.stdout.readline(), ANSWER_LIMIT_S)
        if not first:
            _, complaint = await self._process.communicate()
            raise _refused(complaint.decode(errors="replace").strip())
        self._listener = asyncio.create_task(self._listen(self._process.stdout))
        assert self._process.stderr is not None  # noqa: S101 - started with a pipe
        self._complaints = asyncio.create_task(_pass_on(self._process.stderr))

    async def boot(self, place: HostPlace) -> None:
        """Start the host in a namespace set of its own."""
        if not self._kernel_lives():
            # Killed from outside: its hosts went with it, and the next one needs a new kernel.
            await self.stop()
            await self.start()
        place.prepare()
        order = place.order(self.argv, isolated=True)
        await self._ask("boot", **order, init=list(INIT_ARGV))

    async def kill(self, name: str) -> None:
        """SIGKILL to the host's pid 1; where the hall's kernel is gone, so is the host."""
        if not self._kernel_lives():
            return
        await self._ask("kill", host=name)

    async def attach(self, name: str, *, network: str, address: str) -> None:
        """A port of the network's bridge."""
        await self._ask("attach", host=name, network=network, address=address)

    async def detach(self, name: str) -> None:
        """No bridge."""
        await self._ask("detach", host=name)

    async def stop(self) -> None:
        """Close the pipe: the hall's kernel exits, and its pid namespace with it."""
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
        for task in (self._listener, self._complaints):
            if task is not None:
                await task

    def _kernel_lives(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def _ask(self, verb: str, **order: Any) -> dict[str, Any]:
        process = self._process
        if process is None or process.returncode is not None or process.stdin is None:
            raise _fabric_gone(verb)
        self._next_id += 1
        number = self._next_id
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            process.stdin.write(json.dumps({"id": number, "do": verb, **order}).encode() + b"\n")
            found = await asyncio.wait_for(answer, ANSWER_LIMIT_S)
        except (OSError, TimeoutError) as error:
            raise _fabric_gone(verb) from error
        finally:
            self._waiting.pop(number, None)
        if not found["ok"]:
            raise LaunchRefused(
                f"{verb} of host {order['host']} failed: {found['reason']}",
                hint="the host's var/log/console.log and var/log/agent.log may say more",
            )
        return found

    async def _listen(self, source: asyncio.StreamReader) -> None:
        async for line in source:
            message = json.loads(line)
            if "event" in message:
                self.report(message.pop("host"), message)
            elif (waiting := self._waiting.get(message["id"])) and not waiting.done():
                waiting.set_result(message)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(OSError("the hall's kernel ended"))


async def _pass_on(complaints: asyncio.StreamReader) -> None:
    """What the hall's kernel and the inits complain of is the simulator's to say."""
    async for line in complaints:
        sys.stderr.write(f"hall kernel: {line.decode(errors='replace')}")


def _refused(reason: str) -> LaunchRefused:
    return LaunchRefused(
        f"this machine refuses namespaces: {reason}",
        hint="hosts can run as plain processes instead, sharing the machine's network",
    )


def _fabric_gone(verb: str) -> LaunchRefused:
    return LaunchRefused(
        f"the hall's kernel does not answer (asked to {verb})", hint="start the simulator again"
    )


@dataclass(slots=True)
class PlainLauncher:
    """Hosts as plain processes: no network of their own; strays are ended by walking /proc."""

    report: Report
    argv: Sequence[str] = AGENT_ARGV
    isolated: bool = False
    _running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    _listeners: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Nothing to prepare."""

    async def boot(self, place: HostPlace) -> None:
        """Start init as the leader of a process group."""
        await self.kill(place.name)
        place.prepare()
        process = await asyncio.create_subprocess_exec(
            *INIT_ARGV,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None  # noqa: S101 - started with a pipe
        order = json.dumps(place.order(self.argv, isolated=False))
        process.stdin.write(order.encode() + b"\ngo\n")
        self._running[place.name] = process
        listener = asyncio.create_task(self._listen(place.name, process))
        self._listeners.add(listener)
        listener.add_done_callback(self._listeners.discard)

    async def kill(self, name: str) -> None:
        """Init ends all it started; what does not end in time is killed with its group."""
        process = self._running.pop(name, None)
        if process is None:
            return
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def attach(self, name: str, *, network: str, address: str) -> None:
        """Plain processes have the machine's network and no other."""
        raise LaunchRefused(
            f"host {name} cannot join network {network} as {address}: it has no namespace",
            hint="use 127.0.0.1; this hall is not isolated",
        )

    async def detach(self, name: str) -> None:
        """There is nothing to leave."""

    async def stop(self) -> None:
        """End every host."""
        for name in list(self._running):
            await self.kill(name)
        await asyncio.gather(*self._listeners)

    async def _listen(self, name: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - started with a pipe
        async for line in process.stdout:
            message = json.loads(line)
            if message["event"] != "built":
                self.report(name, message)
        await process.wait()
        self.report(name, {"event": "ended"})
