"""An image goes into the virtual CD drive, another takes its place, and it comes out."""

from __future__ import annotations

import pytest

from provisioning.drivers.capabilities import Capability
from provisioning.drivers.protocol import Bmc, MediaDriver

pytestmark = pytest.mark.integration
CAPABILITY = Capability.MEDIA


async def test_media_is_inserted_replaced_and_ejected(bmc: Bmc, images: str) -> None:
    assert isinstance(bmc, MediaDriver)
    first, second = f"{images}/first.iso", f"{images}/second.iso"
    await bmc.insert_media(first)
    await bmc.insert_media(first)
    assert (await bmc.media()).image == first
    await bmc.insert_media(second)
    seen = await bmc.media()
    assert (seen.image, seen.inserted) == (second, True)
    await bmc.eject_media()
    await bmc.eject_media()
    seen = await bmc.media()
    assert (seen.image, seen.inserted) == ("", False)
