"""How much memory the C library keeps that nobody uses any more.

glibc gives each thread that allocates an arena of its own, up to eight for each core, and what one
thread freed no other gets. A service reads whole pods in a dozen threads now and then: each arena
stays as large as the largest that it ever held. Two arenas serve them all; the interpreter's lock
lets one thread allocate at a time anyway.
"""

from __future__ import annotations

import ctypes

M_ARENA_MAX = -8
"""As `malloc.h` of glibc has it."""
ARENAS = 2


def bound_arenas() -> bool:
    """For the process, from now on. False where the C library has no such knob, as musl."""
    try:
        return bool(ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS))
    except (AttributeError, OSError):
        return False
