"""What a host's record says when nothing was done to its hardware: it waits, moved on, is parked.

Every step that does no act ends here, with the time of the next look. Trouble that podyard goes on
with is told once, when it is first seen; that a host's power is other than its record said, too.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import cache

from inventory.model import Event, Host, Problem
from inventory.power_drift import power_drift
from inventory.states import ALLOWED_TIME_S, TRANSITIONS, Health, HostState, PowerState
from provisioning.acts.recorder import Outcome, Recorder
from provisioning.allowing import AllowedTimes
from provisioning.errors import ProvisioningError
from provisioning.lifecycle.decision import Notice, Seen
from provisioning.lifecycle.uncleaned import is_uncleaned
from provisioning.remedies import OVERSTAYED, late_since, overstayed, told
from provisioning.resting import Resting, uncounted_until
from provisioning.world import World

log = logging.getLogger("podyard.provisioning")

ANEW = frozenset({HostState.REGISTERING, HostState.DRAINING, HostState.REPAIRING})
"""Where another way begins: what was tried on the last one no longer counts."""
AT_REST = frozenset({HostState.READY, HostState.ENROLLED, HostState.RETIRED})
"""Where a host needs no conversation from one look to the next."""
PARKED_RECHECK = timedelta(days=1)  # a parked host waits for a person, who wakes it
PARKED_ON_RECHECK = timedelta(minutes=10)
"""One that is on may hang on a loop whose leak was told elsewhere after its pod was read."""
REFUSALS_MAX = 3  # with doubling pauses from 2 s: longer than a BMC is busy after a power change


def parked_recheck(host: Host) -> timedelta:
    """After how long a parked host is looked at though nobody woke it."""
    return PARKED_RECHECK if host.power is PowerState.OFF else PARKED_ON_RECHECK


class Noting:
    """Writes for one controller."""

    def __init__(
        self, world: World, recorder: Recorder, resting: Resting, times: AllowedTimes
    ) -> None:
        self._world = world
        self._recorder = recorder
        self._resting = resting
        self._times = times

    async def wait(
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
        said = {
            "waiting": reason,
            "problem": problem,
            "wake_at": later,
            "counted_from": uncounted_until(host, later) if others else host.counted_from,
            "power": _power_of(host, seen),
        }
        if host.state in AT_REST:
            await self._world.bmcs.drop(host.id)
        if self._resting.rests(host, said):
            return Outcome(host)
        fresh = host.model_copy(update=said)
        events = (*self._first_told(host, problem), *self._power_told(host, fresh))
        return await self._recorder.write(fresh, events=events)

    async def advance(self, host: Host, to: HostState, reason: str, seen: Seen) -> Outcome:
        """Into another state."""
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
                "power": _power_of(host, seen),
            }
        )
        event = self._recorder.event(host, "host.state", host.state, to, reason)
        log.info("host advanced", extra={"host": host.name, "old": host.state, "new": to})
        return await self._recorder.write(fresh, events=(event,))

    async def park(
        self, host: Host, kind: str, message: str, remedy: str, seen: Seen | None
    ) -> Outcome:
        """Nothing more is tried until a person says so."""
        now = self._world.clock.now()
        problem = Problem(
            kind=kind,
            message=message,
            since=now,
            tried=host.problem.tried if host.problem else (),
            remedy=remedy,
        )
        fresh = host.model_copy(
            update={"problem": problem, "waiting": "", "power": _power_of(host, seen)}
        )
        fresh = fresh.model_copy(update={"wake_at": now + parked_recheck(fresh)})
        await self._world.bmcs.drop(host.id)
        log.warning("host parked", extra={"host": host.name, "problem": kind})
        event = self._recorder.event(host, "host.parked", host.state, kind, message)
        return await self._recorder.write(fresh, events=(event,))

    async def retry(self, host: Host, error: ProvisioningError) -> Outcome:
        """Its BMC could not be asked: again, after a pause that grows."""
        now, settings, kind = self._world.clock.now(), self._world.settings, kind_of(error)
        before = host.problem if host.problem and host.problem.kind == kind else None
        seen = before.seen + 1 if before else 1
        pause_s = min(settings.retry_first_s * 2 ** min(seen - 1, 16), settings.retry_longest_s)
        later = now + timedelta(seconds=pause_s)
        problem = Problem(
            kind=kind,
            message=str(error),
            since=before.since if before else now,
            seen=seen,
            tried=told(host),
            next_step="read again",
            next_at=later,
            remedy=error.hint,
        )
        health = Health.UNKNOWN if seen > REFUSALS_MAX else host.health
        fields = {"problem": problem, "wake_at": later, "health": health}
        return await self._recorder.record(host, fields)

    async def sleep(self, host: Host, pause: timedelta, waiting: str | None = None) -> Outcome:
        """Until so much later; what troubles it stays on its record."""
        later = self._world.clock.now() + pause
        said = {} if waiting is None else {"waiting": waiting}
        return await self._recorder.record(host, {"wake_at": later, **said})

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
        event = self._recorder.event
        if problem.kind == OVERSTAYED:
            return (event(host, "host.overstayed", host.state, "", problem.message),)
        return (event(host, "host.trouble", before, problem.kind, problem.message),)

    def _power_told(self, host: Host, fresh: Host) -> tuple[Event, ...]:
        """An event when its power is first seen other than its record says."""
        drift = power_drift(fresh)
        if not drift or drift == power_drift(host):
            return ()
        event = self._recorder.event
        return (event(host, "host.power-drift", host.power, fresh.power, drift),)

    def _overstay(self, host: Host, waiting: str) -> Problem | None:
        """A problem when the state's allowed time has run out; what was there goes otherwise."""
        now, allowed_s = self._world.clock.now(), ALLOWED_TIME_S.get(host.state)
        late = late_since(host, allowed_s)
        if late is None or now <= late:
            return None
        said = host.model_copy(update={"waiting": waiting})
        return overstayed(said, self._times.known(host, updates=1), now)


def _power_of(host: Host, seen: Seen | None) -> str:
    """As it was seen, where it was."""
    return seen.power if seen is not None and seen.power != "Unknown" else host.power


def _setbacks(host: Host, to: HostState) -> int:
    """Going back to booting after it had booted; another way up begins with none."""
    if to is HostState.BOOTING and host.state in {HostState.CONFIGURING, HostState.ACCEPTING}:
        return host.setbacks + 1
    return host.setbacks if to in ALLOWED_TIME_S and to not in ANEW else 0


def remedy_of(host: Host, error: ProvisioningError) -> str:
    """A driver knows a BMC and not its host: commands in its hints get the host's name here."""
    return error.hint.replace(" NAME ", f" {host.name} ") or "see the BMC"


def kind_of(error: ProvisioningError) -> str:
    """`BmcUnreachable` is `bmc-unreachable` to people."""
    return _named(type(error).__name__)


@cache
def _named(name: str) -> str:
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")
