"""The guard above Ray as the agent sees it: started by this agent, or by one that crashed since.

A tenant's work must not end because the agent did. So on a host with a pid namespace, or a machine,
of its own the guard outlives the agent that started it, and leaves word in the run directory, which
is gone with the boot: who it is, beside the order that it was started for. The next agent takes it
over from there, before anybody is asked: the controller may be away as well.

Where hosts share a machine's processes a guard ends with its agent, as it always did: there each
start of an agent counts as another boot.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from inventory.agents import RayOrder
from runtime.guard import started_ticks
from runtime.place import Place

GUARD = Path(__file__).with_name("guard.py")
GRACE_S = 8.0  # `ray start --block` ends its processes in 2-7 s; then they are killed


class Word(BaseModel):
    """What an agent leaves for the next one of the same boot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    order: RayOrder
    restarts: int


class Guard:
    """One guard process. Only its parent learns with which code it ended."""

    def __init__(self, pidfd: int, process: subprocess.Popen[bytes] | None = None) -> None:
        self._pidfd = pidfd
        self._process = process

    @property
    def ended(self) -> bool:
        """True once it, and with it all of its Ray, is gone."""
        looking = select.poll()
        looking.register(self._pidfd, select.POLLIN)
        return bool(looking.poll(0))

    async def wait(self) -> str:
        """Until it has ended; how, in words."""
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pidfd, over.set)
        try:
            await over.wait()
        finally:
            loop.remove_reader(self._pidfd)
        return "ended" if self._process is None else f"exit code {self._process.wait()}"

    def ask(self) -> None:
        """Have it end all of its Ray in order."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it alone: what it held is left over."""
        self._signal(signal.SIGKILL)

    def let_go(self) -> None:
        """Forget it, and leave it as it is."""
        os.close(self._pidfd)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)


@dataclass(frozen=True, slots=True)
class Left:
    """A Ray that runs on, and what it was started for; None where that cannot be read any more."""

    word: Word | None
    guard: Guard


def start_guard(
    command: Sequence[str], environment: dict[str, str], place: Place, word: Word
) -> Guard:
    """Start Ray below a guard; on a host of its own it outlives this agent."""
    outlives: tuple[str, ...] = ()
    if place.isolated:
        outlives = (str(place.guard_pid),)
        _write(place.guard_word, word.model_dump_json())
        place.guard_pid.unlink(missing_ok=True)
    with place.ray_log.open("wb") as output:
        # Not asyncio's: its transports kill what they started when their loop ends. And not in
        # another thread: who dies with its parent dies with the thread that started it.
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), str(GRACE_S), *outlives, "--", *command],
            env=environment,
            cwd=place.home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Guard(os.pidfd_open(process.pid), process)


def left_behind(place: Place) -> Left | None:
    """What an agent that crashed in this boot has left running; None when nothing."""
    try:
        pid, ticks = (int(part) for part in place.guard_pid.read_text().split())
        pidfd = os.pidfd_open(pid)
    except (OSError, ValueError):  # nothing, or nothing that lives
        return None
    # Asked after it was opened: a number that was given to another process since is not it.
    if started_ticks(pid) != ticks or not _is_guard(pid):
        os.close(pidfd)
        return None
    return Left(_word(place), Guard(pidfd))


def _word(place: Place) -> Word | None:
    """A disk that was full, or another version of the agent, may have left less than a word."""
    try:
        return Word.model_validate_json(place.guard_word.read_bytes())
    except (OSError, ValidationError):
        return None


def forget_guard(place: Place) -> None:
    """Nothing is to be taken over."""
    place.guard_word.unlink(missing_ok=True)
    place.guard_pid.unlink(missing_ok=True)


def _is_guard(pid: int) -> bool:
    try:
        return os.fsencode(GUARD) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def _write(path: Path, text: str) -> None:
    """With the cluster's token in it: never open to others, not even for a moment."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
