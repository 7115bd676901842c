"""Holding watts on the feeds for a host before anything draws them, and giving them back."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict

from inventory.model import Host
from provisioning.acts.counter import counter
from provisioning.acts.recorder import Outcome, Recorder
from provisioning.admission import Admitted, Waits, admit
from provisioning.context import Context
from provisioning.feeds import Feeds
from provisioning.podmaps import PodMaps
from provisioning.power.watching import FeedWatch
from provisioning.rooms import LOOK_AGAIN_S as LOOK_AGAIN_ANYWAY_S
from provisioning.world import World

UNHEARD_OF_S = 10.0
"""What refused tells nobody when it ends: as often as that is looked again."""


FOR_POWER = "waiting for power: "
"""How the reason begins for which a host waits for watts."""


class Watts:
    """Reserves power; of a feed by one host at a time."""

    def __init__(
        self, world: World, recorder: Recorder, maps: PodMaps, watch: FeedWatch | None = None
    ) -> None:
        self._world = world
        self._recorder = recorder
        self._maps = maps
        self._feeds = Feeds(world, maps, watch or FeedWatch(world, recorder))
        self._ledgers: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def reserve(self, host: Host, watts: int, context: Context) -> Outcome:
        """Hold watts on the feeds, durably, before anything draws them.

        What was read a moment ago may refuse, so that those who wait read nothing; only what is
        read here, while no other host of these feeds reserves, may grant. Giving back needs no
        look.
        """
        if watts <= host.reserved_watts:
            return await self._recorder.record(host, {"reserved_watts": watts}, same_look=True)
        if context.around is not None and context.spec.bring_up.measured != "loosen":
            soon = admit(context.around.ledger, host, watts)
            if isinstance(soon, Waits):
                return await self._wait_for_watts(host, watts, soon, context)
        feeds = sorted({feed for feed in (host.feed, host.feed_b) if feed})
        async with contextlib.AsyncExitStack() as alone:
            for feed in feeds:
                await alone.enter_async_context(self._ledgers[f"{host.site}/{feed}"])
            # Read first: a grant of another controller that comes later than this makes ours stale.
            said = {
                note: await self._world.in_thread(self._world.store.note, note)
                for note in (counter("watts", f"{host.site}/{feed}") for feed in feeds)
            }
            verdict = admit(await self._feeds.ledger(host, context), host, watts)
            if isinstance(verdict, Admitted):
                return await self._recorder.record(
                    host, {"reserved_watts": watts}, counted=said, same_look=True
                )
        if context.around is None or isinstance(
            admit(context.around.ledger, host, watts), Admitted
        ):
            # Meters, another pod or a dead feed refuse: of these nobody here would wake it.
            reason = f"{FOR_POWER}{verdict.reason}"
            return await self._recorder.wait(host, reason, after_s=UNHEARD_OF_S, others=True)
        return await self._wait_for_watts(host, watts, verdict, context)

    async def waits_on(self, host: Host, context: Context) -> bool:
        """Whether it waits for watts, nobody woke it, and it must wait on: then nothing is asked.

        Thousands wait for their wave, and a BMC's answer changes nothing of that. What may admit
        is still only what is read afresh.
        """
        around, now = context.around, self._world.clock.now()
        if around is None or host.problem is not None or not host.waiting.startswith(FOR_POWER):
            return False
        watts = self._maps.rooms.waits_for_watts(host, now=now)
        if watts is None or context.spec.bring_up.measured == "loosen":
            return False
        still = admit(around.ledger, host, watts)
        if isinstance(still, Waits):
            reason = f"{FOR_POWER}{still.reason}"
            await self._recorder.wait(host, reason, after_s=LOOK_AGAIN_ANYWAY_S, others=True)
        return isinstance(still, Waits)

    async def _wait_for_watts(
        self, host: Host, watts: int, why: Waits, context: Context
    ) -> Outcome:
        reason = f"{FOR_POWER}{why.reason}"
        if context.around is None:
            return await self._recorder.wait(host, reason, others=True)
        outcome = await self._recorder.wait(host, reason, after_s=LOOK_AGAIN_ANYWAY_S, others=True)
        now = self._world.clock.now()
        self._maps.rooms.wait_for_watts(context.around, outcome.host, watts, now=now)
        return outcome
