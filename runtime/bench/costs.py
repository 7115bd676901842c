"""What a process and all that it started have taken, as Linux counts it."""

from __future__ import annotations

import os
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds of CPU of a process and its descendants, ended ones that were waited for included."""
    return sum(_ticks(one) for one in tree(pid)) / TICKS_PER_S


def rss_mb(pid: int) -> float:
    """Memory of a process and its descendants now, in 10⁶ bytes.

    Pages that several share count for each, as they do where each is looked at by itself.
    """
    return round(sum(_memory(one, "VmRSS:") for one in tree(pid)) / 1e6, 1)


def highest_rss_mb(pid: int) -> float:
    """Memory of one process at its highest, in 10⁶ bytes."""
    return round(_memory(pid, "VmHWM:") / 1e6, 1)


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += children.get(one, [])
    return found


def _ticks(pid: int) -> int:
    """Of it, and of its children that it waited for."""
    fields = _stat(pid)
    return sum(int(value) for value in fields[11:15])


def _stat(pid: int) -> list[str]:
    """What follows its name; nothing: it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _memory(pid: int, what: str) -> int:
    """Bytes; a process that is gone holds none."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(what)), 0)
