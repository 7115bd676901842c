"""Boot media: a document per boot, with a single-use token bound to the host's serial.

The medium is fetched by the BMC, over a network where only BMCs and hosts are, by an unguessable
name. What it carries opens exactly one thing, once, for minutes: an agent's enrolment. A second
enrolment with the same token is refused, and the first one then shows as an event that names both.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr

from inventory.agents import BootDocument, DeployOrder
from inventory.authority import CONTROLLER_NAME
from inventory.model import BootPurpose, BootRecord, Host
from pods.erasing import EraseMethod
from provisioning.boot.identity import marks_of
from provisioning.errors import Unsupported

MACS_MOST = 64
TOKEN_VALID = timedelta(minutes=30)  # twice the slowest boot seen, memory training included


@dataclass(frozen=True, slots=True)
class Medium:
    """What is recorded, and the secret half that is sealed until a BMC fetches it."""

    record: BootRecord
    token: SecretStr


@dataclass(frozen=True, slots=True)
class DiskImage:
    """What is written to the disks of hosts that run from them."""

    digest: str
    key_pem: str
    """The public key that vouches for it."""


@dataclass(frozen=True, slots=True)
class BootDoor:
    """Where BMCs fetch media and agents call."""

    base_url: str
    """`https://address:port` as BMCs reach it."""
    controller: str
    """`address:port` as agents reach it."""
    ca_pem: str
    disk_image: DiskImage | None = None
    """None: hosts run in memory alone."""

    def make_medium(
        self,
        *,
        now: datetime,
        tries: int,
        purpose: BootPurpose = "",
        silence: str = "",
        disk_gib: int = 0,
        erase: tuple[EraseMethod, ...] = (),
    ) -> Medium:
        """A new medium and token; `silence` is what was found of the try before it."""
        if purpose == "deploy" and self.disk_image is None:
            raise Unsupported(
                "its pod's boot policy is disk, and no image was chosen that could be written",
                hint="set PODYARD_PROVISIONING_BOOT_IMAGE to an image of `podyard image list`",
            )
        media_id = secrets.token_hex(16)
        token = secrets.token_urlsafe(32)
        record = BootRecord(
            media_id=media_id,
            media_url=f"{self.base_url}/boot/v1/media/{media_id}.iso",
            token_hash=hash_token(token),
            expires_at=now + TOKEN_VALID,
            tries=tries,
            purpose=purpose,
            silence=silence,
            image=self.disk_image.digest if self.disk_image and purpose == "deploy" else "",
            disk_gib=disk_gib,
            erase=erase,
        )
        return Medium(record, SecretStr(token))

    def firmware_url(self, sha256: str, image: str, *, host_id: str) -> str:
        """Where a host's BMC fetches a firmware image, by content."""
        return f"{self.base_url}/boot/v1/firmware/{sha256}/{host_id}/{image}"

    def document(self, host: Host, token: SecretStr) -> BootDocument:
        """What the medium says."""
        boot, written = host.boot, self.disk_image
        deploy = None
        if written is not None and boot is not None and boot.purpose == "deploy":
            deploy = DeployOrder(image=boot.image, key_pem=written.key_pem, disk_gib=boot.disk_gib)
        return BootDocument(
            host=host.name,
            serial=host.serial,
            macs=marks_of(host).macs[:MACS_MOST],
            controller=self.controller,
            controller_name=CONTROLLER_NAME,
            ca_pem=self.ca_pem,
            token=token.get_secret_value(),
            read_drives=boot is not None and boot.purpose == "read-drives",
            erase=boot.erase if boot is not None and boot.purpose == "read-drives" else (),
            deploy=deploy,
        )


def hash_token(token: str) -> str:
    """What is stored of a boot token."""
    return hashlib.sha256(token.encode()).hexdigest()


def token_opens(boot: BootRecord | None, token: str, *, now: datetime) -> bool:
    """True when this token belongs to this boot and its time has not run out."""
    if boot is None or now >= boot.expires_at:
        return False
    return hmac.compare_digest(boot.token_hash, hash_token(token))
