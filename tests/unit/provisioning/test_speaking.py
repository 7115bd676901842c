"""No call to a BMC is begun once the lease may be another worker's."""

from __future__ import annotations

import pytest

from inventory.errors import FenceLost
from provisioning.faultpoints import FaultPoints
from provisioning.speaking import under_lease


class Bmc:
    """Counts what reaches it."""

    def __init__(self) -> None:
        self.reached: list[str] = []

    async def call(self, verb: str) -> str:
        self.reached.append(verb)
        return verb


@pytest.mark.parametrize("verb", ["power", "power_on", "update_firmware"])
async def test_a_call_that_comes_too_late_is_not_begun(verb: str) -> None:
    bmc = Bmc()
    around = under_lease(lambda: False, FaultPoints())
    with pytest.raises(FenceLost, match="too late"):
        await around(verb, bmc.call(verb))
    assert bmc.reached == []


async def test_logging_out_is_never_too_late() -> None:
    bmc = Bmc()
    assert await under_lease(lambda: False, FaultPoints())("close", bmc.call("close")) == "close"


@pytest.mark.parametrize("points", ["", "before-act:99"])
async def test_calls_go_through_while_the_lease_is_good(points: str) -> None:
    bmc = Bmc()
    around = under_lease(lambda: True, FaultPoints(points))
    assert await around("power_on", bmc.call("power_on")) == "power_on"
    assert bmc.reached == ["power_on"]
