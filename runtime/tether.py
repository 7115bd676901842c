"""Programs that may not outlive the one that started them, however that one ends.

The agent's unit ends only the agent, so that Ray goes on and is taken over. What the agent starts
besides (an erase, an image that is written, a measurement) must end with it: the next agent starts
its own, and two of them on one disk prove nothing.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LIBC = ctypes.CDLL(None)
"""Loaded before a fork: after it, only calls that take no lock are safe."""


def tethered() -> Callable[[], None]:
    """For `preexec_fn`: the kernel kills the program when its parent ends.

    By parent the kernel means the thread that started it: that must be one that lasts.
    """
    parent = os.getpid()

    def tie() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the kernel was told
            os._exit(1)

    return tie
