"""Processes that a command starts and must not leave behind.

A child lives in a session of its own, so that Ctrl-C reaches only the parent, which then stops its
children in order. Should the parent be killed without a chance to do that, the kernel tells them.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
STOP_DEADLINE_S = 20.0  # a hall ends its hosts within 2 s, a service drains streams for 10 s


@dataclass(slots=True)
class Child:
    """One started program."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def running(self) -> bool:
        """True until it ended."""
        return self.process.returncode is None

    async def stop(self) -> None:
        """Ask, wait, then insist."""
        if self.running:
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), STOP_DEADLINE_S)
            except TimeoutError:
                os.killpg(self.process.pid, signal.SIGKILL)
                await self.process.wait()

    def last_words(self, lines: int = 12) -> str:
        """The end of its log, for a person."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


async def start_child(
    name: str, arguments: list[str], *, log: Path, environment: dict[str, str] | None = None
) -> Child:
    """Start a program, its output in a log file."""
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_end_with_parent,
            env={**os.environ, **(environment or {})},
        )
    return Child(name, process, log)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
