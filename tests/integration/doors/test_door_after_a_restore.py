"""Restored records may be older than an agent's orders: it reports, and is told nothing."""

from __future__ import annotations

import pytest

from inventory.model import AgentSeen
from inventory.restored import NOTE, confirm
from tests.integration.doors.conftest import Agent, Door
from tests.unit.inventory.records import FixedClock, make_observed

pytestmark = pytest.mark.integration


async def test_an_agent_is_told_nothing_from_restored_records(door: Door, agent: Agent) -> None:
    host, token, _ = door.enrolled_host()
    await door.enrol(agent, token, host.serial)
    door.store.write_note(NOTE, "2030-05-01T12:00:00+00:00")
    reply = await door.sync(agent, make_observed(boot_id="it-runs"))
    assert reply.status_code == 503
    assert reply.json()["error"]["kind"] == "watching-only"
    seen = door.store.get(AgentSeen, host.id)
    assert seen is not None
    assert seen.observed == make_observed(boot_id="it-runs")
    confirm(door.store, clock=FixedClock(), actor="ann")
    assert (await door.sync(agent)).status_code == 200
