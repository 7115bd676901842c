"""One process delivers, the others stand by: any number may be started, none is told twice by two.

Losing the lease is no failure here, unlike for a controller: whoever delivers next begins where the
records say, and a message sent twice has the same id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from inventory.errors import Conflict, FenceLost, StoreUnavailable
from inventory.leases import LeaseKeeper
from inventory.outbound.address import Network
from inventory.outbound.deliverer import Deliverer, Outbox
from inventory.outbound.sending import Sender

log = logging.getLogger("podyard.webhooks")

ASK_AGAIN_S = 5.0
LEASE = "webhooks"


async def deliver(
    take: Callable[[], Awaitable[LeaseKeeper]],
    outbox: Callable[[LeaseKeeper, Sender], Outbox],
    networks: tuple[Network, ...],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Until cancelled: take the lease when it is free, and deliver while it is held."""
    sender = Sender(networks)
    try:
        while True:
            try:
                keeper = await take()
                await _hold(keeper, Deliverer(outbox(keeper, sender)))
            except (Conflict, FenceLost, StoreUnavailable) as error:
                log.debug("not delivering", extra={"cause": str(error)})
            await sleep(ASK_AGAIN_S)
    finally:
        await sender.close()


async def _hold(keeper: LeaseKeeper, deliverer: Deliverer) -> None:
    """Deliver until the lease is lost. Both end together."""
    tasks = [asyncio.create_task(keeper.run()), asyncio.create_task(deliverer.run())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome
