"""The alarm rings for a host that is due, and not over and over for one whose step left no word."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from provisioning.alarm import Alarm
from tests.make import NOW
from tests.unit.provisioning.hands import Hands


async def test_a_host_of_which_nothing_was_written_waits_for_the_tick() -> None:
    clock, rung = Hands(), list[None]()
    alarm = Alarm(clock, lambda: rung.append(None), tick_s=3600.0)

    alarm.ended("left no word")
    alarm.arm()
    await asyncio.sleep(0)
    assert not rung

    alarm.set("due soon", NOW + timedelta(seconds=5))
    alarm.ended("due soon")
    clock.at = NOW + timedelta(seconds=6)
    alarm.arm()
    assert rung
    alarm.disarm()
