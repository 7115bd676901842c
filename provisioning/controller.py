"""The loop: observe, decide, apply at most one change, record.

It is level-triggered. Everything is derived anew from records and observations, so nothing is
remembered that a restart could lose: hosts in the middle of anything go on where the hardware is.
An event (an API call, an agent's report) only makes a host due sooner; it carries nothing.

A host's step never holds a database session while it waits for its BMC, and never shares anything
with another host's step but the watts on its feed. One slow BMC holds up one host.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from functools import partial

from inventory.errors import FenceLost, InventoryError, StaleWrite, StoreUnavailable
from inventory.holding import held
from inventory.model import Event, Host, Problem
from inventory.power_drift import power_drift
from inventory.restored import watching_only
from inventory.roster import Alone, Roster
from inventory.states import ALLOWED_TIME_S, TRANSITIONS, Health, HostState
from inventory.store.protocol import Change, Fence
from pods.interop import Tree
from pods.match_finding import Mismatch
from provisioning.acting import Acting
from provisioning.acts.recorder import Outcome
from provisioning.alarm import Alarm
from provisioning.allowing import AllowedTimes
from provisioning.context import Context, load_context
from provisioning.errors import (
    Ambiguous,
    BmcRefused,
    CredentialsRefused,
    NeedsOperator,
    ProvisioningError,
    Retry,
)
from provisioning.lifecycle.actions import Action, Configure, TryRemedy, WithdrawUnit
from provisioning.lifecycle.decision import (
    Advance,
    Decision,
    Do,
    Hold,
    Look,
    Notice,
    Seen,
    Wait,
)
from provisioning.lifecycle.leaking import decide_leak, decide_parked, goes_dark_parked
from provisioning.lifecycle.ready import out_of_sight
from provisioning.lifecycle.restraining import (
    HARMLESS,
    held_back,
    restrain,
    set_apart_first,
    was_begun,
)
from provisioning.lifecycle.steering import steer
from provisioning.lifecycle.table import STATES
from provisioning.lifecycle.uncleaned import is_uncleaned
from provisioning.observing import observe
from provisioning.onboarding.renewing import Renewing
from provisioning.onboarding.rotating import Rotating
from provisioning.pacing import Pacing, Refusal
from provisioning.pacing_note import Announcing
from provisioning.podmaps import PodMaps
from provisioning.remedies import OVERSTAYED, late_since, mend, overstayed, told
from provisioning.resting import Resting, uncounted_until
from provisioning.world import World

log = logging.getLogger("podyard.provisioning")

WATCHING_RECHECK_S = 30.0  # a person who confirms wakes every host
ANEW = frozenset({HostState.REGISTERING, HostState.DRAINING, HostState.REPAIRING})
"""Where another way begins: what was tried on the last one no longer counts."""
PARKED_RECHECK = timedelta(days=1)  # a parked host waits for a person, who wakes it
REFUSALS_MAX = 3  # with doubling pauses from 2 s: longer than a BMC is busy after a power change
PAUSE_S = 0.05
"""Between two looks for due hosts, however many events call for one: each finds several then."""
ROOM_RECHECK_S = 5.0
"""Of a host whose rack, or whose slow BMC, has no place now."""
SAME_LOOK_MAX = 8
"""Decisions taken on one observation: records and moves need no second look at the hardware."""


class Controller:
    """Works on due hosts until it is stopped or its lease is lost."""

    def __init__(self, world: World, fence: Fence, roster: Roster | None = None) -> None:
        self._world = world
        self._fence = fence
        self._roster = roster or Alone(world.store)
        self._rested: set[str] = set()
        self._maps = PodMaps(world, alone=isinstance(self._roster, Alone))
        self._resting = Resting(world, fence, self._maps)
        self._acting = Acting(world, fence, self._maps, self._resting)
        self._rotating = Rotating(world, fence)
        self._renewing = Renewing(world, fence)
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._lost: BaseException | None = None
        self._inspecting = 0
        self._times = AllowedTimes(world)
        self._alarm = Alarm(world.clock, self._wake.set, tick_s=world.settings.tick_s)
        self._maps.due = self._alarm.set
        self._short = True
        """Somebody may be due who found no room: every place that is given back counts."""
        self._held = ""
        self._looked_for_hold: datetime | None = None
        most = world.settings.hosts_at_once
        self._pacing = world.pacing or Pacing(most=most, first=most)
        self._pacing.wake = self.wake
        self._announcing = Announcing(world)

    def wake(self) -> None:
        """Look for due hosts now."""
        self._wake.set()

    async def run(self) -> None:
        """Run until cancelled. Raises FenceLost when another controller took over."""
        try:
            while True:
                await self._start_due()
                self._raise_lost_fence()
                # Not `wait_for`: on Python 3.11 it loses a cancellation that meets a wake-up.
                await asyncio.sleep(PAUSE_S)
                if not self._wake.is_set():
                    self._alarm.arm()
                    await self._wake.wait()
                    self._alarm.disarm()
                self._wake.clear()
        finally:
            self._alarm.disarm()
            for task in self._at_work.values():
                task.cancel()
            await asyncio.gather(*self._at_work.values(), return_exceptions=True)
            await self._world.bmcs.close()

    async def _start_due(self) -> None:
        await self._announcing.tell(self._pacing)
        self._maps.look_anew()
        room = self._pacing.free()
        self._short = room <= 0
        if self._short:
            return
        await self._look_for_hold()
        try:
            await self._resting.tell()
            await self._wake_waiting()
            rested = frozenset(self._rested)
            due = await self._world.in_thread(
                self._roster.due,
                self._world.clock.now(),
                room=room,
                busy=frozenset(self._at_work) | self._resting.ids,
                rested=rested,
            )
            self._rested -= rested
        except StoreUnavailable as error:  # the database is away: wait, nothing fails for it
            log.warning("the store did not answer", extra={"cause": str(error)})
            return
        self._short |= len(due) >= room
        for host in due:
            if host.id in self._at_work:
                continue
            refusal = self._pacing.enter(host)
            self._short |= refusal is not None
            if refusal is None or refusal.is_its_own:
                task = asyncio.create_task(
                    self._guarded_step(host, refusal), name=f"step {host.name}"
                )
                self._at_work[host.id] = task
                task.add_done_callback(partial(self._ended, host.id))

    async def _wake_waiting(self) -> None:
        """Those for whom the way is free now."""
        for host_id in self._maps.rooms.fetch():
            await self._world.in_thread(
                self._world.store.wake_hosts, now=self._world.clock.now(), host_id=host_id
            )

    async def _look_for_hold(self) -> None:
        """Once a tick: a file and a note, either of which holds the whole fleet."""
        now, last = self._world.clock.now(), self._looked_for_hold
        if last is not None and 0 <= (now - last).total_seconds() < self._world.settings.tick_s:
            return
        self._looked_for_hold = now
        try:
            found = await self._world.in_thread(held, self._world.store, self._world.hold_file)
        except StoreUnavailable:  # what was read last still counts
            return
        self._held = str(found) if found else ""

    def _ended(self, host_id: str, task: asyncio.Task[None]) -> None:
        del self._at_work[host_id]
        self._pacing.leave(host_id)
        if not self._world.bmcs.is_open(host_id):
            self._rested.add(host_id)
        if not task.cancelled() and isinstance(task.exception(), FenceLost):
            self._lost = task.exception()
        self._alarm.ended(host_id)
        if self._short or self._lost is not None:
            self._wake.set()

    def _raise_lost_fence(self) -> None:
        if self._lost is not None:
            raise self._lost

    async def _guarded_step(self, host: Host, refusal: Refusal | None = None) -> None:
        """One step; trouble becomes a problem on the record, never a dead loop."""
        try:
            await (self.step(host) if refusal is None else self._wait_for_room(host, refusal))
        except StaleWrite:
            log.debug("record moved on; deciding again", extra={"host": host.name})
            await self._world.bmcs.drop(host.id)  # it may have been forgotten
        except FenceLost:
            raise
        except StoreUnavailable as error:  # the host stays due: it is tried at the next tick
            log.warning("the store did not answer", extra={"host": host.name, "cause": str(error)})
        except InventoryError:
            log.exception("a step could not be recorded", extra={"host": host.name})
        except Exception:  # a defect in one host's step must not stop the others' bring-up
            log.exception("a step failed; this is a defect", extra={"host": host.name})
            await self._postpone(host, "an internal error: see the service's log")

    async def _wait_for_room(self, host: Host, refusal: Refusal) -> None:
        """Said on its record: what troubles it stays there beside it."""
        now = self._world.clock.now()
        later = now + timedelta(seconds=ROOM_RECHECK_S)
        fields = {"waiting": f"waits for room: {refusal.reason}", "wake_at": later}
        await self._record(host, host.model_copy(update=fields))

    async def step(self, host: Host) -> None:
        """Observe once; decide and apply until something must be waited for."""
        self._world.faults.enter(host.state)
        context = await load_context(self._world, self._maps, host)
        if (apart := set_apart_first(host)) is not None:
            await self._apply(host, apart, Seen(now=self._world.clock.now()), context)
            return
        turn = None if held_back(host) else steer(host, context.wanted)
        if turn is not None:
            await self._advance(host, turn.to, turn.reason, Seen(now=self._world.clock.now()))
            return
        if host.problem is not None and host.problem.parked:
            await self._stay_parked(host, context)
            return
        row = STATES[host.state]
        try:
            if (host.rotation or host.renewal) and await self._renewed(host):
                return
            if await self._acting.waits_on(host, context):
                return
            self._world.faults.enter(host.state)
            self._world.faults.reach("before-observe")
            look = row.look_at(
                host, context.wanted, agent=context.agent, now=self._world.clock.now()
            )
            seen = await self._observe(host, look, context)
            self._world.faults.reach("after-observe")
            await self._decide_and_apply(host, seen, context)
        except ProvisioningError as error:
            await self._world.bmcs.drop(host.id)
            # As it is by now: an act writes its intent first, and the trouble came after that.
            fresh = await self._world.in_thread(self._world.store.get, Host, host.id)
            if fresh is not None:
                await self._trouble(fresh, error, context)

    async def _stay_parked(self, host: Host, context: Context) -> None:
        """Nothing is done until a person says so, but for the power of a host on a leaking loop."""
        if not goes_dark_parked(host, context.wanted):
            await self._sleep(host, PARKED_RECHECK)
            return
        try:
            seen = await self._read(host, Look.IDENTITY | Look.POWER, context)
            decided = decide_parked(host, seen, context.wanted)
            decision = restrain(decided, host, context.wanted, hold=self._held) if decided else None
            match decision:
                case Do(action, reason) if not await self._why_not(action, context):
                    await self._acting.perform(host, action, seen, context, reason=reason)
                case Do():
                    await self._sleep(host, timedelta(seconds=WATCHING_RECHECK_S))
                case Wait(_, recheck_after_s):
                    await self._sleep(host, timedelta(seconds=recheck_after_s))
                case _:
                    await self._sleep(host, PARKED_RECHECK)
        except (
            ProvisioningError
        ) as error:  # it is parked already: this only says why it is still on
            await self._world.bmcs.drop(host.id)
            log.warning(
                "a parked host on a leaking loop cannot be switched off",
                extra={"host": host.name, "cause": str(error)},
            )
            await self._postpone_parked(host)

    async def _postpone_parked(self, host: Host) -> None:
        """An act may have written the record before it failed."""
        fresh = await self._world.in_thread(self._world.store.get, Host, host.id)
        if fresh is not None:
            await self._sleep(fresh, timedelta(seconds=WATCHING_RECHECK_S))

    async def _renewed(self, host: Host) -> bool:
        """Whether its BMC's password or certificate is being replaced, and the record moved on."""
        held_now = held_back(host, hold=self._held) or await self._world.in_thread(
            watching_only, self._world.store
        )
        renews = self._renewing.go_on if host.renewal else self._rotating.go_on
        fresh = await renews(host, held=bool(held_now))
        return fresh.version != host.version

    async def _decide_and_apply(self, host: Host, seen: Seen, context: Context) -> None:
        if (remedy := await self._mend(host, context)) is not None:
            await self._apply(host, Do(remedy, "its time is up"), seen, context)
            return
        for _ in range(SAME_LOOK_MAX):
            decided = decide_leak(host, seen, context.wanted) or STATES[host.state].decide(
                host, seen, context.wanted
            )
            decision = restrain(decided, host, context.wanted, hold=self._held)
            outcome = await self._apply(host, decision, seen, context)
            host = outcome.host
            if not outcome.same_look_serves:
                return

    async def _mend(
        self, host: Host, context: Context, *, reachable: bool = True
    ) -> TryRemedy | None:
        """What is tried on a host that is late; None while it is not, or is held back."""
        now, allowed_s = self._world.clock.now(), ALLOWED_TIME_S.get(host.state)
        late = late_since(host, allowed_s)
        if late is None or now <= late or held_back(host, hold=self._held):
            return None
        updates = len(context.wanted.firmware)
        allowed_s = await self._times.of(host, context.pod, updates=updates)
        remedy = mend(
            host,
            allowed_s=allowed_s,
            now=now,
            open_steps=context.wanted.open_steps,
            reachable=reachable,
        )
        return TryRemedy(remedy, allowed_s or 0.0) if remedy is not None else None

    async def _observe(self, host: Host, look: Look, context: Context) -> Seen:
        if host.state is HostState.READY and Look.FACTS in look:
            return await self._inspect(host, look, context)
        return await self._read(host, look, context)

    async def _inspect(self, host: Host, look: Look, context: Context) -> Seen:
        """A ready host is read whole only where there is room: bring-ups keep their pace."""
        if self._inspecting >= self._world.settings.inspections_at_once:
            return await self._read(host, look & ~Look.FACTS, context)
        self._inspecting += 1
        try:
            return await self._read(host, look, context)
        finally:
            self._inspecting -= 1

    async def _read(self, host: Host, look: Look, context: Context) -> Seen:
        if not look:  # BMCs allow 4 to 16 sessions: a host that asks nothing holds none
            await self._world.bmcs.drop(host.id)
        bmc = await self._world.bmcs.of(host) if look else None

        async def check(tree: Tree) -> tuple[Mismatch, ...]:
            judge = self._world.shelf.judge
            return await self._world.in_thread(judge, context.wanted.profiles, tree)

        return await observe(
            bmc,
            look,
            agent=context.agent,
            now=self._world.clock.now(),
            check=check,
        )

    async def _apply(self, host: Host, decision: Decision, seen: Seen, context: Context) -> Outcome:
        match decision:
            case Wait(reason, recheck_after_s, others, notice):
                outcome = await self._wait(
                    host, reason, recheck_after_s, seen, others=others, notice=notice
                )
                if others and context.gates and context.around is not None:
                    self._maps.rooms.wait_for_gate(context.around, host, context.gates)
                return outcome
            case Do(action, reason):
                if why := await self._why_not(action, context):
                    return await self._wait(host, why, WATCHING_RECHECK_S, seen, others=True)
                if isinstance(action, Configure):  # it asks no BMC, and takes its time
                    self._pacing.step_aside(host.id)
                self._world.faults.enter(f"{host.state}/{type(action).__name__}")
                self._world.faults.reach("before-act")
                return await self._acting.perform(host, action, seen, context, reason=reason)
            case Advance(to, reason):
                self._world.faults.enter(f"{host.state}>{to}")
                return await self._advance(host, to, reason, seen)
            case Hold(problem, message, remedy):
                return await self._hold(host, problem, message, remedy, seen)

    async def _why_not(self, action: Action, context: Context) -> str:
        """Why nothing may be changed now: asked before each act, for a tick is long for a hold."""
        if isinstance(action, HARMLESS):
            return ""
        return await self._world.in_thread(self._stopped, action, context)

    def _stopped(self, action: Action, context: Context) -> str:
        """The records may be older than the hardware; or somebody holds the whole fleet."""
        if why := watching_only(self._world.store):
            return why
        found = held(self._world.store, self._world.hold_file)
        return str(found) if found and not was_begun(action, context.wanted) else ""

    async def _wait(
        self,
        host: Host,
        reason: str,
        after_s: float,
        seen: Seen,
        *,
        others: bool = False,
        notice: Notice | None = None,
    ) -> Outcome:
        """`others`: it waits for people or other hosts, and its own allowed time does not run."""
        later = self._world.clock.now() + timedelta(seconds=after_s)
        if host.state is HostState.BOOTING and (image := self._world.image_told(host.id)):
            reason = f"{reason}; {image}"
        if notice is not None:
            problem: Problem | None = self._noticed(host, notice, later)
        else:
            problem = None if others else self._overstay(host, reason)
        fresh = host.model_copy(
            update={
                "waiting": reason,
                "problem": problem,
                "wake_at": later,
                "counted_from": uncounted_until(host, later) if others else host.counted_from,
                "power": seen.power if seen.power != "Unknown" else host.power,
            }
        )
        events = (*self._first_told(host, problem), *self._power_told(host, fresh))
        if host.state in {HostState.READY, HostState.ENROLLED, HostState.RETIRED}:
            await self._world.bmcs.drop(host.id)
        if not events and self._resting.rests(host, fresh):
            return Outcome(host)
        return await self._record(host, fresh, *events)

    def _noticed(self, host: Host, notice: Notice, at: datetime) -> Problem:
        before = host.problem if host.problem and host.problem.kind == notice.kind else None
        return Problem(
            kind=notice.kind,
            message=notice.message,
            since=before.since if before else self._world.clock.now(),
            seen=before.seen + 1 if before else 1,
            tried=told(host),
            next_step=notice.next_step,
            next_at=at,
            remedy=notice.remedy,
        )

    def _first_told(self, host: Host, problem: Problem | None) -> tuple[Event, ...]:
        """An event when trouble that podyard goes on with is first seen."""
        before = host.problem.kind if host.problem else ""
        if problem is None or problem.kind == before:
            return ()
        if problem.kind == OVERSTAYED:
            return (self._event(host, "host.overstayed", host.state, "", problem.message),)
        return (self._event(host, "host.trouble", before, problem.kind, problem.message),)

    def _power_told(self, host: Host, fresh: Host) -> tuple[Event, ...]:
        """An event when its power is first seen other than its record says."""
        drift = power_drift(fresh)
        if not drift or drift == power_drift(host):
            return ()
        return (self._event(host, "host.power-drift", host.power, fresh.power, drift),)

    async def _advance(self, host: Host, to: HostState, reason: str, seen: Seen) -> Outcome:
        if (host.state, to) not in TRANSITIONS:
            raise RuntimeError(f"{host.state} to {to} is not an allowed move")
        now = self._world.clock.now()
        fresh = host.model_copy(
            update={
                "state": to,
                "state_since": now,
                "waiting": "",
                "problem": None,
                "wake_at": now,
                "counted_from": None,
                "doubt": "",
                "tried": host.tried if to in ALLOWED_TIME_S and to not in ANEW else (),
                "setbacks": _setbacks(host, to),
                "uncleaned": is_uncleaned(host, to),
                "power": seen.power if seen.power != "Unknown" else host.power,
            }
        )
        event = self._event(host, "host.state", host.state, to, reason)
        log.info("host advanced", extra={"host": host.name, "old": host.state, "new": to})
        return await self._record(host, fresh, event)

    async def _hold(
        self, host: Host, kind: str, message: str, remedy: str, seen: Seen | None
    ) -> Outcome:
        now = self._world.clock.now()
        problem = Problem(
            kind=kind,
            message=message,
            since=now,
            tried=host.problem.tried if host.problem else (),
            remedy=remedy,
        )
        fresh = host.model_copy(
            update={
                "problem": problem,
                "waiting": "",
                "wake_at": now + PARKED_RECHECK,
                "power": seen.power if seen and seen.power != "Unknown" else host.power,
            }
        )
        await self._world.bmcs.drop(host.id)
        log.warning("host parked", extra={"host": host.name, "problem": kind})
        return await self._record(
            host, fresh, self._event(host, "host.parked", host.state, kind, message)
        )

    async def _trouble(self, host: Host, error: ProvisioningError, context: Context) -> None:
        """The BMC could not be asked, or said no: beside the state, with what happens next."""
        match error:
            case BmcRefused() if self._may_pass(host, error):
                await self._retry_later(host, error, context)
            case NeedsOperator():
                await self._hold(host, _kind(error), str(error), _remedy(host, error), None)
            case Retry() | Ambiguous():
                await self._retry_later(host, error, context)
            case _:
                raise error

    def _may_pass(self, host: Host, error: BmcRefused) -> bool:
        """Some BMCs say no for seconds after a power change; wrong credentials never pass."""
        if isinstance(error, CredentialsRefused):
            return False  # each try counts towards the account's lock-out
        problem = host.problem
        seen = problem.seen if problem is not None and problem.kind == _kind(error) else 0
        return seen < REFUSALS_MAX

    async def _retry_later(self, host: Host, error: ProvisioningError, context: Context) -> None:
        now = self._world.clock.now()
        unseen: TryRemedy | WithdrawUnit | None = await self._mend(host, context, reachable=False)
        if unseen is None and out_of_sight(host, context.agent, now):
            unseen = WithdrawUnit()
        if unseen is not None:
            await self._apply(host, Do(unseen, str(error)), Seen(now=now), context)
            return
        before = host.problem if host.problem and host.problem.kind == _kind(error) else None
        seen = before.seen + 1 if before else 1
        settings = self._world.settings
        pause_s = min(settings.retry_first_s * 2 ** min(seen - 1, 16), settings.retry_longest_s)
        problem = Problem(
            kind=_kind(error),
            message=str(error),
            since=before.since if before else now,
            seen=seen,
            tried=told(host),
            next_step="read again",
            next_at=now + timedelta(seconds=pause_s),
            remedy=error.hint,
        )
        fresh = host.model_copy(
            update={
                "problem": problem,
                "wake_at": now + timedelta(seconds=pause_s),
                "health": Health.UNKNOWN if seen > REFUSALS_MAX else host.health,
            }
        )
        await self._record(host, fresh)

    def _overstay(self, host: Host, waiting: str) -> Problem | None:
        """A problem when the state's allowed time has run out; what was there goes otherwise."""
        now, allowed_s = self._world.clock.now(), ALLOWED_TIME_S.get(host.state)
        late = late_since(host, allowed_s)
        if late is None or now <= late:
            return None
        said = host.model_copy(update={"waiting": waiting})
        return overstayed(said, self._times.known(host, updates=1), now)

    async def _postpone(self, host: Host, reason: str) -> None:
        fresh = await self._world.in_thread(self._world.store.get, Host, host.id)
        if fresh is not None:
            later = self._world.clock.now() + timedelta(
                seconds=self._world.settings.retry_longest_s
            )
            await self._record(
                fresh, fresh.model_copy(update={"waiting": reason, "wake_at": later})
            )

    async def _sleep(self, host: Host, pause: timedelta) -> None:
        later = self._world.clock.now() + pause
        await self._record(host, host.model_copy(update={"wake_at": later}))

    def _event(self, host: Host, kind: str, old: str, new: str, why: str) -> Event:
        return Event(
            at=self._world.clock.now(),
            actor="provisioning",
            kind=kind,
            subject=f"host:{host.name}",
            old=str(old),
            new=str(new),
            why=why,
        )

    async def _record(self, old: Host, fresh: Host, *events: Event) -> Outcome:
        self._world.faults.reach("before-record")
        change = Change(replace=(fresh,), events=events)
        await self._world.in_thread(
            self._world.store.apply, change, now=self._world.clock.now(), fence=self._fence
        )
        self._maps.written(change)
        self._world.faults.reach("after-record")
        return Outcome(fresh.model_copy(update={"version": old.version + 1}))


def _setbacks(host: Host, to: HostState) -> int:
    """Going back to booting after it had booted; another way up begins with none."""
    if to is HostState.BOOTING and host.state in {HostState.CONFIGURING, HostState.ACCEPTING}:
        return host.setbacks + 1
    return host.setbacks if to in ALLOWED_TIME_S and to not in ANEW else 0


def _remedy(host: Host, error: ProvisioningError) -> str:
    """A driver knows a BMC and not its host: commands in its hints get the host's name here."""
    return error.hint.replace(" NAME ", f" {host.name} ") or "see the BMC"


def _kind(error: ProvisioningError) -> str:
    """`BmcUnreachable` is `bmc-unreachable` to people."""
    name = type(error).__name__
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")
