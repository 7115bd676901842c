"""The loops that work for tenants: claims, clusters, deployments, and what a gateway serves by."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from inventory.errors import StoreUnavailable
from inventory.under_lease import UnderLease, kept
from pods.keys import keyring
from runtime.app.parts import Parts, take_lease
from runtime.cluster import ClusterClient
from runtime.controller import RuntimeController
from runtime.gateway import Gateway
from runtime.metering import Metering
from runtime.routes import GatewayState
from runtime.settings import RuntimeSettings
from runtime.snapshot import load_snapshot
from runtime.world import World as RuntimeWorld

log = logging.getLogger("podyard.service")


def runtime_loops(parts: Parts, published: Published) -> list[Awaitable[None]]:
    """Claims, clusters and deployments."""
    world = RuntimeWorld(
        store=parts.store,
        secrets=parts.box,
        clock=parts.clock,
        keyring=keyring(
            *((key.public_key, key.purpose) for key in (parts.production, parts.simulated))
        ),
        connect_cluster=lambda path, token: ClusterClient(path, token.get_secret_value()),
        gateway=published,
        usage_journal=parts.options.state.usage_journal,
        usage_cursor=parts.options.state.usage_cursor,
        settings=RuntimeSettings(),
        in_thread=asyncio.to_thread,
    )
    working = UnderLease(
        parts.clock,
        lambda: take_lease(parts, "runtime"),
        lambda keeper: RuntimeController(world, keeper.fence),
        kept,
    )
    parts.wakers.append(working.wake)
    return [working.run()]


async def follow_records(parts: Parts, published: Published) -> None:
    """A gateway by itself: keys and routes from the records, usage into them, nothing decided.

    Each at its own pace: after an outage there may be an hour's usage to write, and a key that is
    revoked meanwhile must not work until that is done.
    """
    settings = RuntimeSettings()
    metering = Metering(
        parts.store,
        journal=parts.options.state.usage_journal,
        cursor=parts.options.state.usage_cursor,
        batch=settings.usage_batch,
    )

    def publish() -> None:
        state = load_snapshot(parts.store, parts.box, now=parts.clock.now())
        loop.call_soon_threadsafe(published.publish, state)

    async def repeat(work: Callable[[], object], every_s: float) -> None:
        while True:
            try:
                await asyncio.to_thread(work)
            except (OSError, StoreUnavailable) as error:  # serve on by what was last known
                log.warning("the records cannot be reached", extra={"cause": str(error)})
            await parts.clock.sleep(every_s)

    loop = asyncio.get_running_loop()
    try:
        async with asyncio.TaskGroup() as loops:
            loops.create_task(repeat(publish, settings.snapshot_interval_s))
            loops.create_task(repeat(metering.ingest, settings.usage_interval_s))
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


class Published:
    """Hands new states to this process's gateway, in order, without making the publisher wait."""

    def __init__(self) -> None:
        self.gateway: Gateway | None = None
        self._last: asyncio.Task[None] | None = None

    def publish(self, state: GatewayState) -> None:
        """Serve by this from now on; without a gateway here, another process follows by itself."""
        if self.gateway is not None:
            self._last = asyncio.create_task(self._replace(self.gateway, state, self._last))

    async def _replace(
        self, gateway: Gateway, state: GatewayState, after: asyncio.Task[None] | None
    ) -> None:
        if after is not None:
            await after
        await gateway.replace(state)
