"""Which parts of a host came and went, written in the change that says what was read."""

from __future__ import annotations

from inventory.model import Host
from inventory.parts import Part, parts_change
from inventory.store.protocol import Change
from inventory.store.reading import every
from provisioning.context import Context
from provisioning.lifecycle.decision import Seen
from provisioning.world import World


async def parts_seen(world: World, host: Host, seen: Seen, context: Context) -> Change:
    """What the host's parts became since they were read last; nothing when nothing was read."""
    if seen.facts is None:
        return Change()
    store = world.store
    known = await world.in_thread(every, store, Part, host_id=host.id)
    accelerators = context.wanted.host_type.accelerators
    return parts_change(
        host,
        [part for part in known if part.present],
        seen.facts,
        world.clock.now(),
        wanted={"accelerator": accelerators.model} if accelerators else {},
    )
