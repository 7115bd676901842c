"""Writing down what was read of a host: who it is, what is in it, and how it is while ready."""

from __future__ import annotations

from datetime import timedelta

from inventory.model import Host
from inventory.store.protocol import Change
from provisioning.acts.parts import parts_seen
from provisioning.acts.recorder import Outcome, Recorder
from provisioning.context import Context
from provisioning.findings import findings
from provisioning.lifecycle.decision import Seen
from provisioning.lifecycle.health import health_of
from provisioning.lifecycle.ready import watch_s
from provisioning.world import World

LOOK_ONCE_MORE_S = 5.0  # a BMC that left something out of one answer has it in the next


class Inspection:
    """Records what was seen; it changes nothing on the host."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder

    async def identify(self, host: Host, seen: Seen) -> Outcome:
        """The UUID that the BMC tells."""
        identity = seen.identity
        if identity is None:
            raise TypeError("RecordIdentity without an identity seen")
        fields = {"uuid": identity.uuid, "register_again": False}
        return await self._recorder.record(host, fields, same_look=True)

    async def learn(self, host: Host, seen: Seen, context: Context) -> Outcome:
        """What was read, and with it which part came and went, in one change."""
        parts = await parts_seen(self._world, host, seen, context)
        checked = host.conformance if seen.conformance is None else seen.conformance
        return await self._recorder.record(
            host,
            {"facts": seen.facts, "conformance": checked, "health": health_of(seen.facts)},
            insert=parts.insert,
            also=parts.replace,
            events=parts.events,
            same_look=True,
        )

    async def inspected(
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
        parts = Change() if doubt else await parts_seen(self._world, host, seen, context)
        return await self._recorder.record(
            host, fields, insert=parts.insert, also=parts.replace, events=parts.events
        )
