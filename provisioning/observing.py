"""One look at a host: only what its state needs, in one session, side effect free."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from inventory.model import AgentSeen
from pods.facts import HardwareFacts
from pods.interop import Tree
from pods.match_finding import Mismatch
from provisioning.drivers.capabilities import Capability
from provisioning.drivers.driveerase import DriveEraser
from provisioning.drivers.onelook import one_look
from provisioning.drivers.protocol import (
    BiosDriver,
    BiosState,
    Bmc,
    BootNicDriver,
    FirmwareDriver,
    MediaDriver,
    PowerMeter,
    ResourceReader,
)
from provisioning.errors import Unsupported
from provisioning.lifecycle.adopted import SOURCE, as_its_agent_tells
from provisioning.lifecycle.decision import Look, Seen
from provisioning.onboarding.openness import openness

Check = Callable[[Tree], Awaitable[tuple[Mismatch, ...]]]
"""Holds a BMC's resources against the profiles that are asked for."""


async def observe(
    bmc: Bmc | None, look: Look, *, agent: AgentSeen | None, now: datetime, check: Check
) -> Seen:
    """Read what `look` names. Resources are read one after the other: BMCs freeze under bursts."""
    if bmc is None:
        return Seen(now=now, agent=agent)
    with one_look(bmc):
        found = await _read(bmc, look, agent=agent, check=check)
    return Seen(now=now, agent=agent, **found)


async def _read(bmc: Bmc, look: Look, *, agent: AgentSeen | None, check: Check) -> dict[str, Any]:
    found = await _who_and_whether_on(bmc, look)
    if Look.FACTS in look:
        found["facts"] = _whole(await bmc.facts(), agent)
    if Look.PROFILES in look and isinstance(bmc, ResourceReader):
        found["conformance"] = await check(await bmc.resources())
    if Look.BOOT in look and Capability.BOOT_SOURCE not in without(bmc):
        found["boot_source"] = await bmc.boot_source()
        if isinstance(bmc, MediaDriver):
            found["media"] = await bmc.media()
    if Look.BOOT_NICS in look and isinstance(bmc, BootNicDriver):
        found["boot_nics"] = await bmc.boot_nics()
    if Look.FIRMWARE in look and isinstance(bmc, FirmwareDriver):
        found["firmware"] = await bmc.firmware()
        found["tasks"] = await bmc.update_tasks()
    if Look.DRIVES in look and isinstance(bmc, DriveEraser):
        found["drives"] = await bmc.drives()
        found["erasing"] = await bmc.erase_tasks()
    if Look.BIOS in look and isinstance(bmc, BiosDriver):
        found["bios"] = await _bios(bmc)
    return found


async def _bios(bmc: BiosDriver) -> BiosState:
    """None staged and none in force where the BMC shows none: who wants some will be told so."""
    try:
        return await bmc.bios()
    except Unsupported:
        return BiosState(current={}, pending={})


def without(bmc: Bmc) -> frozenset[Capability]:
    """Verbs of the port that this driver's transport cannot carry: what they tell stays unknown."""
    lacks: frozenset[Capability] = getattr(bmc, "without", frozenset())
    return lacks


def _whole(facts: HardwareFacts, agent: AgentSeen | None) -> HardwareFacts:
    """What is in a host without a BMC, only its agent tells."""
    observed = agent.observed if agent is not None else None
    if facts.source != SOURCE or observed is None:
        return facts
    return as_its_agent_tells(facts, observed.facts)


async def _who_and_whether_on(bmc: Bmc, look: Look) -> dict[str, Any]:
    """One or two resources, that most states ask for."""
    found: dict[str, Any] = {}
    if Look.IDENTITY in look:
        found["identity"] = await bmc.identity()
    if Look.POWER in look and Capability.POWER not in without(bmc):
        found["power"] = await bmc.power()
    if Look.OPENNESS in look:
        found |= await openness(bmc)
    if Look.DRAW in look and isinstance(bmc, PowerMeter):
        found["draw_watts"] = await bmc.power_draw_watts()
    return found
