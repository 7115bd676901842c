"""Writing firmware: the one act that cannot be taken back, so it is guarded and settled.

Its intent is durable before it is asked for, and who the host is, that the lease is held and that
nothing is stopped is looked at again in between.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from inventory.holding import held
from inventory.model import Host, Intent, Record
from inventory.store.protocol import Change, Fence
from inventory.store.reading import every
from provisioning.acts.recorder import LOOK_AGAIN_S, Outcome, Recorder
from provisioning.brakes import Limits, busy, crowded, domains
from provisioning.context import Context
from provisioning.drivers.protocol import Bmc, FirmwareDriver
from provisioning.errors import Ambiguous, BmcBusy, Unsupported, WrongHost
from provisioning.guarded import Act, Done, Failed, Pending, settle_update
from provisioning.lifecycle.actions import UpdateFirmware
from provisioning.lifecycle.decision import Seen
from provisioning.lifecycle.restraining import held_back
from provisioning.podmaps import PodMaps
from provisioning.world import World

LOOK_SHARE = 0.1  # of the time that an update takes so far: it is noticed a tenth late at most
LOOK_AGAIN_LONGEST_S = 15.0
CROWDED_RECHECK_S = 30.0  # who waits is woken; another controller's hosts look by themselves


class Firmware:
    """Updates firmware, at most as often as was decided."""

    def __init__(self, world: World, recorder: Recorder, maps: PodMaps, fence: Fence) -> None:
        self._world = world
        self._recorder = recorder
        self._maps = maps
        self._fence = fence
        self._destructive = asyncio.Lock()

    async def update(
        self, host: Host, action: UpdateFirmware, seen: Seen, context: Context
    ) -> Outcome:
        """Begin it, look at what is under way, or settle what was begun."""
        intent = next(
            (i for i in context.intents if i.step == action.step and i.state in {"open", "done"}),
            None,
        )
        settings = self._world.settings
        settlement = settle_update(
            action,
            intent,
            seen,
            grace_s=settings.settle_grace_s,
            allowed_s=settings.update_allowed_s,
        )
        match settlement:
            case Act() if intent is not None and (host.target != "ready" or held_back(host)):
                return await self._settled(
                    host, intent, "failed", "nothing was begun, and it is not wanted any more"
                )
            case Act():
                return await self._flash(host, action, seen, intent, context)
            case Done() if intent is None or intent.state == "done":
                return await self._recorder.look_again(
                    host
                )  # it was settled before: nothing is left to do
            case Done():
                return await self._settled(host, intent, "done", "the new version is there")
            case Pending(reason, begun):
                noted = _noted(intent, begun=True) if begun and intent is not None else ()
                return await self._recorder.wait(
                    host, reason, after_s=self._pause(intent), also=noted
                )
            case Failed(reason):
                return await self._flash_failed(host, action, intent, reason)

    async def settle_by_hand(self, host: Host, context: Context) -> Outcome:
        """What a person says of acts that nobody could settle; they stay on record as parked."""
        said = host.skipped
        note = f"{said.by}: {said.why}" if said is not None else ""
        now = self._world.clock.now()
        settled = tuple(
            one.model_copy(update={"state": "parked", "note": note, "settled_at": now})
            for one in context.intents
            if one.state == "open"
        )
        events = tuple(
            self._recorder.event(host, "intent.parked", "open", one.step, note) for one in settled
        )
        return await self._recorder.record(host, {"problem": None}, also=settled, events=events)

    def _pause(self, intent: Intent | None) -> float:
        """Until an update is looked at again: the longer it takes, the less often.

        One takes seconds in a lab and 40 minutes on a large board, whose BMC has other things to
        do than to be asked twice a second.
        """
        begun = self._world.clock.now() if intent is None else intent.created_at
        taken_s = (self._world.clock.now() - begun).total_seconds()
        return min(max(LOOK_AGAIN_S, taken_s * LOOK_SHARE), LOOK_AGAIN_LONGEST_S)

    async def _flash(
        self,
        host: Host,
        action: UpdateFirmware,
        seen: Seen,
        intent: Intent | None,
        context: Context,
    ) -> Outcome:
        """Intent durable, identity read again, lease and record still ours, then one try."""
        bmc = await self._world.bmcs.of(host)
        if not isinstance(bmc, FirmwareDriver):
            raise Unsupported(f"the BMC of {host.name} cannot update firmware")
        async with self._destructive:
            if intent is None and (why := await self._crowded(host, context)):
                waiting = await self._recorder.wait(
                    host, why, after_s=CROWDED_RECHECK_S, others=True
                )
                self._maps.rooms.wait_for_place(host)
                return waiting
            host, intent = await self._write_intent(host, action, seen, intent)
        self._world.faults.reach("after-intent")
        if why := await self._crowded(host, context, now=True):
            return await self._settled(host, intent, "failed", f"stepped back: {why}")
        await self._require_same_host(host, bmc)
        host = await self._require_still_ours(host, intent)
        image = self._world.door.firmware_url(action.item.sha256, action.item.image)
        try:
            task = await bmc.update_firmware(action.item.component, image)
        except Ambiguous as error:  # the reply was lost: the next looks settle it
            lost = _noted(intent, lost=True, touched_at=self._world.clock.now().isoformat())
            return await self._recorder.wait(
                host, f"settling after: {error}", after_s=LOOK_AGAIN_S, also=lost
            )
        self._world.faults.reach("after-act")
        return await self._recorder.wait(
            host,
            f"updating {action.item.component}",
            after_s=LOOK_AGAIN_S,
            # Counted only now: a try that our own end cut short says nothing of the BMC.
            also=_noted(intent, task=task, acts=intent.arguments["acts"] + 1),
        )

    async def _crowded(self, host: Host, context: Context, *, now: bool = False) -> str:
        """Why no act that cannot be undone may be begun on this host; empty when one may.

        What was seen a moment ago may refuse, so that those who wait read nothing; only the open
        intents themselves grant. They are counted once more after this host's own is written: of
        two controllers that were both granted the last place, both see it and step back.
        """
        if why := await self._world.in_thread(self._on_hold):
            return why
        settings = self._world.settings
        limits = Limits(
            rack=settings.destructive_per_rack,
            feed=settings.destructive_per_feed,
            site=settings.destructive_per_site,
            scale_up=settings.destructive_per_scale_up,
        )
        if not now and (soon := crowded(host, context.busy, limits)):
            return soon
        found = await self._world.in_thread(every, self._world.store, Intent, state="open")
        return crowded(host, busy(found, but=host.id), limits)

    def _on_hold(self) -> str:
        found = held(self._world.store, self._world.hold_file)
        return str(found) if found else ""

    async def _write_intent(
        self, host: Host, action: UpdateFirmware, seen: Seen, intent: Intent | None
    ) -> tuple[Host, Intent]:
        """Durable together with the host's record: a wish that came meanwhile undoes both."""
        self._world.faults.reach("before-intent")
        now = self._world.clock.now()
        old = (seen.firmware or {}).get(action.item.component, "unknown")
        arguments = {
            "component": action.item.component,
            "from": old,
            "to": action.item.version,
            "tasks_before": [t.uri for t in seen.tasks],
            "touched_at": now.isoformat(),
            "domains": domains(host),
            "acts": int(intent.arguments.get("acts", 0)) if intent else 0,
        }
        event = self._recorder.event(host, "intent.open", old, action.item.version, action.step)
        if intent is not None:
            fresh = intent.model_copy(update={"arguments": arguments, "fence": self._fence.number})
            await self._recorder.apply(Change(replace=(host, fresh), events=(event,)))
        else:
            fresh = Intent(
                id=self._world.new_id(),
                host_id=host.id,
                step=action.step,
                step_class="destructive-observable",
                arguments=arguments,
                fence=self._fence.number,
                created_at=now,
            )
            await self._recorder.apply(Change(insert=(fresh,), replace=(host,), events=(event,)))
        return host.model_copy(update={"version": host.version + 1}), fresh

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

    async def _flash_failed(
        self, host: Host, action: UpdateFirmware, intent: Intent | None, reason: str
    ) -> Outcome:
        """Failed and parked in one change: between two, a restart would flash again."""
        if intent is None:
            raise TypeError("nothing failed")
        now = self._world.clock.now()
        failed = intent.model_copy(update={"state": "failed", "note": reason, "settled_at": now})
        return await self._recorder.park(
            host,
            "firmware-update-failed",
            reason,
            f"look at the BMC's log, correct {action.item.component} by hand or replace the part, "
            f"then podyard host retry {host.name}",
            also=(failed,),
            events=(self._recorder.event(host, "intent.failed", "open", "failed", intent.step),),
        )


def _noted(intent: Intent, **facts: object) -> tuple[Record, ...]:
    """The intent with what was learned of it, to be written beside the host."""
    return (intent.model_copy(update={"arguments": {**intent.arguments, **facts}}),)
