"""Erasing drives: an act that cannot be taken back, and the writing down of what proves it.

Each drive has an intent of its own, durable before it is asked for. What the BMC told settles the
intent; what an operating system of ours read of the drive is written into it afterwards, and only
that makes it proof.
"""

from __future__ import annotations

from inventory.model import Event, Host, Intent
from inventory.store.protocol import Change
from pods.canonical import digest_of
from pods.certificate import HostReference
from pods.erasing import DriveRead
from pods.erasure import ErasedDrive, issue_erasure
from provisioning.acts.destructive import Destructive, noted
from provisioning.acts.recorder import LOOK_AGAIN_S, Outcome
from provisioning.brakes import domains
from provisioning.context import Context
from provisioning.drivers.capabilities import Capability, lacking
from provisioning.drivers.driveerase import DriveEraser
from provisioning.erasures import (
    CERTIFIED,
    LOOKED,
    STEP,
    in_order,
    is_certified,
    is_looked_at,
    round_of,
)
from provisioning.errors import Ambiguous, BmcBusy, BmcRefused, BmcUnreachable
from provisioning.guarded import Act, Done, Failed, Pending, may_have_begun, settle_erase
from provisioning.lifecycle.actions import EraseDrive, RecordUnerased
from provisioning.lifecycle.decision import Seen
from provisioning.lifecycle.erasing import drives_read, known_drives, worst_by_serial
from provisioning.lifecycle.restraining import held_back

CROWDED_RECHECK_S = 30.0
LOOK_SHARE = 0.1
LOOK_AGAIN_LONGEST_S = 60.0
NOT_SEEN = "nothing of it was read: the agent did not see it"


class Erasing(Destructive):
    """Erases drives, each as often as was decided, and keeps what proves it."""

    async def erase(self, host: Host, action: EraseDrive, seen: Seen, context: Context) -> Outcome:
        """Begin it, look at what is under way, or settle what was begun."""
        intent = _this_round(host, action.step, context)
        if intent is None and _is_spent(host, action.step, context):
            return await self._recorder.look_again(host)
        settings = self._world.settings
        settlement = settle_erase(
            action,
            intent,
            seen,
            grace_s=settings.settle_grace_s,
            allowed_s=settings.erase_allowed_s,
        )
        match settlement:
            case Act() if intent is not None and held_back(host):
                return await self._unbegun(host, intent, "nothing was begun")
            case Act():
                return await self._begin(host, action, seen, intent, context)
            case Done() if intent is None or intent.state == "done":
                return await self._recorder.look_again(host)
            case Done():
                return await self._settled(host, intent, "done", "over, and not read yet")
            case Pending(reason, begun):
                also = noted(intent, begun=True) if begun and intent is not None else ()
                after_s = self._pause_s(intent) if begun else LOOK_AGAIN_S
                return await self._recorder.wait(
                    host, reason, after_s=after_s, also=also, others=begun
                )
            case Failed(reason):
                return await self._settled(host, intent, "failed", reason)

    async def _unbegun(self, host: Host, intent: Intent, why: str) -> Outcome:
        """Nothing was asked of the drive: by the same method it may be asked later."""
        (bare,) = noted(intent, unbegun=True)
        return await self._settled(host, bare, "failed", why)

    def _pause_s(self, intent: Intent | None) -> float:
        """Until an erase is looked at again: with a key it takes seconds, by writing a day."""
        now = self._world.clock.now()
        taken_s = 0.0 if intent is None else (now - intent.created_at).total_seconds()
        return min(max(LOOK_AGAIN_S, taken_s * LOOK_SHARE), LOOK_AGAIN_LONGEST_S)

    async def record_unerased(
        self, host: Host, action: RecordUnerased, context: Context
    ) -> Outcome:
        """Nothing was asked of this drive, because nothing could be; it is told of once."""
        said = _of_this_round(host, context)
        if any(one.arguments.get("serial") == action.serial for one in said):
            return await self._recorder.look_again(host)
        found = self._failed(host, action.serial, action.slot, action.why)
        return await self._recorder.record(
            host, {}, insert=(found,), events=(self._event(host, found),)
        )

    async def record_read(
        self, host: Host, seen: Seen, context: Context, *, ended: tuple[Intent, ...] = ()
    ) -> Outcome:
        """Every drive that was read, told of or known once is proven erased, or it is not.

        `ended`: what closes the boot's own act. That somebody looked is written down also where
        there was nothing to see: a host of which nobody knows drives is clean for no other reason.
        """
        boot = host.boot
        read = {} if boot is None else worst_by_serial(drives_read(boot, seen) or ())
        judged: list[Intent] = []
        fresh: list[Intent] = []
        last = {str(i.arguments.get("serial")): i for i in _of_this_round(host, context)}
        shown = {drive.serial for drive in seen.drives or ()}
        for serial, intent in last.items():
            if intent.state in {"done", "parked"} and not intent.arguments.get("read"):
                judged.append(self._judged(intent, read.get(serial)))
            elif intent.state == "failed":
                judged += self._failed_and_read(intent, read.get(serial), shown=serial in shown)
        for serial, one in read.items():
            if serial not in last:
                fresh.append(self._found(host, one, hidden=serial not in shown))
        for serial, slot in known_drives(host).items():
            if serial not in last and serial not in read:
                gone = "it was seen at inspection, and neither its BMC nor the agent shows it now"
                fresh += noted(self._failed(host, serial, slot, gone), gone=True)
        told = is_looked_at(host, context.intents)
        looked = () if told else (self._looked(host, found=len(read)),)
        return await self._recorder.record(
            host,
            {},
            insert=(*fresh, *looked),
            also=(*judged, *ended),
            events=tuple(self._event(host, one) for one in (*judged, *fresh)),
            same_look=False,
        )

    async def certify(self, host: Host, context: Context) -> Outcome:
        """Sign what became of each drive once a round, and keep it where the acts are kept."""
        if is_certified(host, context.intents):
            return await self._recorder.look_again(host)
        world, now = self._world, self._world.clock.now()
        last = {str(i.arguments.get("serial")): i for i in _of_this_round(host, context)}
        drives = [_certified(one) for one in last.values()]
        envelope = issue_erasure(
            HostReference(name=host.name, slot=host.slot, serial=host.serial, uuid=host.uuid),
            pod=host.pod,
            drives=drives,
            began_at=host.state_since,
            key=world.simulated_key if host.simulated else world.signing_key,
            now=now,
        )
        document = envelope.model_dump(mode="json", by_alias=True)
        digest = digest_of(document)
        erased = sum(drive.erased for drive in drives)
        kept = Intent(
            id=world.new_id(),
            host_id=host.id,
            step=CERTIFIED,
            step_class="destructive-observable",
            arguments={"round": round_of(host), "envelope": document, "digest": digest},
            fence=self._fence.number,
            state="done",
            note=f"{erased} of {len(drives)} drives erased",
            created_at=now,
            settled_at=now,
        )
        event = self._recorder.event(host, "host.erasure-certified", "", digest, kept.note)
        return await self._recorder.record(host, {}, insert=(kept,), events=(event,))

    def _looked(self, host: Host, *, found: int) -> Intent:
        now = self._world.clock.now()
        return Intent(
            id=self._world.new_id(),
            host_id=host.id,
            step=LOOKED,
            step_class="destructive-observable",
            arguments={"round": round_of(host), "drives": found},
            fence=self._fence.number,
            state="done",
            note=f"{found} drives were seen from inside the host",
            created_at=now,
            settled_at=now,
        )

    def _judged(self, intent: Intent, read: DriveRead | None) -> Intent:
        """The evidence stands where the act stands."""
        doubts = read.doubts() if read is not None else (NOT_SEEN,)
        evidence = read.model_dump(mode="json") if read is not None else {}
        begun = may_have_begun(intent)
        facts = {"read": evidence, "lied": bool(doubts) and begun, "unbegun": not begun}
        note = "; ".join(doubts) if doubts else "its log and a sample say that it is erased"
        return intent.model_copy(
            update={
                "state": "failed" if doubts else "done",
                "note": note,
                "arguments": {**intent.arguments, **facts},
                "settled_at": self._world.clock.now(),
            }
        )

    def _failed_and_read(
        self, intent: Intent, read: DriveRead | None, *, shown: bool
    ) -> tuple[Intent, ...]:
        """What its BMC could not erase the host may have erased itself; one that lied stays so."""
        where: dict[str, object] = {}
        if not shown:
            where = {"hidden": True} if read is not None else {"gone": True}
        if read is not None and not read.doubts() and not intent.arguments.get("lied"):
            (intent,) = noted(intent, **where)
            return (self._judged(intent, read),)
        return noted(intent, **where) if where else ()

    def _found(self, host: Host, read: DriveRead, *, hidden: bool) -> Intent:
        """A drive that only the agent sees: what it reads is as good a proof."""
        bare = self._failed(host, read.serial, read.slot, "its BMC does not show it")
        (known,) = noted(bare, hidden=hidden)
        return self._judged(known, read)

    def _failed(self, host: Host, serial: str, slot: str, why: str) -> Intent:
        now = self._world.clock.now()
        return Intent(
            id=self._world.new_id(),
            host_id=host.id,
            step=f"{STEP}{serial}:",
            step_class="destructive-observable",
            arguments={"serial": serial, "slot": slot, "method": "", "round": round_of(host)},
            fence=self._fence.number,
            state="failed",
            note=why,
            created_at=now,
            settled_at=now,
        )

    async def _begin(
        self,
        host: Host,
        action: EraseDrive,
        seen: Seen,
        intent: Intent | None,
        context: Context,
    ) -> Outcome:
        """Intent durable, identity read again, lease and record still ours, then one try."""
        bmc = await self._world.bmcs.of(host)
        if not isinstance(bmc, DriveEraser):
            raise lacking(Capability.DRIVE_ERASE, where=host.name)
        async with self._destructive:
            if intent is None and (why := await self._crowded(host, context)):
                return await self._recorder.wait(host, why, after_s=CROWDED_RECHECK_S, others=True)
            host, intent = await self._write_intent(host, action, seen, intent)
        self._world.faults.reach("after-intent")
        if why := await self._crowded(host, context, now=True):
            return await self._unbegun(host, intent, f"stepped back: {why}")
        await self._require_same_host(host, bmc)
        host = await self._require_still_ours(host, intent)
        try:
            task = await bmc.erase_drive(action.serial, action.method)
        except Ambiguous as error:  # the reply was lost: the next looks settle it
            lost = noted(intent, lost=True, touched_at=self._world.clock.now().isoformat())
            return await self._recorder.wait(
                host, f"settling after: {error}", after_s=LOOK_AGAIN_S, also=lost
            )
        except (BmcUnreachable, BmcBusy):  # nothing was sent: it may be asked again
            await self._recorder.apply(Change(replace=noted(intent, unsent=True)))
            raise
        except BmcRefused as error:  # the drive cannot; the next method is tried
            return await self._settled(host, intent, "failed", f"refused: {error}")
        self._world.faults.reach("after-act")
        acts = int(intent.arguments["acts"]) + 1
        return await self._recorder.wait(
            host,
            f"erasing {action.slot}",
            after_s=LOOK_AGAIN_S,
            also=noted(intent, task=task, begun=True, acts=acts),
        )

    async def _write_intent(
        self, host: Host, action: EraseDrive, seen: Seen, intent: Intent | None
    ) -> tuple[Host, Intent]:
        """Durable together with the host's record: a wish that came meanwhile undoes both."""
        self._world.faults.reach("before-intent")
        now = self._world.clock.now()
        arguments = {
            "serial": action.serial,
            "slot": action.slot,
            "method": action.method,
            "round": round_of(host),
            "tasks_before": [task.uri for task in seen.erasing],
            "touched_at": now.isoformat(),
            "domains": domains(host),
            "acts": int(intent.arguments.get("acts", 0)) if intent else 0,
        }
        event = self._recorder.event(host, "intent.open", "", action.method, action.step)
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

    def _event(self, host: Host, intent: Intent) -> Event:
        said = intent.arguments
        drive = f"{said.get('slot')} (serial {said.get('serial')})"
        how = str(said.get("method", ""))
        if intent.state == "done":
            return self._recorder.event(host, "drive.erased", how, drive, intent.note)
        return self._recorder.event(host, "drive.not-erased", how, drive, intent.note)


def _certified(intent: Intent) -> ErasedDrive:
    """One drive as a certificate states it: erased only where what was read says so."""
    said = intent.arguments
    evidence = DriveRead.model_validate(said["read"]) if said.get("read") else None
    proven = evidence is not None and not evidence.doubts()
    in_band = evidence.method if evidence is not None else ""
    return ErasedDrive(
        slot=str(said.get("slot", "")),
        serial=str(said.get("serial", "")),
        method=in_band or str(said.get("method", "")),
        erased=intent.state == "done" and proven,
        note=intent.note,
        evidence=evidence,
    )


def _of_this_round(host: Host, context: Context) -> list[Intent]:
    """Erases of this stay in *cleaning*, oldest first."""
    mine = (i for i in context.intents if i.step.startswith(STEP))
    return in_order(i for i in mine if i.arguments.get("round") == round_of(host))


def _is_spent(host: Host, step: str, context: Context) -> bool:
    """Whether it failed before: the same is not asked again of a drive that was asked once."""
    named = [one for one in _of_this_round(host, context) if one.step == step]
    return bool(named) and named[-1].state == "failed" and not named[-1].arguments.get("unbegun")


def _this_round(host: Host, step: str, context: Context) -> Intent | None:
    named = (i for i in _of_this_round(host, context) if i.step == step)
    return next((i for i in named if i.state in {"open", "done"}), None)
