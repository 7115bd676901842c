"""What a host draws, by its power state, its load and its limit; and what telling it leaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pods.spec import PowerSpec
from provisioning.simulator.distribution.drawing import Drawing, drawn_watts
from provisioning.simulator.distribution.supplies import dead_supplies
from tests.unit.provisioning.simulator.conftest import Bench

POWER = PowerSpec(
    nameplate_watts=700, typical_watts=450, inrush_watts=1200, inrush_s=1.5, standby_watts=20
)


@pytest.mark.parametrize(
    ("drawing", "limit_watts", "watts"),
    [
        (Drawing.NOTHING, None, 0),
        (Drawing.STANDBY, None, 20),
        (Drawing.INRUSH, None, 1200),
        (Drawing.TYPICAL, None, 450),
        (Drawing.LOADED, None, 700),
        # The first moment is over before a limit takes hold; what follows keeps to it.
        (Drawing.INRUSH, 300, 1200),
        (Drawing.TYPICAL, 300, 300),
        (Drawing.LOADED, 500, 500),
        (Drawing.TYPICAL, 500, 450),
    ],
)
def test_a_host_draws_what_its_type_and_its_limit_say(
    drawing: Drawing, limit_watts: float | None, watts: float
) -> None:
    assert drawn_watts(POWER, drawing, limit_watts=limit_watts) == watts


async def test_a_full_load_comes_and_goes_and_is_counted(bench: Callable[..., Bench]) -> None:
    one = bench("full-load@h1:after=power.on,at=100,for=3600")
    await one.bmc.resume()
    await one.bmc.host.reset("On")
    await one.clock.advance(50)
    assert one.bmc.host.watts == 450
    before = one.bmc.host.kwh
    await one.clock.advance(51)
    assert one.bmc.host.watts == 700
    await one.clock.advance(3600)
    assert one.bmc.host.watts == 450
    assert one.bmc.host.kwh - before == pytest.approx(0.7, abs=0.02)


async def test_a_load_keeps_to_a_limit(bench: Callable[..., Bench]) -> None:
    one = bench("full-load@h1")
    await one.bmc.resume()
    await one.bmc.host.reset("On")
    await one.clock.advance(50)
    one.bmc.host.limit_power(500)
    assert one.bmc.host.watts == 500
    one.bmc.host.limit_power(None)
    assert one.bmc.host.watts == 700


async def test_the_energy_leaves_out_the_time_without_the_simulator(
    bench: Callable[..., Bench],
) -> None:
    one = bench()
    await one.bmc.resume()
    await one.clock.advance(3600)
    one.bmc.host.redraw()
    counted = one.bmc.host.kwh
    assert counted == pytest.approx(0.02)
    await one.restart()
    assert one.bmc.host.kwh == pytest.approx(counted)


def test_the_supplies_of_a_dead_feed_are_half_of_them() -> None:
    slots = ("PSU0", "PSU1", "PSU2", "PSU3", "PSU4", "PSU5")
    dead = dead_supplies("h1", slots, ("a", "b"), {"b"})
    assert [fault.word("slot") for fault in dead] == ["PSU0", "PSU1", "PSU2"]
    assert dead_supplies("h1", slots, ("a", "b"), {"a", "b"}) == ()
    assert len(dead_supplies("h1", slots[:3], ("a", "b"), {"b"})) == 2
