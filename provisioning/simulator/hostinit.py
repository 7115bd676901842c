"""Process number one of a simulated host: it furnishes the namespaces and keeps the agent up.

It runs inside the host's own mount, pid, uts and network namespaces (or, where those are refused,
as the leader of plain processes), from the standard library alone, since it stands for a kernel and
an init that no podyard code should depend on. It speaks JSON lines on its standard output and takes
its orders on its standard input; when that input ends, the hall is gone, and everything here ends
with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
BACKOFF_FIRST_S = 0.5
BACKOFF_LAST_S = 15.0
STEADY_S = 30.0
"""An agent that lived this long has earned a fresh back-off."""


def say(event: str, **fields: Any) -> None:
    """Tell the hall; a hall that is gone is noticed on the other pipe."""
    line = json.dumps({"event": event, **fields}) + "\n"
    try:
        os.write(1, line.encode())
    except OSError:
        os._exit(1)


def read_line() -> bytes:
    """One order, byte by byte: a buffer would swallow what `select` is to wait for."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line


def run(*argv: str) -> None:
    """Run one system program; its complaint becomes ours."""
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=20)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")


def build(order: dict[str, Any]) -> None:
    """Turn bare namespaces into a host: name, loopback, shared memory, /tmp/ray, /run, /etc."""
    root, run_dir = Path(order["root"]), Path(order["run"])
    socket.sethostname(order["host"])
    run("ip", "link", "set", "lo", "up")
    run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/dev/shm")  # noqa: S108 - private to this namespace
    Path("/tmp/ray").mkdir(parents=True, exist_ok=True)  # noqa: S108 - a mount point
    run("mount", "--bind", str(root / "tmp/ray"), "/tmp/ray")  # noqa: S108 - the host's own
    for name in ("hosts", "resolv.conf"):
        target = Path("/etc") / name
        if target.exists():
            run("mount", "--bind", str(root / "etc" / name), str(target))
    # Last: a resolv.conf that links into /run must be covered before /run is.
    run("mount", "--bind", str(run_dir), "/run")


def environment(order: dict[str, Any]) -> dict[str, str]:
    """What the agent sees: nothing of the person who started the hall but the search path."""
    isolated = bool(order["isolated"])
    kept = {
        name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ
    }
    return kept | {
        "HOME": str(Path(order["root"]) / "root"),
        "PODYARD_HOST_RUN": "/run" if isolated else order["run"],
        "PODYARD_HOST_ROOT": order["root"],
        "PODYARD_HOST_ISOLATED": "1" if isolated else "0",
    }


class Agent:
    """The one program that this host runs, started again with a growing pause when it fails."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.process: subprocess.Popen[bytes] | None = None
        self.pause_s = BACKOFF_FIRST_S
        self.started_at = 0.0
        self.next_start_at: float | None = time.monotonic()

    def start_if_due(self) -> None:
        """Start when the pause is over."""
        if self.next_start_at is None or time.monotonic() < self.next_start_at:
            return
        log_path = Path(self.order["root"]) / "var/log/agent.log"
        with log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.order["argv"],
                env=environment(self.order),
                cwd=str(Path(self.order["root"]) / "root"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started_at = time.monotonic()
        self.next_start_at = None
        say("agent.start", pid=self.process.pid)

    def exited(self, status: int) -> None:
        """Decide what follows an exit: nothing after success, another try after failure."""
        code = os.waitstatus_to_exitcode(status)
        say("agent.exit", code=code)
        if time.monotonic() - self.started_at > STEADY_S:
            self.pause_s = BACKOFF_FIRST_S
        if code != 0:
            self.next_start_at = time.monotonic() + self.pause_s
            self.pause_s = min(self.pause_s * 2, BACKOFF_LAST_S)

    def wait_s(self) -> float:
        """How long the loop may sleep."""
        if self.next_start_at is None:
            return 3600.0
        return max(0.0, self.next_start_at - time.monotonic())


def reap(agent: Agent) -> None:
    """Collect every ended process: as pid 1 (or sub-reaper) all orphans are ours."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if agent.process is not None and pid == agent.process.pid:
            agent.process.returncode = os.waitstatus_to_exitcode(status)
            agent.process = None
            agent.exited(status)


def descendants(of: int) -> list[int]:
    """Every process below this one, found by walking /proc: process groups lose those that left."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name in parentheses may hold spaces: the parent is the second field after it.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [of]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found.extend(children)
        waiting.extend(children)
    return found


def end_everything() -> None:
    """Kill all that this host runs. As pid 1 our own end does it; as plain processes we must."""
    if os.getpid() != 1:
        # Several rounds: a process may have forked between the look and the kill.
        for _ in range(50):
            victims = descendants(os.getpid())
            if not victims:
                break
            for pid in victims:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                break
            time.sleep(0.02)
    os._exit(0)


def die_with_parent() -> None:
    """Ask the kernel to end this process with the one that started it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def serve(agent: Agent, wake: int) -> None:
    """The loop: start the agent when due, reap, and end when the hall's pipe does."""
    while True:
        agent.start_if_due()
        readable, _, _ = select.select([0, wake], [], [], agent.wait_s())
        if wake in readable:
            os.read(wake, 4096)
            reap(agent)
        if 0 in readable and not os.read(0, 4096):
            end_everything()


def main() -> None:
    """Take the order (one JSON line), build the host, report, wait for the cable, run."""
    order = json.loads(read_line())
    isolated = bool(order["isolated"])
    if not isolated:
        # An isolated host dies with its pid namespace. SIGTERM is a plain one's power switch.
        die_with_parent()
        signal.signal(signal.SIGTERM, lambda *_: end_everything())
    try:
        if isolated:
            build(order)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        say("failed", reason=str(error))
        raise SystemExit(1) from error
    say("built")
    if not read_line():
        end_everything()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    serve(Agent(order), reading)


if __name__ == "__main__":
    main()
