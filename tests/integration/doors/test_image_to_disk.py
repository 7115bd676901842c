"""A host writes its image to its disk over a real TLS connection, and is the same host there."""

from __future__ import annotations

import asyncio
import hashlib
import io
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from inventory.agents import BootDocument, DeployReport
from inventory.same_host import Marks
from pods.keys import SigningKey
from provisioning.boot.media import DiskImage
from provisioning.images.building import pack
from provisioning.images.deploying import Disk, ImageServer, client_of, deploy
from provisioning.images.library import Image, Library
from provisioning.images.manifest import CHUNK_BYTES, sign_manifest
from provisioning.images.programs import missing
from provisioning.images.writing import ESP_BYTES, FIRST_BYTES, HANDED_BYTES, MIB, Places
from tests.beds.tiny_root import tiny_recipe, tiny_root
from tests.integration.doors.conftest import Agent, Door
from tests.unit.inventory.records import make_observed

pytestmark = pytest.mark.integration

NEEDED = ("mksquashfs", "mkfs.vfat", "mkfs.ext4", "mcopy", "mmd", "mtype", "sfdisk")
DISK_BYTES = 2 * 1024 * MIB


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Image:
    if absent := missing(NEEDED):
        pytest.skip(f"images need more programs: apt-get install {' '.join(absent)}")
    folder = tmp_path_factory.mktemp("packed")
    return pack(
        tiny_recipe(), root=tiny_root(folder / "root"), work=folder, library=Library(folder / "i")
    )


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.generate(tmp_path / "image.key", purpose="production")


@pytest.fixture
def image(packed: Image, library: Library, key: SigningKey) -> Image:
    """A signed copy where the door finds it."""
    folder = library.path / packed.folder.name
    shutil.copytree(packed.folder, folder)
    copied = Image(folder, packed.manifest)
    copied.sign(sign_manifest(copied.manifest, key=key))
    return copied


@pytest.fixture
def disk_image(image: Image, key: SigningKey) -> DiskImage:
    return DiskImage(image.manifest.digest, key.public_pem().decode())


@dataclass
class Booted:
    """A host in memory, as its agent left it when it had enrolled."""

    run: Path
    document: BootDocument
    agent: Agent
    said: list[DeployReport]

    async def deploy(
        self,
        *,
        disk_bytes: int = DISK_BYTES,
        client: Callable[[httpx.Client], httpx.Client] = lambda one: one,
        silent_s: float = 5.0,
        found: Marks | None = None,
    ) -> DeployReport:
        """Write; how it ended."""
        (self.run / "vda").unlink(missing_ok=True)
        with (self.run / "vda").open("wb") as file:
            file.truncate(disk_bytes)
        order = self.document.deploy
        assert order is not None
        with client(client_of(self.run, self.document)) as opened:
            return await asyncio.to_thread(
                deploy,
                self.run,
                ImageServer(opened, self.document, order.image, silent_s=silent_s),
                order,
                disks=[Disk("vda", disk_bytes)],
                devices=self.run,
                found=found or Marks(self.document.serial),
                say=self.said.append,
            )


@pytest.fixture
async def booted(door: Door, agent: Agent, tmp_path: Path) -> Booted:
    host, token, _ = door.enrolled_host(simulated=False, purpose="deploy")
    run = tmp_path / "run"
    (run / "agent").mkdir(parents=True)
    sealed = door.store.secret(host.id, "boot-token")
    assert sealed is not None
    document = door.boot.document(host, door.box.unseal(host.id, "boot-token", sealed))
    (run / "boot.json").write_text(document.model_dump_json())
    reply = await door.enrol(agent, token, host.serial, found_serial=host.serial)
    assert reply.status_code == 200
    shutil.copyfile(agent.key_path, run / "agent/key.pem")
    shutil.copyfile(agent.certificate_path, run / "agent/certificate.pem")
    (run / "agent/boot").write_text(hashlib.sha256(token.encode()).hexdigest())
    return Booted(run, document, agent, [])


async def test_the_disk_gives_back_what_was_signed_and_each_step_is_told(
    booted: Booted, image: Image
) -> None:
    ended = await booted.deploy()

    assert (ended.problem, ended.finished, ended.image) == ("", True, image.manifest.digest)
    names = ("root.squashfs", "kernel", "initrd", "loader.efi")
    assert ended.read_back == {name: image.manifest.whole(name) for name in names}
    told = [one.progress for one in booted.said]
    size = image.manifest.predicate.files["root.squashfs"].size_bytes / MIB
    assert f"writing: 100% of {size:.0f} MiB" in told
    assert told[0] == "asking for the image"
    assert told[-2].startswith("reading back: 100%")


async def test_the_system_on_the_disk_is_the_same_host_without_its_order(
    booted: Booted, door: Door, image: Image
) -> None:
    await booted.deploy()

    places = Places.on(DISK_BYTES, image.manifest)
    with (booted.run / "vda").open("rb") as disk:
        disk.seek(places.handed_start)
        handed = tarfile.open(fileobj=io.BytesIO(disk.read(HANDED_BYTES)))  # noqa: SIM115 - in memory
    assert {one.mode for one in handed.getmembers() if one.isfile()} == {0o600}
    found = {
        one.name: file.read()
        for one in handed.getmembers()
        if (file := handed.extractfile(one)) is not None
    }
    document = BootDocument.model_validate_json(found["boot.json"])
    assert document == booted.document.model_copy(update={"deploy": None})
    booted.agent.key_path.write_bytes(found["agent/key.pem"])
    booted.agent.certificate_path.write_bytes(found["agent/certificate.pem"])
    observed = make_observed().model_copy(update={"runs_from": "disk"})
    assert (await door.sync(booted.agent, observed)).status_code == 200


@pytest.mark.parametrize("serial", ["LAB999999999", "Default string", ""])
async def test_a_host_that_does_not_find_itself_in_its_order_writes_nothing(
    booted: Booted, serial: str
) -> None:
    ended = await booted.deploy(found=Marks(serial, ("02:00:00:00:00:99",)))

    assert ended.finished
    assert ended.problem.endswith(": nothing was written")
    assert not any((booted.run / "vda").read_bytes()[: 4 * MIB])


async def test_an_image_that_was_changed_is_not_written(booted: Booted, image: Image) -> None:
    content = bytearray(image.file("root.squashfs").read_bytes())
    content[CHUNK_BYTES + 5] ^= 1
    image.file("root.squashfs").write_bytes(content)

    ended = await booted.deploy()

    assert ended.problem.startswith("root.squashfs is not what was signed, from byte 8388608")
    assert (ended.again, bool(ended.remedy)) == (False, True)
    with (booted.run / "vda").open("rb") as disk:
        disk.seek(FIRST_BYTES)
        assert disk.read(MIB) == bytes(MIB)  # and nothing starts from there
        disk.seek(FIRST_BYTES + ESP_BYTES + CHUNK_BYTES)
        assert disk.read(CHUNK_BYTES) == bytes(CHUNK_BYTES)


async def test_an_image_that_was_cut_short_is_told_and_after_its_repair_it_is_written(
    booted: Booted, image: Image
) -> None:
    whole = image.file("root.squashfs").read_bytes()
    image.file("root.squashfs").write_bytes(whole[: CHUNK_BYTES + 1000])

    ended = await booted.deploy()
    assert ended.problem.startswith("root.squashfs is cut short: 1000 of")

    image.file("root.squashfs").write_bytes(whole)
    assert (await booted.deploy()).problem == ""


async def test_an_image_that_another_key_signed_is_not_written(
    booted: Booted, image: Image, tmp_path: Path
) -> None:
    stranger = SigningKey.generate(tmp_path / "stranger.key", purpose="production")
    image.sign(sign_manifest(image.manifest, key=stranger))

    ended = await booted.deploy()

    assert "not one of the 1 trusted keys" in ended.problem
    assert (booted.run / "vda").read_bytes()[: 4 * MIB] == bytes(4 * MIB)


async def test_a_disk_too_small_says_how_large_it_would_have_to_be(booted: Booted) -> None:
    ended = await booted.deploy(disk_bytes=64 * MIB)

    assert "of a disk, and the host has /dev/vda (0 GiB)" in ended.problem
    assert "name a larger disk" in ended.remedy
    assert not ended.again


class BreaksOff(httpx.BaseTransport):
    """A connection that is cut in the middle of each answer, for a while."""

    def __init__(self, inner: httpx.BaseTransport, *, times: int) -> None:
        self.inner, self.times, self.ranges = inner, times, list[str]()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.ranges.append(request.headers["range"])
        answer = self.inner.handle_request(request)
        if self.times <= 0 or not request.url.path.endswith("root.squashfs"):
            return answer
        self.times -= 1
        content = b"".join(answer.stream)  # type: ignore[arg-type]  # a client's is synchronous
        return httpx.Response(answer.status_code, stream=Cut(content[: len(content) // 2]))

    def close(self) -> None:
        self.inner.close()


class Cut(httpx.SyncByteStream):
    """Half of it, and then the peer is gone."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204 - httpx's own shape
        yield self.content
        raise httpx.RemoteProtocolError("peer closed connection")


async def test_a_download_that_breaks_off_goes_on_where_it_broke(booted: Booted) -> None:
    cut: list[BreaksOff] = []

    def client(one: httpx.Client) -> httpx.Client:
        cut.append(BreaksOff(one._transport, times=2))
        return httpx.Client(transport=cut[0])

    ended = await booted.deploy(client=client)

    assert ended.problem == ""
    half, three_quarters = CHUNK_BYTES // 2, CHUNK_BYTES * 3 // 4
    last = CHUNK_BYTES - 1
    assert cut[0].ranges[1:4] == [
        f"bytes=0-{last}",
        f"bytes={half}-{last}",
        f"bytes={three_quarters}-{last}",
    ]


async def test_a_controller_that_stays_away_is_told_and_may_be_tried_again(
    booted: Booted, door: Door
) -> None:
    door.stop()

    ended = await booted.deploy(silent_s=0.5)

    assert "did not come from 127.0.0.1:" in ended.problem
    assert ended.again


async def test_an_image_is_given_to_nobody_but_the_boot_that_writes_it(
    booted: Booted, door: Door, image: Image, other_agent: Agent
) -> None:
    path = f"/agent/v1/image/{image.folder.name}/kernel"
    assert (await door.get(path)).status_code == 403

    host, token, _ = door.enrolled_host(2)
    assert (await door.enrol(other_agent, token, host.serial)).status_code == 200
    shutil.copyfile(other_agent.key_path, booted.run / "agent/key.pem")
    shutil.copyfile(other_agent.certificate_path, booted.run / "agent/certificate.pem")
    ended = await booted.deploy()

    assert "is not to write this image" in ended.problem
    assert (booted.run / "vda").read_bytes()[:MIB] == bytes(MIB)
