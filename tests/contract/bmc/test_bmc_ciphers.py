"""IPMI: suite 17, else 3; weak suites are told and closed."""

from __future__ import annotations

import pytest

from provisioning.drivers.capabilities import Capability, CipherDriver
from provisioning.drivers.ipmi.driver import IpmiBmc
from provisioning.drivers.protocol import Bmc

pytestmark = pytest.mark.integration
CAPABILITY = Capability.CIPHERS


async def test_weak_suites_are_told_and_closed(bmc: Bmc) -> None:
    assert isinstance(bmc, CipherDriver)
    before = await bmc.ciphers()
    assert set(before.weak) == set(before.enabled) & {0, 1, 2}
    assert before.weak
    await bmc.close_weak_ciphers()
    await bmc.close_weak_ciphers()
    after = await bmc.ciphers()
    assert after.weak == ()
    assert set(after.enabled) == set(before.enabled) - {0, 1, 2}


async def test_session_is_never_of_a_weak_suite(bmc: Bmc) -> None:
    assert isinstance(bmc, IpmiBmc)
    await bmc.power()
    assert bmc.suite in {17, 3}
