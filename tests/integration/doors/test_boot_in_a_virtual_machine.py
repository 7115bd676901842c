"""Real firmware starts a host's medium; the agent in memory calls home and is let in."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from inventory.model import AgentSeen
from provisioning.images.medium import Medium
from tests.beds.images import image_of
from tests.beds.virtual_machine import (
    BOOT_DEADLINE_S,
    GUEST_SEES_US_AT,
    VirtualMachine,
    absent,
    machine,
    ssh_greeting,
)
from tests.integration.doors.conftest import Door
from tests.unit.inventory.records import make_facts

pytestmark = [
    pytest.mark.integration,
    pytest.mark.long,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(os.geteuid() != 0, reason="images are built as root"),
    pytest.mark.skipif(bool(absent()), reason=absent() or "there is QEMU"),
]
LOOK_EVERY_S = 1.0


@pytest.fixture
def medium() -> Medium:
    return image_of("small").medium()


@pytest.fixture
def seen_as() -> str:
    return GUEST_SEES_US_AT


async def test_a_host_boots_into_memory_and_calls_home(
    door: Door, tmp_path: Path, unused_tcp_port: int
) -> None:
    facts = make_facts()
    host, token, media_id = door.enrolled_host(simulated=False, facts=facts)
    reply = await door.get(f"/boot/v1/media/{media_id}.iso")
    (tmp_path / "host.iso").write_bytes(reply.content)

    with machine(
        tmp_path,
        serial=host.serial,
        mac=facts.nics[1].mac,
        cdrom=tmp_path / "host.iso",
        ssh_port=unused_tcp_port,
    ) as vm:
        seen = await until_reported(door, host.id, vm)
        greeting = await asyncio.to_thread(ssh_greeting, unused_tcp_port)

    assert seen.media_id == media_id
    observed = seen.observed
    assert observed is not None
    assert observed.facts is not None
    assert (observed.simulated, observed.isolated) == (False, True)
    assert observed.facts.serial == host.serial
    assert [nic.mac for nic in observed.facts.nics] == [facts.nics[1].mac]
    assert greeting.startswith(b"SSH-2.0-OpenSSH")
    assert token not in vm.said()


async def test_a_medium_in_another_machine_is_refused(door: Door, tmp_path: Path) -> None:
    host, _, media_id = door.enrolled_host(simulated=False, facts=make_facts())
    reply = await door.get(f"/boot/v1/media/{media_id}.iso")
    (tmp_path / "host.iso").write_bytes(reply.content)

    with machine(
        tmp_path, serial="ANOTHER", mac="02:00:00:00:00:99", cdrom=tmp_path / "host.iso"
    ) as vm:
        why = await until_refused(door, vm)

    assert "the host that booted has serial 'ANOTHER'" in why
    assert door.store.get(AgentSeen, host.id) is None


async def until_reported(door: Door, host_id: str, vm: VirtualMachine) -> AgentSeen:
    """Its first whole report."""
    async with asyncio.timeout(BOOT_DEADLINE_S):
        while True:
            seen = door.store.get(AgentSeen, host_id)
            if seen is not None and seen.observed is not None:
                return seen
            assert vm.process.poll() is None, vm.last_words()
            await asyncio.sleep(LOOK_EVERY_S)


async def until_refused(door: Door, vm: VirtualMachine) -> str:
    """Why the door did not open."""
    async with asyncio.timeout(BOOT_DEADLINE_S):
        while True:
            for event in door.store.events(limit=100):
                if event.kind == "agent.enrol-refused":
                    return event.why
            assert vm.process.poll() is None, vm.last_words()
            await asyncio.sleep(LOOK_EVERY_S)
