"""What a process costs, as the kernel counts it: CPU with its ended children, and memory."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

from provisioning.simulator.errors import HallError

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
KIB_PER_MIB = 1024
FILES_PER_HOST = 4
"""A listener or an agent's connection, and the three that a BMC is read over."""
FILES_BESIDES = 512


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one process so far."""

    cpu_s: float
    peak_mib: int


def cost(pid: int, *, proc: Path = Path("/proc")) -> Cost:
    """Read while it lives: of an ended one nothing is left."""
    # The name is in parentheses and may hold anything, parentheses too.
    fields = (proc / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    ticks = sum(int(fields[place]) for place in (11, 12, 13, 14))  # own and waited-for children's
    status = (proc / str(pid) / "status").read_text()
    peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), "0")
    return Cost(cpu_s=ticks / TICKS_PER_S, peak_mib=int(peak) // KIB_PER_MIB)


def make_room_for_files(hosts: int) -> None:
    """Raise this process' limit of open files, which its children inherit, or say who can."""
    needed = hosts * FILES_PER_HOST + FILES_BESIDES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise HallError(
            f"--hosts {hosts} needs {needed} open files in one process; the limit is {hard}",
            hint=f"raise the hard limit (ulimit -Hn {needed}), or ask for fewer hosts",
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def make_room_for_ports(hosts: int, *, proc: Path = Path("/proc")) -> None:
    """Every BMC listens on a port of its own, and every connection to it has another."""
    first, last = (int(word) for word in _range(proc).split())
    if last - first < hosts * FILES_PER_HOST:
        raise HallError(
            f"--hosts {hosts} needs {hosts * FILES_PER_HOST} ports; this machine hands out "
            f"{last - first}",
            hint="widen net.ipv4.ip_local_port_range, or ask for fewer hosts",
        )


def _range(proc: Path) -> str:
    return (proc / "sys/net/ipv4/ip_local_port_range").read_text()
