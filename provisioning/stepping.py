"""One host's step: observe, decide, apply at most one change, record.

A step holds no database session while it waits for its BMC, and shares nothing with another host's
step but the watts on its feed. Trouble becomes a problem on the host's record, never a dead loop.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from inventory.errors import FenceLost, InventoryError, StaleWrite, StoreUnavailable
from inventory.model import Host
from inventory.restored import watching_only
from inventory.states import ALLOWED_TIME_S, HostState
from inventory.store.protocol import Fence
from pods.interop import Tree
from pods.match_finding import Mismatch
from provisioning.acting import Acting
from provisioning.acts.recorder import Outcome, Recorder
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
from provisioning.fleethold import FleetHold
from provisioning.lifecycle.actions import Configure, TryRemedy, WithdrawUnit
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Look, Seen, Wait
from provisioning.lifecycle.leaking import decide_leak, decide_parked, goes_dark_parked
from provisioning.lifecycle.ready import out_of_sight
from provisioning.lifecycle.restraining import held_back, restrain, set_apart_first
from provisioning.lifecycle.steering import steer
from provisioning.lifecycle.table import STATES
from provisioning.noting import REFUSALS_MAX, Noting, kind_of, parked_recheck, remedy_of
from provisioning.observing import observe
from provisioning.onboarding.renewing import Renewing
from provisioning.onboarding.rotating import Rotating
from provisioning.pacing import Pacing, Refusal
from provisioning.podmaps import PodMaps
from provisioning.remedies import late_since, mend
from provisioning.resting import Resting
from provisioning.world import World

log = logging.getLogger("podyard.provisioning")

WATCHING_RECHECK_S = 30.0  # a person who confirms wakes every host
ROOM_RECHECK_S = 5.0
"""Of a host whose rack, or whose slow BMC, has no place now."""
SAME_LOOK_MAX = 8
"""Decisions taken on one observation: records and moves need no second look at the hardware."""


class Stepping:
    """Steps for one controller, of many hosts side by side."""

    def __init__(
        self,
        world: World,
        fence: Fence,
        *,
        maps: PodMaps,
        resting: Resting,
        hold: FleetHold,
        pacing: Pacing,
    ) -> None:
        self.acting = Acting(world, fence, maps, resting)
        self._world = world
        self._maps = maps
        self._resting = resting
        self._hold = hold
        self._pacing = pacing
        self._times = AllowedTimes(world)
        recorder = Recorder(world, fence, maps, resting)
        self._noting = Noting(world, recorder, resting, self._times)
        self._rotating = Rotating(world, fence)
        self._renewing = Renewing(world, fence)
        self._inspecting = 0

    async def guarded(self, host: Host, refusal: Refusal | None = None) -> None:
        """One step; trouble becomes a problem on the record, never a dead loop."""
        self._resting.begins(host.id)
        try:
            await (self.step(host) if refusal is None else self._wait_for_room(host, refusal))
        except StaleWrite:
            log.debug("record moved on; deciding again", extra={"host": host.name})
            await self._world.bmcs.drop(host.id)  # it may have been forgotten
        except FenceLost:
            raise
        except StoreUnavailable as error:  # the host stays due: it is tried at the next tick
            log.warning("the store did not answer", extra={"host": host.name, "cause": str(error)})
        except InventoryError as error:  # a secret that does not open: nobody else will see it
            log.exception("a step could not be recorded", extra={"host": host.name})
            await self._postpone(host, f"a step could not be recorded: {error}")
        except Exception:  # a defect in one host's step must not stop the others' bring-up
            log.exception("a step failed; this is a defect", extra={"host": host.name})
            await self._postpone(host, "an internal error: see the service's log")
        finally:
            self._resting.ended(host.id)

    async def _wait_for_room(self, host: Host, refusal: Refusal) -> None:
        """Said on its record: what troubles it stays there beside it."""
        reason = f"waits for room: {refusal.reason}"
        await self._noting.sleep(host, timedelta(seconds=ROOM_RECHECK_S), reason)

    async def context_of(self, host: Host) -> Context:
        """What its step needs from the records."""
        return await load_context(self._world, self._maps, host)

    async def step(self, host: Host) -> None:
        """Observe once; decide and apply until something must be waited for."""
        self._world.faults.enter(host.state)
        context = await self.context_of(host)
        if (apart := set_apart_first(host)) is not None:
            await self.apply(host, apart, Seen(now=self._world.clock.now()), context)
            return
        turn = None if held_back(host) else steer(host, context.wanted)
        if turn is not None:
            await self._noting.advance(
                host, turn.to, turn.reason, Seen(now=self._world.clock.now())
            )
            return
        if host.problem is not None and host.problem.parked:
            await self._stay_parked(host, context)
            return
        row = STATES[host.state]
        try:
            if (host.rotation or host.renewal) and await self._renewed(host):
                return
            if await self.acting.waits_on(host, context):
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
            await self._noting.sleep(host, parked_recheck(host))
            return
        try:
            seen = await self._read(host, Look.IDENTITY | Look.POWER, context)
            decided = decide_parked(host, seen, context.wanted)
            hold = self._hold.reason
            decision = restrain(decided, host, context.wanted, hold=hold) if decided else None
            match decision:
                case Do(action, reason) if not await self._hold.why_not(action, context.wanted):
                    await self.acting.perform(host, action, seen, context, reason=reason)
                case Do():
                    await self._noting.sleep(host, timedelta(seconds=WATCHING_RECHECK_S))
                case Wait(_, recheck_after_s):
                    await self._noting.sleep(host, timedelta(seconds=recheck_after_s))
                case _:
                    await self._noting.sleep(host, parked_recheck(host))
        except ProvisioningError as error:
            # It is parked already: this only says why it is still on.
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
            await self._noting.sleep(fresh, timedelta(seconds=WATCHING_RECHECK_S))

    async def _renewed(self, host: Host) -> bool:
        """Whether its BMC's password or certificate is being replaced, and the record moved on."""
        held_now = held_back(host, hold=self._hold.reason) or await self._world.in_thread(
            watching_only, self._world.store
        )
        renews = self._renewing.go_on if host.renewal else self._rotating.go_on
        fresh = await renews(host, held=bool(held_now))
        return fresh.version != host.version

    async def _decide_and_apply(self, host: Host, seen: Seen, context: Context) -> None:
        if (remedy := await self._mend(host, context)) is not None:
            await self.apply(host, Do(remedy, "its time is up"), seen, context)
            return
        for _ in range(SAME_LOOK_MAX):
            decided = decide_leak(host, seen, context.wanted) or STATES[host.state].decide(
                host, seen, context.wanted
            )
            decision = restrain(decided, host, context.wanted, hold=self._hold.reason)
            outcome = await self.apply(host, decision, seen, context)
            host = outcome.host
            if not outcome.same_look_serves:
                return

    async def _mend(
        self, host: Host, context: Context, *, reachable: bool = True
    ) -> TryRemedy | None:
        """What is tried on a host that is late; None while it is not, or is held back."""
        now, allowed_s = self._world.clock.now(), ALLOWED_TIME_S.get(host.state)
        late = late_since(host, allowed_s)
        if late is None or now <= late or held_back(host, hold=self._hold.reason):
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

    async def apply(self, host: Host, decision: Decision, seen: Seen, context: Context) -> Outcome:
        """Carry a decision out, and record it."""
        match decision:
            case Wait(reason, recheck_after_s, others, notice):
                outcome = await self._noting.wait(
                    host, reason, recheck_after_s, seen, others=others, notice=notice
                )
                if others and context.gates and context.around is not None:
                    self._maps.rooms.wait_for_gate(context.around, host, context.gates)
                return outcome
            case Do(action, reason):
                if why := await self._hold.why_not(action, context.wanted):
                    return await self._noting.wait(host, why, WATCHING_RECHECK_S, seen, others=True)
                if isinstance(action, Configure):  # it asks no BMC, and takes its time
                    self._pacing.step_aside(host.id)
                self._world.faults.enter(f"{host.state}/{type(action).__name__}")
                self._world.faults.reach("before-act")
                return await self.acting.perform(host, action, seen, context, reason=reason)
            case Advance(to, reason):
                self._world.faults.enter(f"{host.state}>{to}")
                return await self._noting.advance(host, to, reason, seen)
            case Hold(problem, message, remedy):
                return await self._noting.park(host, problem, message, remedy, seen)

    async def _trouble(self, host: Host, error: ProvisioningError, context: Context) -> None:
        """The BMC could not be asked, or said no: beside the state, with what happens next."""
        match error:
            case BmcRefused() if self._may_pass(host, error):
                await self._retry_later(host, error, context)
            case NeedsOperator():
                remedy = remedy_of(host, error)
                await self._noting.park(host, kind_of(error), str(error), remedy, None)
            case Retry() | Ambiguous():
                await self._retry_later(host, error, context)
            case _:
                raise error

    def _may_pass(self, host: Host, error: BmcRefused) -> bool:
        """Some BMCs say no for seconds after a power change; wrong credentials never pass."""
        if isinstance(error, CredentialsRefused):
            return False  # each try counts towards the account's lock-out
        problem = host.problem
        seen = problem.seen if problem is not None and problem.kind == kind_of(error) else 0
        return seen < REFUSALS_MAX

    async def _retry_later(self, host: Host, error: ProvisioningError, context: Context) -> None:
        now = self._world.clock.now()
        unseen: TryRemedy | WithdrawUnit | None = await self._mend(host, context, reachable=False)
        if unseen is None and out_of_sight(host, context.agent, now):
            unseen = WithdrawUnit()
        if unseen is not None:
            await self.apply(host, Do(unseen, str(error)), Seen(now=now), context)
        else:
            await self._noting.retry(host, error)

    async def _postpone(self, host: Host, said: str) -> None:
        fresh = await self._world.in_thread(self._world.store.get, Host, host.id)
        if fresh is not None:
            pause = timedelta(seconds=self._world.settings.retry_longest_s)
            await self._noting.sleep(fresh, pause, said)
