"""Restored records are older than the hardware: it is looked at, written down, and left alone."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from inventory.restored import NOTE, confirm
from inventory.states import PowerState
from provisioning.lifecycle.actions import PowerOff
from provisioning.lifecycle.decision import Do, Seen
from tests.make import make_wanted
from tests.unit.provisioning.test_suspending import SWAPPED, Stage, stage, until_suspended

__all__ = ["stage"]  # the fixture


def test_restored_records_are_corrected_but_no_hardware_is_touched(stage: Stage) -> None:
    touched: list[str] = []

    async def power_off() -> None:
        touched.append("power_off")

    def switch_off() -> None:
        seen = Seen(now=stage.clock.at, power=PowerState.ON)
        act = Do(PowerOff(), "it must rest")
        context = cast("Any", SimpleNamespace(wanted=make_wanted()))
        asyncio.run(stage.controller.stepping.apply(stage.host(), act, seen, context))

    stage.bmc.power_off = power_off  # type: ignore[attr-defined]
    stage.store.write_note(NOTE, "2030-05-01T12:00:00+00:00")
    stage.bmc.answer = SWAPPED
    until_suspended(stage)
    switch_off()
    assert stage.host().facts == SWAPPED
    assert "podyard restore --confirm" in stage.host().waiting
    assert stage.host().wake_at > stage.clock.at
    assert touched == []

    confirm(stage.store, clock=stage.clock, actor="ann")
    switch_off()
    assert touched == ["power_off"]
