"""What cannot be undone and is done by the host itself: an image written, drives erased in band.

The act is one boot. Its intent is durable together with its medium, before the host has power, and
is counted by every brake until it is settled. When the agent asks for its orders, everything that
guards such an act is looked at once more: the hold, the limits, whose BMC it is, and the lease.
Only the leave that is recorded then lets the agent in, so a host that was booted by a controller
that is gone, or before a hold, waits with its disks as they are.
"""

from __future__ import annotations

from inventory.model import BootRecord, Event, Host, Intent
from inventory.store.reading import every
from provisioning.acts.destructive import CROWDED_RECHECK_S, Destructive, noted
from provisioning.acts.recorder import Outcome
from provisioning.boot.media import Medium
from provisioning.boot.orders import STEP, destroys, step_of
from provisioning.brakes import busy, crowded, domains
from provisioning.context import Context
from provisioning.guarded import may_have_begun
from provisioning.lifecycle.actions import MakeBootMedium

BOOT_TOKEN = "boot-token"  # noqa: S105 - the name of a field, not a secret
GIVEN_UP = "its boot was given up"
NOTE_MAX_CHARS = 400


class InBand(Destructive):
    """Boots that write or erase, for one controller."""

    async def make_medium(self, host: Host, action: MakeBootMedium, context: Context) -> Outcome:
        """A medium for the next boot; one that destroys something waits for its turn first."""
        medium = self._medium(host, action, context)
        if not destroys(medium.record):
            return await self._written(host, medium, context)
        async with self._destructive:
            if why := await self._crowded(host, context):
                return await self._recorder.wait(host, why, after_s=CROWDED_RECHECK_S, others=True)
            return await self._written(host, medium, context)

    def _medium(self, host: Host, action: MakeBootMedium, context: Context) -> Medium:
        policy = context.wanted.erase
        # A simulated host's drives are its hall's to erase: its agent touches no device.
        erases = policy is not None and action.purpose == "read-drives" and not host.simulated
        return self._world.door.make_medium(
            now=self._world.clock.now(),
            tries=action.tries,
            purpose=action.purpose,
            silence=action.silence,
            disk_gib=action.disk_gib,
            erase=policy.methods if policy is not None and erases else (),
        )

    async def _written(self, host: Host, medium: Medium, context: Context) -> Outcome:
        boot = medium.record
        self._world.faults.reach("before-intent")
        intents = (self._intent(host, boot),) if destroys(boot) else ()
        sealed = self._world.secrets.seal(host.id, BOOT_TOKEN, medium.token)
        return await self._recorder.record(
            host,
            {"boot": boot},
            insert=intents,
            also=self.ended(context, "failed", GIVEN_UP),
            events=tuple(self._opened(host, one) for one in intents),
            secrets={(host.id, BOOT_TOKEN): sealed},
            same_look=True,
        )

    def _intent(self, host: Host, boot: BootRecord) -> Intent:
        now = self._world.clock.now()
        return Intent(
            id=self._world.new_id(),
            host_id=host.id,
            step=step_of(boot),
            step_class="destructive-observable",
            arguments={
                "media_id": boot.media_id,
                "image": boot.image,
                "methods": list(boot.erase),
                "domains": domains(host),
                "touched_at": now.isoformat(),
            },
            fence=self._fence.number,
            created_at=now,
        )

    def _opened(self, host: Host, intent: Intent) -> Event:
        return self._recorder.event(host, "intent.open", "", host.name, intent.step)

    async def give_leave(self, host: Host, context: Context) -> Outcome:
        """The last look before the host destroys anything; then it may."""
        intent = next((one for one in _open(context) if _is_of(one, host.boot)), None)
        boot = host.boot
        if boot is None or intent is None:
            return await self._recorder.wait(host, "its boot has no act on record", others=True)
        async with self._destructive:
            if why := await self._not_its_turn(host, intent):
                return await self._recorder.wait(host, why, others=True)
        now = self._world.clock.now()
        (fresh,) = noted(intent, touched_at=now.isoformat())
        await self._require_same_host(host, await self._world.bmcs.of(host))
        host = await self._require_still_ours(host, fresh)
        self._world.faults.reach("after-intent")
        given = boot.model_copy(update={"leave_given_at": self._world.clock.now()})
        (begun,) = noted(fresh, begun=True)
        ours = begun.model_copy(update={"fence": self._fence.number})
        return await self._recorder.record(host, {"boot": given}, also=(ours,))

    async def _not_its_turn(self, host: Host, intent: Intent) -> str:
        """Why the leave has to wait; empty when it may be given.

        Nobody steps back here, with a host that has power and waits for nothing else. So of more
        hosts than may be, each counts only those before it: the oldest always goes on.
        """
        if why := await self._world.in_thread(self._on_hold):
            return why
        found = await self._world.in_thread(every, self._world.store, Intent, state="open")
        before = busy((one for one in found if _goes_before(one, intent)), but=host.id)
        return crowded(host, before, self._maps.limits())

    async def settle(self, host: Host, context: Context, why: str) -> Outcome:
        """It ended without its effect; a person is told of the rest."""
        ended = self.ended(context, "failed", why)
        return await self._recorder.record(host, {}, also=ended, same_look=True)

    def ended(self, context: Context, state: str, note: str) -> tuple[Intent, ...]:
        """What is open of such acts, as it is written beside the host when the boot is over."""
        now = self._world.clock.now()
        over = {"state": state, "note": note[:NOTE_MAX_CHARS], "settled_at": now}
        return tuple(one.model_copy(update=over) for one in _open(context))


def _open(context: Context) -> list[Intent]:
    return [one for one in context.intents if one.state == "open" and one.step.startswith(STEP)]


def _goes_before(other: Intent, mine: Intent) -> bool:
    """What others do to a host steps back by itself, so it counts whenever it is open."""
    if not other.step.startswith(STEP) or may_have_begun(other):
        return True
    return (other.created_at, other.id) < (mine.created_at, mine.id)


def _is_of(intent: Intent, boot: BootRecord | None) -> bool:
    return boot is not None and intent.arguments.get("media_id") == boot.media_id
