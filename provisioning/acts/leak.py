"""Writing down that a host leaks, with all that follows from it at once.

The leak, the suspended certificate, the unit that leaves the offer, the acceptance that ends and
the event land in one change: a crash leaves either nothing, and the next look finds the leak again,
or all of it. Then every host of the pod looks, for some of them are on the same loop.
"""

from __future__ import annotations

import logging

from inventory.model import Host, Problem
from pods.suspension import Observation, suspensions
from provisioning.acts.recorder import Outcome, Recorder
from provisioning.context import Context
from provisioning.lifecycle.decision import Seen
from provisioning.suspending import Suspended, suspend
from provisioning.world import World

log = logging.getLogger("podyard.provisioning")

LOOK_ONCE_MORE_S = 5.0  # a BMC that misread once reads right then


class Leaks:
    """Records leaks and what they end."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder

    async def doubt(self, host: Host, doubt: str, reason: str) -> Outcome:
        """One answer is none: it is only kept for the next look."""
        return await self._recorder.wait(
            host, reason, after_s=LOOK_ONCE_MORE_S, fields={"doubt": doubt}
        )

    async def note(self, host: Host, what: str, seen: Seen, context: Context) -> Outcome:
        """From here on the host's cooling loop is closed."""
        if host.leak:  # it was noted before: nothing is told twice
            return await self._recorder.look_again(host)
        now = self._world.clock.now()
        taken = self._suspended(host, seen, context)
        problem = Problem(
            kind="leak",
            message=what,
            since=now,
            next_step="stops the load of its cooling loop and switches its hosts off",
            next_at=now,
            remedy="isolate the loop, find the leak and dry the host",
        )
        log.warning("a host leaks", extra={"host": host.name, "cause": what})
        event = self._recorder.event(host, "host.leak", host.state, context.loop(host), what)
        outcome = await self._recorder.record(
            host,
            {
                **(taken.fields if taken is not None else {}),
                "leak": what,
                "doubt": "",
                "problem": problem,
                "acceptance_order": "",
                **({"facts": seen.facts} if seen.facts is not None else {}),
            },
            also=taken.records if taken is not None else (),
            events=(event, *(taken.events if taken is not None else ())),
        )
        # As of now, not of when this began: a look that was under way meanwhile saw no leak.
        woken_at = self._world.clock.now()
        await self._world.in_thread(self._world.store.wake_hosts, now=woken_at, pod=host.pod)
        return outcome

    async def stop_load(self, host: Host, reason: str) -> Outcome:
        """Take the order to measure back."""
        if not host.acceptance_order:  # it was taken back before: nothing is told twice
            return await self._recorder.look_again(host)
        events = (self._recorder.event(host, "host.load-stopped", "", "", reason),)
        return await self._recorder.record(host, {"acceptance_order": ""}, events=events)

    def _suspended(self, host: Host, seen: Seen, context: Context) -> Suspended | None:
        said = context.wanted.certified
        if context.certificate is None or said is None or not host.certificate_id:
            return None
        found = suspensions(said, Observation(facts=seen.facts), drain_xids=())
        known = {(one.rule, one.what) for one in context.wanted.suspended}
        causes = [one for one in found if one.rule == "leak" and (one.rule, one.what) not in known]
        if not causes:
            return None
        return suspend(
            host,
            context.certificate,
            causes,
            units=context.units,
            facts=seen.facts,
            now=self._world.clock.now(),
        )
