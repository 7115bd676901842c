"""What stands between a controller and every call to a BMC: is its lease still good?

A process that was stopped for half a minute and goes on does not know it. Its lease has ended, its
hosts are in other hands, and the next thing it does may be the call that it was about to make. So
right before each call the time that is left under the lease is looked at; nobody is asked. Only
logging out is always allowed.

The fault points in the middle of a call live here too: the request is on its way, the answer is not
read; the answer is read, nothing is written down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from inventory.errors import FenceLost
from provisioning.drivers.logged import Around
from provisioning.faultpoints import FaultPoints

READS = frozenset(
    {
        "identity",
        "facts",
        "power",
        "boot_source",
        "media",
        "bios",
        "firmware",
        "update_tasks",
        "power_draw_watts",
        "resources",
        "password_policy",
        "ciphers",
        "certificates",
        "ipmi_over_lan",
        "close",
    }
)
"""Calls that change nothing: dying in the middle of one is as dying before it."""
ON_ITS_WAY_S = 0.01
"""From a call's beginning until its request is sent: a simulated BMC acts within this, or has not
yet answered, and either is what a crash in the middle of a request meets."""


def under_lease(is_held: Callable[[], bool], faults: FaultPoints) -> Around:
    """Lets calls through while the lease is good."""

    async def around(verb: str, call: Awaitable[Any]) -> Any:
        if verb != "close" and not is_held():
            if asyncio.iscoroutine(call):
                call.close()
            raise FenceLost(f"{verb} came too late: the lease may be another worker's by now")
        if not faults.armed or verb in READS:
            return await call
        return await _killed_in_the_middle(verb, call, faults)

    return around


async def _killed_in_the_middle(verb: str, call: Awaitable[Any], faults: FaultPoints) -> Any:
    task = asyncio.ensure_future(call)
    await asyncio.sleep(ON_ITS_WAY_S)
    faults.reach("mid-request", verb)
    result = await task
    faults.reach("after-effect", verb)
    return result
