"""Doing one thing to one host: record-keeping, converging changes, guarded ones.

Every method ends by recording under the fence. What may be repeated is simply repeated until an
observation shows its effect; what may not goes through `provisioning.guarded`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory.holding import held
from inventory.model import AgentSeen, Event, Host, Intent, Problem, Record, Tried
from inventory.parts import Part, parts_change
from inventory.states import HostState
from inventory.store.protocol import Change, Fence
from inventory.store.reading import every
from pods.suspension import Suspension
from provisioning.admission import Admitted, Waits, admit
from provisioning.brakes import Limits, busy, crowded, domains
from provisioning.certifying import certify
from provisioning.context import Context
from provisioning.drivers.protocol import (
    BiosDriver,
    Bmc,
    FirmwareDriver,
    ManagerReset,
    MediaDriver,
    TaskPhase,
)
from provisioning.errors import Ambiguous, BmcBusy, ProvisioningError, Unsupported, WrongHost
from provisioning.feeds import Feeds
from provisioning.findings import findings
from provisioning.guarded import Act, Done, Failed, Pending, settle_update
from provisioning.lifecycle.actions import (
    Action,
    Certify,
    Configure,
    EjectMedia,
    ForgetBoot,
    InsertMedia,
    MakeBootMedium,
    OrderAcceptance,
    PowerOff,
    PowerOn,
    RecordConfigured,
    RecordFacts,
    RecordIdentity,
    RecordInspection,
    RecordMismatches,
    ReservePower,
    SetBios,
    SetBootSource,
    SettleByHand,
    Suspend,
    TryRemedy,
    UpdateFirmware,
    WithdrawUnit,
)
from provisioning.lifecycle.decision import Seen
from provisioning.lifecycle.health import health_of
from provisioning.lifecycle.ready import watch_s
from provisioning.lifecycle.restraining import held_back
from provisioning.podmaps import PodMaps
from provisioning.remedies import (
    OVERSTAYED,
    PASSED_OVER,
    Remedy,
    apart,
    overstayed,
    told,
    why_never,
)
from provisioning.rooms import LOOK_AGAIN_S as LOOK_AGAIN_ANYWAY_S
from provisioning.suspending import suspend, withdrawn, withdrawn_events
from provisioning.world import World

log = logging.getLogger("podyard.provisioning")

LOOK_AGAIN_S = 0.5  # after a change, before its effect is looked for
LOOK_SHARE = 0.1  # of the time that an update takes so far: it is noticed a tenth late at most
LOOK_AGAIN_LONGEST_S = 15.0
POWER_ON_AGAIN_S = 15.0  # between repeated requests: the slowest BMC seen shows it after 11 s
LOOK_ONCE_MORE_S = 5.0  # a BMC that left something out of one answer has it in the next
REPEAT_S = 2.0  # between repeated requests of a change that does not show: BMCs freeze in bursts
CROWDED_RECHECK_S = 30.0  # who waits is woken; another controller's hosts look by themselves
BMC_AWAY_S = 30.0  # no BMC is back sooner, and asking it meanwhile only fails
TURN_RECHECK_S = 1.0  # waiting for another host of the same machine, or for watts
NOTE_NAME_MAX = 64
CONFIGURE_TRIES = 2  # a playbook that failed twice in a row does not heal by itself
BOOT_TOKEN = "boot-token"  # noqa: S105 - the name of a field, not a secret


@dataclass(frozen=True, slots=True)
class Outcome:
    """The record as it now is, and whether the same observation still serves."""

    host: Host
    same_look_serves: bool = False


class Acting:
    """Performs actions for one controller."""

    def __init__(self, world: World, fence: Fence, maps: PodMaps | None = None) -> None:
        self._world = world
        self._fence = fence
        self._maps = maps or PodMaps(world)
        self._feeds = Feeds(world, self._maps)
        self._ledgers: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._destructive = asyncio.Lock()
        self._machines: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def perform(  # noqa: C901, PLR0912 - one line per action, nothing else
        self, host: Host, action: Action, seen: Seen, context: Context, *, reason: str
    ) -> Outcome:
        """Do one action and record it."""
        match action:
            case RecordIdentity():
                return await self._record_identity(host, seen)
            case RecordFacts():
                return await self._learn(host, seen, context)
            case RecordMismatches(found):
                return await self._record(host, {"mismatches": found}, same_look=True)
            case RecordInspection(doubt):
                return await self._inspected(host, seen, context, doubt=doubt, reason=reason)
            case Suspend(causes):
                return await self._suspend(host, causes, seen, context)
            case ReservePower(watts):
                return await self._reserve(host, watts, context)
            case MakeBootMedium(tries):
                return await self._make_medium(host, tries)
            case PowerOn():
                return await self._power_on(host, reason)
            case PowerOff():
                self._require_nothing_begun(host, context)
                await (await self._bmc(host)).power_off()
                return await self._look_again(host, "power.off", reason)
            case SetBootSource(source):
                await (await self._bmc(host)).set_boot_source(source)
                return await self._look_again(host)
            case InsertMedia(image):
                await (await self._media(host)).insert_media(image)
                return await self._look_again(host)
            case EjectMedia():
                await (await self._media(host)).eject_media()
                return await self._look_again(host)
            case SetBios(attributes):
                await self._set_bios(host, dict(attributes))
                return await self._look_again(host, "bios.staged", reason)
            case UpdateFirmware():
                return await self._update_firmware(host, action, seen, context)
            case TryRemedy():
                return await self._try_remedy(host, action)
            case RecordConfigured(boot_id):
                fields = {"configured_boot_id": boot_id, "problem": None}
                return await self._record(host, fields, same_look=True)
            case SettleByHand():
                return await self._settle_by_hand(host, context)
            case Configure(boot_id):
                return await self._configure(host, boot_id)
            case OrderAcceptance(physical_host):
                return await self._order_acceptance(host, physical_host)
            case Certify():
                return await self._certify(host, seen, context)
            case WithdrawUnit():
                return await self._withdraw(host, context, reason=reason)
            case ForgetBoot():
                fields = {"boot": None, "configured_boot_id": "", "acceptance_order": ""}
                return await self._record(host, fields)
            case _:
                raise TypeError(f"nobody knows how to perform {action}")

    def _require_nothing_begun(self, host: Host, context: Context) -> None:
        """The last word, whatever was decided: no host loses its power in the middle of a flash."""
        if context.wanted.open_steps:
            begun = ", ".join(sorted(context.wanted.open_steps))
            raise BmcBusy(
                f"{host.name} keeps its power: {begun} was begun and is not settled",
                hint=f"podyard host why {host.name}",
            )

    async def _learn(self, host: Host, seen: Seen, context: Context) -> Outcome:
        """What was read, and with it which part came and went, in one change."""
        parts = await self._parts(host, seen, context)
        checked = host.conformance if seen.conformance is None else seen.conformance
        return await self._record(
            host,
            {"facts": seen.facts, "conformance": checked, "health": health_of(seen.facts)},
            insert=parts.insert,
            also=parts.replace,
            events=parts.events,
            same_look=True,
        )

    async def _parts(self, host: Host, seen: Seen, context: Context) -> Change:
        if seen.facts is None:
            return Change()
        store = self._world.store
        known = await self._world.in_thread(every, store, Part, host_id=host.id)
        accelerators = context.wanted.host_type.accelerators
        return parts_change(
            host,
            [part for part in known if part.present],
            seen.facts,
            self._world.clock.now(),
            wanted={"accelerator": accelerators.model} if accelerators else {},
        )

    async def _record_identity(self, host: Host, seen: Seen) -> Outcome:
        identity = seen.identity
        if identity is None:
            raise TypeError("RecordIdentity without an identity seen")
        fields = {"uuid": identity.uuid, "register_again": False}
        return await self._record(host, fields, same_look=True)

    async def _reserve(self, host: Host, watts: int, context: Context) -> Outcome:
        """Hold watts on the feeds, durably, before anything draws them.

        What was read a moment ago may refuse, so that those who wait read nothing; only what is
        read here, while no other host of these feeds reserves, may grant. Giving back needs no
        look.
        """
        if watts <= host.reserved_watts:
            return await self._record(host, {"reserved_watts": watts}, same_look=True)
        if context.around is not None:
            soon = admit(context.around.ledger, host, watts)
            if isinstance(soon, Waits):
                return await self._wait_for_watts(host, watts, soon, context)
        feeds = sorted({feed for feed in (host.feed, host.feed_b) if feed})
        async with contextlib.AsyncExitStack() as alone:
            for feed in feeds:
                await alone.enter_async_context(self._ledgers[f"{host.site}/{feed}"])
            # Read first: a grant of another controller that comes later than this makes ours stale.
            said = {
                counter: await self._world.in_thread(self._world.store.note, counter)
                for counter in (_counter("watts", f"{host.site}/{feed}") for feed in feeds)
            }
            verdict = admit(await self._feeds.ledger(host, context), host, watts)
            if isinstance(verdict, Admitted):
                return await self._record(
                    host, {"reserved_watts": watts}, counted=said, same_look=True
                )
        return await self._wait_for_watts(host, watts, verdict, context)

    async def _wait_for_watts(
        self, host: Host, watts: int, why: Waits, context: Context
    ) -> Outcome:
        reason = f"waiting for power: {why.reason}"
        if context.around is None:
            return await self._wait(host, reason, others=True)
        outcome = await self._wait(host, reason, after_s=LOOK_AGAIN_ANYWAY_S, others=True)
        now = self._world.clock.now()
        self._maps.rooms.wait_for_watts(context.around, outcome.host, watts, now=now)
        return outcome

    async def _make_medium(self, host: Host, tries: int) -> Outcome:
        medium = self._world.door.make_medium(now=self._world.clock.now(), tries=tries)
        sealed = self._world.secrets.seal(host.id, BOOT_TOKEN, medium.token)
        return await self._record(
            host,
            {"boot": medium.record},
            secrets={(host.id, BOOT_TOKEN): sealed},
            same_look=True,
        )

    async def _power_on(self, host: Host, reason: str) -> Outcome:
        """Write down that we are about to, then ask.

        Otherwise a restart would take the host for a stranger's and switch it off again.
        """
        boot = host.boot
        if boot is None:
            raise TypeError("PowerOn without a boot medium")
        first = boot.powered_at is None
        powered = boot.model_copy(update={"powered_at": boot.powered_at or self._world.clock.now()})
        recorded = await self._record(host, {"boot": powered})
        await (await self._bmc(host)).power_on()
        after_s = LOOK_AGAIN_S if first else POWER_ON_AGAIN_S
        return await self._look_again(recorded.host, "power.on", reason, after_s=after_s)

    async def _set_bios(self, host: Host, attributes: dict[str, str | int | bool]) -> None:
        bmc = await self._bmc(host)
        if not isinstance(bmc, BiosDriver):
            raise Unsupported(f"the BMC of {host.name} cannot set BIOS attributes")
        await bmc.set_bios(attributes)

    async def _update_firmware(
        self, host: Host, action: UpdateFirmware, seen: Seen, context: Context
    ) -> Outcome:
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
                return await self._look_again(host)  # it was settled before: nothing is left to do
            case Done():
                return await self._settled(host, intent, "done", "the new version is there")
            case Pending(reason, begun):
                noted = _noted(intent, begun=True) if begun and intent is not None else ()
                return await self._wait(host, reason, after_s=self._pause(intent), also=noted)
            case Failed(reason):
                return await self._flash_failed(host, action, intent, reason)

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
        bmc = await self._bmc(host)
        if not isinstance(bmc, FirmwareDriver):
            raise Unsupported(f"the BMC of {host.name} cannot update firmware")
        async with self._destructive:
            if intent is None and (why := await self._crowded(host, context)):
                waiting = await self._wait(host, why, after_s=CROWDED_RECHECK_S, others=True)
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
            return await self._wait(
                host, f"settling after: {error}", after_s=LOOK_AGAIN_S, also=lost
            )
        self._world.faults.reach("after-act")
        return await self._wait(
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
        event = self._event(host, "intent.open", old, action.item.version, action.step)
        if intent is not None:
            fresh = intent.model_copy(update={"arguments": arguments, "fence": self._fence.number})
            await self._apply(Change(replace=(host, fresh), events=(event,)))
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
            await self._apply(Change(insert=(fresh,), replace=(host,), events=(event,)))
        return host.model_copy(update={"version": host.version + 1}), fresh

    async def _require_still_ours(self, host: Host, intent: Intent) -> Host:
        """The last look before the act: lease held, record unchanged, and no time lost.

        A process that was paused here must not act on what it decided long ago: the grace of its
        successor only covers requests that were sent within the deadline after the intent.
        """
        await self._apply(Change(replace=(host,)))
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
        event = self._event(host, f"intent.{state}", "open", state, intent.step)
        return await self._wait(host, note, after_s=0.0, also=(fresh,), events=(event,))

    async def _flash_failed(
        self, host: Host, action: UpdateFirmware, intent: Intent | None, reason: str
    ) -> Outcome:
        """Failed and parked in one change: between two, a restart would flash again."""
        if intent is None:
            raise TypeError("nothing failed")
        now = self._world.clock.now()
        failed = intent.model_copy(update={"state": "failed", "note": reason, "settled_at": now})
        return await self._park(
            host,
            "firmware-update-failed",
            reason,
            f"look at the BMC's log, correct {action.item.component} by hand or replace the part, "
            f"then podyard host retry {host.name}",
            also=(failed,),
            events=(self._event(host, "intent.failed", "open", "failed", intent.step),),
        )

    async def _settle_by_hand(self, host: Host, context: Context) -> Outcome:
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
            self._event(host, "intent.parked", "open", one.step, note) for one in settled
        )
        return await self._record(host, {"problem": None}, also=settled, events=events)

    async def _try_remedy(self, host: Host, action: TryRemedy) -> Outcome:
        """Written down before it is done: a crash in the middle must not try it twice."""
        remedy, now = action.remedy, self._world.clock.now()
        outcome = why_never(remedy, host)
        if not outcome and remedy is Remedy.RESTART_BMC:
            outcome = await self._why_no_restart(host)
        tried = (*host.tried, Tried(remedy=remedy.value, at=now, outcome=outcome))
        fields: dict[str, object] = {"tried": tried}
        if remedy is Remedy.SET_APART:
            message, remedy_text = apart(host, action.allowed_s, now)
            event = self._event(host, "host.remedy", "", remedy.value, message)
            return await self._park(
                host,
                "overstayed",
                message,
                remedy_text,
                tried=told(host),
                fields=fields,
                events=(event,),
            )
        late = overstayed(host.model_copy(update=fields), action.allowed_s, now)
        if host.problem is None or host.problem.kind == OVERSTAYED:
            fields["problem"] = late
        if remedy is Remedy.BOOT_AGAIN and not outcome:
            fields |= {
                "boot": None,
                "configured_boot_id": "",
                "acceptance_order": "",
                "state": HostState.BOOTING,
                "state_since": now,
            }
        events = [self._event(host, "host.remedy", "", remedy.value, outcome or host.waiting)]
        if host.state is not fields.get("state", host.state):
            events.append(self._event(host, "host.state", host.state, "booting", remedy.value))
        recorded = await self._record(host, fields, events=tuple(events))
        if remedy is Remedy.RESTART_BMC and not outcome:
            return await self._restart_bmc(recorded.host)
        await self._world.bmcs.drop(host.id)  # whatever comes next begins with a fresh session
        return recorded

    async def _why_no_restart(self, host: Host) -> str:
        """A BMC that is at an update is left alone, whoever began it."""
        try:
            bmc = await self._bmc(host)
            if not isinstance(bmc, ManagerReset):
                return f"{PASSED_OVER}: this BMC cannot be asked to restart"
            if isinstance(bmc, FirmwareDriver):
                tasks = await bmc.update_tasks()
                if any(task.phase is TaskPhase.RUNNING for task in tasks):
                    return f"{PASSED_OVER}: the BMC is at an update"
        except ProvisioningError as error:  # it does not answer: nothing can be asked of it
            return f"{PASSED_OVER}: {error}"
        return ""

    async def _restart_bmc(self, host: Host) -> Outcome:
        """One request. Whether its answer came says nothing: the BMC goes away while it answers."""
        bmc = await self._bmc(host)
        if not isinstance(bmc, ManagerReset):
            raise TypeError("asked before")
        why = "asked to restart"
        try:
            await bmc.restart_manager()
        except ProvisioningError as error:
            log.warning("BMC restart", extra={"host": host.name, "cause": type(error).__name__})
            why = f"asked to restart: {error}"
        await self._world.bmcs.drop(host.id)
        return await self._look_again(host, "bmc.restart", why, after_s=BMC_AWAY_S)

    async def _configure(self, host: Host, boot_id: str) -> Outcome:
        result = await self._world.player.configure(
            host, {"host": host.name, "pod": host.pod, "slot": host.slot, "boot_id": boot_id}
        )
        if result.ok:
            event = self._event(host, "host.configured", "", f"{result.changed} changed", boot_id)
            return await self._record(
                host, {"configured_boot_id": boot_id, "problem": None}, events=(event,)
            )
        message = f"task {result.task!r} failed: {result.output}"
        tried = (*(host.problem.tried if host.problem else ()), "configure")
        if len(tried) >= CONFIGURE_TRIES:
            remedy = f"correct what the task names, then podyard host retry {host.name}"
            return await self._park(host, "configure-failed", message, remedy, tried=tried)
        now = self._world.clock.now()
        again = now + timedelta(seconds=self._world.settings.retry_first_s)
        problem = Problem(
            kind="configure-failed",
            message=message,
            since=now,
            tried=tried,
            next_step="configure again",
            next_at=again,
        )
        return await self._record(host, {"problem": problem, "wake_at": again})

    async def _order_acceptance(self, host: Host, physical_host: str) -> Outcome:
        """One host at a time on each physical machine: neighbours would measure each other."""
        counter = _counter("machine", physical_host)
        async with self._machines[physical_host]:
            said = await self._world.in_thread(self._world.store.note, counter)
            first = await self._world.in_thread(self._measuring, host, physical_host)
            if first:
                why = f"waiting for {first} to be measured first"
                return await self._wait(host, why, others=True)
            event = self._event(host, "acceptance.ordered", "", "", f"on {physical_host[:8]}")
            return await self._record(
                host,
                {
                    "acceptance_order": self._world.new_id(),
                    "acceptance_round": host.acceptance_round + 1,
                },
                events=(event,),
                counted={counter: said},
            )

    def _measuring(self, host: Host, physical_host: str) -> str:
        """The name of another host of this machine whose tests are under way."""
        store = self._world.store
        for other in every(store, Host, state=HostState.ACCEPTING.value):
            if other.id == host.id or not other.acceptance_order or other.problem:
                continue
            agent = store.get(AgentSeen, other.id)
            observed = agent.observed if agent else None
            if observed is None or observed.physical_host != physical_host:
                continue
            report = observed.acceptance
            if report and report.order_id == other.acceptance_order and report.finished:
                continue
            return other.name
        return ""

    async def _certify(self, host: Host, seen: Seen, context: Context) -> Outcome:
        self._world.faults.reach("before-certificate")
        key = self._world.simulated_key if host.simulated else self._world.signing_key
        certified = certify(host, seen, context, key=key, now=self._world.clock.now())
        event = self._event(
            host, "host.certified", "", certified.certificate.id, certified.unit.name
        )
        new, old = certified.unit_change(context.units)
        return await self._record(
            host,
            {"certificate_id": certified.certificate.id},
            insert=(certified.certificate, *new),
            also=old,
            events=(event,),
            same_look=True,
        )

    async def _withdraw(self, host: Host, context: Context, *, reason: str) -> Outcome:
        units = withdrawn(context.units)
        events = withdrawn_events(host, units, why=reason, now=self._world.clock.now())
        return await self._record(host, {"certificate_id": ""}, also=units, events=events)

    async def _inspected(
        self, host: Host, seen: Seen, context: Context, *, doubt: bool, reason: str
    ) -> Outcome:
        """What contradicts the certificate is only noted: the next look decides."""
        if seen.facts is None:
            raise TypeError("RecordInspection without facts seen")
        now = self._world.clock.now()
        pause_s = LOOK_ONCE_MORE_S if doubt else watch_s(context.wanted)
        read = host.model_copy(update={"facts": seen.facts})
        learned = (
            {"doubt": seen.facts.digest()}
            if doubt
            else {
                "doubt": "",
                "facts": seen.facts,
                "mismatches": findings(read, context.wanted),
            }
        )
        fields = {
            "inspected_at": now,
            "waiting": reason,
            "problem": None,
            "power": seen.power if seen.power != "Unknown" else host.power,
            "health": health_of(seen.facts),
            "wake_at": now + timedelta(seconds=pause_s),
            **learned,
        }
        parts = Change() if doubt else await self._parts(host, seen, context)
        return await self._record(
            host, fields, insert=parts.insert, also=parts.replace, events=parts.events
        )

    async def _suspend(
        self, host: Host, causes: tuple[Suspension, ...], seen: Seen, context: Context
    ) -> Outcome:
        if context.certificate is None:
            raise TypeError("Suspend without a certificate")
        done = suspend(
            host,
            context.certificate,
            causes,
            units=context.units,
            facts=seen.facts,
            now=self._world.clock.now(),
        )
        log.warning("certificate suspended", extra={"host": host.name, "cause": str(causes[0])})
        parts = await self._parts(host, seen, context)
        return await self._record(
            host,
            done.fields,
            insert=parts.insert,
            also=(*done.records, *parts.replace),
            events=(*parts.events, *done.events),
        )

    async def _bmc(self, host: Host) -> Bmc:
        return await self._world.bmcs.of(host)

    async def _media(self, host: Host) -> MediaDriver:
        bmc = await self._bmc(host)
        if not isinstance(bmc, MediaDriver):
            raise Unsupported(f"the BMC of {host.name} has no virtual media")
        return bmc

    async def _look_again(
        self, host: Host, kind: str = "", why: str = "", *, after_s: float = LOOK_AGAIN_S
    ) -> Outcome:
        again = bool(why) and host.waiting == why  # its effect did not show: no faster, no louder
        pause_s = max(after_s, REPEAT_S) if again else after_s
        later = self._world.clock.now() + timedelta(seconds=pause_s)
        events = (self._event(host, f"host.{kind}", "", "", why),) if kind and not again else ()
        fields = {"wake_at": later, "waiting": why, "problem": _lasting(host)}
        return await self._record(host, fields, events=events)

    async def _wait(
        self,
        host: Host,
        reason: str,
        *,
        after_s: float = TURN_RECHECK_S,
        also: tuple[Record, ...] = (),
        events: tuple[Event, ...] = (),
        others: bool = False,
    ) -> Outcome:
        """`others`: it waits for other hosts, and its own allowed time does not run."""
        later = self._world.clock.now() + timedelta(seconds=after_s)
        fields = {"waiting": reason, "wake_at": later, "problem": _lasting(host)}
        if others:
            fields |= {"counted_from": later, "problem": None}
        return await self._record(host, fields, also=also, events=events)

    async def _park(
        self,
        host: Host,
        kind: str,
        message: str,
        remedy: str,
        *,
        tried: tuple[str, ...] = (),
        also: tuple[Record, ...] = (),
        events: tuple[Event, ...] = (),
        fields: Mapping[str, object] | None = None,
    ) -> Outcome:
        now = self._world.clock.now()
        problem = Problem(kind=kind, message=message, since=now, tried=tried, remedy=remedy)
        outcome = await self._record(
            host,
            {"problem": problem, "waiting": "", **(fields or {})},
            also=also,
            events=(*events, self._event(host, "host.parked", host.state, kind, message)),
        )
        await self._world.bmcs.drop(host.id)
        return outcome

    async def _record(
        self,
        host: Host,
        fields: Mapping[str, object],
        *,
        insert: tuple[Record, ...] = (),
        also: tuple[Record, ...] = (),
        events: tuple[Event, ...] = (),
        secrets: dict[tuple[str, str], bytes] | None = None,
        counted: Mapping[str, str] | None = None,
        same_look: bool = False,
    ) -> Outcome:
        fresh = host.model_copy(update={"wake_at": self._world.clock.now(), **fields})
        await self._apply(
            Change(
                insert=insert,
                replace=(fresh, *also),
                events=events,
                secrets=secrets or {},
                counted=counted or {},
            )
        )
        return Outcome(fresh.model_copy(update={"version": host.version + 1}), same_look)

    async def _apply(self, change: Change) -> None:
        self._world.faults.reach("before-record")
        await self._world.in_thread(
            self._world.store.apply, change, now=self._world.clock.now(), fence=self._fence
        )
        self._maps.written(change)
        self._world.faults.reach("after-record")

    def _event(self, host: Host, kind: str, old: str, new: str, why: str) -> Event:
        return Event(
            at=self._world.clock.now(),
            actor="provisioning",
            kind=kind,
            subject=f"host:{host.name}",
            old=str(old),
            new=new,
            why=why,
        )


def _counter(what: str, of: str) -> str:
    """A note's name. Two that are cut to the same one only wait for each other."""
    return f"{what}/{of}"[:NOTE_NAME_MAX]


def _noted(intent: Intent, **facts: object) -> tuple[Record, ...]:
    """The intent with what was learned of it, to be written beside the host."""
    return (intent.model_copy(update={"arguments": {**intent.arguments, **facts}}),)


def _lasting(host: Host) -> Problem | None:
    """A good look ends a problem that podyard worked on by itself; a person's stays.

    That a host is late is no look's to end: only leaving the state is.
    """
    problem = host.problem
    lasts = problem is not None and (problem.parked or problem.kind == OVERSTAYED)
    return problem if lasts else None
