"""An event comes down the stream while it happens."""

from __future__ import annotations

import asyncio

import pytest

from inventory.states import PowerState
from provisioning.drivers.capabilities import BmcEvent, Capability, EventStream
from provisioning.drivers.protocol import Bmc
from tests.contract.bmc.bed import Bed

pytestmark = pytest.mark.integration
CAPABILITY = Capability.EVENT_STREAM


async def test_power_change_is_told_while_it_happens(bed: Bed, bmc: Bmc) -> None:
    stream = bmc
    assert isinstance(stream, EventStream)
    await bmc.power()
    heard: asyncio.Queue[BmcEvent] = asyncio.Queue()

    async def listen() -> None:
        async for event in stream.events():
            heard.put_nowait(event)

    listening = asyncio.create_task(listen())
    other = bed.open()
    try:
        await asyncio.sleep(1)  # until the stream is open: the BMC tells nobody of what was before
        on = await other.power() is PowerState.ON
        await (other.power_off() if on else other.power_on())
        # A host that was switched on by an earlier test may tell of its boot in between.
        async with asyncio.timeout(60):
            while "powered" not in (event := await heard.get()).message:
                pass
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await other.close()
    assert "powered" in event.message
    assert event.message_id
