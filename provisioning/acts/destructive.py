"""What every act that cannot be undone has in common, whatever it does to the hardware.

Who the host is, that the lease is held, that nobody stopped it and that no more of one failure
domain is at stake than may be: all of it is looked at again between the intent and the act.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from inventory.holding import held
from inventory.model import Host, Intent
from inventory.store.protocol import Change, Fence
from inventory.store.reading import every
from provisioning.acts.recorder import Outcome, Recorder
from provisioning.brakes import busy, crowded
from provisioning.context import Context
from provisioning.drivers.protocol import Bmc
from provisioning.errors import BmcBusy, WrongHost
from provisioning.podmaps import PodMaps
from provisioning.world import World

CROWDED_RECHECK_S = 60.0  # who waits is woken; another controller's hosts look by themselves


class Destructive:
    """The base of what does such acts for one controller."""

    def __init__(self, world: World, recorder: Recorder, maps: PodMaps, fence: Fence) -> None:
        self._world = world
        self._recorder = recorder
        self._maps = maps
        self._fence = fence
        self._destructive = asyncio.Lock()

    async def waits_on(self, host: Host, context: Context) -> bool:
        """Whether it waits for a place, nobody woke it, and there is none: then nothing is asked.

        Its BMC's answer changes nothing of that. Who gets a place looks at everything first.
        """
        if host.problem is not None or not self._maps.rooms.waits_for_place(host):
            return False
        why = crowded(host, context.busy, self._maps.limits())
        if why and why == host.waiting:
            await self._recorder.wait(host, why, after_s=CROWDED_RECHECK_S, others=True)
        return bool(why) and why == host.waiting

    async def _crowded(self, host: Host, context: Context, *, now: bool = False) -> str:
        """Why no act that cannot be undone may be begun on this host; empty when one may.

        What was seen a moment ago may refuse, so that those who wait read nothing; only the open
        intents themselves grant. They are counted once more after this host's own is written: of
        two controllers that were both granted the last place, both see it and step back.
        """
        if why := await self._world.in_thread(self._on_hold):
            return why
        limits = self._maps.limits()
        if not now and (soon := crowded(host, context.busy, limits)):
            return soon
        found = await self._world.in_thread(every, self._world.store, Intent, state="open")
        return crowded(host, busy(found, but=host.id), limits)

    def _on_hold(self) -> str:
        found = held(self._world.store, self._world.hold_file)
        return str(found) if found else ""

    async def _require_still_ours(self, host: Host, intent: Intent) -> Host:
        """The last look before the act: lease held, record unchanged, and no time lost.

        A process that was paused here must not act on what it decided long ago: the grace of its
        successor only covers requests that were sent within the deadline after the intent.
        """
        await self._recorder.apply(Change(replace=(host,)))
        touched = datetime.fromisoformat(intent.arguments["touched_at"])
        late_s = (self._world.clock.now() - touched).total_seconds()
        if late_s > self._world.settings.bmc_deadline_s:
            raise BmcBusy(
                f"{host.name} took {late_s:.0f} s to say who it is: too long to act on the answer"
            )
        return host.model_copy(update={"version": host.version + 1})

    async def _require_same_host(self, host: Host, bmc: Bmc) -> None:
        """Addresses are reused, cables swapped, boards replaced: read again just before."""
        identity = await bmc.identity()
        if (identity.serial, identity.uuid) != (host.serial, host.uuid):
            raise WrongHost(
                f"{host.bmc.address} is now serial {identity.serial}, UUID {identity.uuid}; "
                f"recorded {host.serial}, {host.uuid}",
                hint="check the BMC's cable and address; nothing was changed",
            )

    async def _settled(self, host: Host, intent: Intent | None, state: str, note: str) -> Outcome:
        if intent is None:
            raise TypeError("nothing to settle")
        now = self._world.clock.now()
        fresh = intent.model_copy(update={"state": state, "note": note, "settled_at": now})
        event = self._recorder.event(host, f"intent.{state}", "open", state, intent.step)
        return await self._recorder.wait(host, note, after_s=0.0, also=(fresh,), events=(event,))


def noted(intent: Intent, **facts: object) -> tuple[Intent, ...]:
    """The intent with what was learned of it, to be written beside the host."""
    return (intent.model_copy(update={"arguments": {**intent.arguments, **facts}}),)
