"""Room for a hall's sockets: systems start a process with 1024 descriptors and allow far more."""

from __future__ import annotations

import resource

from provisioning.simulator.errors import HallError

OF_A_HOST = 8
"""A BMC's listener, two doors of the host, and a handful of connections to them."""
BESIDE = 256
"""The process's own, its launcher's, and those of a moment."""


def make_room(hosts: int) -> None:
    """Raise this process's own limit to what so many hosts need, as far as the system lets it."""
    needed = BESIDE + OF_A_HOST * hosts
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise HallError(
            f"a hall of {hosts} hosts and machines needs {needed} open files at once, "
            f"and this system allows {hard}",
            hint=f"raise the limit with ulimit -Hn {needed}, or simulate fewer hosts",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
