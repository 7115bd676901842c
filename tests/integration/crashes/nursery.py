"""Lives of one service: a process that has imported everything forks one after the other.

    python -m tests.integration.crashes.nursery OPTIONS.json

A life is a process of its own that dies by SIGKILL as any other does, but needs no second to be
born: a hundred deaths fit into minutes. A life that ended is followed by the next at once. Words on
standard input: `kill` ends the one that lives by SIGKILL, `stop` and `go` send SIGSTOP and SIGCONT,
`rest` kills it and waits for `wake`, `env NAME=VALUE` is for the next life, `end` is for good. Each
life, and how it ended, is a line on standard output.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import runtime.app.hosts
from inventory.clock import SteadyClock
from inventory.model import Host
from inventory.statedir import StateDirectory
from provisioning.world import PlayResult
from runtime.address import Address
from runtime.app.parts import ServeOptions
from runtime.app.serving import serve
from runtime.logs import configure_logs
from tests.integration.crashes.yard import UNBORN

LOOK_S = 0.02


class Converging:
    """In place of a playbook: writes the boot into the host's own file system."""

    def __init__(self, **_: object) -> None:
        """Whatever a real one is made with: it takes a moment, and there is no crowd of them."""

    async def configure(self, host: Host, variables: dict[str, str]) -> PlayResult:
        """Done a moment later."""
        await asyncio.sleep(0.05)
        await asyncio.to_thread(
            Path(host.root, "etc", "configured").write_text, variables["boot_id"]
        )
        return PlayResult(ok=True, changed=1)


def live(options: dict[str, Any]) -> None:
    """One life of the service; never returns."""
    state = StateDirectory(Path(options["state"]))
    log = os.open(options["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(0)
    configure_logs(level=options.get("log_level", "WARNING"))
    served = ServeOptions(
        state=state,
        role=options.get("role", "all"),
        database=options.get("database", ""),
        **{
            name: Address("127.0.0.1", options["ports"][name], f"--{name}")
            for name in ("api", "agents", "gateway")
        },
    )
    asyncio.run(served_and_counted(served, state.path / "tasks"))
    os._exit(0)


async def served_and_counted(options: ServeOptions, told: Path) -> None:
    """The service; on SIGUSR1 it says how many tasks it has."""

    def tell() -> None:
        fresh = told.with_suffix(".new")
        fresh.write_text(str(len(asyncio.all_tasks())))
        fresh.replace(told)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, tell)
    loop.add_signal_handler(signal.SIGUSR2, read_the_clock, told.with_name("clock"))
    await serve(options, say=lambda _text: None)


SET_BY_S = [0.0]
"""How far somebody has set this machine's clock."""


def read_the_clock(file: Path) -> None:
    """On SIGUSR2: the machine's clock was set by what the file says."""
    SET_BY_S[0] = float(file.read_text())


class Nursery:
    """The lives, one at a time."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.lives = 0
        self.child = 0
        self.resting = False

    def run(self) -> None:
        """Until `end`, or until nobody is there to say it."""
        waiting = b""
        while True:
            if not self.child and not self.resting:
                self.bear()
            ready, _, _ = select.select([0], [], [], LOOK_S)
            if ready:
                read = os.read(0, 4096)
                *words, waiting = (waiting + read).split(b"\n")
                for word in words:
                    if not self.hear(word.decode()):
                        return
                if not read:
                    self.end()
                    return
            self.reap()

    def bear(self) -> None:
        """The next life."""
        self.lives += 1
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            try:
                live(self.options)
            except BaseException:  # noqa: BLE001 - the last words of a life that could not live
                traceback.print_exc()
            os._exit(UNBORN)
        self.child = pid
        self.say("born", pid=pid)

    def reap(self, *, wait: bool = False) -> None:
        """Has it died?"""
        if self.child:
            pid, status = os.waitpid(self.child, 0 if wait else os.WNOHANG)
            if pid:
                self.child = 0
                code = os.waitstatus_to_exitcode(status)
                self.resting = self.resting or code == UNBORN  # the next would fare no better
                self.say("died", code=code)

    def hear(self, word: str) -> bool:
        """One order; whether to go on."""
        verb, _, rest = word.partition(" ")
        if verb == "env":
            name, _, value = rest.partition("=")
            os.environ[name] = value
        elif verb == "wake":
            self.resting = False
        elif verb in {"kill", "rest"}:
            self.resting = verb == "rest"
            self.signal(signal.SIGKILL)
            self.reap(wait=True)
        elif verb == "stop":
            self.signal(signal.SIGSTOP)
        elif verb == "go":
            self.signal(signal.SIGCONT)
        elif verb == "end":
            self.end()
            return False
        return True

    def end(self) -> None:
        """Politely, then not."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        for _ in range(500):
            self.reap()
            if not self.child:
                return
            select.select([], [], [], LOOK_S)
        self.signal(signal.SIGKILL)
        self.reap(wait=True)

    def signal(self, number: signal.Signals) -> None:
        """To the life that there is."""
        if self.child:
            os.kill(self.child, number)

    def say(self, what: str, **fields: Any) -> None:
        """One line."""
        sys.stdout.write(json.dumps({"what": what, "life": self.lives, **fields}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    kept = SteadyClock.__init__.__kwdefaults__
    assert kept is not None
    kept["wall"] = lambda: time.time() + SET_BY_S[0]
    runtime.app.hosts.AnsiblePlayer = Converging  # type: ignore[misc,assignment]
    Nursery(json.loads(Path(sys.argv[1]).read_text())).run()
