"""The virtual CD drive, at the System (newer services) or at its Manager (older ones)."""

from __future__ import annotations

from provisioning.drivers.protocol import Media
from provisioning.drivers.redfish.answers import Json, action_target, reference, text
from provisioning.drivers.redfish.resources import Resources
from provisioning.drivers.vendors.quirk import Habits
from provisioning.errors import Unsupported

_DISC_TYPES = frozenset({"CD", "DVD"})
_MAX_IMAGE_CHARS = 2000


async def media(resources: Resources) -> Media:
    """What is in the drive."""
    return _inserted(await _drive(resources), await resources.habits())


async def insert_media(resources: Resources, image: str) -> None:
    """Put `image` in, taking another one out first."""
    drive, habits = await _drive(resources), await resources.habits()
    seen = _inserted(drive, habits)
    if seen.inserted and seen.image == image:
        return
    if seen.inserted:
        await _eject(resources, drive)
    body: Json = {"Image": image, "Inserted": True, "WriteProtected": True}
    target = action_target(drive, "#VirtualMedia.InsertMedia")
    if target:
        bare = {"Image": image} if habits.insert_bare else body
        await resources.session.post(target, {**bare, **habits.insert_extra})
    else:
        await resources.session.patch(reference(drive) or "", body, etag=_etag(drive))


async def eject_media(resources: Resources) -> None:
    """Empty the drive, unless it is."""
    drive = await _drive(resources)
    if _inserted(drive, await resources.habits()).inserted:
        await _eject(resources, drive)


async def _eject(resources: Resources, drive: Json) -> None:
    target = action_target(drive, "#VirtualMedia.EjectMedia")
    if target:
        await resources.session.post(target, {})
    else:
        # Before the actions came (VirtualMedia 1.2), a null image was the way.
        await resources.session.patch(reference(drive) or "", {"Image": None}, etag=_etag(drive))


async def _drive(resources: Resources) -> Json:

    async def find() -> str | None:
        system = (await resources.system()).body
        own = reference(system, "VirtualMedia")
        return own or reference(await resources.manager(system), "VirtualMedia")

    prefix = (await resources.habits()).media_prefix
    for drive in await resources.members_at("media", find):
        types = drive.get("MediaTypes")
        if not text(drive.get("Id")).startswith(prefix):
            continue
        if isinstance(types, list) and _DISC_TYPES & {text(kind) for kind in types}:
            return drive
    raise Unsupported(
        f"{resources.session.label}: this BMC has no virtual CD drive",
        hint="boot this host over HTTP or PXE, or license virtual media on its BMC",
    )


def _inserted(drive: Json, habits: Habits) -> Media:
    image = drive.get("Image")
    shown = image[:_MAX_IMAGE_CHARS] if isinstance(image, str) and image.isprintable() else ""
    # Some BMCs leave Inserted out and say it by the image alone.
    inserted = drive.get("Inserted")
    present = inserted if isinstance(inserted, bool) else bool(shown)
    if habits.not_connected_is_empty and text(drive.get("ConnectedVia")) == "NotConnected":
        present = False
    return Media(image=shown if present else "", inserted=present)


def _etag(drive: Json) -> str | None:
    etag = drive.get("@odata.etag")
    return etag if isinstance(etag, str) and etag.isprintable() else None
