"""Real firmware starts the medium, the image goes to the disk, real firmware starts the disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from inventory.agents import ObservedState
from inventory.model import AgentSeen
from pods.keys import SigningKey
from provisioning.boot.media import DiskImage
from provisioning.images.library import SIGNATURE, Image, Library
from provisioning.images.manifest import sign_manifest
from provisioning.images.medium import Medium
from tests.beds.images import image_of
from tests.beds.virtual_machine import (
    BOOT_DEADLINE_S,
    GUEST_SEES_US_AT,
    VirtualMachine,
    absent,
    machine,
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
DISK_BYTES = 3 * 1024**3
LOOK_EVERY_S = 1.0


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.generate(tmp_path / "image.key", purpose="production")


@pytest.fixture
def image(library: Library, key: SigningKey) -> Image:
    """The small image as it is kept for all tests, with a signature of this one's own."""
    kept = image_of("small")
    folder = library.path / kept.folder.name
    folder.mkdir(parents=True)
    for file in kept.folder.iterdir():
        if file.name != SIGNATURE:
            (folder / file.name).symlink_to(file)
    found = Image(folder, kept.manifest)
    found.sign(sign_manifest(found.manifest, key=key))
    return found


@pytest.fixture
def medium(image: Image) -> Medium:
    return image.medium()


@pytest.fixture
def disk_image(image: Image, key: SigningKey) -> DiskImage:
    return DiskImage(image.manifest.digest, key.public_pem().decode())


@pytest.fixture
def seen_as() -> str:
    return GUEST_SEES_US_AT


async def test_a_host_writes_its_disk_and_is_the_same_host_from_there(
    door: Door, image: Image, tmp_path: Path
) -> None:
    facts = make_facts()
    host, token, media_id = door.enrolled_host(simulated=False, facts=facts, purpose="deploy")
    reply = await door.get(f"/boot/v1/media/{media_id}.iso")
    (tmp_path / "host.iso").write_bytes(reply.content)
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)

    with machine(
        _folder(tmp_path, "writing"),
        serial=host.serial,
        mac=facts.nics[1].mac,
        cdrom=tmp_path / "host.iso",
        disk=disk,
    ) as vm:
        writer = await until(door, host.id, vm, _has_ended)
        said = vm.said()
    assert writer.observed is not None
    report = writer.observed.deploy
    assert report is not None
    assert (report.problem, writer.observed.runs_from) == ("", "memory")
    assert report.read_back["root.squashfs"] == image.manifest.whole("root.squashfs")
    assert token not in said

    with machine(
        _folder(tmp_path, "running"), serial=host.serial, mac=facts.nics[1].mac, disk=disk
    ) as vm:
        runner = await until(door, host.id, vm, lambda one: one.runs_from == "disk")
        said = vm.said()

    assert runner.certificate_serial == writer.certificate_serial
    assert runner.observed is not None
    assert runner.observed.boot_id != writer.observed.boot_id
    assert runner.observed.deploy is None
    assert token not in said


def _folder(above: Path, name: str) -> Path:
    (above / name).mkdir()
    return above / name


def _has_ended(observed: ObservedState) -> bool:
    return observed.deploy is not None and observed.deploy.finished


async def until(
    door: Door, host_id: str, vm: VirtualMachine, true: Callable[[ObservedState], bool]
) -> AgentSeen:
    """The first report that says so."""
    async with asyncio.timeout(BOOT_DEADLINE_S):
        while True:
            seen = door.store.get(AgentSeen, host_id)
            if seen is not None and seen.observed is not None and true(seen.observed):
                return seen
            assert vm.process.poll() is None, vm.last_words()
            await asyncio.sleep(LOOK_EVERY_S)
