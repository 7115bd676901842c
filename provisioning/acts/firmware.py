"""Writing firmware: the one act that cannot be taken back, so it is guarded and settled.

Its intent is durable before it is asked for, and who the host is, that the lease is held and that
nothing is stopped is looked at again in between.
"""

from __future__ import annotations

from inventory.model import Host, Intent
from inventory.store.protocol import Change
from provisioning.acts.destructive import CROWDED_RECHECK_S, Destructive, noted
from provisioning.acts.recorder import LOOK_AGAIN_S, Outcome
from provisioning.brakes import domains
from provisioning.context import Context
from provisioning.drivers.protocol import FirmwareDriver, TaskPhase
from provisioning.errors import Ambiguous, Unsupported
from provisioning.guarded import Act, Again, Done, Failed, Pending, settle_update, watched
from provisioning.lifecycle.actions import UpdateFirmware
from provisioning.lifecycle.decision import Seen
from provisioning.lifecycle.restraining import held_back

LOOK_SHARE = 0.1  # of the time that an update takes so far: it is noticed a tenth late at most
LOOK_AGAIN_LONGEST_S = 15.0


class Firmware(Destructive):
    """Updates firmware, at most as often as was decided."""

    async def update(
        self, host: Host, action: UpdateFirmware, seen: Seen, context: Context
    ) -> Outcome:
        """Begin it, look at what is under way, or settle what was begun."""
        intent = next(
            (i for i in context.intents if i.step == action.step and i.state in {"open", "done"}),
            None,
        )
        if intent is not None and intent.state == "open":
            intent = self._uncounted(host, watched(intent, self._world.clock.now()))
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
            case Again(found):
                return await self._flash_again(host, action, seen, intent, context, found=found)
            case Done() if intent is None or intent.state == "done":
                return await self._recorder.look_again(
                    host
                )  # it was settled before: nothing is left to do
            case Done():
                return await self._settled(host, intent, "done", "the new version is there")
            case Pending(reason, begun):
                traces = {"begun": True} if begun else {}
                also = noted(intent, **traces) if intent is not None else ()
                image = self._world.image_told(host.id)
                return await self._recorder.wait(
                    host,
                    f"{reason}; {image}" if image else reason,
                    after_s=self._pause(intent),
                    also=also,
                )
            case Failed(reason):
                reason = "; ".join((reason, *gone_back(action, context, seen)))
                return await self._flash_failed(host, action, intent, reason)

    def _uncounted(self, host: Host, intent: Intent) -> Intent:
        """The intent without its last try, where our own image server had no place for the host."""
        acts = int(intent.arguments.get("acts", 0))
        if not acts or not self._world.image_turned_away(host.id):
            return intent
        arguments = {**intent.arguments, "acts": acts - 1}
        return intent.model_copy(update={"arguments": arguments})

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

    async def _flash_again(
        self,
        host: Host,
        action: UpdateFirmware,
        seen: Seen,
        intent: Intent | None,
        context: Context,
        *,
        found: str,
    ) -> Outcome:
        """The one second try, if a fresh session reads the same; on record before it is asked for.

        Its place among those that are written to is held by its intent, which stays open.
        """
        if intent is None or host.target != "ready" or held_back(host):
            reason = f"the BMC lost sight of the update, and {found}"
            return await self._flash_failed(host, action, intent, reason)
        component = action.item.component
        if why := await self._crowded(host, context, now=True):
            return await self._recorder.wait(
                host, why, after_s=LOOK_AGAIN_LONGEST_S, also=noted(intent), others=True
            )
        await self._world.bmcs.drop(host.id)
        bmc = await self._world.bmcs.of(host)
        if not isinstance(bmc, FirmwareDriver):
            raise Unsupported(f"the BMC of {host.name} cannot update firmware")
        versions, tasks = await bmc.firmware(), await bmc.update_tasks()
        moved = versions.get(component) != intent.arguments["from"]
        if moved or any(task.phase is TaskPhase.RUNNING for task in tasks):
            why = f"a fresh session reads something else of {component}"
            return await self._recorder.wait(host, why, after_s=LOOK_AGAIN_S, also=noted(intent))
        arguments = {**intent.arguments, "retried": True}
        second = intent.model_copy(update={"arguments": arguments})
        fresh = seen._replace(firmware=versions, tasks=tasks)
        return await self._flash(host, action, fresh, second, context)

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
            if intent.arguments["retried"]:  # nothing was asked, but the first try stays open
                back = noted(intent, begun=True, retried=False)
                return await self._recorder.wait(
                    host, why, after_s=LOOK_AGAIN_LONGEST_S, also=back, others=True
                )
            return await self._settled(host, intent, "failed", f"stepped back: {why}")
        await self._require_same_host(host, bmc)
        host = await self._require_still_ours(host, intent)
        image = self._world.door.firmware_url(
            action.item.sha256, action.item.image, host_id=host.id
        )
        try:
            task = await bmc.update_firmware(action.item.component, image)
        except Ambiguous as error:  # the reply was lost: the next looks settle it
            lost = noted(intent, lost=True, touched_at=self._world.clock.now().isoformat())
            return await self._recorder.wait(
                host, f"settling after: {error}", after_s=LOOK_AGAIN_S, also=lost
            )
        self._world.faults.reach("after-act")
        return await self._recorder.wait(
            host,
            f"updating {action.item.component}",
            after_s=LOOK_AGAIN_S,
            # Counted only now: a try that our own end cut short says nothing of the BMC.
            also=noted(intent, task=task, acts=intent.arguments["acts"] + 1),
        )

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
            "looked_at": now.isoformat(),
            "retried": bool(intent.arguments.get("retried")) if intent else False,
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


def gone_back(action: UpdateFirmware, context: Context, seen: Seen) -> tuple[str, ...]:
    """Every other component that was seen at its new version, and is not there any more."""
    done = {one.step for one in context.intents if one.state == "done"}
    versions = seen.firmware or {}
    return tuple(
        f"{item.component} is {versions.get(item.component) or 'unknown'} again, not {item.version}"
        for item in context.wanted.firmware
        if item != action.item
        and UpdateFirmware(item).step in done
        and versions.get(item.component) != item.version
    )
