"""Somebody is told of events once, and no more after that is ended."""

from __future__ import annotations

import pytest

from provisioning.drivers.capabilities import Capability, EventSource
from provisioning.drivers.protocol import Bmc

pytestmark = pytest.mark.integration
CAPABILITY = Capability.EVENTS
DESTINATION = "https://127.0.0.1:9/events"


async def test_subscription_is_made_once_and_ended(bmc: Bmc) -> None:
    assert isinstance(bmc, EventSource)
    before = await bmc.subscriptions()
    made = await bmc.subscribe(DESTINATION, "podyard")
    again = await bmc.subscribe(DESTINATION, "podyard")
    assert made == again
    assert (made.destination, made.context) == (DESTINATION, "podyard")
    assert len(await bmc.subscriptions()) == len(before) + 1
    await bmc.unsubscribe(made.uri)
    await bmc.unsubscribe(made.uri)
    assert await bmc.subscriptions() == before
