"""Which firmware a host lacks, and the bytes that carry it, checked before anybody flashes them.

A newer version than the baseline is never taken back silently: it is told as a warning by `match`
and left alone. An image is believed only when its digest is the one in the spec.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pods.errors import ImageRefused, shown
from pods.spec import FirmwareItem
from pods.versions import Order, order

IMAGES: Traversable = files("pods") / "catalog" / "images"
"""The images of the shipped specs. All are lab text; no vendor's firmware is shipped."""

IMAGE_MAX_BYTES = 512 * 1024 * 1024
"""The largest HGX bundle seen is about 250 MB; twice that is room."""

LAB_MAGIC = b"PODYARD-LAB-FIRMWARE "


@dataclass(frozen=True, slots=True)
class BiosDifference:
    """One BIOS attribute that is not as the profile wants it; `found` is None when absent."""

    attribute: str
    wanted: str | int | bool
    found: str | int | bool | None


def firmware_behind(
    items: Iterable[FirmwareItem], found: Mapping[str, str]
) -> tuple[FirmwareItem, ...]:
    """The items whose component reports an older version: what a bring-up will flash."""
    return tuple(
        item
        for item in items
        if item.component in found
        and order(found[item.component], wanted=item.version) is Order.BEHIND
    )


def bios_differences(
    profile: Mapping[str, str | int | bool], current: Mapping[str, str | int | bool | None]
) -> tuple[BiosDifference, ...]:
    """Attributes to set, in the profile's order. `true` and `1` are different values."""
    return tuple(
        BiosDifference(attribute=name, wanted=wanted, found=current.get(name))
        for name, wanted in profile.items()
        if not _same(wanted, current.get(name))
    )


def _same(wanted: object, found: object) -> bool:
    return type(wanted) is type(found) and wanted == found


def image_bytes(item: FirmwareItem, *, images: Traversable | Path | None = None) -> bytes:
    """The image of one item, or `ImageRefused` when it is not what the spec names."""
    source = (images or IMAGES) / item.image
    try:
        with source.open("rb") as file:
            content = file.read(IMAGE_MAX_BYTES + 1)
    except OSError as error:
        raise ImageRefused(
            f"firmware image {item.image} for {item.component} {item.version} cannot be read",
            hint="put the image into the images folder under exactly this name",
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != item.sha256:
        raise ImageRefused(
            f"firmware image {item.image} has sha256 {digest}, the spec names {item.sha256}",
            hint="fetch the image again from its vendor; correct the spec only if it was wrong",
        )
    return content


def lab_image_header(content: bytes) -> tuple[str, str]:
    """Component and version in a lab image's first line: what a simulated BMC reads from it."""
    first = content.split(b"\n", 1)[0][:200]
    fields = dict(
        part.split("=", 1)
        for part in first.removeprefix(LAB_MAGIC).decode("ascii", "replace").split()
        if "=" in part
    )
    if not first.startswith(LAB_MAGIC) or not {"component", "version"} <= fields.keys():
        raise ImageRefused(
            f"not a lab firmware image: it begins with {shown(first[:40].decode('latin-1'))}",
            hint=f"a lab image begins with '{LAB_MAGIC.decode()}component=… version=…'",
        )
    return fields["component"], fields["version"]
