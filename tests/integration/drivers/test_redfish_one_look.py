"""What several verbs of one look need is read once, and no more is asked of a BMC than that."""

from __future__ import annotations

import pytest

from inventory.states import PowerState
from provisioning.drivers.onelook import LooksOnce, one_look
from provisioning.drivers.redfish.session import ROOT
from tests.integration.drivers.conftest import Connect
from tests.integration.drivers.scripted_bmc import ScriptedBmc

pytestmark = pytest.mark.integration
SYSTEM = "/redfish/v1/Systems/1"


async def test_a_look_reads_each_resource_once_and_the_next_one_reads_it_again(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    driver = connect()
    assert isinstance(driver, LooksOnce)
    await driver.power()
    for looks in (1, 2):
        before = len(bmc.requests("GET", SYSTEM))
        with one_look(driver):
            await driver.identity()
            await driver.power()
            await driver.boot_source()
        assert len(bmc.requests("GET", SYSTEM)) == before + 1, looks


async def test_what_is_changed_in_a_look_is_read_afresh(bmc: ScriptedBmc, connect: Connect) -> None:
    driver = connect()
    with one_look(driver):
        assert await driver.power() is PowerState.OFF
        await driver.power_on()
        assert await driver.power() is PowerState.ON


async def test_verbs_outside_of_a_look_read_for_themselves(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    driver = connect()
    await driver.power()
    before = len(bmc.requests("GET", SYSTEM))
    await driver.power()
    await driver.power()
    assert len(bmc.requests("GET", SYSTEM)) == before + 2


async def test_a_log_in_reads_the_root_once(bmc: ScriptedBmc, connect: Connect) -> None:
    await connect().power()
    assert len(bmc.requests("GET", ROOT.rstrip("/"))) == 1


async def test_a_driver_that_shares_nothing_can_be_looked_at_too() -> None:
    with one_look(object()):
        pass
