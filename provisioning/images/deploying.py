"""What a host in memory does when its boot is for writing an image to one of its disks.

The agent starts it as a process of its own and tells the controller what it says, a line of JSON at
a time. It believes the image's signature and nothing else: neither the server, nor the length of a
file, nor that a disk keeps what it is given. It asks for bytes by range, so a controller that was
restarted costs a pause, and nothing that was written already is asked for again.

At the end the identity that this boot's token bought is handed to the system on the disk. One token
is one identity: the host is known by it however often it starts from there, and neither token nor
key lies anywhere that a user of the host can read.
"""

from __future__ import annotations

import argparse
import io
import ssl
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx

from inventory.agents import BootDocument, DeployOrder, DeployReport
from inventory.localdisks import local_disks
from inventory.same_host import Marks, unproven
from pods.errors import CertificateRefused, PodsError
from pods.keys import Keyring, keyring, public_key_from_pem
from provisioning.images.errors import BuildFailed, ImageDamaged, ImageError, TargetRefused
from provisioning.images.library import SIGNATURE
from provisioning.images.manifest import Manifest, verified_manifest
from provisioning.images.writing import bytes_needed, write_image

HANDED = ("boot.json", "agent/boot", "agent/certificate.pem", "agent/key.pem")
"""Of this boot, what the system on the disk goes on with."""
GIB = 1024**3
SECTOR_BYTES = 512  # what /sys/block/*/size counts, whatever the disk's own sector size
LIKE_SHARE = 0.1
"""A disk sold as 480 GB has 447 GiB, and specs are written by either."""
SILENT_S = 600.0
"""How long nothing may come: a controller that is updated is away for a minute or two."""
PAUSE_FIRST_S, PAUSE_LAST_S = 0.5, 10.0
READ_TIMEOUT_S = 30.0
SIGNATURE_MAX_BYTES = 4 * 1024 * 1024
TELL_SHARE = 0.02
"""Fifty lines for an image: enough for a person to watch, and little for whoever stores them."""


class FetchFailed(ImageError):
    """The image server did not answer for too long, or refused."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A whole disk of this host."""

    name: str
    size_bytes: int
    serial: str = ""

    def __str__(self) -> str:
        serial = f", serial {self.serial}" if self.serial else ""
        return f"/dev/{self.name} ({self.size_bytes / GIB:.0f} GiB{serial})"


def disks_of(block: Path = Path("/sys/block")) -> tuple[Disk, ...]:
    """Every disk that could take an image."""
    return tuple(
        Disk(
            entry.name,
            int(_text(entry / "size")) * SECTOR_BYTES,
            _text(entry / "device/serial") or _text(entry / "serial"),
        )
        for entry in local_disks(block)
    )


def choose_disk(disks: Sequence[Disk], *, needed_bytes: int, disk_gib: int) -> Disk:
    """The one that the spec means; where it names no size, the smallest that holds the image."""
    there = ", ".join(map(str, disks)) or "no disk at all"
    meant = [one for one in disks if not disk_gib or _is_like(one, disk_gib)]
    if not meant:
        size = f" of {disk_gib} GiB" if disk_gib else ""
        raise TargetRefused(
            f"the host has no disk{size} to write to; it has {there}",
            hint="seat the boot disk, or correct the drives in the pod's spec",
        )
    large = [one for one in meant if one.size_bytes >= needed_bytes]
    if not large:
        raise TargetRefused(
            f"the image needs {needed_bytes} bytes of a disk, and the host has {there}",
            hint="name a larger disk in the pod's spec, or build a smaller image",
        )
    size_bytes = min(one.size_bytes for one in large)
    alike = [one for one in large if one.size_bytes == size_bytes]
    serials = {one.serial for one in alike}
    if len(alike) > 1 and ("" in serials or len(serials) < len(alike)):
        raise TargetRefused(
            f"several disks fit, and no serial number tells them apart: "
            f"{', '.join(map(str, alike))}",
            hint="leave one of them in the host, or name another size in the pod's spec",
        )
    # By serial number: the kernel may call them otherwise at the next boot.
    return min(alike, key=lambda one: one.serial)


def _is_like(disk: Disk, disk_gib: int) -> bool:
    return abs(disk.size_bytes / GIB - disk_gib) <= LIKE_SHARE * disk_gib


@dataclass(slots=True)
class ImageServer:
    """The controller's image door, asked as this host; a `Source` of bytes that nobody believed."""

    client: httpx.Client
    document: BootDocument
    image: str
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    silent_s: float = SILENT_S

    def read(self, name: str, *, start: int, length: int) -> bytes:
        """These bytes; what broke off goes on behind what came."""
        found = bytearray()
        since, pause_s = self.now(), PAUSE_FIRST_S
        while len(found) < length:
            had = len(found)
            trouble = self._more(name, found, start=start + had, length=length - had)
            if len(found) > had:
                since, pause_s = self.now(), PAUSE_FIRST_S
            if not trouble:
                break
            if self.now() - since > self.silent_s:
                raise FetchFailed(
                    f"{name} did not come from {self.document.controller} from byte "
                    f"{start + len(found)} within {self.silent_s:.0f} s: {trouble}",
                    hint="see that the host reaches the controller's agent door",
                )
            self.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_LAST_S)
        return bytes(found)

    def _more(self, name: str, found: bytearray, *, start: int, length: int) -> str:
        """Add what comes; what went wrong, or nothing: then no more would come either."""
        url = f"https://{self.document.controller}/agent/v1/image/{self._digest}/{name}"
        asked = {"range": f"bytes={start}-{start + length - 1}"}
        headers = asked | {"host": self.document.controller_name}
        extensions = {"sni_hostname": self.document.controller_name}
        try:
            with self.client.stream("GET", url, headers=headers, extensions=extensions) as answer:
                if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return ""
                if answer.is_client_error:
                    answer.read()
                    raise FetchFailed(
                        f"the controller does not give {name} of image {self.image[:19]}: "
                        f"{answer.status_code} {answer.text[:200]}",
                        hint="see `podyard image list` at the controller",
                    )
                if answer.status_code not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                    return f"it answered {answer.status_code}"
                skip = start if answer.status_code == HTTPStatus.OK else 0
                for piece in answer.iter_raw():
                    kept = piece[skip:]
                    skip = max(0, skip - len(piece))
                    found += kept[: max(0, length)]
                    length -= len(kept)
                    if length <= 0:
                        break
        except (httpx.HTTPError, OSError) as error:
            return f"{type(error).__name__}: {error}"
        return ""

    @property
    def _digest(self) -> str:
        return self.image.removeprefix("sha256:")


def believed(server: ImageServer, order: DeployOrder) -> Manifest:
    """The manifest that was ordered, once the key that was named vouches for it."""
    ring: Keyring = keyring((public_key_from_pem(order.key_pem.encode()), "production"))
    raw = server.read(SIGNATURE, start=0, length=SIGNATURE_MAX_BYTES)
    manifest, _ = verified_manifest(raw, ring=ring)
    if manifest.digest != order.image:
        raise ImageDamaged(
            f"the controller gave the manifest of {manifest.digest}, and {order.image} was ordered",
            hint="verify the image where it is served: podyard image verify",
        )
    return manifest


@dataclass(slots=True)
class Teller:
    """Says how far it is, not more often than anybody wants to know."""

    say: Callable[[DeployReport], None]
    report: DeployReport
    _told: tuple[str, float] = ("", 0.0)

    def now(self, **what: object) -> None:
        """Say this now."""
        self.report = self.report.model_copy(update=what)
        self.say(self.report)

    def progress(self, what: str, done: int, total: int) -> None:
        """Say it when it is worth it."""
        share = done / total
        told, last = self._told
        if what == told and share - last < TELL_SHARE and done < total:
            return
        self._told = (what, share)
        self.now(progress=f"{what}: {share:.0%} of {total / 1024**2:.0f} MiB")


def deploy(
    run: Path,
    server: ImageServer,
    order: DeployOrder,
    *,
    disks: Sequence[Disk],
    devices: Path,
    found: Marks,
    say: Callable[[DeployReport], None],
) -> DeployReport:
    """Write what was ordered; how it ended. Trouble is an answer, never an exception.

    `found`: what this machine says that it is.
    """
    teller = Teller(say, DeployReport(image=order.image))
    try:
        require_same_host(server.document, found)
        teller.now(progress="asking for the image")
        manifest = believed(server, order)
        disk = choose_disk(disks, needed_bytes=bytes_needed(manifest), disk_gib=order.disk_gib)
        teller.now(disk=str(disk), progress="making the disk unbootable")
        written = write_image(
            manifest,
            server,
            target=devices / disk.name,
            handed=handed(run),
            progress=teller.progress,
        )
    except FetchFailed as error:
        teller.now(finished=True, problem=str(error), remedy=error.hint, again=True)
    except (ImageDamaged, TargetRefused, BuildFailed, CertificateRefused) as error:
        teller.now(finished=True, problem=str(error), remedy=error.hint)
    except (PodsError, OSError) as error:
        hint = getattr(error, "hint", "") or "look at the host's console"
        teller.now(finished=True, problem=f"{type(error).__name__}: {error}", remedy=hint)
    else:
        teller.now(
            finished=True, progress="written, and read back", read_back=dict(written.read_back)
        )
    return teller.report


def require_same_host(document: BootDocument, found: Marks) -> None:
    """The medium may be in another host's drive, whatever the controller believes."""
    if why := unproven(Marks(document.serial, document.macs), found):
        raise TargetRefused(
            f"{why}: nothing was written",
            hint=f"see which host the medium of {document.host} is in; correct the record with "
            f"podyard host bmc {document.host}",
        )


def marks_found(system: Path = Path("/")) -> Marks:
    """What the kernel says of this machine."""
    ports = sorted((system / "sys/class/net").glob("*/device"))
    macs = tuple(mac for port in ports if (mac := _text(port.parent / "address")))
    return Marks(_text(system / "sys/class/dmi/id/product_serial"), macs)


def handed(run: Path) -> bytes:
    """A tar of this boot's identity, as it is to lie under /run/podyard."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        folder = tarfile.TarInfo("agent")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o700
        tar.addfile(folder)
        document = BootDocument.model_validate_json((run / "boot.json").read_bytes())
        over = document.model_copy(update={"deploy": None}).model_dump_json().encode()
        for name in HANDED:
            content = over if name == "boot.json" else (run / name).read_bytes()
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o600, len(content)
            tar.addfile(entry, io.BytesIO(content))
    return written.getvalue()


def client_of(run: Path, document: BootDocument) -> httpx.Client:
    """A connection as this host, to the one authority that its boot document names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=document.ca_pem)
    context.load_cert_chain(run / "agent/certificate.pem", run / "agent/key.pem")
    return httpx.Client(
        verify=context, timeout=READ_TIMEOUT_S, follow_redirects=False, trust_env=False
    )


def main(arguments: list[str] | None = None) -> int:
    """`python -m provisioning.images.deploying --run /run/podyard`."""
    parser = argparse.ArgumentParser(
        prog="python -m provisioning.images.deploying",
        description="Writes the image that this boot is for to a disk of this host.",
        epilog="example: python -m provisioning.images.deploying --run /run/podyard",
    )
    parser.add_argument("--run", type=Path, required=True, help="what the boot left, and its agent")
    run = parser.parse_args(arguments).run
    document = BootDocument.model_validate_json((run / "boot.json").read_bytes())
    if document.deploy is None:
        parser.error("this boot is not for writing a disk")
    with client_of(run, document) as client:
        ended = deploy(
            run,
            ImageServer(client, document, document.deploy.image),
            document.deploy,
            disks=disks_of(),
            found=marks_found(),
            devices=Path("/dev"),
            say=_say,
        )
    return 1 if ended.problem else 0


def _say(report: DeployReport) -> None:
    sys.stdout.write(report.model_dump_json() + "\n")
    sys.stdout.flush()


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:  # a kind of disk that has no such line
        return ""


if __name__ == "__main__":
    raise SystemExit(main())
