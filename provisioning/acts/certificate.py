"""Giving a host its certificate, suspending it, and withdrawing the unit that stands on it."""

from __future__ import annotations

import logging

from inventory.model import Host
from pods.suspension import Suspension
from provisioning.acts.parts import parts_seen
from provisioning.acts.recorder import Outcome, Recorder
from provisioning.certifying import certify
from provisioning.context import Context
from provisioning.lifecycle.decision import Seen
from provisioning.suspending import suspend, withdrawn, withdrawn_events
from provisioning.world import World

log = logging.getLogger("podyard.provisioning")


class Certificates:
    """Certifies and takes back, together with the host's units."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder

    async def certify(self, host: Host, seen: Seen, context: Context) -> Outcome:
        """Sign what was measured, and make or renew the unit that stands on it."""
        self._world.faults.reach("before-certificate")
        key = self._world.simulated_key if host.simulated else self._world.signing_key
        certified = certify(host, seen, context, key=key, now=self._world.clock.now())
        event = self._recorder.event(
            host, "host.certified", "", certified.certificate.id, certified.unit.name
        )
        new, old = certified.unit_change(context.units)
        return await self._recorder.record(
            host,
            {"certificate_id": certified.certificate.id},
            insert=(certified.certificate, *new),
            also=old,
            events=(event,),
            same_look=True,
        )

    async def withdraw(self, host: Host, context: Context, *, reason: str) -> Outcome:
        """Take back the units of a host that is not to be claimed any more."""
        units = withdrawn(context.units)
        events = withdrawn_events(host, units, why=reason, now=self._world.clock.now())
        return await self._recorder.record(host, {"certificate_id": ""}, also=units, events=events)

    async def suspend(
        self, host: Host, causes: tuple[Suspension, ...], seen: Seen, context: Context
    ) -> Outcome:
        """What was seen contradicts the certificate: its units go with it."""
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
        parts = await parts_seen(self._world, host, seen, context)
        return await self._recorder.record(
            host,
            done.fields,
            insert=parts.insert,
            also=(*done.records, *parts.replace),
            events=(*parts.events, *done.events),
        )
