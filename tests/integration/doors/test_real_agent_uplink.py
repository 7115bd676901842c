"""The agent's own way out, against the real door: the two sides speak the same exchange."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.agents import BootDocument
from inventory.model import AgentSeen
from runtime.place import Place
from runtime.uplink import RefusedError, Uplink
from tests.integration.doors.conftest import Door
from tests.unit.inventory.records import make_observed

pytestmark = pytest.mark.integration


def place_in(folder: Path) -> Place:
    for name in ("run", "root"):
        (folder / name).mkdir(parents=True)
    return Place(run=folder / "run", root=folder / "root", isolated=False)


async def test_the_agents_uplink_enrols_from_its_medium_and_syncs(
    door: Door, tmp_path: Path
) -> None:
    host, _, media_id = door.enrolled_host()
    medium = await door.get(f"/boot/v1/media/{media_id}.iso")
    boot = BootDocument.model_validate_json(medium.content)
    uplink = Uplink(boot, place_in(tmp_path / "one"))
    uplink.prepare()
    assert await uplink.enrol() == host.id
    desired = await uplink.sync(make_observed(), wait_s=0.0)
    await uplink.close()
    assert desired.generation == 0
    seen = door.store.get(AgentSeen, host.id)
    assert seen is not None
    assert seen.observed == make_observed()


async def test_a_second_agent_with_the_same_medium_is_refused(door: Door, tmp_path: Path) -> None:
    _, _, media_id = door.enrolled_host()
    medium = await door.get(f"/boot/v1/media/{media_id}.iso")
    boot = BootDocument.model_validate_json(medium.content)
    first, thief = (Uplink(boot, place_in(tmp_path / name)) for name in ("one", "two"))
    for one in (first, thief):
        one.prepare()
    await first.enrol()
    with pytest.raises(RefusedError):
        await thief.enrol()
    await first.close()
    await thief.close()
