"""Holds one command and everything that descends from it, so that ending it leaves nothing.

Ray scatters its processes over sessions and process groups (each job's driver has its own), and
those whose parent dies would move to pid 1 and live on. `ray stop` finds them by name, on the
whole machine, whoever they belong to, so it is never used. This program stands above Ray instead:
it is the *child subreaper* of all that is started below it, so an orphan becomes its child and
not pid 1's, and "everything of this Ray" stays a question that `/proc` answers exactly. It needs
no privilege and works with and without namespaces.

It ends all when the agent itself is killed, unless it is told where to leave word of itself: then
it outlives the agent, and the next one takes it over by that word.

Run as a file by a bare interpreter (`python -I -S guard.py GRACE_S [FILE] -- command …`): standard
library only, so that it costs a few megabytes, not Ray's import.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
POLL_S = 0.2  # how fast an ended command is noticed; a wake-up costs microseconds
COMM_END = b") "  # in /proc/<pid>/stat the name stands in brackets and may hold anything
KILL_ALLOWED_S = 30.0  # a fork bomb of thousands ends in a few; more is the kernel's
USAGE_EXIT = 64  # EX_USAGE


class Ending:
    """Set once somebody wants the command ended."""

    def __init__(self) -> None:
        self.wanted = False

    def want(self, _signal: int, _frame: FrameType | None) -> None:
        """Signal handler."""
        self.wanted = True


def parents(proc: Path = Path("/proc")) -> dict[int, int]:
    """Each live process's parent. Zombies are left out: they are ended, only not yet reaped."""
    found: dict[int, int] = {}
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_bytes().rpartition(COMM_END)[2].split()
        except OSError:  # it ended while we looked
            continue
        if fields[0] != b"Z":
            found[int(entry.name)] = int(fields[1])
    return found


def descendants(root: int, parent_of: dict[int, int]) -> set[int]:
    """Every process below `root`, however deep."""
    children: dict[int, list[int]] = {}
    for pid, parent in parent_of.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    front = list(children.get(root, ()))
    while front:
        pid = front.pop()
        if pid not in found:
            found.add(pid)
            front.extend(children.get(pid, ()))
    return found


def started_ticks(pid: int, proc: Path = Path("/proc")) -> int | None:
    """When a process started: a number that is given again names another one by that."""
    try:
        return int((proc / str(pid) / "stat").read_bytes().rpartition(COMM_END)[2].split()[19])
    except OSError:
        return None


def hold(command: list[str], *, grace_s: float, word: Path | None = None) -> int:
    """Run the command to its end or ours, then end what is left of it.

    With `word` it goes on when whoever started it ends; until the word is written it does not.
    """
    ending = Ending()
    signal.signal(signal.SIGTERM, ending.want)
    signal.signal(signal.SIGINT, ending.want)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    parent = os.getppid()
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we could ask to be told
        return 0
    if word is not None:
        _leave(word)
        _prctl(PR_SET_PDEATHSIG, 0)
    child = subprocess.Popen(command, start_new_session=True)
    code = _wait(child.pid, ending)
    if code is None:
        _signal_all({child.pid}, signal.SIGTERM)  # `ray start --block` ends its own in order
        code = _await_end(child.pid, grace_s)
    _kill_descendants()
    return code


def _leave(word: Path) -> None:
    """Whole or not at all: the next agent may look at any moment."""
    fresh = word.with_suffix(".new")
    fresh.write_text(f"{os.getpid()} {started_ticks(os.getpid())}")
    fresh.replace(word)


def _wait(child: int, ending: Ending) -> int | None:
    """The child's exit code, or None when it shall be ended. Reaps orphans on the way."""
    while not ending.wanted:
        code = _reap(child)
        if code is not None:
            return code
        time.sleep(POLL_S)
    return None


def _await_end(child: int, grace_s: float) -> int:
    """Give an asked child its grace; 128 + SIGTERM when it did not use it."""
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline:
        code = _reap(child)
        if code is not None:
            return code
        time.sleep(POLL_S / 4)
    return 128 + signal.SIGTERM


def _reap(child: int) -> int | None:
    """Collect everything that ended; the child's exit code if it is among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found if found is not None else 128 + signal.SIGKILL
        if pid == 0:
            return found
        if pid == child:
            found = os.waitstatus_to_exitcode(status)


def _kill_descendants() -> None:
    """SIGKILL until none is left: one that forks while we look is caught by the next look.

    What is still there at the end sits in the kernel, on a dead disk for example: no signal reaches
    it, and waiting for it would keep the host from ever starting Ray again.
    """
    deadline = time.monotonic() + KILL_ALLOWED_S
    while left := descendants(os.getpid(), parents()):
        _signal_all(left, signal.SIGKILL)
        if time.monotonic() >= deadline:
            listed = " ".join(str(pid) for pid in sorted(left)[:20])
            sys.stderr.write(f"guard: not ended by SIGKILL in {KILL_ALLOWED_S:.0f} s: {listed}\n")
            break
        time.sleep(0.02)
        _reap(0)
    _reap(0)


def _signal_all(pids: set[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) was refused")


def main(arguments: list[str]) -> int:
    """`guard.py GRACE_S [FILE] -- command …`."""
    dashes = arguments.index("--") if "--" in arguments else 0
    if dashes not in {1, 2} or not arguments[dashes + 1 :]:
        sys.stderr.write("guard: usage: guard.py GRACE_S [FILE] -- command ...\n")
        return USAGE_EXIT
    word = Path(arguments[1]) if dashes > 1 else None
    return hold(arguments[dashes + 1 :], grace_s=float(arguments[0]), word=word)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
