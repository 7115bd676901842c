"""How much memory the C library keeps that nobody uses any more.

glibc gives each thread that allocates an arena of its own, up to eight for each core, and what one
thread freed no other gets. A service reads whole pods in a dozen threads now and then: each arena
stays as large as the largest that it ever held. Two arenas serve them all; the interpreter's lock
lets one thread allocate at a time anyway.

Nor does it give back what was freed, but for the very end of an arena: a service that had a
thousand conversations at once kept 118 of 183 MiB that were free. Asked, it gives whole free pages
back.
"""

from __future__ import annotations

import asyncio
import ctypes

from inventory.clock import Clock

M_ARENA_MAX = -8
"""As `malloc.h` of glibc has it."""
ARENAS = 2
GIVE_BACK_EVERY_S = 5.0
"""Between two times: each takes some milliseconds of one thread, and what is used again soon after
costs a page fault."""


def bound_arenas() -> bool:
    """For the process, from now on. False where the C library has no such knob, as musl."""
    try:
        return bool(ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS))
    except (AttributeError, OSError):
        return False


def give_back() -> bool:
    """Return the pages that nobody uses to the system. False where nothing can be asked."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        return False
    return True


async def keep_giving_back(clock: Clock) -> None:
    """Now and then, beside the loop, until cancelled."""
    while True:
        await clock.sleep(GIVE_BACK_EVERY_S)
        await asyncio.to_thread(give_back)
